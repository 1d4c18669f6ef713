"""Requests a day and peak requests a second: numbers beside periods, multiplied out over members and opening hours."""

from bisect import bisect_left
from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import ONCE, VAGUE, Number
from app.facts.quantities import Quantity, quantity
from app.facts.rates_elided import MAX_ELIDED_WORDS, NEGATION_REACH, read_elided
from app.facts.rates_happenings import (
    read_active,
    read_articles,
    read_everyone,
    read_happenings,
    read_shifts,
)
from app.facts.rates_hours import open_seconds
from app.facts.rates_members import MAX_RESULT_WORDS, is_product, members_of, stated_result
from app.facts.rates_pairs import ABOUT, MAX_LEAD_WORDS, Counts, is_count, pairs_of
from app.facts.rates_pieces import pieces_of
from app.facts.scope import BIT, CURRENT, DISMISSAL, FOREIGN, NEGATION, PAST, PAST_VERB, PLANNED, Marked
from app.facts.units import DAY, HOUR, QUARTER, YEAR, Period, percent_after

PEAK, SUSTAINED, OVERALL = BIT["peak"], BIT["sustained"], BIT["overall"]
LIMIT = BIT["limit"]
BESIDE_REACH, BESIDE_BONUS, AUDIENCE_COST = 3, 0.4, -0.6
_AUDIENCE = word_set("audience")
OVERALL_REACH = 9
"""Tokens before a figure in which `over all sites` makes it the total."""
VOLUME, VOLUME_BONUS = BIT["volume"], 0.3
"""`Load: 70 calls a day` ranks above a rate that is only mentioned."""
_ARE = frozenset(("are", "is", "be", "get", "gets", "were", "being"))
PAIRS_BESIDE = 3
"""Rates before and behind one among which it may be the highest."""
MAX_PART_WORDS = 6
"""Tokens behind a part within which a verb says that only it goes to the base model."""
TO_DO_BONUS = 0.5
"""`60 reports a day have to be coded` ranks above `12,000 parts a day`."""
DISMISSAL_REACH = 6
"""Tokens behind a rate in which `is wrong` denies it."""
MAX_PEAK_WORDS = 20
"""Tokens from a rate to the peak that shares its period: `per second 3 on average, and during the draw up to 45`."""
PEAK_REACH = 10
"""Tokens between a rate and the word that calls it a peak."""
MAX_PRICE_WORDS = 12
"""Tokens before a bare figure in which a word of money makes it money: `bulbs are 700 a month`."""
MIN_YEARLY = 1000
"""Fewer a year are workshops and contracts, no load worth the name."""
_CHANGE = word_set("change_words")
_MONEY_BEFORE, _LOSS_BEFORE = word_set("money_before"), word_set("loss_before")
_LABEL_VERBS, _COULD = word_set("label_verbs"), word_set("could_words")
_SHARE_VERBS = word_set("share_verbs")
_ONE_IN = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10, "10": 10, "20": 20, "100": 100}
_NO_LOAD = word_set("no_load_words")
_TO_DO = word_set("to_do_words")
_ABOVE = frozenset(("above", "over", "than", "exceed", "exceeds", "exceeding", "beyond"))
_OF_WHICH = frozenset(("which", "those", "these", "them"))
_NEW_ONE = frozenset(("a", "an", "one", "another", "new"))


def read_rates(marked: Marked, claimed: set[int]) -> Iterator[Quantity]:
    """Daily requests and peaks that the text states, all of them; ranks tell which to believe.

    The first tokens of the numbers used are added to `claimed`.
    """
    numbers = [n for n in marked.numbers if n.suffix == VAGUE or is_count(marked, n)]
    counts = Counts(numbers, [n.first for n in numbers], [n.last for n in numbers], claimed)
    periods = [p for p in marked.periods if not marked.tokens.quoted[p.first]]
    pairs = pairs_of(marked, periods, counts)
    for at, (period, number) in enumerate(pairs):
        if number.suffix != VAGUE:
            beside = pairs[max(0, at - PAIRS_BESIDE) : at + PAIRS_BESIDE + 1]
            yield from _rate(marked, period, number, counts, _is_ceiling(marked, period, number, beside))
        yield from read_elided(marked, period, number, counts)
    if not pairs:
        yield from read_happenings(marked, periods)
        yield from read_articles(marked, periods)
        yield from read_everyone(marked, periods)
        yield from read_active(marked)
        yield from read_shifts(marked)


def _is_ceiling(marked: Marked, period: Period, number: Number, beside: list[tuple[Period, Number]]) -> bool:
    """`20 a minute and never more than two per second`: beside another rate, the higher and bounded one is the peak."""
    if period.seconds > HOUR or len(beside) == 1:
        return False
    above = not _ABOVE.isdisjoint(marked.tokens.words[max(0, number.first - 2) : number.first])
    if not (above or marked.near(number.first, number.last, 4, 2) & LIMIT):
        return False
    sentence, rate = marked.tokens.sentence, number.value / period.seconds
    near = [(p, n) for p, n in beside if abs(sentence[n.first] - sentence[number.first]) <= 1 and n.suffix != VAGUE]
    return any(n.value / p.seconds < rate for p, n in near)


def _rate(marked: Marked, period: Period, number: Number, counts: Counts, is_ceiling: bool) -> Iterator[Quantity]:
    """One rate: a peak, or what comes in a day."""
    first, last = min(period.first, number.first), max(period.last, number.last)
    if _is_foreign(marked, number, period) or _is_no_load(marked, number, period, first):
        return
    time = marked.time(number.first)
    rank: float = (
        4
        if _grows_to(marked, number) or is_product(marked, number)
        else 3
        if time & PLANNED or (marked.near(last, last, 0, 3) | marked.ahead(number.first, OVERALL_REACH)) & OVERALL
        else 1
        if time & CURRENT
        else 2
    )
    behind = marked.tokens.words[last : last + 3]
    if not _TO_DO.isdisjoint(behind) or behind[:2] in (["have", "to"], ["has", "to"]):
        rank += TO_DO_BONUS
    rank += _by_the_side(marked, number, last)
    rank += VOLUME_BONUS * _is_called_load(marked, number)
    if number.suffix == ONCE:
        rank = -1
    elif period.seconds >= DAY and (marked.distance(first, last, PEAK, 4) is not None or _is_called_peak(marked, last)):
        rank -= 1
    per_second = _part_of(marked, number, last, counts) / period.seconds
    if period.seconds <= HOUR and (is_ceiling or _is_peak(marked, first, last)):
        yield quantity(marked, "peak_requests_per_second", per_second, first, last, rank=rank)
        return
    yield from _second_peak(marked, number, period, last, counts)
    per_day = per_second * (open_seconds(marked, number, last) if period.seconds <= HOUR else DAY)
    members = members_of(marked, number, period, counts)
    if members is not None:
        stated = stated_result(marked, max(last, members.last), counts)
        per_day = stated.value if stated is not None else per_day * members.value
        first, last = min(first, members.first), max(last, members.last)
        rank = max(rank, 2)
    elif (pieces := pieces_of(marked, number, last, counts)) is not None and period.seconds >= DAY:
        per_day *= counts.take(pieces).value
        last = max(last, min(pieces.last + 1, len(marked.tokens)))
    elif period.seconds >= QUARTER:
        if number.value < MIN_YEARLY * period.seconds / YEAR:
            return
        rank -= 1
    yield quantity(marked, "requests_per_day", per_day, first, last, rank=rank)


def _is_called_load(marked: Marked, number: Number) -> bool:
    """`Load: 70 calls a day`, `volume about 18,000 a day`."""
    k = number.first - 1
    while k > 0 and (marked.tokens.words[k] == ":" or marked.tokens.words[k] in ABOUT):
        k -= 1
    return k >= 0 and bool(marked.marks[k] & VOLUME)


def _by_the_side(marked: Marked, number: Number, last: int) -> float:
    """What words right beside a rate add: `1k a day at first`, `25k a day after roll-out`, `9,000 readers a week`."""
    words = marked.tokens.words
    if not _AUDIENCE.isdisjoint(words[number.last : number.last + 2]):
        return AUDIENCE_COST
    for k in range(last, min(last + BESIDE_REACH, len(words))):
        if k in marked.number_tokens or words[k] in ("and", ",", ".", ";"):
            break
        if marked.marks[k] & (CURRENT | PLANNED):
            return BESIDE_BONUS if marked.marks[k] & PLANNED else -BESIDE_BONUS
    return 0


def _is_called_peak(marked: Marked, last: int) -> bool:
    """`9 lakh in a day, but that is peak only`."""
    words = marked.tokens.words
    at = next((k for k in range(last, min(last + 4, len(words) - 2)) if words[k] in ("that", "this", "which")), None)
    return at is not None and any(marked.marks[k] & PEAK for k in range(at, min(at + 5, len(words))))


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


def _second_peak(marked: Marked, number: Number, period: Period, last: int, counts: Counts) -> Iterator[Quantity]:
    """`12 rps sustained, peaks of 60`: the peak in the unit of the rate before it."""
    at = bisect_left(counts.firsts, last)
    if period.seconds > HOUR or at >= len(counts.numbers):
        return
    other = counts.numbers[at]
    near = (
        other.first - last <= MAX_PEAK_WORDS and marked.tokens.sentence[other.first] == marked.tokens.sentence[last - 1]
    )
    if (
        near
        and other.value > number.value
        and other.first not in counts.claimed
        and (marked.ahead(other.first, 4) | marked.behind(other.last, 1)) & PEAK
    ):
        counts.take(other)
        yield quantity(marked, "peak_requests_per_second", other.value / period.seconds, last, other.last, rank=2)


def _part_of(marked: Marked, number: Number, last: int, counts: Counts) -> float:
    """What of a rate goes to the base model: `5 % of 2 million orders need a check`, `of 9M mails only 70,000 do`.

    The whole must be named as one (`of`, `out of`, `from`), or the part (`of which`, `of them`, `only`).
    """
    words, sentence = marked.tokens.words, marked.tokens.sentence
    whole = words[number.first - 1] in ("of", "from") if number.first else False
    at = bisect_left(counts.firsts, last)
    for other in counts.numbers[at : at + 1]:
        lead, behind = words[last : other.first], words[other.last : other.last + MAX_PART_WORDS]
        if other.first in counts.claimed or other.value >= number.value or other.first - last > MAX_RESULT_WORDS:
            break
        of_them = behind[:2] in (["of", "them"], ["of", "these"], ["of", "those"])
        named = whole or "which" in lead or of_them
        named = named or (not {"only", "just", "merely"}.isdisjoint(lead) and behind[:1] != ["of"])
        described = of_them and not whole and _SHARE_VERBS.isdisjoint(behind) and _ARE.isdisjoint(behind)
        if (
            named
            and not described  # 2,000 of them blurred
            and sentence[other.first] == sentence[number.first]
            and any(map(_is_sent, behind))
        ):
            return counts.take(other).value
    return number.value * _share_of(marked, number, last)


def _share_of(marked: Marked, number: Number, last: int) -> float:
    """The share in `5 % of 2 million orders a day need a check`; 1 when the share only describes them."""
    words = marked.tokens.words
    for other in marked.numbers_within(number.first - 6, number.first):
        share, end = _as_share(words, other)
        if share and words[end : end + 1] == ["of"] and any(map(_is_sent, words[last : last + 4])):
            return share
    for other in marked.numbers_within(last, last + 6):
        share, end = _as_share(words, other)
        if (
            share
            and not _OF_WHICH.isdisjoint(words[last : other.first])
            and "of" in words[last : other.first]
            and any(map(_is_sent, words[end : end + 2]))
        ):
            return share
    return 1.0


def _as_share(words: list[str], number: Number) -> tuple[float, int]:
    """Value and end of `5 %`, `half`, `one in ten`; 0 when it is no share."""
    signs = percent_after(words, number)
    if signs:
        return min(number.value / 100, 1.0), number.last + signs
    if number.suffix == "fraction" and number.value <= 1:
        return number.value, number.last
    ten = words[number.last + 1 : number.last + 2]
    if number.value == 1 and words[number.last : number.last + 1] == ["in"] and ten and ten[0] in _ONE_IN:
        return 1 / _ONE_IN[ten[0]], number.last + 2
    return 0.0, number.last


def _is_sent(word: str) -> bool:
    """`need`, `reach`, `escalated`: only the share goes to the base model."""
    return word in _SHARE_VERBS or (word.endswith("ed") and word != "need")


def _is_foreign(marked: Marked, number: Number, period: Period) -> bool:
    """Somebody else's figure, or of another time; one that its own clause calls planned is not past."""
    scope = marked.scope(number.first, number.last)
    if marked.clause[period.first] != marked.clause[number.first]:
        scope |= marked.scope(period.first, period.last)
    if (marked.masks[marked.clause[number.first]] | marked.near(period.last, period.last, 0, 6)) & PLANNED:
        scope &= ~(PAST | PAST_VERB)
    return bool(scope & FOREIGN)


def _is_no_load(marked: Marked, number: Number, period: Period, first: int) -> bool:
    """Denied, lost, paid, or how often something changes."""
    words = marked.tokens.words
    sentence = marked.tokens.sentence
    before = [words[k] for k in range(max(0, first - 5), first) if sentence[k] == sentence[first]]
    bounded = not _ABOVE.isdisjoint(words[max(0, number.first - 2) : number.first])
    lost = not _LOSS_BEFORE.isdisjoint(before[-3:]) and "new" not in before[-3:]  # for each new hire (35 a day)
    if lost or (marked.ahead(number.first, NEGATION_REACH) & NEGATION and not bounded):
        return True
    if not _NO_LOAD.isdisjoint(before):
        return True
    if marked.behind(period.last, DISMISSAL_REACH) & DISMISSAL:
        return True
    if "which" in before and _is_excepted(marked, first):
        return True
    places = range(max(0, first - MAX_PRICE_WORDS), first)
    bare = period.first == number.last and number.suffix != ONCE
    if bare and any(
        words[k] in _MONEY_BEFORE
        and sentence[k] == sentence[first]
        and (words[k] != "made" or words[k - 1] not in _ARE)
        for k in places
    ):
        return True
    if not _LABEL_VERBS.isdisjoint(before) and not _COULD.isdisjoint(before):
        return True
    if number.suffix == ONCE and not _CHANGE.isdisjoint(before):
        return True
    close = before + words[number.last : period.first]
    return "times" in words[number.last : number.last + 1] and not _CHANGE.isdisjoint(close)


def _is_excepted(marked: Marked, first: int) -> bool:
    """`Not for fire calls, of which the control room has 300 a day`: the sentence names what stays outside."""
    sentence, k = marked.tokens.sentence, first
    while k > 0 and first - k < MAX_ELIDED_WORDS and sentence[k - 1] == sentence[first]:
        k -= 1
    return marked.tokens.words[k : k + 1] in (["not"], ["except"], ["excluding"])
