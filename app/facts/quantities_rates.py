"""Requests a day and peak requests a second: numbers beside periods, multiplied out over members and opening hours."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from app.facts.lexicon import word_set
from app.facts.numbers import ONCE, VAGUE, Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, CURRENT, FOREIGN, NEGATION, PAST, PAST_VERB, PLANNED, Marked
from app.facts.units import DAY, HOUR, PERIODS, QUARTER, TIME_UNITS, WEEK, YEAR, Period, currency_of, percent_after

PEAK, SUSTAINED, EACH_OF, VOLUME, OVERALL = BIT["peak"], BIT["sustained"], BIT["each_of"], BIT["volume"], BIT["overall"]
MAX_NOUN_WORDS = 9
"""Tokens between a number and its period: `1,500 mails go back and forth daily`."""
MAX_SLASH_WORDS = 3
"""Tokens between a number and `/day`."""
MAX_LEAD_WORDS = 12
"""Tokens between a leading period and its number: `every night we have to look at 80,000`."""
MAX_MEMBER_WORDS = 14
"""Tokens between a rate and the members that it holds for each of."""
MAX_WHOM_WORDS = 40
MAX_RESULT_WORDS = 8
NEGATION_REACH = 4
"""Tokens before a figure in which `not` denies it."""
MAX_ELIDED_WORDS = 24
"""Tokens between a rate and a bare figure that takes over its period."""
PEAK_REACH = 10
MAX_PRICE_WORDS = 12
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
_ELIDED_BEFORE = word_set("elided_before")
_MONTHS = frozenset(
    (
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    )
)
_LABEL_VERBS, _COULD = frozenset(("label", "annotate", "tag", "correct")), frozenset(("can", "could", "would"))
_OURS = frozenset(("we", "i", "ours", "us"))
_SUBJECTS = frozenset(("we", "i", "they", "he", "she"))
_BATCHES = frozenset(
    (
        "batch",
        "batches",
        "run",
        "runs",
        "job",
        "load",
        "feed",
        "volume",
        "intake",
        "queue",
        "total",
        "average",
        "bundle",
    )
)
_SHARE_VERBS, _BARE_BEHIND = word_set("share_verbs"), word_set("bare_behind")
_ELIDED_PLANNED, _ELIDED_CURRENT, _ELIDED_OWN = (
    word_set("elided_planned"),
    word_set("elided_current"),
    word_set("elided_own"),
)
_RESULT_WORDS, _RESULT_PAIRS = word_set("result_words"), word_set("result_pairs")


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


def read_rates(marked: Marked, claimed: set[int]) -> Iterator[Quantity]:
    """Daily requests and peaks that the text states, all of them; ranks tell which to believe.

    The first tokens of the numbers used are added to `claimed`.
    """
    numbers = [n for n in marked.numbers if n.suffix == VAGUE or _countable(marked, n)]
    counts = _Counts(numbers, [n.first for n in numbers], [n.last for n in numbers], claimed)
    periods = [p for p in marked.periods if not marked.tokens.quoted[p.first]]
    pairs = _pairs(marked, periods, counts)
    for period, number in pairs:
        if number.suffix != VAGUE:
            yield from _rate(marked, period, number, counts)
        yield from _elided(marked, period, number, counts)
    if not pairs:
        yield from _happenings(marked, periods)


def _countable(marked: Marked, number: Number) -> bool:
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
            after = _number_after(marked, period, counts) if number.suffix == ONCE else None
            pairs.append((period, counts.take(after or number)))
    for period in left:
        if not period.interval and (number := _number_after(marked, period, counts)) is not None:
            pairs.append((period, counts.take(number)))
    return pairs


def _number_before(marked: Marked, period: Period, previous_end: int, counts: _Counts) -> Number | None:
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
    if between in ([","], ["="], [], ["~"], ["≈"]) or tokens.words[number.last : number.last + 2] in (
        ["of", "them"],
        ["of", "these"],
    ):
        return number
    if not (spoken or between[:1] == [":"] or _opens(marked, period) or not _BATCHES.isdisjoint(between[:1])):
        return None
    if between[-1:] and between[-1] in ("within", "under", "below", "of", "than", "to", "after", "at"):
        part = between[-1] == "of" and between[-2:-1] not in (
            [],
            ["one"],
            ["any"],
            ["each"],
            ["most"],
            ["out"],
            ["some"],
        )
        return number if spoken or part else None
    return number


def _opens(marked: Marked, period: Period) -> bool:
    """The period opens its clause: `Every night 80,000 claims ...`, `Per month: ...`."""
    first = period.first
    return first == 0 or marked.clause[first - 1] != marked.clause[first] or marked.tokens.words[first - 1] in _OPENERS


def _rate(marked: Marked, period: Period, number: Number, counts: _Counts) -> Iterator[Quantity]:
    first, last = min(period.first, number.first), max(period.last, number.last)
    if _is_foreign(marked, number, period) or _is_no_load(marked, number, period, first, last):
        return
    time = marked.time(number.first)
    rank = (
        4
        if _grows_to(marked, number)
        else 3
        if time & PLANNED or marked.near(last, last, 0, 3) & OVERALL
        else 1
        if time & CURRENT
        else 2
    )
    if number.suffix == ONCE:
        rank = -1
    elif period.seconds >= DAY and marked.distance(first, last, PEAK, 4) is not None:
        rank -= 1
    per_second = number.value * _share_of(marked, number, last) / period.seconds
    if period.seconds <= HOUR and _is_peak(marked, first, last):
        yield quantity(marked, "peak_requests_per_second", per_second, first, last, rank=rank)
        return
    yield from _second_peak(marked, number, period, last, counts)
    per_day = per_second * (_open_seconds(marked, number) if period.seconds <= HOUR else DAY)
    members = _members(marked, number, period, counts)
    if members is not None:
        stated = _stated_result(marked, max(last, members.last), counts)
        per_day = stated.value if stated is not None else per_day * members.value
        first, last = min(first, members.first), max(last, members.last)
        rank = max(rank, 2)
    elif period.seconds >= QUARTER:
        if number.value < MIN_YEARLY * period.seconds / YEAR:
            return
        rank -= 1
    yield quantity(marked, "requests_per_day", per_day, first, last, rank=rank)


def _grows_to(marked: Marked, number: Number) -> bool:
    """`start with 500 a day and grow to 10,000 a day`: the second is the plan."""
    words = marked.tokens.words
    if number.first < 2 or words[number.first - 1] != "to":
        return False
    sentence = marked.tokens.sentence
    start = max(0, number.first - MAX_LEAD_WORDS)
    starts_from = any(words[k] == "from" and sentence[k] == sentence[number.first] for k in range(start, number.first))
    return starts_from or marked.ahead(number.first, 4) & PLANNED != 0


def _is_peak(marked: Marked, first: int, last: int) -> bool:
    """A word of peaks stands within, or nearer than one of sustained load."""
    if any(marked.marks[k] & PEAK for k in range(first, last)):
        return True
    peak = marked.distance(first, last, PEAK, PEAK_REACH, marked.number_tokens)
    if peak is None:
        return False
    sustained = marked.distance(first, last, SUSTAINED, PEAK_REACH, marked.number_tokens)
    return sustained is None or peak < sustained


def _second_peak(marked: Marked, number: Number, period: Period, last: int, counts: _Counts) -> Iterator[Quantity]:
    """`12 rps sustained, peaks of 60`: the peak in the unit of the rate before it."""
    at = bisect_left(counts.firsts, last)
    if period.seconds > HOUR or at >= len(counts.numbers):
        return
    other = counts.numbers[at]
    near = (
        other.first - last <= MAX_RESULT_WORDS
        and marked.tokens.sentence[other.first] == marked.tokens.sentence[last - 1]
    )
    if (
        near
        and other.value > number.value
        and other.first not in counts.claimed
        and marked.ahead(other.first, 4) & PEAK
    ):
        counts.take(other)
        yield quantity(marked, "peak_requests_per_second", other.value / period.seconds, last, other.last, rank=2)


def _share_of(marked: Marked, number: Number, last: int) -> float:
    """The share in `5 % of 2 million orders a day need a check`; 1 when the share only describes them."""
    words = marked.tokens.words
    for other in marked.numbers_within(number.first - 6, number.first):
        signs = percent_after(words, other)
        if (
            signs
            and words[other.last + signs : other.last + signs + 1] == ["of"]
            and not _SHARE_VERBS.isdisjoint(words[last : last + 4])
        ):
            return min(other.value / 100, 1.0)
    for other in marked.numbers_within(last, last + 5):
        signs = percent_after(words, other)
        if (
            signs
            and words[other.first - 1] == "which"
            and not _SHARE_VERBS.isdisjoint(words[other.last + signs : other.last + signs + 2])
        ):
            return min(other.value / 100, 1.0)
    return 1.0


def _is_foreign(marked: Marked, number: Number, period: Period) -> bool:
    """Somebody else's figure, or of another time; one that its own clause calls planned is not past."""
    scope = marked.scope(number.first, number.last)
    if marked.clause[period.first] != marked.clause[number.first]:
        scope |= marked.scope(period.first, period.last)
    if (marked.masks[marked.clause[number.first]] | marked.near(period.last, period.last, 0, 6)) & PLANNED:
        scope &= ~(PAST | PAST_VERB)
    return bool(scope & FOREIGN)


def _is_no_load(marked: Marked, number: Number, period: Period, first: int, last: int) -> bool:
    """Denied, lost, paid, or how often something changes."""
    words = marked.tokens.words
    sentence = marked.tokens.sentence
    before = [words[k] for k in range(max(0, first - 5), first) if sentence[k] == sentence[first]]
    if marked.ahead(number.first, NEGATION_REACH) & NEGATION or not _LOSS_BEFORE.isdisjoint(before[-3:]):
        return True
    if period.first == number.last and number.suffix != ONCE:
        if any(
            words[k] in _MONEY_BEFORE and sentence[k] == sentence[first]
            for k in range(max(0, first - MAX_PRICE_WORDS), first)
        ):
            return True
    if not _LABEL_VERBS.isdisjoint(before) and not _COULD.isdisjoint(before):
        return True
    close = before + words[number.last : period.first]
    return "times" in words[number.last : number.last + 1] and not _CHANGE.isdisjoint(close)


def _elided(marked: Marked, period: Period, number: Number, counts: _Counts) -> Iterator[Quantity]:
    """`400 a day then, 12,000 now`: bare figures soon after a rate that take over its period."""
    tokens, after = marked.tokens, max(period.last, number.last)
    for other in counts.numbers[bisect_left(counts.firsts, after) :][:2]:
        if other.first - after > MAX_ELIDED_WORDS or tokens.sentence[other.first] > tokens.sentence[after - 1] + 1:
            return
        rank = _elided_rank(marked, other)
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


def _elided_rank(marked: Marked, number: Number) -> int | None:
    """How surely a bare figure is a rate: it ends its phrase, and a word of time or ownership stands beside it."""
    words, clause = marked.tokens.words, marked.clause
    behind = words[number.last] if number.last < len(words) else "."
    before = words[number.first - 1] if number.first else ""
    introduced = before in _ELIDED_BEFORE or before in _MONTHS or marked.ahead(number.first, 1) & PLANNED
    ours = not _OURS.isdisjoint(words[max(0, number.first - 3) : number.first])
    if behind not in _BARE_BEHIND or not (introduced or ours):
        return None
    here = {clause[number.first]}
    if clause[number.first - 1] not in here:
        here.add(clause[number.first - 1])
    start = max(0, number.first - MAX_LEAD_WORDS)
    near = {words[k] for k in range(start, number.first) if clause[k] in here} | {behind}
    if marked.ahead(number.first, 2) & PLANNED or (ours and "ours" in near):
        return 4
    if not _ELIDED_PLANNED.isdisjoint(near):
        return 4
    if not _ELIDED_OWN.isdisjoint(near):
        return 2
    return 1 if not _ELIDED_CURRENT.isdisjoint(near) else None


def _open_seconds(marked: Marked, number: Number) -> float:
    """Seconds of a day in which a rate holds: `eight hours a day` near by in the same sentence, else all of them."""
    words = marked.tokens.words
    sentence = marked.tokens.sentence
    for other in marked.numbers_within(number.last, number.last + MAX_MEMBER_WORDS):
        if sentence[other.first] != sentence[number.first] or other.last >= len(words):
            break
        after = words[other.last + 1 : other.last + 2]
        daily = after in (
            ["a"],
            ["per"],
            ["/"],
            ["each"],
            ["every"],
            ["daily"],
            ["day"],
            ["shift"],
            ["window"],
            ["working"],
        )
        if words[other.last] in ("hours", "h", "hrs", "hour") and daily and 0 < other.value <= HOURS_PER_DAY:
            return other.value * HOUR
        if (hours := _clock_hours(words, other)) is not None:
            return hours * HOUR
        if (
            words[other.first - 1] in ("from", "between")
            and words[other.last] in ("h", "o'clock", "hours", "hrs")
            and other.low < other.value <= HOURS_PER_DAY
        ):
            return (other.value - other.low) * HOUR
    return DAY


def _clock_hours(words: list[str], number: Number) -> float | None:
    """Hours of `between 9 and 5`, `from 8 am to 6 pm`; None when these are no times of day."""
    if words[number.first - 1] not in ("from", "between") or not 0 < number.value <= HOURS_PER_DAY:
        return None
    rest = [w for w in words[number.last : number.last + 5] if w not in ("am", "pm", "h", ":", "00", "o'clock")]
    late = "pm" in words[number.last : number.last + 6]
    if (
        rest[:1] not in (["to"], ["and"])
        or not rest[1:2]
        or not rest[1].isdigit()
        or not (rest[2:3] == [] or not rest[2].isalpha())
    ):
        return None
    end = int(rest[1]) + (12 if late and int(rest[1]) < 12 else 0)
    hours = end - number.value if end > number.value else end + 12 - number.value
    return hours if 0 < hours < HOURS_PER_DAY else None


def _members(marked: Marked, number: Number, period: Period, counts: _Counts) -> Number | None:
    """The N of `each of N members`, `N shops with 20 visits each`; None when the rate is everybody's."""
    first, last = min(number.first, period.first), max(number.last, period.last)
    found = (
        _times_sign(marked, number, counts)
        or _batches(marked, number, counts)
        or _apiece(marked, last, counts)
        or _per_unit(marked, number, counts)
    )
    if found is None and (_is_each(marked, number, period, first, last) or _is_one_each(marked, number, counts)):
        found = _nearest_count(marked, number, first, last, counts) or _per_whom(marked, number, period, counts)
    return counts.take(found) if found is not None else None


def _nearest_count(marked: Marked, number: Number, first: int, last: int, counts: _Counts) -> Number | None:
    low = bisect_left(counts.firsts, first - MAX_MEMBER_WORDS)
    high = bisect_right(counts.firsts, last + MAX_RESULT_WORDS)
    sentence, best = marked.tokens.sentence, None
    for other in counts.numbers[low:high]:
        taken = other is number or other.first in counts.claimed or other.value <= 1 or other.year
        if taken or sentence[other.first] != sentence[first]:
            continue
        if best is None or abs(other.first - first) < abs(best.first - first):
            best = other
    return best


def _times_sign(marked: Marked, number: Number, counts: _Counts) -> Number | None:
    """The other factor of `60 ORs × 80 a day`."""
    words = marked.tokens.words
    if number.first < 2 or words[number.first - 1] not in ("×", "x", "*", "times"):
        return None
    at = bisect_left(counts.firsts, number.first) - 1
    other = counts.numbers[at] if at >= 0 else None
    near = other is not None and number.first - other.last <= MAX_SLASH_WORDS and other.value > 1
    return other if near else None


def _batches(marked: Marked, number: Number, counts: _Counts) -> Number | None:
    """The ten of `ten batches of 1,000 items`."""
    words, at = marked.tokens.words, bisect_left(counts.firsts, number.first) - 1
    if (
        at < 0
        or words[number.first - 1] != "of"
        or words[number.first - 2] not in ("batches", "bundles", "blocks", "packs", "chunks")
    ):
        return None
    other = counts.numbers[at]
    return other if other.last == number.first - 2 and other.first not in counts.claimed else None


def _apiece(marked: Marked, last: int, counts: _Counts) -> Number | None:
    """The number behind a rate that holds for each: `30 pulses a day, up to twenty utterances each`."""
    at = bisect_left(counts.firsts, last)
    if at >= len(counts.numbers):
        return None
    other = counts.numbers[at]
    words, sentence = marked.tokens.words, marked.tokens.sentence
    if (
        other.first - last > MAX_RESULT_WORDS
        or sentence[other.first] != sentence[last - 1]
        or other.first in counts.claimed
    ):
        return None
    behind = words[other.last : other.last + 3]
    each = next((k for k, w in enumerate(behind) if w in ("each", "apiece")), None)
    return other if each is not None and other.value > 1 and "," not in behind[:each] else None


def _is_each(marked: Marked, number: Number, period: Period, first: int, last: int) -> bool:
    """`each` belongs to this rate: within it, right before it, or right behind it."""
    words = marked.tokens.words
    inside = range(number.last, period.first) if number.first < period.first else range(period.last, number.first)
    if any(marked.marks[k] & EACH_OF for k in (*range(max(0, number.first - 3), number.first), *inside)):
        return True
    if any(words[k] == "per" and words[k + 1] not in PERIODS for k in inside):
        return True
    behind = words[last : last + 4]
    if behind[:1] in (["each"], ["apiece"], ["/"], ["per"]):
        return True
    if any(b == "each" and a in ("from", "at", "in", "for", "with", "by") for a, b in pairwise(behind)):
        return True
    return _each_of_before(words, first) or _each_subject(marked, number)


def _each_subject(marked: Marked, number: Number) -> bool:
    """`Every employee (12,000 of them) asks two questions a month`, `each visitor asks 2 a day, and there are 900 of them`."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    for k in range(max(0, number.first - MAX_LEAD_WORDS), number.first - 1):
        if words[k] in ("each", "every") and sentence[k] == sentence[number.first] and words[k + 1] not in PERIODS:
            if words[k + 2] == "(":
                return True
            around = words[k : number.last + MAX_MEMBER_WORDS]
            return any(a == "of" and b in ("them", "these", "us", "those") for a, b in pairwise(around))
    return False


def _per_whom(marked: Marked, number: Number, period: Period, counts: _Counts) -> Number | None:
    """Members named a sentence earlier: `2,000 users. ... 4 taps per user per day`."""
    words = marked.tokens.words
    inside = words[number.last : period.first]
    if "per" not in inside[:-1]:
        return None
    whom = inside[inside.index("per") + 1][:4]
    at = bisect_left(counts.firsts, number.first) - 1
    while at >= 0 and number.first - counts.numbers[at].first <= MAX_WHOM_WORDS:
        other = counts.numbers[at]
        nouns = words[other.last : other.last + 3]
        if other.first not in counts.claimed and any(
            w.startswith(whom) or (whom == "user" and w.startswith("active")) for w in nouns
        ):
            return other
        at -= 1
    return None


def _per_unit(marked: Marked, number: Number, counts: _Counts) -> Number | None:
    """`30 proposals a session, two sessions a month`: the first figure holds for each of the second."""
    words, at = marked.tokens.words, bisect_left(counts.firsts, number.first) - 1
    if at < 0 or number.last >= len(words) or number.first - counts.numbers[at].last > MAX_RESULT_WORDS:
        return None
    unit = words[number.last]
    between = words[counts.numbers[at].last : number.first]
    same = any(a in ("a", "per", "an", "/") and len(b) > 3 and unit.startswith(b[:-1]) for a, b in pairwise(between))
    return counts.numbers[at] if same and counts.numbers[at].first not in counts.claimed else None


def _is_one_each(marked: Marked, number: Number, counts: _Counts) -> bool:
    """`1,150 sampling points, one comment a week`, `220 cost centres, once per month`."""
    at = bisect_left(counts.firsts, number.first) - 1
    if number.value != 1 or at < 0 or (marked.tokens.words[number.first - 1] != "," and number.suffix != ONCE):
        return False
    other = counts.numbers[at]
    if marked.tokens.sentence[other.first] != marked.tokens.sentence[number.first]:
        return False
    return number.first - other.last <= 4 and other.first not in counts.claimed and other.value > 1


def _each_of_before(words: list[str], first: int) -> bool:
    """`each of our 300 shops ...`, `every one of 2,000 agents ...` ahead of the rate."""
    for k in range(max(0, first - MAX_MEMBER_WORDS), first - 1):
        if words[k + 1] == "of" and (words[k] == "each" or (k and words[k] == "one" and words[k - 1] == "every")):
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
    pairs = {f"{a} {b}" for a, b in pairwise(words)}
    if _RESULT_WORDS.isdisjoint(words) and _RESULT_PAIRS.isdisjoint(pairs):
        return None
    return counts.take(number)


def _happenings(marked: Marked, periods: list[Period]) -> Iterator[Quantity]:
    """`every ten seconds`, when no number counts anything."""
    words = marked.tokens.words
    for period in periods:
        near = words[max(0, period.first - 8) : period.last + 3]
        if not period.interval or period.seconds >= WEEK or not _CHANGE.isdisjoint(near):
            continue
        if _ARRIVAL.isdisjoint(near) and words[period.last : period.last + 1] not in (
            ["a"],
            ["an"],
            ["one"],
            ["another"],
            ["new"],
        ):
            continue
        if marked.scope(period.first, period.last) & FOREIGN or marked.near(period.first, period.last, 3, 0) & NEGATION:
            continue
        yield quantity(marked, "requests_per_day", DAY / period.seconds, period.first, period.last, rank=0)
