"""How the rules' and the classifier's log-odds become one score: fitted numbers in rules/thresholds.yaml.

Two questions are asked about a need, as the codebook's three levels have it: is it high, and if not, is it medium
rather than low. Each is answered in log-odds by prior + share * rules + share * classifier.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field

from app.catalogue.strict_yaml import Entry, read, validated
from app.errors import CatalogueError
from app.kept import kept
from app.records import record
from app.schemas.vocabulary import NEEDS, Need

FILE = "thresholds.yaml"
LogOdds = Annotated[float, Field(ge=-10, le=10)]
Share = Annotated[float, Field(ge=0, le=2)]


class Question(Entry):
    """How one question about a need is answered."""

    prior: LogOdds
    """Log-odds when no rule fires and the classifier is at 0."""
    rules: Share
    """Factor on the rules' weights; the more below 1, the more of what they see the classifier sees too."""
    classifier: Share
    """Factor on the classifier's log-odds; below 1 for the same reason."""
    rules_alone: LogOdds
    """The prior when the rules' weights are taken whole and the classifier is left out."""


class NeedThresholds(Entry):
    """Both questions about one need."""

    high: Question
    """Is the need high?"""
    medium: Question
    """If it is not high: is it medium rather than low?"""


class ThresholdFile(Entry):
    """All of it, with where it comes from."""

    source: str
    """What the numbers were fitted on."""
    fitted: date
    """When."""
    needs: dict[Need, NeedThresholds]
    """One entry per need."""


@record
class Thresholds:
    """Loaded thresholds; `digest` is the SHA-256 of their content."""

    needs: Mapping[Need, NeedThresholds]
    digest: str


def load_thresholds(folder: Path) -> Thresholds:
    """The thresholds in `folder`. Raises CatalogueError with file, key and what to write."""
    return kept("thresholds", [folder / FILE], lambda: _read(folder))


def _read(folder: Path) -> Thresholds:
    raw = read(folder / FILE)
    made = validated(ThresholdFile, raw, FILE)
    for need in NEEDS:
        if need not in made.needs:
            raise CatalogueError(
                FILE, f"needs.{need}", "The need is missing.", f"`{need}: {{high: ..., medium: ...}}`."
            )
    digest = hashlib.sha256(json.dumps(raw, sort_keys=True, default=str, separators=(",", ":")).encode()).hexdigest()
    return Thresholds(made.needs, digest)
