"""What would flip the verdict: each requirement is moved over its plausible range until it does."""

from collections.abc import Callable
from math import exp, floor, log, log10
from typing import Any

from app.decision.book import DecisionBook
from app.decision.conditions import Situation
from app.decision.entries import RangeEntry
from app.decision.odds import Verdict
from app.decision.reach import Reach, changed, reach_of
from app.decision.words import as_text
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
IN_WORDS: dict[Approach, str] = {"prompt_engineering": "prompting", "fine_tuning": "fine-tuning"}


class WhatIf:
    """Asks whether another value of one fact flips the verdict; evaluates only where the reach leaves it open."""

    def __init__(self, fact: str, verdict: Verdict, book: DecisionBook, evaluate: Evaluate) -> None:
        now = verdict.situation
        self.reach: Reach = reach_of(fact, now.facts, verdict, book)
        self._fact, self._verdict, self._now, self._book = fact, verdict, now, book
        self._evaluate = evaluate
        self._known: dict[Any, bool] = {}

    def flips(self, value: Any) -> bool:
        """The verdict with `value` is the other one; reasoned where that is certain, else evaluated."""
        if value not in self._known:
            facts = changed(self._now.facts, self._fact, value)
            reasoned = self.reach.flips(Situation(facts, self._now.scores, self._now.comparison), self._book)
            self._known[value] = self._evaluated(facts) if reasoned is None else reasoned
        return self._known[value]

    def confirmed(self, value: Any) -> bool:
        """The same, always by evaluating the whole pipeline."""
        self._known[value] = self._evaluated(changed(self._now.facts, self._fact, value))
        return self._known[value]

    def _evaluated(self, facts: Facts) -> bool:
        return self._evaluate(facts).approach != self._verdict.approach


def sensitivity(
    facts: Facts, workload: Workload, verdict: Verdict, book: DecisionBook, evaluate: Evaluate
) -> tuple[Sensitivity, ...]:
    """Thresholds at which the verdict flips, nearest first (by the share of the range that is crossed).

    Every threshold was evaluated: there the verdict is the other one, and at the last value before it that was
    evaluated the verdict stays.
    """
    found: list[tuple[float, Sensitivity]] = []
    for entry in book.ranges:
        current = current_value(entry.fact, facts, workload)
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


def current_value(fact: str, facts: Facts, workload: Workload) -> Any:
    """The value used: known, else the workload's stated default; None when there is neither."""
    value = getattr(facts, fact)
    return value if value is not None else getattr(workload, fact, None)


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
        middle = exp((log(here) + log(far)) / 2)
        # The far end and, before it, the geometric middle: a verdict that flips there and back is rare but seen.
        stop = next((s for s in (middle, far) if s != here and what_if.flips(_rounded(s, entry))), None)
        threshold = None if stop is None else _bisected(entry, here, stop, what_if)
        if threshold is not None:
            hits.append((threshold, abs(log(threshold / here)) / log(high / low)))
    return min(hits, key=lambda hit: hit[1]) if hits else None


def _bisected(entry: RangeEntry, keeps: float, flips: float, what_if: WhatIf) -> float | None:
    """The value nearest to `keeps` that still flips, to the entry's precision; both sides are evaluated.

    Where reasoning and evaluation differ, the search goes on with evaluations; None when nothing flips after all.
    """
    best, last = _rounded(flips, entry), keeps
    for ask in (what_if.flips, what_if.confirmed):
        best, last = _narrowed(entry, last, best, ask)
        if what_if.confirmed(best) and (last == keeps or not what_if.confirmed(last)):
            return best
        best, last = _rounded(flips, entry), keeps
    return best if what_if.confirmed(best) else None


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
    moved = f"{how} {as_text(threshold)} for {entry.label} (now {as_text(current)})"
    return Sensitivity(
        requirement=entry.fact,
        current=current,
        threshold=threshold,
        approach_beyond=beyond,
        text=f"{moved}, the advice becomes {IN_WORDS[beyond]}.",
    )
