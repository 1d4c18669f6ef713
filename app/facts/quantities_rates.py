"""Requests a day and peak requests a second: numbers beside periods, multiplied out over members and opening hours."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from app.facts.lexicon import word_set
from app.facts.numbers import VAGUE, Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, CURRENT, FOREIGN, NEGATION, PAST, PAST_VERB, PLANNED, Marked
from app.facts.units import DAY, HOUR, QUARTER, TIME_UNITS, WEEK, YEAR, Period, currency_of, percent_after

PEAK, SUSTAINED, EACH_OF, VOLUME = BIT["peak"], BIT["sustained"], BIT["each_of"], BIT["volume"]
MAX_NOUN_WORDS = 9
"""Tokens between a number and its period: `1,500 mails go back and forth daily`."""
MAX_LEAD_WORDS = 10
"""Tokens between a leading period and its number: `every night we have to look at 80,000`."""
MAX_MEMBER_WORDS = 14
"""Tokens between a rate and the members that it holds for each of."""
MAX_RESULT_WORDS = 8
MIN_YEARLY = 1000
"""Fewer a year are workshops and contracts, no load worth the name."""
HOURS_PER_DAY = 24
_BREAKS = frozenset(",:;")
_NOT_COUNTED = word_set("not_counted")
_CHANGE = word_set("change_words")
_ARRIVAL = word_set("arrival_words")
_OPENERS = word_set("clause_openers")
_MONEY_BEFORE = word_set("money_before")
_LOSS_BEFORE = word_set("loss_before")
_RESULT_WORDS, _RESULT_PAIRS = word_set("result_words"), word_set("result_pairs")
_ONCE = {"once": 1.0, "twice": 2.0, "thrice": 3.0}


@dataclass(slots=True)
class _Counts:
    """The numbers of a text that may count something, and which of them are spoken for."""

    numbers: list[Number]
    """All but those that are units of time, money, shares and names; vague ones are kept: they own their period."""
    firsts: list[int]
    lasts: list[int]
    claimed: set[int]

    def take(self, number: Number) -> Number:
        self.claimed.add(number.first)
        return number


def read_rates(marked: Marked) -> Iterator[Quantity]:
    """Daily requests and peaks that the text states, all of them; ranks tell which to believe."""
    numbers = [n for n in marked.numbers if n.suffix == VAGUE or _countable(marked, n)]
    counts = _Counts(numbers, [n.first for n in numbers], [n.last for n in numbers], set())
    periods = [p for p in marked.periods if not marked.tokens.quoted[p.first]]
    pairs = _pairs(marked, periods, counts)
    for period, number in pairs:
        if number.suffix != VAGUE:
            yield from _rate(marked, period, number, counts)
    if not pairs:
        yield from _happenings(marked, periods)


def _countable(marked: Marked, number: Number) -> bool:
    """A plain count: no name, year, money, duration, share or size."""
    tokens = marked.tokens
    words, last = tokens.words, number.last
    if number.identifier or tokens.quoted[number.first] or number.suffix == "fraction" or number.value <= 0:
        return False
    after = words[last : last + 2]
    if after and (after[0] in _NOT_COUNTED or (after[0] in TIME_UNITS and after[0] not in ("s", "d", "second", "day"))):
        return False
    if len(after) > 1 and after[1] in ("days", "hours", "minutes", "seconds") and after[0].isalpha():
        return False
    if number.attached or percent_after(words, number) or (number.year and not (after and after[0][0].isalpha())):
        return False
    return currency_of(tokens, number) is None


def _pairs(marked: Marked, periods: list[Period], counts: _Counts) -> list[tuple[Period, Number]]:
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
            pairs.append((period, counts.take(number)))
    for period in left:
        if not period.interval and (number := _number_after(marked, period, counts)) is not None:
            pairs.append((period, counts.take(number)))
    return pairs


def _number_before(marked: Marked, period: Period, previous_end: int, counts: _Counts) -> Number | None:
    """The number that stands right before its period, `9,000 exchanges a day`, with no other period between."""
    at = bisect_right(counts.lasts, period.first) - 1
    if at < 0:
        return None
    number = counts.numbers[at]
    tokens = marked.tokens
    distance = period.first - number.last
    if distance > MAX_NOUN_WORDS or number.first in counts.claimed or number.first < previous_end:
        return None
    if tokens.sentence[number.first] != tokens.sentence[period.first]:
        return None
    between = tokens.words[number.last : period.first]
    breaks = sum(w in _BREAKS for w in between)
    if breaks and not ((period.adverb or period.night) and breaks == 1 and ":" not in between):
        return None
    if distance > 1 and any(n.first >= number.last for n in _others_between(marked, number, period)):
        return None
    if number.year and distance > 1:
        return None
    return None if number.in_words and number.value == 1 and (distance > 2 or period.adverb) else number


def _others_between(marked: Marked, number: Number, period: Period) -> list[Number]:
    """Numbers right before the period that count something else: `4 minutes a day`, `12 dollars a month`."""
    return [n for n in marked.numbers_within(number.last, period.first) if period.first - n.last <= 2]


def _number_after(marked: Marked, period: Period, counts: _Counts) -> Number | None:
    """The number behind a period that opens its clause or speaks of volume: `every night 80,000 claims`."""
    tokens = marked.tokens
    at = bisect_left(counts.firsts, period.last)
    while at < len(counts.numbers) and counts.numbers[at].first in counts.claimed:
        at += 1
    if at >= len(counts.numbers):
        return None
    number = counts.numbers[at]
    if number.first - period.last > MAX_LEAD_WORDS or tokens.sentence[number.first] != tokens.sentence[period.first]:
        return None
    if number.year or 0 < number.value < 1 or (number.value == 1 and number.in_words):
        return None
    between = tokens.words[period.last : number.first]
    spoken = marked.near(period.first, period.last, 2, 1) & VOLUME
    if not (spoken or between[:1] == [":"] or _opens(marked, period)):
        return None
    if between[-1:] and between[-1] in ("within", "under", "below", "of", "than", "to", "after", "at"):
        return number if spoken and between[-1] in ("of", "to", "at") else None
    return number


def _opens(marked: Marked, period: Period) -> bool:
    """The period opens its clause: `Every night 80,000 claims ...`, `Per month: ...`."""
    first = period.first
    return first == 0 or marked.clause[first - 1] != marked.clause[first] or marked.tokens.words[first - 1] in _OPENERS


def _rate(marked: Marked, period: Period, number: Number, counts: _Counts) -> Iterator[Quantity]:
    first, last = min(period.first, number.first), max(period.last, number.last)
    if _is_foreign(marked, number, period) or _is_no_load(marked, number, period, first, last):
        return
    around = marked.near(first, last, 4, 6) | marked.masks[marked.clause[number.first]]
    rank = 3 if around & PLANNED else 1 if around & CURRENT else 2
    per_second = number.value / period.seconds
    if around & PEAK and not around & SUSTAINED and period.seconds <= HOUR:
        yield quantity(marked, "peak_requests_per_second", per_second, first, last, rank=rank)
        return
    per_day = per_second * (_open_seconds(marked, number) if period.seconds <= HOUR else DAY)
    members = _members(marked, number, period, counts)
    if members is not None:
        stated = _stated_result(marked, max(last, members.last), counts)
        per_day = stated.value if stated is not None else per_day * members.value
        first, last = min(first, members.first), max(last, members.last)
    elif period.seconds >= YEAR:
        if number.value < MIN_YEARLY:
            return
        rank -= 1
    yield quantity(marked, "requests_per_day", per_day, first, last, rank=rank)


def _is_foreign(marked: Marked, number: Number, period: Period) -> bool:
    """Somebody else's figure, or of another time; one that its own clause calls planned is not past."""
    scope = marked.scope(number.first, number.last)
    if marked.clause[period.first] != marked.clause[number.first]:
        scope |= marked.scope(period.first, period.last)
    if marked.masks[marked.clause[number.first]] & PLANNED:
        scope &= ~(PAST | PAST_VERB)
    return bool(scope & FOREIGN)


def _is_no_load(marked: Marked, number: Number, period: Period, first: int, last: int) -> bool:
    """Denied, lost, paid, or how often something changes."""
    words = marked.tokens.words
    before = words[max(0, first - 5) : first]
    if marked.near(number.first, number.first, 2, 0) & NEGATION or not _LOSS_BEFORE.isdisjoint(before[-3:]):
        return True
    bare = abs(period.first - number.last) <= 0
    if bare and not _MONEY_BEFORE.isdisjoint(before):
        return True
    close = before + words[number.last : period.first]
    return "times" in words[number.last : number.last + 1] and not _CHANGE.isdisjoint(close)


def _open_seconds(marked: Marked, number: Number) -> float:
    """Seconds of a day in which a rate holds: `eight hours a day` near by in the same sentence, else all of them."""
    words = marked.tokens.words
    sentence = marked.tokens.sentence
    for other in marked.numbers_within(number.last, number.last + MAX_MEMBER_WORDS):
        if sentence[other.first] != sentence[number.first] or other.last >= len(words):
            break
        after = words[other.last + 1 : other.last + 2]
        daily = after in (["a"], ["per"], ["/"], ["each"], ["every"], ["daily"])
        if words[other.last] in ("hours", "h", "hrs", "hour") and daily and 0 < other.value <= HOURS_PER_DAY:
            return other.value * HOUR
    return DAY


def _members(marked: Marked, number: Number, period: Period, counts: _Counts) -> Number | None:
    """The N of `each of N members`, `N shops with 20 visits each`; None when the rate is everybody's."""
    first, last = min(number.first, period.first), max(number.last, period.last)
    times = _times_sign(marked, number, counts)
    if times is not None:
        return counts.take(times)
    if not _is_each(marked, number, period, first, last):
        return None
    low = bisect_left(counts.firsts, first - MAX_MEMBER_WORDS)
    high = bisect_right(counts.firsts, last + MAX_RESULT_WORDS)
    sentence, best = marked.tokens.sentence, None
    for other in counts.numbers[low:high]:
        taken = other is number or other.first in counts.claimed or other.value <= 1 or other.year
        if taken or sentence[other.first] != sentence[first]:
            continue
        if best is None or abs(other.first - first) < abs(best.first - first):
            best = other
    return counts.take(best) if best is not None else None


def _times_sign(marked: Marked, number: Number, counts: _Counts) -> Number | None:
    """The other factor of `60 ORs × 80 a day`."""
    words = marked.tokens.words
    if number.first < 2 or words[number.first - 1] not in ("×", "x", "*", "times"):
        return None
    at = bisect_right(counts.lasts, number.first) - 1
    other = counts.numbers[at] if at >= 0 else None
    return other if other is not None and other is not number and number.first - other.last <= 3 and other.value > 1 else None


def _is_each(marked: Marked, number: Number, period: Period, first: int, last: int) -> bool:
    """`each` belongs to this rate: within it, right before it, or right behind it."""
    if any(marked.marks[k] & EACH_OF for k in range(max(0, number.first - 3), number.first)):
        return True
    inside = range(number.last, period.first) if number.first < period.first else range(period.last, number.first)
    if any(marked.marks[k] & EACH_OF for k in inside):
        return True
    behind = marked.tokens.words[last : last + 3]
    if behind[:1] in (["each"], ["apiece"], ["/"], ["per"]) or behind[:2] in (["from", "each"], ["at", "each"], ["in", "each"], ["for", "each"], ["with", "each"]):
        return True
    return bool(marked.near(first, first, MAX_MEMBER_WORDS, 0) & EACH_OF and "of" in marked.tokens.words[max(0, first - MAX_MEMBER_WORDS) : first] and _each_of_before(marked, first))


def _each_of_before(marked: Marked, first: int) -> bool:
    """`each of our 300 shops ...`, `every one of 2,000 agents ...` ahead of the rate."""
    words = marked.tokens.words
    for k in range(max(0, first - MAX_MEMBER_WORDS), first - 1):
        if words[k + 1] == "of" and words[k] in ("each", "one", "all") and (words[k] == "each" or words[k - 1] == "every"):
            return True
    return False


def _stated_result(marked: Marked, after: int, counts: _Counts) -> Number | None:
    """The product when the text gives it: `..., so 20,000`, `which comes to 4,200`."""
    tokens = marked.tokens
    at = bisect_left(counts.firsts, after)
    if at >= len(counts.numbers):
        return None
    number = counts.numbers[at]
    if number.first in counts.claimed or number.first - after > MAX_RESULT_WORDS:
        return None
    if tokens.sentence[number.first] != tokens.sentence[after - 1]:
        return None
    words = tokens.words[after : number.first]
    pairs = {f"{a} {b}" for a, b in zip(words, words[1:], strict=False)}
    if _RESULT_WORDS.isdisjoint(words) and _RESULT_PAIRS.isdisjoint(pairs):
        return None
    return counts.take(number)


def _happenings(marked: Marked, periods: list[Period]) -> Iterator[Quantity]:
    """`once a week`, `twice daily`, `every ten seconds`, when no number counts anything."""
    words = marked.tokens.words
    for period in periods:
        near = words[max(0, period.first - 8) : period.last + 3]
        if marked.scope(period.first, period.last) & FOREIGN or not _CHANGE.isdisjoint(near):
            continue
        if marked.near(period.first, period.last, 3, 0) & NEGATION:
            continue
        once = _ONCE.get(words[period.first - 1]) if period.first else None
        if once is not None and period.seconds < QUARTER:
            yield quantity(marked, "requests_per_day", once * DAY / period.seconds, period.first - 1, period.last, rank=-1)
        elif period.interval and period.seconds < WEEK and not _ARRIVAL.isdisjoint(near):
            yield quantity(marked, "requests_per_day", DAY / period.seconds, period.first, period.last, rank=0)
