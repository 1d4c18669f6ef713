"""What would flip the verdict: each requirement is moved over its plausible range until it does."""

from collections.abc import Callable, Iterator
from math import exp, floor, log, log10
from typing import Any

from app.decision.book import DecisionBook, RangeEntry
from app.decision.odds import Verdict
from app.decision.reach import changed, could_flip
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


def sensitivity(
    facts: Facts, workload: Workload, verdict: Verdict, book: DecisionBook, evaluate: Evaluate
) -> tuple[Sensitivity, ...]:
    """Thresholds at which the verdict flips, nearest first (by the share of the range that is crossed).

    Every threshold was evaluated: there the verdict is the other one, and the value before it keeps the verdict.
    """
    found: list[tuple[float, Sensitivity]] = []
    for entry in book.ranges:
        current = current_value(entry.fact, facts, workload)
        if current is None or not could_flip(entry.fact, verdict, book):
            continue
        search = _among if entry.values else _along
        hit = search(entry, facts, current, verdict, evaluate)
        if hit is not None:
            found.append((hit[1], _told(entry, current, hit[0], verdict)))
    found.sort(key=lambda pair: (pair[0], pair[1].requirement))
    return tuple(s for _, s in found)


def current_value(fact: str, facts: Facts, workload: Workload) -> Any:
    """The value used: known, else the workload's stated default; None when there is neither."""
    value = getattr(facts, fact)
    return value if value is not None else getattr(workload, fact, None)


def _among(entry: RangeEntry, facts: Facts, current: Any, verdict: Verdict, evaluate: Evaluate) -> Hit | None:
    """The value of a closed vocabulary nearest to the current one that flips the verdict, and its distance."""
    values = list(entry.values)
    here = values.index(current) if current in values else 0
    for place in sorted(range(len(values)), key=lambda i: (abs(i - here), i)):
        if values[place] != current and _flips(facts, entry.fact, values[place], verdict, evaluate):
            return values[place], abs(place - here) / len(values)
    return None


def _along(entry: RangeEntry, facts: Facts, current: float, verdict: Verdict, evaluate: Evaluate) -> Hit | None:
    """The nearest number that flips the verdict, either side, and the share of the range crossed."""
    low, high = entry.bounds
    here = min(max(float(current), low), high)
    whole = log(high / low)
    hits = []
    for far in (low, high):
        if far == here:
            continue
        for stop in _grid(here, far):
            if _flips(facts, entry.fact, _rounded(stop, entry), verdict, evaluate):
                threshold = _bisected(entry, facts, here, stop, verdict, evaluate)
                hits.append((threshold, abs(log(threshold / here)) / whole))
                break
    return min(hits, key=lambda hit: hit[1]) if hits else None


def _grid(here: float, far: float) -> Iterator[float]:
    """The far end and, before it, the geometric middle: a verdict that flips there and back is rare but seen."""
    yield exp((log(here) + log(far)) / 2)
    yield far


def _bisected(
    entry: RangeEntry, facts: Facts, keeps: float, flips: float, verdict: Verdict, evaluate: Evaluate
) -> float:
    """The value nearest to `keeps` that still flips, to the entry's precision and `DIGITS` digits."""
    start, best = keeps, _rounded(flips, entry)
    for _ in range(MOST_STEPS):
        if abs(log(flips / keeps)) <= entry.ratio or (entry.whole and abs(flips - keeps) <= 1):
            break
        middle = exp((log(keeps) + log(flips)) / 2)
        value = _rounded(middle, entry)
        if value == best or not _between(start, value, best):
            break
        if _flips(facts, entry.fact, value, verdict, evaluate):
            flips, best = value, value
        else:
            keeps = value
    return best


def _between(start: float, value: float, end: float) -> bool:
    return min(start, end) <= value <= max(start, end)


def _rounded(value: float, entry: RangeEntry) -> float:
    """`value` to a few significant digits, whole where only whole numbers make sense, inside of the range."""
    digits = DIGITS - 1 - floor(log10(abs(value)))
    made = round(value, digits)
    if entry.whole:
        made = float(round(made))
    low, high = entry.bounds
    return min(max(made, low), high)


def _flips(facts: Facts, fact: str, value: Any, verdict: Verdict, evaluate: Evaluate) -> bool:
    return evaluate(changed(facts, fact, value)).approach != verdict.approach


def _told(entry: RangeEntry, current: Any, threshold: Any, verdict: Verdict) -> Sensitivity:
    beyond: Approach = "prompt_engineering" if verdict.approach == "fine_tuning" else "fine_tuning"
    numeric = not entry.values
    how = ("At or above" if threshold > current else "At or below") if numeric else "With"
    moved = f"{how} {as_text(threshold)} for {entry.label} (now {as_text(current)})"
    return Sensitivity(
        requirement=entry.fact,
        current=current,
        threshold=threshold,
        approach_beyond=beyond,
        text=f"{moved}, the advice becomes {IN_WORDS[beyond]}.",
    )
