"""`--diff BASE_REF`: verdicts and costs that moved since the base branch."""

from collections.abc import Iterator
from typing import Literal

from app.checks.about_money import as_span, exceeds
from app.checks.case import APPROACH_WORDS, Case
from app.checks.config import Thresholds
from app.checks.finding import Raw
from app.records import record
from app.schemas.base import Range
from app.schemas.vocabulary import Approach
from app.units import as_usd

PERCENT = 100
SAME_USD = 0.005
"""Half a cent: less is no movement."""


@record(kw_only=True)
class Side:
    """A proposal at one time."""

    approach: Approach
    advised: Approach
    confidence: float
    monthly_usd: Range | None
    training_usd: Range | None


@record(kw_only=True)
class Moved:
    """A proposal before and after; `before` is None when it is new, `after` when it was removed."""

    file: str
    title: str
    change: Literal["added", "removed", "moved", "same", "unreadable_before"]
    before: Side | None
    after: Side | None


def side(case: Case) -> Side:
    """The figures that are compared."""
    advice = case.report.recommendation
    return Side(
        approach=case.proposal.approach,
        advised=advice.approach,
        confidence=advice.confidence,
        monthly_usd=case.option.monthly_cost_usd,
        training_usd=case.training_usd if case.tunes else None,
    )


def movement(case: Case, before: Side | None, *, unreadable: bool = False) -> Moved:
    """What became of a proposal that is there now."""
    now = side(case)
    same = before is not None and _same(before, now)
    change: Literal["added", "moved", "same", "unreadable_before"] = (
        "unreadable_before" if unreadable else "added" if before is None else "same" if same else "moved"
    )
    return Moved(file=case.document.file, title=case.title, change=change, before=before, after=now)


def _same(before: Side, now: Side) -> bool:
    verdict = (before.approach, before.advised) == (now.approach, now.advised)
    money = ((before.monthly_usd, now.monthly_usd), (before.training_usd, now.training_usd))
    return verdict and all(_equal(a, b) for a, b in money)


def _equal(a: Range | None, b: Range | None) -> bool:
    return a is b or (a is not None and b is not None and abs(a.expected - b.expected) < SAME_USD)


def about_movement(moved: Moved, limits: Thresholds) -> Iterator[Raw]:
    """The advice turned, or the cost moved further than the organisation allows."""
    before, now = moved.before, moved.after
    if before is None or now is None:
        return
    if before.advised != now.advised:
        yield Raw(
            rule="VERDICT-MOVED",
            severity="warning",
            message=f"The advice was {APPROACH_WORDS[before.advised]} on the base branch and is now "
            f"{APPROACH_WORDS[now.advised]}.",
            number=f"confidence {before.confidence:.0%} then, {now.confidence:.0%} now",
            pointer="/approach",
        )
    if before.monthly_usd is not None and now.monthly_usd is not None:
        yield from _cost(before.monthly_usd, now.monthly_usd, limits)


def _cost(before: Range, now: Range, limits: Thresholds) -> Iterator[Raw]:
    rise = now.expected - before.expected
    rose = exceeds(rise, before.expected, limits, "rise")
    fell = exceeds(-rise, before.expected, limits, "fall")
    if rose or fell:
        yield Raw(
            rule="COST-ROSE" if rose else "COST-FELL",
            severity="error" if rose else "warning",
            message=f"The monthly cost {'rose' if rose else 'fell'} by {as_usd(abs(rise))}"
            f"{share(before.expected, now.expected)}: {as_usd(before.expected)} before, now {as_span(now)}.",
            number=f"{as_usd(before.expected)} to {as_usd(now.expected)}",
            pointer="/approach",
            subject="monthly",
        )


def share(before: float, now: float) -> str:
    """` (+12 %)`, or nothing where there was no cost before."""
    return f" ({(now - before) / before * PERCENT:+.0f} %)" if before > 0 else ""
