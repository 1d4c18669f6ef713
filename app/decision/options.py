"""The four ways to do it, ranked, each with what blocks it and what it takes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from app.decision.book import DecisionBook
from app.decision.conditions import Situation
from app.decision.entries import DaysEntry
from app.decision.gates import misses_latency, tuning_has_nothing_to_learn_from
from app.decision.odds import Verdict
from app.records import record
from app.schemas.base import Range
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts
from app.schemas.report import Option
from app.schemas.vocabulary import Level
from app.units import as_usd

OPTION_IDS = ("prompt_hosted", "prompt_self_hosted", "tune_self_hosted", "tune_hosted")
LEVELS: tuple[Level, ...] = ("low", "medium", "high")
RISK_STEPS = (0.0, 1.2)
"""Log-odds of quality against an approach from which its risk is medium, and high: even odds, and 3 to 4 in 4."""
ENOUGH_LABELS = 300


@record(kw_only=True)
class OptionFigures:
    """What the estimates say of one option; None where it is unknown, with `unknown` saying why."""

    monthly_cost_usd: Range | None = None
    latency_p95_seconds: Range | None = None
    upfront_cost_usd: Range | None = None
    offered: bool = True
    """It can be had at all."""
    ends: date | None = None
    """The day the provider stops offering it."""
    because: tuple[str, ...] = ()
    """Sentences of the plans and estimates worth showing with the option."""
    unknown: tuple[str, ...] = ()
    """Sentences: what is unknown, and why."""


def options(
    verdict: Verdict, facts: Facts, comparison: Comparison, book: DecisionBook, figures: Mapping[str, OptionFigures]
) -> tuple[Option, ...]:
    """The four options, best first. An option without `figures` is shown with its figures unknown."""
    situation = Situation(facts, {}, comparison)
    nothing = OptionFigures(unknown=("Cost and latency of this option were not estimated.",))
    made = [_option(name, verdict, situation, book, figures.get(name, nothing)) for name in OPTION_IDS]

    def order(option: Option) -> tuple[bool, bool, float, int]:
        cost = option.monthly_cost_usd.expected if option.monthly_cost_usd else float("inf")
        return (not option.feasible, option.approach != verdict.approach, cost, OPTION_IDS.index(option.id))

    made.sort(key=order)
    return tuple(replace(option, rank=rank) for rank, option in enumerate(made, 1))


def _option(name: str, verdict: Verdict, situation: Situation, book: DecisionBook, figures: OptionFigures) -> Option:
    entry = book.options[name]
    blocks = blocked(name, situation, book, figures)
    lacking = entry.approach == "fine_tuning" and not labels_known(situation)
    return Option(
        id=name,
        approach=entry.approach,
        title=entry.title,
        rank=0,
        feasible=not blocks,
        monthly_cost_usd=figures.monthly_cost_usd,
        latency_p95_seconds=figures.latency_p95_seconds,
        quality_risk=quality_risk(name, verdict, situation),
        effort=LEVELS[min(2, LEVELS.index(entry.effort) + lacking)],
        because=(
            *blocks,
            *_near_budget(situation.facts, figures),
            *figures.because,
            *_ending(figures),
            *figures.unknown,
        )
        or ("Nothing stands against it.",),
        upfront_cost_usd=figures.upfront_cost_usd,
        days_to_start=_days(entry.days, book.labelling_days if lacking else None),
        ends=figures.ends,
    )


def blocked(name: str, situation: Situation, book: DecisionBook, figures: OptionFigures) -> tuple[str, ...]:
    """Why an option breaks a hard requirement; empty when it breaks none."""
    facts, comparison = situation.facts, situation.comparison
    found: list[str] = []
    if not figures.offered:
        found.append("No provider offers it over the whole horizon.")
    if name.endswith("_hosted") and not name.endswith("self_hosted") and facts.self_hosting_required:
        found.append("Self-hosting is required.")
    if name == "prompt_hosted" and not comparison.prompt_fits_context:
        found.append("Prompt and input are longer than the context.")
    if name == "tune_self_hosted" and not comparison.tune_fits_gpu:
        found.append("The planned training fits no known GPU.")
    if name.startswith("tune") and (few := tuning_has_nothing_to_learn_from(situation, book)):
        found.append(f"Too few labelled examples ({few}).")
    if name in planned_options(comparison) and (slow := misses_latency(situation, book, name.split("_")[0])):
        found.append(f"Too slow ({slow}).")
    found += _over_budget(facts, figures)
    return tuple(found)


def planned_options(comparison: Comparison) -> tuple[str, str]:
    """The two options that the plans and the comparison's figures are about."""
    return ("prompt_hosted" if comparison.prompt_hosted else "prompt_self_hosted", "tune_self_hosted")


def _over_budget(facts: Facts, figures: OptionFigures) -> list[str]:
    found = []
    monthly, limit = figures.monthly_cost_usd, facts.monthly_budget_usd
    if monthly is not None and limit is not None and monthly.low > limit:
        found.append(f"At least ${monthly.low:,.0f} a month, over the budget of ${limit:,.0f}.")
    return found


def _near_budget(facts: Facts, figures: OptionFigures) -> tuple[str, ...]:
    """What is said when the expected bill exceeds the budget and only a lucky one keeps it."""
    monthly, limit = figures.monthly_cost_usd, facts.monthly_budget_usd
    if monthly is None or limit is None or not monthly.low <= limit < monthly.expected:
        return ()
    expected, low = as_usd(monthly.expected), as_usd(monthly.low)
    return (
        f"Expected {expected} a month, over the budget of {as_usd(limit)}, which holds only at the low end ({low}).",
    )


def _ending(figures: OptionFigures) -> tuple[str, ...]:
    return (f"The provider ends it on {figures.ends.isoformat()}.",) if figures.ends else ()


def labels_known(situation: Situation) -> bool:
    """Enough labelled examples are known to exist."""
    labels = situation.facts.labelled_examples
    return labels >= ENOUGH_LABELS if labels is not None else "labels_at_hand" in situation.facts.signals


def quality_risk(name: str, verdict: Verdict, situation: Situation) -> Level:
    """Risk that the quality is missed: from the reasons about quality and data alone, not those about running it."""
    toward_tuning = sum(w for r, w in verdict.terms if r.about in ("quality", "data"))
    against = toward_tuning if name.startswith("prompt") else -toward_tuning
    step = sum(against > limit for limit in RISK_STEPS)
    if name == "prompt_self_hosted":
        step += 1
    if name.startswith("tune") and not labels_known(situation):
        step += 1
    return LEVELS[min(2, step)]


def _days(usual: DaysEntry, more: DaysEntry | None) -> Range:
    made = Range(low=usual.low, expected=usual.expected, high=usual.high)
    return made.plus(Range(low=more.low, expected=more.expected, high=more.high)) if more else made
