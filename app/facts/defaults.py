"""The workload that estimates run on: known facts, else stated defaults, each with its source."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from types import MappingProxyType
from typing import Any

from app.catalogue import Catalogue
from app.errors import CatalogueError
from app.facts.lexicon import read_data
from app.schemas.facts import Facts, FactSource, Workload
from app.schemas.recommend import Requirements
from app.schemas.report import EffectiveRequirement
from app.schemas.vocabulary import TaskType
from app.units import SECONDS_PER_DAY

UNREAD_TASK: str = "other"
"""Task type of a workload when nobody knows it."""
_WORKLOAD_FIELDS = tuple(f.name for f in fields(Workload) if f.name != "defaulted")
CODED_ANSWER = frozenset({"coding_standard", "fixed_labels", "closed_answers", "proprietary_taxonomy"})
"""Signals that an extraction answers in codes of a list, not in passages of its input."""
TYPED_ALONG = "as_you_type"
"""Signal that code is completed while somebody types it."""
_DEFAULTED_AT_NEED = ("task_type", "peak_requests_per_second", "tokens_per_example")
Defaulted = dict[str, str]


@cache
def _defaults() -> Mapping[str, tuple[float, str]]:
    """Value and source of each default in data/defaults.yaml."""
    entries: dict[str, Any] = read_data("defaults.yaml")["defaults"]
    for name, entry in entries.items():
        if set(entry) != {"value", "source", "date"}:
            raise CatalogueError(
                "defaults.yaml", f"defaults.{name}", "An entry has value, source and date.", "exactly these three keys"
            )
    return MappingProxyType({name: (float(e["value"]), f"{e['source']}; {e['date']}") for name, e in entries.items()})


def workload(facts: Facts, catalogue: Catalogue) -> Workload:
    """The numbers that every estimate needs, none missing. `defaulted` names what nobody said, with its source."""
    defaulted: Defaulted = {}
    task_type = facts.task_type or "other"
    if facts.task_type is None:
        defaulted["task_type"] = "the text does not tell the task type"
    tokens = catalogue.task_defaults[task_type]
    source = f"usual for {task_type}: {tokens.source}"

    def known(name: str, default: float, why: str) -> float:
        value = getattr(facts, name)
        if value is None:
            defaulted[name] = why
            return default
        return float(value)

    requests = known("requests_per_day", *_defaults()["requests_per_day"])
    inputs = known("input_tokens", tokens.input_tokens, source)
    outputs = known("output_tokens", *_answer_length(facts, task_type, (tokens.output_tokens, source)))
    return Workload(
        task_type=task_type,
        requests_per_day=requests,
        peak_requests_per_second=_peak(known, requests, catalogue),
        input_tokens=inputs,
        prompt_tokens=known("prompt_tokens", tokens.prompt_tokens, source),
        output_tokens=outputs,
        labelled_examples=known("labelled_examples", *_defaults()["labelled_examples"]),
        tokens_per_example=known("tokens_per_example", inputs + outputs, "input_tokens + output_tokens"),
        horizon_months=known("horizon_months", *_defaults()["horizon_months"]),
        defaulted=defaulted,
    )


def _answer_length(facts: Facts, task_type: TaskType, usual: tuple[float, str]) -> tuple[float, str]:
    """Tokens of an answer that nobody measured, and why.

    An extraction that codes its input copies no passages, a translation is about as long as the input that was stated,
    and what completes code while somebody types is a line.
    """
    if task_type == "extraction" and not CODED_ANSWER.isdisjoint(facts.signals):
        return _defaults()["coded_output_tokens"]
    if task_type == "translation" and facts.input_tokens is not None:
        return facts.input_tokens, "a translation is about as long as its input"
    if task_type == "code" and TYPED_ALONG in facts.signals:
        return _defaults()["completion_output_tokens"]
    return usual


def requests_of_tasks(tasks_per_day: float) -> tuple[float, str]:
    """Requests a day of an agent's tasks, and in words what made them so many: each step is a request."""
    steps, _ = _defaults()["steps_per_task"]
    return steps * tasks_per_day, f"as {steps * tasks_per_day:,.6g} requests: {steps:,.0f} steps of an agent each"


def _peak(known: Callable[[str, float, str], float], requests_per_day: float, catalogue: Catalogue) -> float:
    """Busiest second: the daily mean times the catalogue's peak factor, unless a peak is known."""
    factor = catalogue.assumptions["peak_factor"]
    why = f"{factor.value:g} times the daily mean: {factor.source}"
    return known("peak_requests_per_second", factor.value * requests_per_day / SECONDS_PER_DAY, why)


def effective_requirements(facts: Facts, workload: Workload) -> dict[str, EffectiveRequirement]:
    """Every requirement as it was used: given, inferred or default; unknown ones without a default are left out."""
    made: dict[str, EffectiveRequirement] = {}
    for name in Requirements.model_fields:
        value = getattr(facts, name)
        if value is not None:
            source = facts.sources.get(name) or FactSource("given")
            made[name] = EffectiveRequirement(
                value=value, origin=source.origin, evidence=source.evidence, span=source.span
            )
        elif name in _WORKLOAD_FIELDS:
            made[name] = EffectiveRequirement(
                value=getattr(workload, name), origin="default", evidence=workload.defaulted.get(name)
            )
    return made
