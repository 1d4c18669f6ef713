"""Open base models ranked for a task: ability, less what size, age, experts and missing languages cost."""

from datetime import date
from functools import lru_cache
from math import log2

from app.catalogue import Catalogue
from app.planning.book import PlanningBook
from app.records import record
from app.schemas.vocabulary import TaskType
from app.schemas.world import BaseModelSpec
from app.units import DAYS_PER_MONTH

DAYS_PER_YEAR = 12 * DAYS_PER_MONTH
SPECIALISTS: tuple[tuple[str, TaskType], ...] = (("Coder", "code"), ("R1", "reasoning"))
"""Word in a family's name -> the task type that its base models were made for."""
CACHED_RANKINGS = 1024


@record(kw_only=True)
class Wish:
    """What a task asks of an open base model, as far as their order is concerned."""

    task_type: TaskType
    parameters: float
    languages: frozenset[str]
    to_prompt: bool


@record
class Ranked:
    """A base model and its place."""

    spec: BaseModelSpec
    value: float
    """Points of MMLU over 100 after all deductions."""
    log_size: float
    missing_languages: tuple[str, ...]


@record
class _Candidate:
    """A base model with what does not change from task to task."""

    spec: BaseModelSpec
    log_size: float
    quality: float
    has_experts: bool
    made_for: TaskType | None
    languages: frozenset[str]


@lru_cache(maxsize=4)
def _candidates(catalogue: Catalogue, book: PlanningBook) -> tuple[_Candidate, ...]:
    unknown = book.candidates.unknown_quality
    return tuple(
        _Candidate(
            spec=spec,
            log_size=log2(spec.total_parameters),
            quality=unknown if spec.quality_index is None else spec.quality_index,
            has_experts=spec.architecture.num_experts > 0,
            made_for=next((task for word, task in SPECIALISTS if word in spec.family), None),
            languages=frozenset(spec.languages),
        )
        for spec in catalogue.base_models.values()
    )


@lru_cache(maxsize=CACHED_RANKINGS)
def ranked(wish: Wish, catalogue: Catalogue, as_of: date, book: PlanningBook) -> tuple[Ranked, ...]:
    """Every base model that was released by `as_of`, best first; all of them when none was."""
    every = _candidates(catalogue, book)
    released = [c for c in every if c.spec.released <= as_of] or list(every)
    made = [
        Ranked(c.spec, _value(c, wish, as_of, book), c.log_size, tuple(sorted(wish.languages - c.languages)))
        for c in released
    ]
    return tuple(sorted(made, key=lambda r: (-r.value, r.spec.id)))


def _value(candidate: _Candidate, wish: Wish, as_of: date, book: PlanningBook) -> float:
    s = book.candidates
    value = candidate.quality - s.size_penalty * max(0.0, candidate.log_size - log2(wish.parameters))
    value -= s.age_penalty_per_year * (as_of - candidate.spec.released).days / DAYS_PER_YEAR
    if candidate.has_experts and not wish.to_prompt:
        value -= s.experts_penalty
    if candidate.spec.architecture.has_vision_tower and not wish.to_prompt:
        value -= s.vision_penalty
    if candidate.made_for is not None:
        value += s.specialist_bonus if wish.task_type == candidate.made_for else -s.specialist_bonus
    if wish.languages:
        value -= s.language_penalty * len(wish.languages - candidate.languages) / len(wish.languages)
    return value
