"""Which base model to tune: by size wanted, languages, context, licence and limits; the caller's choice wins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from math import log2
from typing import Any

from app.catalogue import Catalogue
from app.catalogue.architectures import read_architecture
from app.planning.book import PlanningBook, TaskWish
from app.planning.chosen import Chosen
from app.planning.hosted import choose_hosted
from app.planning.rank import NARROW
from app.schemas.architecture import Architecture, Inventory
from app.schemas.facts import Facts, Workload
from app.schemas.plan import Because, RunnerUp
from app.schemas.recommend import Preferences
from app.schemas.world import BaseModelSpec
from app.units import DAYS_PER_MONTH, MILLION

__all__ = ["Chosen", "base_model_named", "choose_base_model", "choose_hosted", "own_base_model"]

BILLION = 1e9
DAYS_PER_YEAR = 12 * DAYS_PER_MONTH
OWN_RELEASED = date(1970, 1, 1)
"""Release date of a base model that is only known by its architecture: it is older than any `as_of`."""
DEFAULT_CONTEXT = 4096
"""Context of an own architecture whose config.json does not state it."""
SPECIALISTS: Mapping[str, str] = {"Coder": "code"}
"""Word in a family's name -> the task type that its base models were made for."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A base model with what does not change from task to task."""

    spec: BaseModelSpec
    log_size: float
    quality: float
    has_experts: bool
    made_for: str | None
    thinks: bool
    languages: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What this task asks of a base model."""

    task: TaskWish
    parameters: float
    log_size: float
    why: str
    context: float
    most_parameters: float | None
    languages: frozenset[str]
    commercial: bool


def choose_base_model(
    facts: Facts,
    workload: Workload,
    catalogue: Catalogue,
    preferences: Preferences,
    as_of: date,
    *,
    book: PlanningBook,
    inventory: Callable[[Architecture], Inventory],
) -> Chosen[BaseModelSpec]:
    """The base model to tune (or to prompt on own GPUs), why, and the runners-up.

    A given architecture wins over a given base model, and both over our choice. Raises UnknownNameError for a base
    model that is in no catalogue and InputError for an architecture that cannot be read.
    """
    wish = _wish(facts, workload, book)
    ranked = _ranked(wish, catalogue, as_of, book)
    if preferences.architecture is not None:
        spec = own_base_model(preferences.architecture, inventory, preferences.base_model)
        return _given(spec, wish, ranked, book, "An architecture of your own")
    if preferences.base_model is not None:
        spec = catalogue.base_model(preferences.base_model, "/preferences/base_model")
        return _given(spec, wish, ranked, book, "Your choice")
    meets = [pair for pair in ranked if not _misses(pair[1].spec, wish)]
    best = (meets or ranked)[0]
    others = [c for _, c in (meets or ranked) if c.spec.family != best[1].spec.family or c.log_size != best[1].log_size]
    spec = _checkpoint(best[1].spec, catalogue)
    return Chosen(
        spec=spec,
        because=Because(field="base_model", text=_why(best[1], wish), source=wish.task.source),
        runners_up=tuple(_runner_up(c, best[1], wish) for c in others[: book.candidates.runners_up]),
        misses=() if meets else _misses(spec, wish),
    )


def base_model_named(base_model_id: str, catalogue: Catalogue, book: PlanningBook) -> Chosen[BaseModelSpec]:
    """The base model that a bare request for a plan names. Raises UnknownNameError."""
    spec = catalogue.base_model(base_model_id)
    because = Because(field="base_model", text="Your choice.", source=book.candidate_sources["own"])
    return Chosen(spec=spec, because=because, runners_up=(), given=True)


def own_base_model(
    config: Mapping[str, Any],
    inventory: Callable[[Architecture], Inventory],
    name: str | None = None,
    pointer: str = "/preferences/architecture",
) -> BaseModelSpec:
    """A base model that is in no catalogue, from its `config.json`. Raises InputError with pointers under `pointer`."""
    architecture, _ = read_architecture(config, pointer)
    parts = inventory(architecture)
    told = config.get("_name_or_path")
    return BaseModelSpec(
        id=name or (told if isinstance(told, str) and told else f"own-{architecture.model_type}"),
        family=architecture.family,
        architecture=architecture,
        total_parameters=parts.total_parameters,
        active_parameters=parts.active_parameters,
        license="own",
        commercial_use=True,
        max_position_embeddings=architecture.max_position_embeddings or DEFAULT_CONTEXT,
        released=OWN_RELEASED,
        languages=(),
        gated=False,
        modalities=("text",),
        instruct_id=None,
        chat_template=None,
        quality_index=None,
        references=(),
    )


def _wish(facts: Facts, workload: Workload, book: PlanningBook) -> _Wish:
    s, task = book.candidates, book.wishes[workload.task_type]
    wanted, why = task.parameters, task.why
    reasons = []
    limit = facts.latency_p95_seconds
    if limit is not None and limit <= s.latency_tight_seconds:
        reasons.append(f"an answer within {limit:g} s leaves no time for a large one")
    if workload.requests_per_day >= s.volume_high_per_day:
        reasons.append(f"at {workload.requests_per_day:,.0f} requests a day size is money")
    if "on_device" in facts.signals or "small_base_model_wished" in facts.signals:
        reasons.append("a small one is asked for")
    if reasons and workload.task_type in NARROW | {"translation", "summarization", "tool_use"}:
        wanted, why = wanted * s.tight_size_factor, f"{why}, and {reasons[0]}"
    length = max(
        workload.prompt_tokens + workload.input_tokens + workload.output_tokens, workload.tokens_per_example
    )
    return _Wish(
        task=task,
        parameters=wanted,
        log_size=log2(wanted),
        why=why,
        context=length * s.context_slack,
        most_parameters=facts.max_base_model_parameters,
        languages=frozenset(facts.languages or ((facts.language,) if facts.language else ())),
        commercial=True,
    )


@lru_cache(maxsize=4)
def _candidates(catalogue: Catalogue, book: PlanningBook) -> tuple[_Candidate, ...]:
    unknown = book.candidates.unknown_quality
    return tuple(
        _Candidate(
            spec=spec,
            log_size=log2(spec.total_parameters),
            quality=unknown if spec.quality_index is None else spec.quality_index,
            has_experts=spec.architecture.num_experts > 0,
            made_for=next((task for word, task in SPECIALISTS.items() if word in spec.family), None),
            thinks="R1" in spec.family,
            languages=frozenset(spec.languages),
        )
        for spec in catalogue.base_models.values()
    )


def _ranked(wish: _Wish, catalogue: Catalogue, as_of: date, book: PlanningBook) -> list[tuple[float, _Candidate]]:
    """Candidates that were released, best first; those that break a limit come last."""
    released = [c for c in _candidates(catalogue, book) if c.spec.released <= as_of] or list(
        _candidates(catalogue, book)
    )
    scored = [(_value(c, wish, as_of, book), c) for c in released]
    scored.sort(key=lambda pair: (-pair[0], pair[1].spec.id))
    return scored


def _value(candidate: _Candidate, wish: _Wish, as_of: date, book: PlanningBook) -> float:
    """Ability less what size, age, experts and missing languages cost."""
    s, spec = book.candidates, candidate.spec
    value = candidate.quality
    value -= s.size_penalty * max(0.0, candidate.log_size - wish.log_size)
    value -= s.age_penalty_per_year * (as_of - spec.released).days / DAYS_PER_YEAR
    if candidate.has_experts:
        value -= s.experts_penalty
    if candidate.made_for is not None:
        value += s.specialist_bonus if wish.task is book.wishes["code"] else -s.specialist_bonus
    if candidate.thinks and wish.task is not book.wishes["reasoning"]:
        value -= s.specialist_bonus
    if wish.languages:
        value -= s.language_penalty * len(wish.languages - candidate.languages) / len(wish.languages)
    return value


def _misses(spec: BaseModelSpec, wish: _Wish) -> tuple[str, ...]:
    """Limits that a base model breaks, as sentences."""
    said = []
    if wish.most_parameters is not None and spec.total_parameters > wish.most_parameters:
        said.append(f"{spec.id} has {_size(spec)} parameters, more than the {_billions(wish.most_parameters)} allowed.")
    if spec.max_position_embeddings < wish.context:
        said.append(
            f"{spec.id} reads {spec.max_position_embeddings:,} tokens, fewer than the {wish.context:,.0f} needed."
        )
    if wish.commercial and not spec.commercial_use:
        said.append(f"The licence of {spec.id} ({spec.license}) does not allow commercial use.")
    return tuple(said)


def _given(
    spec: BaseModelSpec, wish: _Wish, ranked: list[tuple[float, _Candidate]], book: PlanningBook, whose: str
) -> Chosen[BaseModelSpec]:
    ours = [c for _, c in ranked if c.spec.id != spec.id and not _misses(c.spec, wish)][: book.candidates.runners_up]
    best = ours[0] if ours else None
    text = f"{whose}: {_size(spec)} parameters."
    if best is not None and spec.family != best.spec.family:
        text += f" We would have taken {best.spec.id}: {wish.why}."
    return Chosen(
        spec=spec,
        because=Because(field="base_model", text=text, source=book.candidate_sources["own"]),
        runners_up=tuple(_runner_up(c, None, wish) for c in ours),
        given=True,
        misses=_misses(spec, wish),
    )


def _checkpoint(spec: BaseModelSpec, catalogue: Catalogue) -> BaseModelSpec:
    """The instruct variant where there is one: its chat template is the one that is served later."""
    if spec.instruct_id is None or spec.instruct_id == spec.id:
        return spec
    found = catalogue.base_models.get(spec.instruct_id) or catalogue.base_model_aliases.get(spec.instruct_id)
    return found if found is not None else replace(spec, id=spec.id)


def _why(candidate: _Candidate, wish: _Wish) -> str:
    spec = candidate.spec
    text = f"{_size(spec)} parameters, {spec.license}: {wish.why}."
    if spec.quality_index is not None:
        text += f" MMLU {spec.quality_index:.2f}, the best for its size among those that meet the limits"
        text += f" (released {spec.released:%B %Y})."
    if missing := wish.languages - candidate.languages:
        text += f" Its authors do not name {', '.join(sorted(missing))} among its languages: test that first."
    return text


def _runner_up(candidate: _Candidate, best: _Candidate | None, wish: _Wish) -> RunnerUp:
    spec = candidate.spec
    text = f"{_size(spec)} parameters"
    if spec.quality_index is not None:
        text += f", MMLU {spec.quality_index:.2f}"
    if missing := wish.languages - candidate.languages:
        text += f", without {', '.join(sorted(missing))}"
    if best is not None:
        text += f"; {_difference(candidate, best)}"
    return RunnerUp(name=spec.id, text=f"{text}.")


def _difference(candidate: _Candidate, best: _Candidate) -> str:
    """Why it came second."""
    if candidate.log_size > best.log_size + 0.5:
        return f"{2 ** (candidate.log_size - best.log_size):.1f} times the size to serve"
    if candidate.quality < best.quality:
        return f"less able than {best.spec.id} ({best.quality:.2f})"
    return "older, or a mixture of experts, or without some of the languages"


def _size(spec: BaseModelSpec) -> str:
    text = _billions(spec.total_parameters)
    return text if spec.active_parameters == spec.total_parameters else f"{text} ({_billions(spec.active_parameters)} active)"


def _billions(count: float) -> str:
    return f"{count / BILLION:.1f}B" if count >= BILLION else f"{count / MILLION:.0f}M"
