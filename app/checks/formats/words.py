"""Sentences that several formats share."""

from app.checks.about_money import as_span
from app.checks.case import APPROACH_WORDS, Case
from app.checks.finding import Finding
from app.checks.moved import SAME_USD, Moved, Side, share
from app.checks.run import Result
from app.schemas.base import Range
from app.units import as_usd

DOCS = "https://tunewise.dev/findings/"
"""Where a finding's page is published; `tunewise explain ID` shows it offline."""


def plural(count: int, one: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{count} {one if count == 1 else one + 's'}"


def headline(result: Result) -> str:
    """The result in one sentence."""
    counts = result.counts
    parts = [
        plural(counts[name], word) for name, word in (("error", "error"), ("warning", "warning"), ("info", "note"))
    ]
    parts += [f"{counts[state]} {state}" for state in ("known", "waived") if counts[state]]
    return f"{verdict(result)}: {', '.join(parts)} in {plural(len(result.examined), 'proposal')}."


def verdict(result: Result) -> str:
    """The result in a word or two."""
    if result.unreadable:
        return f"{len(result.unreadable)} unreadable"
    return "Blocked" if result.blocks else "Passed"


def standing(finding: Finding) -> str:
    """What the finding does to the check."""
    if finding.state == "waived" and finding.waiver is not None:
        told = finding.waiver
        return f"waived by {told.owner} until {told.expires.isoformat()}: {told.reason}"
    if finding.state == "known":
        return "known from the baseline, does not block"
    return "blocks" if finding.blocks else "advises"


def advice(case: Case) -> str:
    """The verdict on a proposal."""
    told = case.report.recommendation
    sure = "close call" if told.close_call else f"{told.confidence:.0%}"
    return f"{APPROACH_WORDS[told.approach]} ({sure})"


def money(cost: Range | None) -> str:
    """A cost, `unknown` where no price is known."""
    return "unknown" if cost is None else as_span(cost)


def movement(moved: Moved) -> str:
    """What became of a proposal since the base branch, in one sentence."""
    now, before = moved.after, moved.before
    if moved.change == "removed":
        return "removed"
    if now is None or before is None:
        word = "could not be read on the base branch" if moved.change == "unreadable_before" else "new"
        return f"{word}: {_monthly(now)}"
    parts = []
    if before.approach != now.approach:
        parts.append(f"proposes {APPROACH_WORDS[now.approach]}, before {APPROACH_WORDS[before.approach]}")
    if before.advised != now.advised:
        parts.append(f"advice {APPROACH_WORDS[now.advised]}, before {APPROACH_WORDS[before.advised]}")
    parts.append(_cost("a month", before.monthly_usd, now.monthly_usd))
    parts.append(_cost("for training", before.training_usd, now.training_usd))
    return "; ".join(part for part in parts if part)


def _monthly(now: Side | None) -> str:
    return "unknown cost" if now is None or now.monthly_usd is None else f"{as_usd(now.monthly_usd.expected)} a month"


def _cost(what: str, before: Range | None, now: Range | None) -> str:
    if now is None:
        return ""
    if before is None:
        return f"{as_usd(now.expected)} {what}"
    change = now.expected - before.expected
    if abs(change) < SAME_USD:
        return ""
    sign = "+" if change > 0 else "−"
    return f"{sign}{as_usd(abs(change))} {what}{share(before.expected, now.expected)}, now {as_usd(now.expected)}"
