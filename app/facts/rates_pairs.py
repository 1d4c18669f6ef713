"""Numbers and periods that belong together: `9,000 exchanges a day`, `every night 80,000 claims`."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from app.facts.lexicon import word_set
from app.facts.numbers import ONCE, VAGUE, Number
from app.facts.scope import BIT, Marked
from app.facts.units import TIME_UNITS, Period, currency_of, percent_after

VOLUME = BIT["volume"]
MAX_NOUN_WORDS = 9
"""Tokens between a number and its period: `1,500 mails go back and forth daily`."""
MAX_SLASH_WORDS = 3
"""Tokens between a number and `/day`."""
MAX_LEAD_WORDS = 12
"""Tokens between a leading period and its number: `every night we have to look at 80,000`."""
_BREAKS = frozenset(",:;")
_NOT_COUNTED = word_set("not_counted")
_OPENERS = word_set("clause_openers")
_SUBJECTS = word_set("subjects")
_BATCHES = word_set("batch_words")
_DIRECT: tuple[list[str], ...] = ([], [","], ["="], ["~"], ["≈"])
_OF_THEM = (["of", "them"], ["of", "these"])
_HOLDS_BACK = frozenset(("within", "under", "below", "of", "than", "to", "after", "at"))
"""Words right before a figure that belongs to something else than the period."""
_NOT_PART = frozenset(("one", "any", "each", "most", "out", "some"))
"""`one of 38 codes` is no `batch of 38`."""


@dataclass(slots=True)
class Counts:
    """The numbers of a text that may count something, and which of them are spoken for."""

    numbers: list[Number]
    """All but those that are units of time, money, shares and names; vague ones are kept: they own their period."""
    firsts: list[int]
    lasts: list[int]
    claimed: set[int]

    def take(self, number: Number) -> Number:
        self.claimed.add(number.first)
        return number


def is_count(marked: Marked, number: Number) -> bool:
    """A plain count: no name, year, money, duration, share or size."""
    tokens = marked.tokens
    words, last = tokens.words, number.last
    if number.identifier or tokens.quoted[number.first] or number.suffix == "fraction" or number.value <= 0:
        return False
    after = words[last : last + 2]
    if after and (
        (after[0] in _NOT_COUNTED and tokens.text[tokens.ends[last] : tokens.ends[last] + 1] != "-")
        or (after[0] in TIME_UNITS)
    ):
        return False
    if len(after) > 1 and after[1] in ("days", "hours", "minutes", "seconds") and after[0].isalpha():
        return False
    if number.attached or percent_after(words, number) or (number.year and not (after and after[0][0].isalpha())):
        return False
    return currency_of(tokens, number) is None


def pairs_of(marked: Marked, periods: list[Period], counts: Counts) -> list[tuple[Period, Number]]:
    """Each period with its number: first what stands before it, then what follows the periods left over."""
    pairs: list[tuple[Period, Number]] = []
    left: list[Period] = []
    previous_end = 0
    for period in periods:
        number = _number_before(marked, period, previous_end, counts)
        previous_end = period.last
        if number is None:
            left.append(period)
        else:
            after = _number_after(marked, period, counts) if number.suffix == ONCE else None
            pairs.append((period, counts.take(after or number)))
    for period in left:
        number = None if period.interval else _number_after(marked, period, counts)
        if number is not None:
            pairs += [(period, counts.take(number))]
    return pairs


def _number_before(marked: Marked, period: Period, previous_end: int, counts: Counts) -> Number | None:
    """The number that stands right before its period, `9,000 exchanges a day`, with no other period between."""
    at = bisect_right(counts.lasts, period.first) - 1
    if at >= 0 and at and _is_size(marked, counts.numbers[at], counts.numbers[at - 1], period):
        at -= 1
    if at < 0 or period.adjective:
        return None
    number = counts.numbers[at]
    tokens = marked.tokens
    distance = period.first - number.last
    if (period.slash and distance > MAX_SLASH_WORDS) or (number.suffix == ONCE and distance):
        return None
    if distance > MAX_NOUN_WORDS or number.first in counts.claimed or number.last < previous_end:
        return None
    if tokens.sentence[number.first] != tokens.sentence[period.first]:
        return None
    between = tokens.words[number.last : period.first]
    breaks = sum(w in _BREAKS for w in between)
    if (
        breaks
        and not ((period.adverb or period.night) and breaks == 1 and ":" not in between)
        and "average" not in between
    ):
        return None
    if (distance > 1 and _others_between(marked, number, period)) or (number.year and distance > 1):
        return None
    if (")" in between and "(" not in between) or not _SUBJECTS.isdisjoint(between):
        return None
    shared = "per" in between or "each" in between
    return None if number.in_words and number.value == 1 and not shared and (distance > 2 or period.adverb) else number


def _is_size(marked: Marked, number: Number, earlier: Number, period: Period) -> bool:
    """`12,000 invoices with up to 8 pages a day`, `40,000 letters (3 pages each) a day`: the size is not the count."""
    words = marked.tokens.words
    sentence = marked.tokens.sentence
    if (
        period.first - earlier.last > MAX_NOUN_WORDS
        or earlier.suffix == VAGUE
        or sentence[earlier.first] != sentence[number.first]
    ):
        return False
    closed = ")" in words[number.last : period.first] and "(" in words[earlier.last : number.first]
    return closed or words[number.last : number.last + 1] in (["pages"], ["lines"], ["fields"], ["paragraphs"])


def _others_between(marked: Marked, number: Number, period: Period) -> list[Number]:
    """Numbers right before the period that count something else: `4 minutes a day`, `12 dollars a month`."""
    return [n for n in marked.numbers_within(number.last, period.first) if period.first - n.last <= 2]


def _number_after(marked: Marked, period: Period, counts: Counts) -> Number | None:
    """The number behind a period that opens its clause or speaks of volume: `every night 80,000 claims`."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    low, high = bisect_left(counts.firsts, period.last), bisect_right(counts.firsts, period.last + MAX_LEAD_WORDS)
    number = next((n for n in counts.numbers[low:high] if n.first not in counts.claimed), None)
    if number is None or sentence[number.first] != sentence[period.first]:
        return None
    if number.year or 0 < number.value < 1 or (number.value == 1 and number.in_words):
        return None
    between = words[period.last : number.first]
    if between in _DIRECT or words[number.last : number.last + 2] in _OF_THEM:
        return number
    spoken = bool(marked.near(period.first, period.last, 2, 1) & VOLUME)
    named = between[:1] == [":"] or not _BATCHES.isdisjoint(between[:1])
    if not (spoken or named or _opens(marked, period)) or "for" in between[-2:]:
        return None
    part = between[-1:] == ["of"] and len(between) > 1 and between[-2] not in _NOT_PART
    return number if spoken or part or between[-1] not in _HOLDS_BACK else None


def _opens(marked: Marked, period: Period) -> bool:
    """The period opens its clause: `Every night 80,000 claims ...`, `Per month: ...`."""
    first = period.first
    return first == 0 or marked.clause[first - 1] != marked.clause[first] or marked.tokens.words[first - 1] in _OPENERS
