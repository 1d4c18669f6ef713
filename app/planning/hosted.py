"""Which hosted base model to prompt: ability against the monthly bill, the latency limit, context and release date."""

from datetime import date
from functools import lru_cache
from math import log, log1p

from app.catalogue import Catalogue
from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.planning.open_models import DAYS_PER_YEAR
from app.records import record
from app.schemas.facts import Facts, Workload
from app.schemas.plan import Because, RunnerUp
from app.schemas.recommend import Preferences
from app.schemas.world import HostedModelSpec
from app.units import DAYS_PER_MONTH, MILLION, as_seconds, as_usd

NO_SCHEMA_PENALTY = 1.0
"""As much as a tier: without a schema the form has to be checked and repaired by hand."""
TOO_SHORT_PENALTY = 100.0
"""A context that does not hold the request outweighs everything."""
SAME_PRICE = 1.05
"""Prices nearer than this are called the same."""


@record
class _Offer:
    """A hosted base model with what does not change from task to task on a day."""

    spec: HostedModelSpec
    input_usd: float
    output_usd: float
    tier: float
    age: float
    """Deduction for its age."""


@record
class _Scored:
    offer: _Offer
    value: float
    usd: float
    """Dollars of one request, without cache or batch."""
    p95_seconds: float

    @property
    def spec(self) -> HostedModelSpec:
        return self.offer.spec


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
    scored = [_scored(offer, facts, workload, book) for offer in _offers(catalogue, as_of, book)]
    scored.sort(key=lambda s: (-s.value, s.spec.id))
    given = preferences.prompted_model is not None
    if preferences.prompted_model is not None:
        spec = catalogue.hosted_model(preferences.prompted_model, "/preferences/prompted_model")
        mine = _scored(_offer(spec, as_of, book), facts, workload, book)
        scored = [mine, *(s for s in scored if s.spec.id != spec.id)]
    best, others = scored[0], scored[1 : 1 + book.candidates.runners_up]
    late = () if best.spec.released <= as_of else (f"{best.spec.id} was released after {as_of}.",)
    return Chosen(
        spec=best.spec,
        because=_because(best, scored, facts, workload, book, given),
        runners_up=tuple(_runner_up(s, best, facts, workload) for s in others),
        given=given,
        misses=(*late, *_misses(best, facts, workload)),
    )


@lru_cache(maxsize=64)
def _offers(catalogue: Catalogue, as_of: date, book: PlanningBook) -> tuple[_Offer, ...]:
    """What is priced and released by `as_of`; everything when nothing is."""
    every = list(catalogue.hosted_models.values())
    made = [_offer(spec, as_of, book) for spec in every if spec.released <= as_of]
    return tuple(made or [_offer(spec, as_of, book) for spec in every])


def _offer(spec: HostedModelSpec, as_of: date, book: PlanningBook) -> _Offer:
    prices = spec.prices_on(as_of)
    age = book.candidates.age_penalty_per_year * (as_of - spec.released).days / DAYS_PER_YEAR
    return _Offer(
        spec=spec,
        input_usd=float("inf") if prices.input_usd is None else prices.input_usd / MILLION,
        output_usd=float("inf") if prices.output_usd is None else prices.output_usd / MILLION,
        tier=book.tiers[spec.tier],
        age=age,
    )


def _scored(offer: _Offer, facts: Facts, workload: Workload, book: PlanningBook) -> _Scored:
    """Worth of its tier, less its bill, its age, and what it breaks."""
    s, spec = book.candidates, offer.spec
    read, written = workload.prompt_tokens + workload.input_tokens, workload.output_tokens
    usd = read * offer.input_usd + written * offer.output_usd
    monthly = usd * workload.requests_per_day * DAYS_PER_MONTH
    first = s.first_token_p95 * (spec.time_to_first_token_seconds[1] + read / s.reading_tokens_per_second)
    p95 = first + s.token_p95 * written / spec.output_tokens_per_second[1]
    value = _worth(facts, workload, book) * offer.tier - offer.age - s.cost_penalty * log1p(monthly / s.cost_scale_usd)
    if facts.latency_p95_seconds is not None and p95 > facts.latency_p95_seconds:
        value -= s.limit_penalty * log(p95 / facts.latency_p95_seconds)
    if facts.time_to_first_token_p95_seconds is not None and first > facts.time_to_first_token_p95_seconds:
        value -= s.limit_penalty * log(first / facts.time_to_first_token_p95_seconds)
    if facts.monthly_budget_usd is not None and monthly > facts.monthly_budget_usd:
        value -= s.limit_penalty * log(monthly / max(1.0, facts.monthly_budget_usd))
    if read + written > spec.context_tokens:
        value -= TOO_SHORT_PENALTY
    if not spec.structured_output and facts.output_format in ("json", "label", "structured_document"):
        value -= NO_SCHEMA_PENALTY
    return _Scored(offer, value, usd, p95)


def _worth(facts: Facts, workload: Workload, book: PlanningBook) -> float:
    """Worth of one more tier: more where the measured prompt misses its target."""
    worth = book.wishes[workload.task_type].tier
    measured, target = facts.prompted_quality, facts.target_quality
    if measured is not None and target is not None and measured < target:
        worth += book.candidates.quality_gap_bonus
    return worth


def _because(
    best: _Scored, scored: list[_Scored], facts: Facts, workload: Workload, book: PlanningBook, given: bool
) -> Because:
    bill = f"{as_usd(_monthly(best, workload))} a month at list prices"
    if given:
        return Because(field="model", text=f"Your choice: {bill}.", source=book.candidate_sources["own"])
    wish, tier = book.wishes[workload.task_type], best.spec.tier
    limit = facts.latency_p95_seconds
    if limit is not None and best.p95_seconds > limit:
        text = f"{tier.capitalize()} tier at {bill}: {_late(best, scored, limit)}."
        return Because(field="model", text=text, source=f"{best.spec.speed_source}; 95th percentiles ours")
    if best.offer.tier == max(book.tiers.values()):
        text = f"{tier.capitalize()} tier: at {bill} the bill weighs less than ability."
        return Because(field="model", text=text, source=book.candidate_sources["openai-models"])
    text = f"{tier.capitalize()} tier at {bill}: {wish.why}"
    better = [s for s in scored if s.offer.tier > best.offer.tier and not _misses(s, facts, workload)]
    if better:
        text += f"; the next tier up would cost {as_usd(_monthly(better[0], workload))} ({better[0].spec.id})"
    source = wish.source if tier == "small" else book.candidate_sources["openai-models"]
    return Because(field="model", text=f"{text}.", source=source)


def _late(best: _Scored, scored: list[_Scored], limit: float) -> str:
    """Why one that misses the latency limit is chosen all the same: none meets it, or those that do are less able."""
    expected = as_seconds(best.p95_seconds)
    quick = next((s for s in scored if s.p95_seconds <= limit), None)
    if quick is None:
        none = f"none on record answers within {as_seconds(limit)} in 95 of 100 cases"
        return f"{none}; weighed with ability this one comes nearest ({expected})"
    over = f"{expected} in 95 of 100 cases, over the limit of {as_seconds(limit)}"
    within = f"{quick.spec.id} ({quick.spec.tier} tier, {as_seconds(quick.p95_seconds)}) meets it"
    return f"{over}; {within}, but lacks more ability than the overrun counts"


def _monthly(scored: _Scored, workload: Workload) -> float:
    return scored.usd * workload.requests_per_day * DAYS_PER_MONTH


def _misses(scored: _Scored, facts: Facts, workload: Workload) -> tuple[str, ...]:
    """Requirements that it breaks, as sentences."""
    spec, said = scored.spec, []
    length = workload.prompt_tokens + workload.input_tokens + workload.output_tokens
    if spec.context_tokens < length:
        said.append(f"{spec.id} reads {spec.context_tokens:,} tokens, fewer than the {length:,.0f} needed.")
    limit = facts.latency_p95_seconds
    if limit is not None and scored.p95_seconds > limit:
        said.append(
            f"{spec.id} is expected to answer within {as_seconds(scored.p95_seconds)} in 95 of 100 cases, over the "
            f"limit of {as_seconds(limit)}."
        )
    budget = facts.monthly_budget_usd
    if budget is not None and (monthly := _monthly(scored, workload)) > budget:
        said.append(f"{spec.id} is expected to cost {as_usd(monthly)} a month, over the budget of {as_usd(budget)}.")
    return tuple(said)


def _runner_up(scored: _Scored, best: _Scored, facts: Facts, workload: Workload) -> RunnerUp:
    misses = _misses(scored, facts, workload)
    text = f"{scored.spec.tier} tier, {as_usd(_monthly(scored, workload))} a month"
    if misses and not _misses(best, facts, workload):
        return RunnerUp(name=scored.spec.id, text=f"{text}; {misses[0]}")
    return RunnerUp(name=scored.spec.id, text=f"{text}; {_difference(scored, best)}.")


def _difference(scored: _Scored, best: _Scored) -> str:
    """What sets it apart from the chosen one: tier, price, age or speed."""
    if scored.offer.tier > best.offer.tier:
        return "abler, and dearer than that is worth here"
    if scored.offer.tier < best.offer.tier:
        return "less able"
    if scored.usd > best.usd * SAME_PRICE:
        return f"{scored.usd / best.usd:.1f} times the price" if best.usd > 0 else "dearer"
    if scored.spec.released < best.spec.released:
        return f"as able and as dear, older ({scored.spec.released:%B %Y})"
    return "as able and as dear"
