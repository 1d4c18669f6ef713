"""What the proposal costs, beside its budget and the organisation's limits."""

from collections.abc import Iterator
from datetime import date

from app.checks.case import Case
from app.checks.config import Thresholds
from app.checks.finding import Raw, Severity
from app.schemas.base import Range
from app.units import as_usd

PERCENT = 100
MOST_NAMED = 3
"""Stale prices named in a message at most."""


def as_span(cost: Range) -> str:
    """A range of dollars as people read it."""
    if cost.low == cost.high:
        return as_usd(cost.expected)
    return f"{as_usd(cost.low)} to {as_usd(cost.high)}, expected {as_usd(cost.expected)}"


def training_budget(case: Case) -> Iterator[Raw]:
    """The training budget beside the cost of the run."""
    if case.tunes:
        where = case.proposal.tuning.hosted if case.offer and case.proposal.tuning else None
        what = f"Training with {where}" if where else "Training"
        yield from _budget("training", what, case.budget.training_usd, case.training_usd, case)


def monthly_budget(case: Case) -> Iterator[Raw]:
    """The monthly budget beside the running cost of the option that is proposed."""
    what = f"Running it ({_lower(case.option.title)})"
    yield from _budget("monthly", what, case.budget.monthly_usd, case.option.monthly_cost_usd, case)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _budget(kind: str, what: str, budget: float | None, cost: Range | None, case: Case) -> Iterator[Raw]:
    if budget is None:
        return
    pointer = _pointer(kind, case)
    if cost is None:
        message = f"{what} has no known price, so the budget of {as_usd(budget)} cannot be checked."
        yield Raw(rule="COST-UNKNOWN", severity="info", message=message, pointer=pointer, subject=kind)
        return
    severity = _over(budget, cost, case)
    if severity is not None:
        yield Raw(
            rule=f"BUDGET-{kind.upper()}",
            severity=severity,
            message=f"{what} costs {as_span(cost)}{_per(kind)}; the budget is {as_usd(budget)}.",
            number=f"short by {as_usd(cost.expected - budget)} at the expected figure",
            change=_raise_to(kind, cost, case),
            pointer=pointer,
            subject=kind,
        )
    elif exceeds(budget - cost.high, cost.high, case.config.thresholds, "under_budget"):
        yield Raw(
            rule="BUDGET-IDLE",
            severity="warning",
            message=f"{what} costs at most {as_usd(cost.high)}{_per(kind)}; the budget is {as_usd(budget)}.",
            number=f"{as_usd(budget - cost.high)} would stay unused",
            pointer=pointer,
            subject=kind,
        )


def _per(kind: str) -> str:
    return " a month" if kind == "monthly" else ""


def _pointer(kind: str, case: Case) -> str:
    in_budget = getattr(case.proposal.budget, f"{kind}_usd") is not None
    return f"/budget/{kind}_usd" if in_budget else f"/requirements/{kind}_budget_usd"


def _over(budget: float, cost: Range, case: Case) -> Severity | None:
    """Without limits of the organisation: error below the low end, warning below the expected figure."""
    limits, excess = case.config.thresholds, cost.expected - budget
    if excess <= 0:
        return None
    if limits.over_budget_usd is None and limits.over_budget_percent is None:
        return "error" if budget < cost.low else "warning"
    return "error" if exceeds(excess, budget, limits, "over_budget") else "info"


def exceeds(amount: float, base: float, limits: Thresholds, name: str) -> bool:
    """Whether an amount passes the limit in dollars, or that in percent of `base`."""
    usd, percent = getattr(limits, f"{name}_usd"), getattr(limits, f"{name}_percent")
    if amount <= 0:
        return False
    return (usd is not None and amount > usd) or (percent is not None and amount * PERCENT > percent * base)


def _raise_to(kind: str, cost: Range, case: Case) -> str:
    cheaper = [
        o
        for o in case.report.options
        if kind == "monthly" and o.feasible and o.monthly_cost_usd and o.monthly_cost_usd.expected < cost.expected
    ]
    best = min(cheaper, key=lambda o: o.monthly_cost_usd.expected if o.monthly_cost_usd else 0, default=None)
    advice = f"Plan for {as_usd(cost.expected)}, {as_usd(cost.high)} to be safe"
    if best is None or best.monthly_cost_usd is None:
        return advice + "."
    return f"{advice}; cheapest here: {_lower(best.title)} at {as_usd(best.monthly_cost_usd.expected)} a month."


def limits(case: Case) -> Iterator[Raw]:
    """The organisation's limits on any proposal."""
    told = case.config.thresholds
    rows = [("monthly", told.monthly_usd, case.option.monthly_cost_usd, "/approach")]
    if case.tunes:
        rows.append(("training", told.training_usd, case.training_usd, "/approach"))
    for kind, limit, cost, pointer in rows:
        if limit is not None and cost is not None and cost.expected > limit:
            yield Raw(
                rule="COST-LIMIT",
                severity="error",
                message=f"The {kind} cost is {as_span(cost)}; the organisation's limit is {as_usd(limit)}.",
                number=f"{as_usd(cost.expected - limit)} over the limit",
                pointer=pointer,
                subject=kind,
            )


def stale_prices(case: Case) -> Iterator[Raw]:
    """Prices behind the proposal's own figures that are old."""
    oldest_allowed = case.book.settings["stale_after_days"]
    old = {name: days for name, as_of in _prices(case) if (days := _age(as_of, case.as_of)) > oldest_allowed}
    if not old:
        return
    named = sorted(old.items(), key=lambda pair: -pair[1])[:MOST_NAMED]
    yield Raw(
        rule="PRICES-STALE",
        severity="info",
        message="Prices behind these figures are old: " + ", ".join(f"{n} ({d} days)" for n, d in named) + ".",
        number=f"{len(old)} price{'s' if len(old) > 1 else ''} older than {oldest_allowed:g} days",
        pointer="/approach",
    )


def _prices(case: Case) -> Iterator[tuple[str, date]]:
    """Name and day of each price behind the figures of the option that is proposed."""
    if case.offer is not None:
        yield case.offer.id, case.offer.as_of
        return
    if case.option.id == "tune_hosted":
        return
    costs = case.report.compute.costs
    items = (
        [*costs.fine_tuning.monthly.items, *case.training.cost.items]
        if case.tunes
        else costs.prompt_engineering.monthly.items
    )
    for item in items:
        if item.as_of and item.cost_usd:
            yield item.name, date.fromisoformat(item.as_of)


def _age(day: date, today: date) -> int:
    return (today - day).days
