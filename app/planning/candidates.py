"""Which open base model to tune, or to prompt on own GPUs: by size wanted, languages, context, licence and limits."""

from collections.abc import Callable
from datetime import date

from app.catalogue import Catalogue
from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.planning.hosted import choose_hosted
from app.planning.open_models import Ranked, Wish, ranked
from app.planning.own_models import base_model_named, own_base_model
from app.planning.rank import NARROW
from app.records import record
from app.schemas.architecture import Architecture, Inventory
from app.schemas.facts import Facts, Workload
from app.schemas.plan import Because, RunnerUp
from app.schemas.recommend import Preferences
from app.schemas.vocabulary import TaskType
from app.schemas.world import BaseModelSpec
from app.units import MILLION, as_seconds

__all__ = ["Chosen", "base_model_named", "choose_base_model", "choose_hosted", "own_base_model"]

BILLION = 1e9
BYTES_PER_PARAMETER = 2.0
NEAR_INPUT: frozenset[TaskType] = NARROW | {"translation", "summarization", "tool_use"}
"""Task types for which a smaller base model loses little: short answers, or answers near the input."""
SIGNIFICANTLY_LARGER = 0.5
"""Doublings from which a runner-up is called larger."""


@record(kw_only=True)
class _Asked:
    """What this task asks, for ordering and as limits."""

    wish: Wish
    why: str
    source: str
    context: float
    most_parameters: float | None


def choose_base_model(
    facts: Facts,
    workload: Workload,
    catalogue: Catalogue,
    preferences: Preferences,
    as_of: date,
    *,
    book: PlanningBook,
    inventory: Callable[[Architecture], Inventory],
    to_prompt: bool = False,
) -> Chosen[BaseModelSpec]:
    """The base model to tune, why, and the runners-up; with `to_prompt` the one to prompt on own GPUs, which is larger.

    A given architecture wins over a given base model, and both over our choice; for prompting only a preferred
    `prompted_model` that is an open base model counts. Raises UnknownNameError for a base model that is in no catalogue
    and InputError for an architecture that cannot be read.
    """
    asked = _asked(facts, workload, book, to_prompt)
    order = ranked(asked.wish, catalogue, as_of, book)
    given = _preferred(preferences, catalogue, inventory, to_prompt)
    if given is not None:
        return _given(given, asked, order, book)
    meets = _first(order, asked, book.candidates.runners_up)
    best, others = (meets or list(order))[0], meets[1:]
    spec = _checkpoint(best.spec, catalogue)
    late = () if best.spec.released <= as_of else (f"No base model on record was released by {as_of}.",)
    return Chosen(
        spec=spec,
        because=Because(field="base_model", text=_why(best, asked), source=asked.source),
        runners_up=tuple(_runner_up(r, best) for r in others),
        misses=(*late, *(() if meets else _misses(spec, asked))),
    )


def _first(order: tuple[Ranked, ...], asked: _Asked, runners_up: int) -> list[Ranked]:
    """The best that meets every limit, and the next ones, one of each family and size; empty when none does."""
    seen: set[tuple[str, float]] = set()
    found: list[Ranked] = []
    for candidate in order:
        kind = (candidate.spec.family, candidate.log_size)
        if kind not in seen and not _misses(candidate.spec, asked):
            seen.add(kind)
            found.append(candidate)
            if len(found) > runners_up:
                break
    return found


def _preferred(
    preferences: Preferences,
    catalogue: Catalogue,
    inventory: Callable[[Architecture], Inventory],
    to_prompt: bool,
) -> BaseModelSpec | None:
    """What the caller chose already."""
    if to_prompt:
        asked = preferences.prompted_model
        return catalogue.base_models.get(asked or "") or catalogue.base_model_aliases.get(asked or "")
    if preferences.architecture is not None:
        return own_base_model(preferences.architecture, inventory, preferences.base_model)
    if preferences.base_model is not None:
        return catalogue.base_model(preferences.base_model, "/preferences/base_model")
    return None


def _asked(facts: Facts, workload: Workload, book: PlanningBook, to_prompt: bool) -> _Asked:
    task = book.wishes[workload.task_type]
    if to_prompt:
        parameters, why = task.prompted, f"prompting needs more ability than tuning, and {task.why}"
    else:
        parameters, why = _tuned_size(facts, workload, book)
    asked = workload.prompt_tokens + workload.input_tokens + workload.output_tokens
    return _Asked(
        wish=Wish(
            task_type=workload.task_type,
            parameters=parameters,
            languages=frozenset(facts.languages or (facts.language,)),
            to_prompt=to_prompt,
        ),
        why=why,
        source=task.source,
        context=max(asked, workload.tokens_per_example) * book.candidates.context_slack,
        most_parameters=facts.max_base_model_parameters,
    )


def _tuned_size(facts: Facts, workload: Workload, book: PlanningBook) -> tuple[float, str]:
    """Parameters wanted of a base model to tune, and why: the task's, less what volume and latency take away."""
    s, task, texts = book.candidates, book.wishes[workload.task_type], book.candidate_texts
    wanted, why = task.tuned, task.why
    if workload.requests_per_day >= s.volume_high_per_day and workload.task_type in NEAR_INPUT:
        wanted *= s.volume_size_factor
        why = f"{task.why}, and {texts['tuned_volume'].format(requests=workload.requests_per_day)}"
    if "on_device" in facts.signals and s.device_parameters < wanted:
        wanted, why = s.device_parameters, f"{task.why}, and {texts['tuned_device']}"
    limit = facts.latency_p95_seconds
    if limit is not None and (possible := _within(limit, workload.output_tokens, book)) < wanted:
        least = s.least_parameters_label if workload.task_type == "classification" else s.least_parameters_text
        wanted = min(wanted, max(possible, least))
        said = texts["tuned_latency" if possible > least else "tuned_no_time"].format(
            tokens=workload.output_tokens, limit=as_seconds(limit), size=_billions(possible)
        )
        why = f"{task.why}, and {said}"
    return wanted, why


def _within(limit: float, output_tokens: float, book: PlanningBook) -> float:
    """Parameters of a base model that writes the answer within the limit; below 0 when none does."""
    s = book.candidates
    per_token = (limit - s.serving_first_seconds) / max(1.0, output_tokens) - s.serving_seconds_per_token
    return per_token * s.serving_bytes_per_second / BYTES_PER_PARAMETER


def _misses(spec: BaseModelSpec, asked: _Asked) -> tuple[str, ...]:
    """Limits that a base model breaks, as sentences."""
    said: tuple[str, ...] = ()
    if asked.most_parameters is not None and spec.total_parameters > asked.most_parameters:
        allowed = _billions(asked.most_parameters)
        said += (f"{spec.id} has {size_of_spec(spec)} parameters, more than the {allowed} allowed.",)
    if spec.max_position_embeddings < asked.context:
        reads, needed = f"{spec.max_position_embeddings:,}", f"{asked.context:,.0f}"
        said += (f"{spec.id} reads {reads} tokens, fewer than the {needed} needed with some room.",)
    if not spec.commercial_use:
        said += (f"The licence of {spec.id} ({spec.license}) does not allow commercial use.",)
    return said


def _given(spec: BaseModelSpec, asked: _Asked, order: tuple[Ranked, ...], book: PlanningBook) -> Chosen[BaseModelSpec]:
    most = book.candidates.runners_up
    ours = [r for r in _first(order, asked, most) if r.spec.id != spec.id][:most]
    text = f"Your choice: {size_of_spec(spec)} parameters."
    if ours and spec.family != ours[0].spec.family:
        text += f" We would have taken {ours[0].spec.id}: {asked.why}."
    return Chosen(
        spec=spec,
        because=Because(field="base_model", text=text, source=book.candidate_sources["own"]),
        runners_up=tuple(_runner_up(r, None) for r in ours),
        given=True,
        misses=_misses(spec, asked),
    )


def _checkpoint(spec: BaseModelSpec, catalogue: Catalogue) -> BaseModelSpec:
    """The instruct variant where there is one: its chat template is the one that is served later."""
    if spec.instruct_id is None or spec.instruct_id == spec.id:
        return spec
    found = catalogue.base_models.get(spec.instruct_id) or catalogue.base_model_aliases.get(spec.instruct_id)
    return found or spec


def _why(best: Ranked, asked: _Asked) -> str:
    spec = best.spec
    text = f"{size_of_spec(spec)} parameters, {spec.license}: {asked.why}."
    if spec.quality_index is not None:
        text += (
            f" MMLU {spec.quality_index:.2f}, the most for its size and age ({spec.released:%B %Y}) within the limits."
        )
    if best.missing_languages:
        named = ", ".join(best.missing_languages)
        text += f" Its authors do not name {named} among its languages: test that first."
    return text


def _runner_up(ranked_one: Ranked, best: Ranked | None) -> RunnerUp:
    spec = ranked_one.spec
    text = f"{size_of_spec(spec)} parameters"
    if spec.quality_index is not None:
        text += f", MMLU {spec.quality_index:.2f}"
    if best is not None:
        text += f"; {_difference(ranked_one, best)}"
    return RunnerUp(name=spec.id, text=f"{text}.")


def _difference(other: Ranked, best: Ranked) -> str:
    """Why it came second, by its largest drawback."""
    doublings = other.log_size - best.log_size
    if len(other.missing_languages) > len(best.missing_languages):
        return f"its authors do not name {', '.join(other.missing_languages)} among its languages"
    if doublings > SIGNIFICANTLY_LARGER:
        return f"{2**doublings:.1f} times the size"
    ours, theirs = best.spec.quality_index, other.spec.quality_index
    if ours is not None and theirs is not None and theirs < ours:
        return f"less able than {best.spec.id}"
    if other.spec.released < best.spec.released:
        return f"older ({other.spec.released:%B %Y})"
    return "as able, with more drawbacks in tuning or of a special purpose"


def size_of_spec(spec: BaseModelSpec) -> str:
    """Its parameters as people say them: `8.2B`, `30.5B (3.4B active)`."""
    text = _billions(spec.total_parameters)
    if spec.active_parameters == spec.total_parameters:
        return text
    return f"{text} ({_billions(spec.active_parameters)} active)"


def _billions(count: float) -> str:
    return f"{count / BILLION:.1f}B" if count >= BILLION else f"{count / MILLION:.0f}M"
