"""Which hosted base model to prompt: ability against price, latency limit, context and release date."""

from dataclasses import dataclass
from datetime import date
from math import log

from app.catalogue import Catalogue
from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.schemas.facts import Facts, Workload
from app.schemas.plan import Because, RunnerUp
from app.schemas.recommend import Preferences
from app.schemas.world import HostedModelSpec
from app.units import MILLION, as_seconds

READING_TOKENS_PER_SECOND = 30_000.0
"""Rate at which providers read a prompt, to order candidates (the estimate of hosted serving has the range)."""


@dataclass(frozen=True, slots=True)
class _Scored:
    spec: HostedModelSpec
    value: float
    usd_per_thousand: float
    seconds: float
    misses: tuple[str, ...]


def choose_hosted(
    facts: Facts,
    workload: Workload,
    catalogue: Catalogue,
    preferences: Preferences,
    as_of: date,
    *,
    book: PlanningBook,
) -> Chosen[HostedModelSpec]:
    """The hosted base model to prompt, why, and the runners-up. Raises UnknownNameError for an unknown preference."""
    released = [s for s in catalogue.hosted_models.values() if s.released <= as_of] or list(
        catalogue.hosted_models.values()
    )
    cheapest = min(_price(spec, workload, as_of) for spec in released)
    scored = [_scored(spec, facts, workload, as_of, book, cheapest) for spec in released]
    scored.sort(key=lambda s: (len(s.misses), -s.value, s.spec.id))
    if preferences.prompted_model is not None:
        spec = catalogue.hosted_model(preferences.prompted_model, "/preferences/prompted_model")
        mine = _scored(spec, facts, workload, as_of, book, cheapest)
        others = [s for s in scored if s.spec.id != spec.id]
        return _chosen(mine, others, book, workload, given=True)
    return _chosen(scored[0], scored[1:], book, workload, given=False)


def _chosen(
    best: _Scored, others: list[_Scored], book: PlanningBook, workload: Workload, given: bool
) -> Chosen[HostedModelSpec]:
    wish = book.wishes[workload.task_type]
    if given:
        text, source = f"Your choice: {_figures(best)}.", book.candidate_sources["own"]
    else:
        text = f"{best.spec.tier.capitalize()} tier, {_figures(best)}: {wish.why}."
        source = wish.source if best.spec.tier == "small" else book.candidate_sources["openai-models"]
    return Chosen(
        spec=best.spec,
        because=Because(field="model", text=text, source=source),
        runners_up=tuple(_runner_up(s, best) for s in others[: book.candidates.runners_up]),
        given=given,
        misses=best.misses,
    )


def _scored(
    spec: HostedModelSpec, facts: Facts, workload: Workload, as_of: date, book: PlanningBook, cheapest: float
) -> _Scored:
    s, wish = book.candidates, book.wishes[workload.task_type]
    price, seconds = _price(spec, workload, as_of), _seconds(spec, workload)
    tier = book.tiers[spec.tier]
    worth = wish.tier
    if facts.prompted_quality is not None and facts.target_quality is not None and facts.prompted_quality < facts.target_quality:
        worth += s.quality_gap_bonus
    value = worth * tier - s.cost_penalty * _cost_weight(workload, s.volume_high_per_day) * log(price / cheapest)
    value -= s.age_penalty_per_year * (as_of - spec.released).days / 365
    misses = _misses(spec, facts, workload, seconds)
    return _Scored(spec, value, 1000 * price, seconds, misses)


def _cost_weight(workload: Workload, high: float) -> float:
    """How much price counts: half at a trickle, in full at high volume."""
    return 0.5 + 0.5 * min(1.0, workload.requests_per_day / high)


def _price(spec: HostedModelSpec, workload: Workload, as_of: date) -> float:
    """Dollars of one request at list prices of the day, without cache or batch."""
    prices = spec.prices_on(as_of)
    read, written = prices.input_usd, prices.output_usd
    if read is None or written is None:
        return float("inf")
    tokens = workload.prompt_tokens + workload.input_tokens
    return max(1e-9, (tokens * read + workload.output_tokens * written) / MILLION)


def _seconds(spec: HostedModelSpec, workload: Workload) -> float:
    """Expected seconds until the whole answer."""
    reading = (workload.prompt_tokens + workload.input_tokens) / READING_TOKENS_PER_SECOND
    return spec.time_to_first_token_seconds[1] + reading + workload.output_tokens / spec.output_tokens_per_second[1]


def _misses(spec: HostedModelSpec, facts: Facts, workload: Workload, seconds: float) -> tuple[str, ...]:
    said = []
    length = workload.prompt_tokens + workload.input_tokens + workload.output_tokens
    if spec.context_tokens < length:
        said.append(f"{spec.id} reads {spec.context_tokens:,} tokens, fewer than the {length:,.0f} needed.")
    limit = facts.latency_p95_seconds
    if limit is not None and seconds > limit:
        said.append(f"{spec.id} is expected to answer in {as_seconds(seconds)}, over the limit of {as_seconds(limit)}.")
    first = facts.time_to_first_token_p95_seconds
    if first is not None and spec.time_to_first_token_seconds[1] > first:
        said.append(f"{spec.id} is expected to begin after {as_seconds(spec.time_to_first_token_seconds[1])}.")
    if facts.output_format in ("json", "label", "structured_document") and not spec.structured_output:
        said.append(f"{spec.id} cannot be held to a schema.")
    return tuple(said)


def _figures(scored: _Scored) -> str:
    return f"${scored.usd_per_thousand:,.2f} per thousand requests, about {as_seconds(scored.seconds)} an answer"


def _runner_up(scored: _Scored, best: _Scored) -> RunnerUp:
    text = f"{scored.spec.tier} tier, {_figures(scored)}"
    if scored.misses and not best.misses:
        text += f"; {scored.misses[0]}"
        return RunnerUp(name=scored.spec.id, text=text)
    ratio = scored.usd_per_thousand / best.usd_per_thousand
    text += f"; {ratio:.1f} times the price of {best.spec.id}" if ratio > 1 else "; cheaper and less able"
    return RunnerUp(name=scored.spec.id, text=f"{text}.")
