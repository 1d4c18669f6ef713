"""Bare figures that take over the period of the rate before them: `400 a day then, 12,000 now`."""

from bisect import bisect_left
from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.rates_pairs import MAX_LEAD_WORDS, Counts
from app.facts.scope import FOREIGN, NEGATION, PAST_VERB, PLANNED, Marked
from app.facts.units import DAY, Period

NEGATION_REACH = 4
"""Tokens before a figure in which `not` denies it."""
MAX_SINCE_WORDS = 5
"""Tokens from `after` to its figure: `after the migration 15,000`."""
MAX_ELIDED_WORDS = 24
"""Tokens between a rate and a bare figure that takes over its period."""
_ELIDED_BEFORE, _BARE_BEHIND, _MONTHS = word_set("elided_before"), word_set("bare_behind"), word_set("months")
_ELIDED_PLANNED, _ELIDED_CURRENT, _ELIDED_OWN = (
    word_set("elided_planned"),
    word_set("elided_current"),
    word_set("elided_own"),
)
_OURS = word_set("our_words")
RANGE_RANK, MAX_RANGE = 2.1, 2.5
"""A little above the plain rate; what is farther off is an exception, no range."""
_SINCE = frozenset(("after", "once", "from", "since"))
_OLD_ENDS = frozenset(("up", "down", "risen", "rising", "away", "grown"))
"""Before `from`: what it was, `up from 3,100`."""


def read_elided(marked: Marked, period: Period, number: Number, counts: Counts) -> Iterator[Quantity]:
    """`400 a day then, 12,000 now`: bare figures soon after a rate that take over its period."""
    tokens, after = marked.tokens, max(period.last, number.last)
    at = bisect_left(counts.firsts, after)
    for other in counts.numbers[at : at + 2]:
        if other.first - after > MAX_ELIDED_WORDS or tokens.sentence[other.first] > tokens.sentence[after - 1] + 1:
            return
        rank: float | None = _elided_rank(marked, other)
        if _is_upper_end(marked, other, number):
            rank = RANGE_RANK
        if rank is None or other.first in counts.claimed or other.value < 2 or other.year:
            continue
        if (
            marked.scope(other.first, other.last) & (FOREIGN & ~PAST_VERB)
            or marked.ahead(other.first, NEGATION_REACH) & NEGATION
        ):
            continue
        counts.take(other)
        yield quantity(
            marked, "requests_per_day", other.value * DAY / period.seconds, other.first, other.last, rank=rank
        )


def _is_upper_end(marked: Marked, other: Number, number: Number) -> bool:
    """`35 quizzes a week, sometimes 40`, `a question a week, perhaps two`: a range takes its upper end."""
    words = marked.tokens.words
    behind = words[other.last] if other.last < len(words) else "."
    before = words[other.first - 1]
    return (
        number.value < other.value <= MAX_RANGE * number.value
        and before in ("sometimes", "perhaps", "maybe", "possibly", "occasionally", "even", "times")
        and behind in _BARE_BEHIND
    )


def _elided_rank(marked: Marked, number: Number) -> int | None:
    """How surely a bare figure is a rate: it ends its phrase, and a word of time or ownership stands beside it."""
    words, clause = marked.tokens.words, marked.clause
    behind = words[number.last] if number.last < len(words) else "."
    before = words[number.first - 1] if number.first else ""
    if before == "to" and "from" in words[max(0, number.first - 3) : number.first]:
        return None  # from midnight to seven
    if before == "from" and words[number.first - 2] in _OLD_ENDS:
        return None  # up from 3,100
    if "alone" in words[max(0, number.first - 3) : number.first] or words[number.last : number.last + 2] == [
        "from",
        "before",
    ]:
        return None  # ours alone: 3,100
    introduced = before in _ELIDED_BEFORE or before in _MONTHS or marked.ahead(number.first, 1) & PLANNED
    ours = not _OURS.isdisjoint(words[max(0, number.first - 3) : number.first])
    today = behind in _ELIDED_CURRENT
    head = number.first
    while head and clause[head - 1] == clause[number.first] and number.first - head <= MAX_SINCE_WORDS:
        head -= 1
    since = words[head] in _SINCE and (head == 0 or clause[head - 1] != clause[head])
    if behind not in _BARE_BEHIND or not (introduced or ours or today or since):
        return None
    if today:
        return 1
    here = {clause[number.first]}
    if clause[number.first - 1] not in here:
        here.add(clause[number.first - 1])
    start = max(0, number.first - MAX_LEAD_WORDS)
    if before == ":":
        same = marked.tokens.sentence[number.first]
        here |= {clause[k] for k in range(start, number.first) if marked.tokens.sentence[k] == same}
    near = {words[k] for k in range(start, number.first) if clause[k] in here} | {behind}
    if marked.ahead(number.first, 2) & PLANNED or (ours and "ours" in near):
        return 4
    if not _ELIDED_PLANNED.isdisjoint(near):
        return 4
    if not _ELIDED_OWN.isdisjoint(near):
        return 2
    return 1 if not _ELIDED_CURRENT.isdisjoint(near) else None
