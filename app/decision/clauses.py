"""Reasons as clauses with the task's own figures in them: "12,000 labelled examples exist"."""

from app.decision.book import ReasonRule
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts
from app.units import as_seconds, as_usd

THOUSAND = 1000
SPEED = frozenset(("LATENCY_LIMIT", "NEED_LATENCY"))
PRICE = frozenset(("VOLUME_HIGH", "COST_DECIDES", "NEED_COST"))
"""Reasons for tuning that hold on average, and that the figures of the task at hand can contradict."""


def clause(rule: ReasonRule, facts: Facts, comparison: Comparison | None = None) -> str:
    """The reason as a clause that goes on from "because"; with its figure where that is known."""
    if "cost_ratio" in rule.names.options and comparison is not None and (bills := bills_of(comparison)):
        return f"{rule.short} ({bills})"
    if rule.short_known is None:
        return rule.short
    known = {name: getattr(facts, name) for name in rule.names.facts}
    shown = {name: as_shown(name, value) for name, value in known.items() if value}
    try:
        return rule.short_known.format_map(shown)
    except KeyError:
        return rule.short


def bills_of(comparison: Comparison) -> str:
    """What both approaches cost a month with everything included; empty when either is unknown."""
    if comparison.tune_total_usd is None or comparison.prompt_total_usd is None:
        return ""
    tuned, prompted = (
        as_usd(t / comparison.horizon_months) for t in (comparison.tune_total_usd, comparison.prompt_total_usd)
    )
    return f"{tuned} a month for tuning, {prompted} for prompting"


def contradicted(facts: Facts, comparison: Comparison) -> frozenset[str]:
    """Codes of reasons for tuning that the figures on the same page contradict: not to be named first."""
    slow = SPEED if late(facts, comparison, "tune") else frozenset()
    ratio = comparison.cost_ratio
    return slow | (PRICE if ratio is not None and ratio >= 1 else frozenset())


def late(facts: Facts, comparison: Comparison, side: str) -> tuple[float, float] | None:
    """Expected 95th percentile and the limit that it exceeds, in seconds, of `prompt` or `tune`; None when it is met.

    Unlike the gates without any slack: what may be said of a plan, not what rules it out.
    """
    whole, first = (
        getattr(comparison, f"{side}_latency_p95_seconds"),
        getattr(comparison, f"{side}_time_to_first_token_seconds"),
    )
    limits = ((whole, facts.latency_p95_seconds), (first, facts.time_to_first_token_p95_seconds))
    for expected, limit in limits:
        if expected is not None and limit is not None and expected > limit:
            return expected, limit
    return None


def as_shown(name: str, value: object) -> str:
    """The value of a fact with its unit: durations as such, qualities in percent."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        if name.endswith("_seconds"):
            return as_seconds(value)
        if name.endswith("_quality"):
            return f"{100 * value:.3g}%"
    return as_text(value)


def as_text(value: object) -> str:
    """A fact's value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return f"{value:,.0f}" if abs(value) >= THOUSAND else f"{value:.3g}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
