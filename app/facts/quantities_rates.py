"""Requests a day and peak requests a second: numbers beside periods, multiplied out over members and opening hours."""

from collections.abc import Iterator

from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import ARCHIVE, BIT, CURRENT, FOREIGN, HYPOTHETICAL, NEGATION, PAST, PLANNED, Marked
from app.facts.units import DAY, HOUR, MINUTE, TIME_UNITS, WEEK, Period, currency_of, find_periods, percent_after

PEAK, SUSTAINED, EACH_OF, VOLUME = BIT["peak"], BIT["sustained"], BIT["each_of"], BIT["volume"]
MAX_NOUN_WORDS = 9
"""Tokens between a number and its period: `1,500 mails go back and forth daily`."""
MAX_LEAD_WORDS = 10
"""Tokens between a leading period and its number: `every night we have to look at 80,000`."""
_SOFT_BREAKS = frozenset(",:;")
_NOT_COUNTED = frozenset(
    ["gb", "mb", "tb", "kb", "pb", "gib", "mib", "km", "kg", "kwh", "mwh", "watts", "gpu", "gpus", "percent", "%", "hours", "hour", "hrs", "minutes", "minute", "mins", "seconds", "years", "year", "months", "days", "day", "weeks", "degrees", "metres", "meters", "miles", "people's", "engineers", "employees", "staff", "tokens", "token", "tok", "words", "pages", "points", "percentage", "stars"]
)
_CHANGE_WORDS = (
    "chang",
    "updat",
    "poll",
    "refresh",
    "retrain",
    "revis",
    "releas",
    "audit",
    "rotat",
    "reboot",
    "amend",
    "review",
    "meet",
    "republish",
    "sync",
)
_ONCE = {"once": 1.0, "twice": 2.0, "thrice": 3.0}
_RESULT_WORDS = frozenset(
    (
        "so",
        "makes",
        "making",
        "i.e",
        "=",
        "total",
        "totals",
        "totalling",
        "giving",
        "meaning",
        "means",
        "or",
        "ie",
        "thus",
        "hence",
        "altogether",
        "roughly",
        "about",
    )
)
_RESULT_PAIRS = frozenset(
    (
        ("comes", "to"),
        ("amounts", "to"),
        ("adds", "up"),
        ("brings", "us"),
        ("come", "to"),
        ("works", "out"),
        ("add", "up"),
        ("leads", "to"),
        ("puts", "us"),
        ("call", "it"),
        ("gets", "us"),
        ("that", "is"),
    )
)


def read_rates(marked: Marked) -> Iterator[Quantity]:
    """Daily requests and peaks that the text states, all of them; ranks tell which to believe."""
    tokens = marked.tokens
    countable = [n for n in marked.numbers if _countable(marked, n)]
    periods = [p for p in find_periods(tokens, marked.numbers) if not tokens.quoted[p.first]]
    claimed: set[int] = set()
    for period, number in _pairs(marked, periods, countable, claimed):
        yield from _rate(marked, period, number, countable, claimed)
    if not claimed:
        yield from _happenings(marked, periods)


def _countable(marked: Marked, number: Number) -> bool:
    """A plain count: no name, year, money, duration, share or size."""
    tokens = marked.tokens
    words, last = tokens.words, number.last
    if number.identifier or tokens.quoted[number.first] or number.suffix == "fraction" or number.value <= 0:
        return False
    if last < len(words) and (
        words[last] in _NOT_COUNTED
        or (words[last] in TIME_UNITS and words[last] not in ("s", "d") and words[last] != "second")
    ):
        return False
    if number.year and not (last < len(words) and words[last][0].isalpha()):
        return False
    if number.attached or percent_after(words, number):
        return False
    return currency_of(tokens, number) is None


def _pairs(
    marked: Marked, periods: list[Period], numbers: list[Number], claimed: set[int]
) -> list[tuple[Period, Number]]:
    """Each period with its number: first what stands before it, then what follows the periods left over."""
    pairs: list[tuple[Period, Number]] = []
    left: list[Period] = []
    for period in periods:
        number = _number_before(marked, period, numbers, periods, claimed)
        if number is None:
            left.append(period)
        else:
            claimed.add(number.first)
            pairs.append((period, number))
    for period in left:
        if period.interval:
            continue
        number = _number_after(marked, period, numbers, claimed)
        if number is not None:
            claimed.add(number.first)
            pairs.append((period, number))
    return pairs


def _number_before(
    marked: Marked, period: Period, numbers: list[Number], periods: list[Period], claimed: set[int]
) -> Number | None:
    tokens = marked.tokens
    sentence = tokens.sentence[period.first]
    for number in reversed([n for n in numbers if n.last <= period.first and period.first - n.last <= MAX_NOUN_WORDS]):
        if tokens.sentence[number.first] != sentence or number.first in claimed:
            return None
        between = tokens.words[number.last : period.first]
        if any(p.first >= number.last and p.last <= period.first for p in periods):
            return None
        if (
            _SOFT_BREAKS.intersection(between)
            and not _SOFT_BREAKS.isdisjoint(between)
            and not (period.adverb and between.count(",") == 1 and len(between) <= 4)
        ):
            return None
        if any(w in _NOT_COUNTED for w in between[:1]):
            return None
        if number.year and len(between) > 1:
            return None
        if number.in_words and number.value == 1 and (len(between) > 2 or period.adverb):
            return None
        return number
    return None


def _number_after(marked: Marked, period: Period, numbers: list[Number], claimed: set[int]) -> Number | None:
    tokens = marked.tokens
    for number in numbers:
        if number.first < period.last:
            continue
        if (
            number.first - period.last > MAX_LEAD_WORDS
            or tokens.sentence[number.first] != tokens.sentence[period.first]
        ):
            return None
        if number.first in claimed or number.year or number.value < 1:
            continue
        between = tokens.words[period.last : number.first]
        leading = (
            bool(marked.near(period.first, period.last, 2, 1) & VOLUME) or ":" in between or _leads(marked, period)
        )
        return number if leading and not any(w in ("within", "under", "below", "of") for w in between[-1:]) else None
    return None


def _leads(marked: Marked, period: Period) -> bool:
    """The period opens its clause: `Every night 80,000 claims ...`, `Per month: ...`."""
    clause, first = marked.clause, period.first
    return (
        first == 0
        or clause[first - 1] != clause[first]
        or marked.tokens.words[first - 1] in ("on", "once", "and", "that", "run", "runs", "job", "batch")
    )


def _rate(
    marked: Marked, period: Period, number: Number, numbers: list[Number], claimed: set[int]
) -> Iterator[Quantity]:
    tokens = marked.tokens
    first, last = min(period.first, number.first), max(period.last, number.last)
    scope = _scope(marked, number, period)
    around = (
        marked.masks[marked.clause[number.first]]
        | marked.masks[marked.clause[period.first]]
        | marked.near(first, last, 4, 4)
    )
    if scope & FOREIGN or _is_change(tokens.words[max(0, first - 8) : last + 3]) or _denied(marked, number):
        return
    rank = 3 if around & PLANNED else 1 if around & CURRENT else 2
    per_second = number.value / period.seconds
    if around & PEAK and not around & SUSTAINED and period.seconds <= HOUR:
        yield quantity(marked, "peak_requests_per_second", per_second, first, last, rank=rank)
        return
    if period.seconds <= HOUR:
        per_day = per_second * _open_seconds(marked, number)
    else:
        per_day = per_second * DAY
        members = _members(marked, number, period, numbers, claimed)
        if members is not None:
            stated = _stated_result(marked, max(last, members.last), numbers, claimed)
            per_day = stated.value if stated is not None else per_day * members.value
            first, last = min(first, members.first), max(last, members.last)
            rank = max(rank, 2)
    yield quantity(marked, "requests_per_day", per_day, first, last, rank=rank)


def _scope(marked: Marked, number: Number, period: Period) -> int:
    """Scope of a rate; a figure that its own clause calls planned or current is nobody else's."""
    mask = marked.masks[marked.clause[number.first]]
    scope = marked.scope(number.first) | (
        marked.scope(period.first) if marked.clause[period.first] != marked.clause[number.first] else 0
    )
    if mask & PLANNED:
        scope &= ~PAST
    if scope & ARCHIVE and not scope & FOREIGN:
        return scope
    return scope


def _denied(marked: Marked, number: Number) -> bool:
    """`not 5,000 a day`: a negation right before the figure."""
    return bool(marked.near(number.first, number.first, 2, 0) & NEGATION)


def _is_change(words: list[str]) -> bool:
    return any(w.startswith(_CHANGE_WORDS) for w in words)


def _open_seconds(marked: Marked, number: Number) -> float:
    """Seconds of a day in which a rate holds: `eight hours a day` in the same sentence, else all of them."""
    tokens = marked.tokens
    sentence = tokens.sentence[number.first]
    for other in marked.numbers:
        if (
            tokens.sentence[other.first] == sentence
            and other is not number
            and other.last < len(tokens)
            and tokens.words[other.last] in ("hours", "h", "hrs", "hour")
        ):
            after = tokens.words[other.last + 1 : other.last + 3]
            if other.value <= 24 and (
                after[:1] == ["daily"] or (after[:1] and after[0] in ("a", "per", "/", "each", "every"))
            ):
                return other.value * HOUR
    return DAY


def _members(marked: Marked, number: Number, period: Period, numbers: list[Number], claimed: set[int]) -> Number | None:
    """The N of `each of N members`, `N shops with 20 visits each`; None when the rate is everybody's."""
    tokens = marked.tokens
    sentence = tokens.sentence[number.first]
    first, last = min(number.first, period.first), max(number.last, period.last)
    if not marked.near(first, last, 4, 5) & EACH_OF:
        return None
    best: Number | None = None
    for other in numbers:
        if other is number or other.first in claimed or other.value <= 1 or other.year:
            continue
        near = tokens.sentence[other.first] == sentence and other.first - first >= -14 and other.first - last <= 8
        if near and (best is None or abs(other.first - first) < abs(best.first - first)):
            best = other
    if best is not None:
        claimed.add(best.first)
    return best


def _stated_result(marked: Marked, after: int, numbers: list[Number], claimed: set[int]) -> Number | None:
    """The product when the text gives it: `..., so 20,000`, `which comes to 4,200`."""
    tokens = marked.tokens
    for number in numbers:
        if number.first < after or number.first in claimed:
            continue
        if number.first - after > 8 or tokens.sentence[number.first] != tokens.sentence[after - 1]:
            return None
        words = tokens.words[after : number.first]
        pairs = zip(words, words[1:], strict=False)
        if _RESULT_WORDS.intersection(words) or any(p in _RESULT_PAIRS for p in pairs):
            claimed.add(number.first)
            return number
    return None


def _happenings(marked: Marked, periods: list[Period]) -> Iterator[Quantity]:
    """`once a week`, `twice daily`, `every ten seconds`, when no number counts anything."""
    tokens = marked.tokens
    for period in periods:
        words = tokens.words[max(0, period.first - 8) : period.last + 3]
        if (
            marked.scope(period.first) & FOREIGN
            or _is_change(words)
            or marked.near(period.first, period.last, 3, 0) & NEGATION
        ):
            continue
        once = _ONCE.get(tokens.words[period.first - 1]) if period.first else None
        if once is not None:
            yield quantity(
                marked, "requests_per_day", once * DAY / period.seconds, period.first - 1, period.last, rank=-1
            )
        elif period.interval and period.seconds < WEEK:
            yield quantity(marked, "requests_per_day", DAY / period.seconds, period.first, period.last, rank=0)


__all__ = ["HYPOTHETICAL", "MINUTE", "read_rates"]
