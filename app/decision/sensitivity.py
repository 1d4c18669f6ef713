"""What would flip the verdict: each requirement is moved over its plausible range until it does."""

from collections.abc import Callable
from math import exp, floor, log, log10
from typing import Any

from app.decision.book import DecisionBook
from app.decision.clauses import as_shown
from app.decision.conditions import Situation
from app.decision.entries import RangeEntry
from app.decision.odds import Verdict
from app.decision.reach import Outlook, Reach, changed, reach_of
from app.schemas.facts import Facts, Workload
from app.schemas.report import Sensitivity
from app.schemas.vocabulary import Approach

Evaluate = Callable[[Facts], Verdict]
Hit = tuple[Any, float]
"""A value that flips the verdict, and the share of the range that is crossed to reach it."""
DIGITS = 3
"""Significant digits of a threshold."""
MOST_STEPS = 40
"""Bisection ends after this many steps whatever the precision."""
COUNTED = frozenset(("requests_per_day", "labelled_examples"))
"""Facts whose label is their unit."""
IN_WORDS: dict[Approach, str] = {"prompt_engineering": "prompting", "fine_tuning": "fine-tuning"}


class WhatIf:
    """Asks whether another value of one fact flips the verdict; evaluates only where reasoning leaves it open."""

    def __init__(self, fact: str, verdict: Verdict, book: DecisionBook, evaluate: Evaluate) -> None:
        self.reach: Reach = reach_of(fact, verdict.situation.facts, verdict, book)
        self._fact, self._verdict, self._book = fact, verdict, book
        self._evaluate = evaluate
        self._known: dict[Any, bool] = {}

    def outlook(self, value: Any) -> Outlook:
        """What reasoning alone says of `value`."""
        now = self._verdict.situation
        moved = changed(now.facts, self._fact, value)
        return self.reach.outlook(Situation(moved, now.scores, now.comparison), self._book)

    def guess(self, value: Any) -> bool:
        """The verdict with `value` is the other one, by reasoning alone."""
        return self.outlook(value).flips

    def flips(self, value: Any) -> bool:
        """The verdict with `value` is the other one: reasoned where that is certain, else evaluated."""
        seen = self.outlook(value)
        return seen.flips if seen.certain else self.confirmed(value)

    def confirmed(self, value: Any) -> bool:
        """The same, always by evaluating the whole pipeline, once per value."""
        if value not in self._known:
            moved = changed(self._verdict.situation.facts, self._fact, value)
            self._known[value] = self._evaluate(moved).approach != self._verdict.approach
        return self._known[value]


def sensitivity(
    facts: Facts, workload: Workload, verdict: Verdict, book: DecisionBook, evaluate: Evaluate
) -> tuple[Sensitivity, ...]:
    """Thresholds at which the verdict flips, nearest first (by the share of the range that is crossed).

    Every threshold was evaluated: there the verdict is the other one, and at the last value before it that was
    evaluated the verdict stays.
    """
    found: list[tuple[float, Sensitivity]] = []
    for entry in book.ranges:
        current = current_value(entry, facts, workload)
        if current is None:
            continue
        what_if = WhatIf(entry.fact, verdict, book, evaluate)
        if not what_if.reach.may_flip():
            continue
        hit = _among(entry, current, what_if) if entry.values else _along(entry, float(current), what_if)
        if hit is not None:
            found.append((hit[1], _told(entry, current, hit[0], verdict)))
    found.sort(key=lambda pair: (pair[0], pair[1].requirement))
    return tuple(s for _, s in found)


def current_value(entry: RangeEntry, facts: Facts, workload: Workload) -> Any:
    """The value used: known, else the stated default where the entry says so; None when there is neither."""
    value = getattr(facts, entry.fact)
    return getattr(workload, entry.fact) if value is None and entry.assumed else value


def _among(entry: RangeEntry, current: Any, what_if: WhatIf) -> Hit | None:
    """The value of a closed vocabulary nearest to the current one that flips the verdict, and its distance."""
    values = list(entry.values)
    here = values.index(current) if current in values else 0
    for place in sorted(range(len(values)), key=lambda i: (abs(i - here), i)):
        value = values[place]
        if value != current and what_if.flips(value) and what_if.confirmed(value):
            return value, abs(place - here) / len(values)
    return None


def _along(entry: RangeEntry, current: float, what_if: WhatIf) -> Hit | None:
    """The nearest number that flips the verdict, either side, and the share of the range crossed."""
    low, high = entry.bounds
    here = min(max(current, low), high)
    hits = []
    for far in (low, high):
        if far == here:
            continue
        stop = _stop(entry, here, far, what_if)
        threshold = None if stop is None else _bisected(entry, here, stop, what_if)
        if threshold is not None:
            hits.append((threshold, abs(log(threshold / here)) / log(high / low)))
    return min(hits, key=lambda hit: hit[1]) if hits else None


def _stop(entry: RangeEntry, here: float, far: float, what_if: WhatIf) -> float | None:
    """A value on the way to `far` at which the verdict is the other one; None when there is none.

    The far end is asked, and the geometric middle where reasoning alone expects a flip there: a verdict that flips
    there and back is rare, but seen.
    """
    middle = _rounded(exp((log(here) + log(far)) / 2), entry)
    if what_if.guess(middle) and middle not in (here, far) and what_if.flips(middle):
        return middle
    return far if what_if.flips(far) else None


def _bisected(entry: RangeEntry, here: float, stop: float, what_if: WhatIf) -> float | None:
    """The value nearest to `here` that still flips, to the entry's precision; both sides of it are evaluated.

    Found by reasoning first; where an evaluation says otherwise, the search is done again by evaluations.
    """
    for ask in (what_if.guess, what_if.confirmed):
        best, last = _narrowed(entry, here, stop, ask)
        if what_if.confirmed(best) and (last == here or not what_if.confirmed(last)):
            return best
    return None


def _narrowed(entry: RangeEntry, keeps: float, flips: float, ask: Callable[[float], bool]) -> tuple[float, float]:
    """The nearest values on both sides of the flip: one that flips, one that does not."""
    for _ in range(MOST_STEPS):
        if abs(log(flips / keeps)) <= entry.ratio:
            break
        value = _rounded(exp((log(keeps) + log(flips)) / 2), entry)
        if value in (keeps, flips) or not min(keeps, flips) < value < max(keeps, flips):
            break
        if ask(value):
            flips = value
        else:
            keeps = value
    return flips, keeps


def _rounded(value: float, entry: RangeEntry) -> float:
    """`value` to a few significant digits, whole where only whole numbers make sense, inside of the range."""
    made = round(value, DIGITS - 1 - floor(log10(abs(value))))
    if entry.whole:
        made = float(round(made))
    low, high = entry.bounds
    return min(max(made, low), high)


def _told(entry: RangeEntry, current: Any, threshold: Any, verdict: Verdict) -> Sensitivity:
    beyond: Approach = "prompt_engineering" if verdict.approach == "fine_tuning" else "fine_tuning"
    how = "With" if entry.values else "At or above" if threshold > current else "At or below"
    stated = getattr(verdict.situation.facts, entry.fact) is not None
    here, there = as_shown(entry.fact, current), as_shown(entry.fact, threshold)
    now = f"now {here}" if stated else f"{here} assumed"
    moved = f"{how} {there}{' ' if entry.fact in COUNTED else ' for '}{entry.label} ({now})"
    return Sensitivity(
        requirement=entry.fact,
        current=current,
        threshold=threshold,
        approach_beyond=beyond,
        text=f"{moved}, the advice becomes {IN_WORDS[beyond]}.",
    )
