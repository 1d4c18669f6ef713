"""The judgements of planning (rules/planning/*.yaml), read strictly and kept as plain numbers and texts."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import Field

from app.catalogue.strict_yaml import Entry, read, validated
from app.errors import CatalogueError
from app.kept import kept
from app.planning.settings import (
    CandidateSettings,
    RankSettings,
    ReadinessSettings,
    TechniqueSettings,
    TrainingSettingsBook,
)
from app.records import record
from app.schemas.plan import Because
from app.schemas.vocabulary import TaskType

FILES = ("candidates.yaml", "hyperparameters.yaml", "rank.yaml", "readiness.yaml", "techniques.yaml")
S = TypeVar("S")


class SourceEntry(Entry):
    """Where a judgement comes from."""

    title: str
    """What it is."""
    href: str
    """Where it is."""
    date: date
    """When it was published or read."""


class NumberEntry(Entry):
    """A number that is a judgement."""

    value: float
    """The number, in the unit that its name says."""
    source: str
    """Key of the file's `sources`."""
    checked: date
    """The day somebody last compared it with its source."""
    why: str
    """The argument for it."""


class TextEntry(Entry):
    """A reason as a template; `{name}` is filled in from the plan."""

    text: str
    """The template."""
    source: str
    """Key of the file's `sources`."""


class NeededEntry(Entry):
    """How many examples a task type usually needs."""

    examples: int
    """How many."""
    kind: str
    """Of which kind."""
    source: str
    """Key of the file's `sources`."""


class TaskEntry(Entry):
    """What a task type asks of a base model."""

    tuned: float
    """Parameters wanted of a base model to tune."""
    prompted: float
    """Parameters wanted of an open base model to prompt."""
    tier: float
    """Worth of one more tier of a hosted base model, against its bill."""
    why: str
    """The argument."""
    source: str
    """Key of the file's `sources`."""


class TierEntry(Entry):
    """A tier of hosted base models as a number."""

    value: float
    """Steps above `small`."""
    source: str
    """Key of the file's `sources`."""


class JudgementFile(Entry):
    """A file of judgements."""

    sources: dict[str, SourceEntry]
    """Sources by key."""
    settings: dict[str, NumberEntry]
    """Numbers by name."""
    reasons: dict[str, TextEntry] = Field(default_factory=dict)
    """Reasons by name (hyperparameters.yaml, techniques.yaml)."""
    techniques: dict[str, TextEntry] = Field(default_factory=dict)
    """Techniques by name (techniques.yaml)."""
    needed: dict[TaskType, NeededEntry] = Field(default_factory=dict)
    """Examples by task type (readiness.yaml)."""
    texts: dict[str, str] = Field(default_factory=dict)
    """Sentences on the data (readiness.yaml) or on sizes (candidates.yaml)."""
    tasks: dict[TaskType, TaskEntry] = Field(default_factory=dict)
    """Wishes by task type (candidates.yaml)."""
    tiers: dict[str, TierEntry] = Field(default_factory=dict)
    """Tiers of hosted base models (candidates.yaml)."""


@record
class Text:
    """A template with its source, as it is cited."""

    template: str
    source: str

    def because(self, field: str, **values: object) -> Because:
        """The reason for a field, filled in."""
        return Because(field=field, text=self.template.format_map(values), source=self.source)

    def fixed(self, field: str) -> Because:
        """The reason for a field, when there is nothing to fill in."""
        return _fixed(self, field)


@lru_cache(maxsize=512)
def _fixed(text: Text, field: str) -> Because:
    return Because(field=field, text=text.template, source=text.source)


@record
class Needed:
    """Examples that a task type usually needs, of which kind, and who says so."""

    examples: int
    kind: str
    source: str


@record
class TaskWish:
    """What a task type asks of a base model."""

    tuned: float
    prompted: float
    tier: float
    why: str
    source: str


@record(kw_only=True, eq=False)
class PlanningBook:
    """All judgements of planning. One object per process, so that identity is equality."""

    candidates: CandidateSettings
    rank: RankSettings
    rank_sources: Mapping[str, str]
    training: TrainingSettingsBook
    reasons: Mapping[str, Text]
    readiness: ReadinessSettings
    needed: Mapping[TaskType, Needed]
    readiness_texts: Mapping[str, str]
    wishes: Mapping[TaskType, TaskWish]
    tiers: Mapping[str, float]
    candidate_sources: Mapping[str, str]
    candidate_texts: Mapping[str, str]
    techniques: Mapping[str, Text]
    prompting: TechniqueSettings
    prompting_reasons: Mapping[str, Text]
    digest: str
    """SHA-256 over the canonical data."""


def load_planning(folder: Path) -> PlanningBook:
    """The judgements in `folder` (rules/planning). Raises CatalogueError with file, key and remedy."""
    return kept("planning", [folder / name for name in FILES], lambda: _read(folder))


def _read(folder: Path) -> PlanningBook:
    data = {name: read(folder / name) for name in FILES}
    made = {name: validated(JudgementFile, data[name], name) for name in FILES}
    for name, file in made.items():
        _check_sources(name, file)
    candidates, hyper, rank, readiness, techniques = (made[name] for name in FILES)
    _check_task_types("candidates.yaml", "tasks", candidates.tasks)
    _check_task_types("readiness.yaml", "needed", readiness.needed)
    return PlanningBook(
        candidates=_settings(CandidateSettings, candidates, "candidates.yaml"),
        rank=_settings(RankSettings, rank, "rank.yaml"),
        rank_sources={key: _cited(rank, entry.source) for key, entry in rank.settings.items()},
        training=_settings(TrainingSettingsBook, hyper, "hyperparameters.yaml"),
        reasons={key: Text(entry.text, _cited(hyper, entry.source)) for key, entry in hyper.reasons.items()},
        readiness=_settings(ReadinessSettings, readiness, "readiness.yaml"),
        needed={t: Needed(e.examples, e.kind, _cited(readiness, e.source)) for t, e in readiness.needed.items()},
        readiness_texts=readiness.texts,
        wishes={
            t: TaskWish(e.tuned, e.prompted, e.tier, e.why, _cited(candidates, e.source))
            for t, e in candidates.tasks.items()
        },
        tiers={name: entry.value for name, entry in candidates.tiers.items()},
        candidate_sources={key: _cited(candidates, key) for key in candidates.sources},
        candidate_texts=candidates.texts,
        techniques={k: Text(e.text, _cited(techniques, e.source)) for k, e in techniques.techniques.items()},
        prompting=_settings(TechniqueSettings, techniques, "techniques.yaml"),
        prompting_reasons={k: Text(e.text, _cited(techniques, e.source)) for k, e in techniques.reasons.items()},
        digest=hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest(),
    )


def _cited(file: JudgementFile, key: str) -> str:
    source = file.sources[key]
    return f"{source.title} ({source.href})" if source.href.startswith("http") else source.title


def _check_sources(name: str, file: JudgementFile) -> None:
    entries: list[tuple[str, str]] = [
        (f"{section}.{key}", entry.source)
        for section in ("settings", "reasons", "techniques", "needed", "tasks", "tiers")
        for key, entry in getattr(file, section).items()
    ]
    for where, key in entries:
        if key not in file.sources:
            raise CatalogueError(name, where, f"Source {key!r} is not listed.", "a key of `sources`.")


def _check_task_types(name: str, section: str, given: Mapping[TaskType, Any]) -> None:
    if missing := [task for task in get_args(TaskType) if task not in given]:
        raise CatalogueError(name, section, f"{missing[0]!r} is missing.", f"`{missing[0]}: {{...}}`.")


def _settings(kind: type[S], file: JudgementFile, name: str) -> S:
    """The file's numbers as a dataclass: no name too many, none missing."""
    wanted = {f.name: f.type for f in fields(kind)}  # type: ignore[arg-type]
    for key in file.settings:
        if key not in wanted:
            raise CatalogueError(name, f"settings.{key}", "Unknown setting.", f"one of {', '.join(sorted(wanted))}.")
    for key in wanted:
        if key not in file.settings:
            raise CatalogueError(name, f"settings.{key}", "This setting is missing.", f"`{key}: {{value: ...}}`.")
    values = {key: _as(kind_of, file.settings[key].value, name, key) for key, kind_of in wanted.items()}
    return kind(**values)


def _as(kind: Any, value: float, name: str, key: str) -> float | int:
    if kind is not int:
        return value
    if value != int(value):
        raise CatalogueError(name, f"settings.{key}.value", f"{value} is no whole number.", "a whole number.")
    return int(value)
