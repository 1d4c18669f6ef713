"""Limits on the whole answer and on its first token."""

from collections.abc import Iterator

from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, FOREIGN, HYPOTHETICAL, NEGATION, PAST, RIVAL, Marked
from app.facts.units import HOUR, MINUTE, TIME_UNITS

LIMIT, WAIT, FIRST, WHOLE = BIT["limit"], BIT["wait"], BIT["first_token"], BIT["whole"]
LASTING, SPENT, CURRENT = BIT["duration_thing"], BIT["machine_time"], BIT["current"]
_BEFORE_A_SECOND = frozenset(["in", "within", "under", "inside", "of", "below", "about", "than", "after", "a", "to", "by", "one"])
_PERCENTILES = {"p50": 0, "median": 0, "p75": 1, "p80": 1, "p90": 2, "p95": 3, "p98": 2, "p99": 2}


def read_times(marked: Marked) -> Iterator[Quantity]:
    """Latency limits of the text; the 95th percentile ranks above others, they above the median."""
    tokens = marked.tokens
    words = tokens.words
    for number in marked.numbers:
        duration = _duration(marked, number)
        if duration is None:
            continue
        seconds, last = duration
        if tokens.quoted[number.first] or _is_rate_or_length(marked, number, last):
            continue
        near = marked.near(number.first, last, 10, 6)
        clause = marked.masks[marked.clause[number.first]]
        if not _is_limit(marked, number, last, seconds, near | clause):
            continue
        rank = _percentile_rank(words, number.first, last)
        first_token = _is_first_token(marked, number, last)
        name = "time_to_first_token_p95_seconds" if first_token else "latency_p95_seconds"
        yield quantity(marked, name, seconds, number.first, last, rank=rank)
    yield from _bare_seconds(marked)


def _duration(marked: Marked, number: Number) -> tuple[float, int] | None:
    """Seconds and the token after the unit, when a time unit follows: `2 s`, `half a second`, `a second and a half`."""
    words = marked.tokens.words
    last = number.last
    while last < len(words) and last < number.last + 2 and words[last] in ("of", "a", "full", "whole", "or"):
        last += 1
    if last >= len(words) or (unit := TIME_UNITS.get(words[last])) is None or number.identifier:
        return None
    if number.suffix and number.suffix not in ("word", "fraction", "couple"):
        return None
    value = number.value
    if words[last + 1 : last + 4] == ["and", "a", "half"]:
        value, last = value + 0.5, last + 3
    return value * unit, last + 1


def _is_rate_or_length(marked: Marked, number: Number, last: int) -> bool:
    """`every 10 seconds`, `8 hours a day`, `a 90-second clip`, `3 days of training`."""
    words = marked.tokens.words
    before = words[number.first - 1] if number.first else ""
    after = words[last : last + 2]
    if before in ("every", "per", "last", "past", "each") or after[:1] in (
        ["a"],
        ["per"],
        ["of"],
        ["long"],
        ["old"],
        ["ago"],
        ["each"],
        ["apart"],
        ["/"],
    ):
        return not (after[:1] in (["per"], ["a"], ["each"], ["/"], ["of"]) and _per_answer(after))
    return bool(marked.near(last, last, 0, 2) & LASTING) and not marked.near(number.first, last, 2, 0) & LIMIT


def _per_answer(after: list[str]) -> bool:
    return len(after) > 1 and after[1].startswith(
        (
            "answer",
            "request",
            "reply",
            "turn",
            "call",
            "query",
            "wait",
            "silence",
            "lag",
            "delay",
            "item",
            "page",
            "message",
        )
    )


def _is_limit(marked: Marked, number: Number, last: int, seconds: float, mask: int) -> bool:
    scope = marked.scope(number.first)
    if scope & (RIVAL | HYPOTHETICAL) or (scope & PAST and not marked.near(number.first, last, 4, 3) & LIMIT):
        return False
    if (
        marked.near(number.first, number.first, 6, 0) & NEGATION
        and not marked.near(number.first, number.first, 2, 0) & LIMIT
    ):
        return False
    if mask & SPENT and mask & CURRENT:
        return False
    close = marked.near(number.first, last, 4, 4)
    if seconds >= MINUTE:
        return bool(close & LIMIT and close & WAIT) or bool(
            marked.near(number.first, last, 2, 1) & LIMIT and seconds < 100 * HOUR
        )
    return bool(mask & (LIMIT | WAIT)) or seconds < 1


def _percentile_rank(words: list[str], first: int, last: int) -> int:
    near = words[max(0, first - 4) : first] + words[last : last + 4]
    return max((rank for word, rank in _PERCENTILES.items() if word in near), default=1)


def _is_first_token(marked: Marked, number: Number, last: int) -> bool:
    """A cue of the first words in the clause, nearer than one of the whole answer."""
    c = marked.clause[number.first]
    mask = marked.masks[c]
    if mask & FIRST:
        return not mask & WHOLE
    if mask & WHOLE:
        return False
    return bool(marked.near(number.first, last, 6, 5) & FIRST) and not marked.near(number.first, last, 3, 3) & WHOLE


def _bare_seconds(marked: Marked) -> Iterator[Quantity]:
    """`in a second`, `sub-second`, `within the second`."""
    words = marked.tokens.words
    for i, word in enumerate(words):
        if word not in ("second", "subsecond") or marked.tokens.quoted[i] or i == 0:
            continue
        if marked.near(i, i, 5, 0) & NEGATION or marked.scope(i) & FOREIGN:
            continue
        if word == "subsecond" or words[i - 1] == "sub":
            yield quantity(marked, "latency_p95_seconds", 1.0, i, i + 1, rank=0)
        elif (
            words[i - 1] in ("a", "one", "the")
            and i > 1
            and words[i - 2] in ("in", "within", "under", "inside", "than", "below")
        ):
            name = "time_to_first_token_p95_seconds" if _near_first(marked, i) else "latency_p95_seconds"
            yield quantity(marked, name, 1.0, i - 2, i + 1, rank=0)


def _near_first(marked: Marked, i: int) -> bool:
    mask = marked.masks[marked.clause[i]]
    return bool(mask & FIRST) and not mask & WHOLE
