"""Reasons as clauses with the task's own figures in them: "12,000 labelled examples exist"."""

from app.decision.book import ReasonRule
from app.schemas.facts import Facts
from app.units import as_seconds

THOUSAND = 1000


def clause(rule: ReasonRule, facts: Facts) -> str:
    """The reason as a clause that goes on from "because"; with its figure where that is known."""
    if rule.short_known is None:
        return rule.short
    known = {name: getattr(facts, name) for name in rule.names.facts}
    shown = {name: _shown(name, value) for name, value in known.items() if value is not None}
    try:
        return rule.short_known.format_map(shown)
    except KeyError:
        return rule.short


def _shown(name: str, value: object) -> str:
    return as_seconds(value) if name.endswith("_seconds") and isinstance(value, float | int) else as_text(value)


def as_text(value: object) -> str:
    """A fact's value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return f"{value:,.0f}" if abs(value) >= THOUSAND else f"{value:.3g}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
