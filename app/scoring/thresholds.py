"""How the rules' and the classifier's log-odds become one score: dated numbers in rules/thresholds.yaml."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field

from app.catalogue.strict_yaml import Entry, read, validated
from app.errors import CatalogueError
from app.schemas.vocabulary import NEEDS, Level, Need

FILE = "thresholds.yaml"
Share = Annotated[float, Field(ge=0, le=2)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class NeedThresholds(Entry):
    """Combination and levels of one need."""

    prior: Annotated[float, Field(ge=-10, le=10)]
    """Log-odds that the need is high when nothing is stated and the classifier is at 0."""
    rules_share: Share
    """Factor on the rules' weights; below 1 because rules and classifier read the same words."""
    classifier_share: Share
    """Factor on the classifier's log-odds; below 1 for the same reason."""
    medium_from: Probability
    """Value at which the level is medium."""
    high_from: Probability
    """Value at which the level is high."""


class ThresholdFile(Entry):
    """All of it, with where it comes from."""

    source: str
    """What the numbers were fitted or set on."""
    fitted: date
    """When."""
    needs: dict[Need, NeedThresholds]
    """One entry per need."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Loaded thresholds; `digest` is the SHA-256 of their content."""

    needs: Mapping[Need, NeedThresholds]
    digest: str


def load_thresholds(folder: Path) -> Thresholds:
    """The thresholds in `folder`. Raises CatalogueError with file, key and what to write."""
    raw = read(folder / FILE)
    made = validated(ThresholdFile, raw, FILE)
    for need in NEEDS:
        if need not in made.needs:
            raise CatalogueError(FILE, f"needs.{need}", "The need is missing.", f"`{need}: {{prior: ..., ...}}`.")
        if made.needs[need].medium_from >= made.needs[need].high_from:
            raise CatalogueError(FILE, f"needs.{need}.medium_from", "Not below high_from.", "a smaller number.")
    digest = hashlib.sha256(json.dumps(raw, sort_keys=True, default=str, separators=(",", ":")).encode()).hexdigest()
    return Thresholds(made.needs, digest)


def level_of(value: float, thresholds: NeedThresholds) -> Level:
    """The level in words of a value from 0 to 1."""
    if value >= thresholds.high_from:
        return "high"
    return "medium" if value >= thresholds.medium_from else "low"
