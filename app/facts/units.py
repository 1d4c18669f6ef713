"""What stands beside a number: time units, periods, currencies, percent signs. Facts of language and arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.tokens import Tokens
from app.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

MINUTE = 60.0
HOUR = float(SECONDS_PER_HOUR)
DAY = float(SECONDS_PER_DAY)
WEEK = 7 * DAY
MONTH = 30 * DAY
"""The codebook's month of 30 days."""
QUARTER = 91.25 * DAY
YEAR = 365 * DAY


def _table(entries: Mapping[float, str]) -> Mapping[str, float]:
    return MappingProxyType({word: seconds for seconds, words in entries.items() for word in words.split()})


TIME_UNITS = _table(
    {
        0.001: "ms msec msecs millisecond milliseconds millis msek",
        1.0: "s sec secs second seconds sek",
        MINUTE: "min mins minute minutes",
        HOUR: "h hr hrs hour hours",
        DAY: "d day days",
        WEEK: "wk wks week weeks",
        MONTH: "month months mo",
        YEAR: "year years yr yrs",
    }
)
PERIODS = _table(
    {
        1.0: "second sec s",
        MINUTE: "minute min",
        HOUR: "hour hr h",
        DAY: "day d night evening morning weekday weekdays workday afternoon 24h workingday",
        WEEK: "week wk w weekend",
        2 * WEEK: "fortnight",
        MONTH: "month mo mth",
        QUARTER: "quarter",
        YEAR: "year yr annum a",
    }
)
ADVERBS = _table(
    {
        1.0: "rps qps tps",
        MINUTE: "rpm qpm",
        HOUR: "hourly",
        DAY: "daily nightly overnight rpd qpd",
        WEEK: "weekly",
        2 * WEEK: "fortnightly biweekly",
        MONTH: "monthly pcm",
        QUARTER: "quarterly",
        YEAR: "yearly annually annual pa",
    }
)
_DETERMINERS = frozenset(("a", "an", "per", "each", "every", "/"))
_LOOSE = frozenset(("any", "one", "the", "by", "at"))
"""Determiners that make a rate only behind `on` or before an adjective (on the busiest day) or a night (by night)."""
_WEEKDAYS = frozenset(
    f"{day}day{s}" for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun") for s in ("", "s")
)
_NIGHTS = frozenset(("nightly", "overnight"))
_OWNERS = ("day", "night", "week", "month", "hour", "morning", "evening", "quarter", "year")
_POSSESSIVES = MappingProxyType({f"{word}{s}": PERIODS[word] for word in _OWNERS for s in ("'s", "’s")})
_BARE_IN = frozenset(("day", "week", "month", "hour", "night"))
"""`400 calls in day`: said without its article."""
_PERIOD_WORDS = frozenset(
    (*(f"{o}{s}" for o in _OWNERS for s in ("'s", "’s")), *ADVERBS, *PERIODS, *TIME_UNITS, *_WEEKDAYS, "holiday")
)
_ADJECTIVAL = frozenset(("the", "a", "our", "for", "their", "its", "an", "your", "his", "her"))
"""Before `weekly` or `daily`: an adjective of what follows, no rate of what went before."""
_PREPOSITIONS = frozenset(("on", "in", "over", "per", "within", "than", "under", "half", "during", "at"))
_NO_RATE_BEFORE = frozenset(("within", "than", "under", "half"))
_ORDINAL_NOUNS = word_set("ordinal_nouns")
_ADJECTIVES = word_set("day_adjectives")
_ONE_LETTER = frozenset("asdhw")
_SUPERLATIVE, SHORTEST_SUPERLATIVE = "est", 6
_PARTS_OF_DAY = frozenset((
    "end", "time", "rest", "start", "beginning", "course", "middle", "hour", "hours", "part", "parts", "most", "half",
    "top", "order", "close", "remainder", "times", "question", "word", "minute", "minutes",
))  # fmt: skip
FEWEST_BEFORE_OF = 4
_ENDS_OF = (["end", "of"], ["start", "of"], ["beginning", "of"], ["middle", "of"])
_SUCH_A_DAY = frozenset(("the", "of", "when", "we", "they", "that"))
"""Behind `on the day`: it is a day of some kind, and what comes on it is by the day."""
_NTH = MappingProxyType({"other": 2, "second": 2, "2nd": 2, "third": 3, "3rd": 3})
_PLURAL_DAYS = _ADJECTIVES | frozenset(("most", "all"))
"""Before `days`: `on most days 300 write`, `on normal days`."""
_CHANGES = word_set("change_words") - {"run", "runs"}
_PERIODIC = word_set("periodic_nouns") | _CHANGES
"""Behind `weekly` or `monthly`: a thing of its own, such as `monthly updates`."""


@dataclass(frozen=True, slots=True)
class Period:
    """`a day`, `/month`, `nightly`, `every two minutes`: tokens `first` up to `last`, seconds that it lasts."""

    first: int
    last: int
    seconds: float
    adverb: bool = False
    interval: bool = False
    """`every two minutes`: one happening each time."""
    adjective: bool = False
    """`the weekly meeting`: of the noun that follows."""
    slash: bool = False
    """`/day`: right behind its number and noun."""
    possessive: bool = False
    """`each day's letters, some 4,000`: its number stands behind."""
    night: bool = False
    """`each night`, `overnight`: its number may stand before a comma."""


def find_periods(tokens: Tokens, numbers: list[Number]) -> list[Period]:
    """Every period of a text, in order."""
    by_last = {n.last: n for n in numbers}
    words = tokens.words
    places = [i for i, word in enumerate(words) if word in _PERIOD_WORDS]
    return [made for i in places if (made := _period(words, i, by_last)) is not None]


def _period(words: list[str], i: int, by_last: dict[int, Number]) -> Period | None:
    """The period that ends with token i."""
    word = words[i]
    if word in ADVERBS:
        return _adverb(words, i)
    if word in _WEEKDAYS:
        return _weekday(words, i)
    if word == "days" and i > 1 and words[i - 2] == "on" and words[i - 1] in _PLURAL_DAYS:
        return Period(i - 2, i + 1, DAY)
    if word in _POSSESSIVES:
        each = i > 0 and words[i - 1] in ("each", "every", "the", "a", "one")
        return Period(i - 1, i + 1, _POSSESSIVES[word], adjective=True, possessive=True) if each else None
    number = _counts_unit(words, i, by_last) if word in TIME_UNITS else None
    if number is not None and (made := _counted_period(words, i, number)) is not None:
        return made
    if word == "holiday":
        return _weekday(words, i)
    if word not in PERIODS or i == 0 or (number is not None and number.attached):
        return None
    if words[i - 1] in ("peak", "busiest", "rush"):
        first = i - 2 if words[max(0, i - 2) : i - 1] == ["the"] else i - 1
        return Period(first - (first > 0 and words[first - 1] in _PREPOSITIONS), i + 1, PERIODS[word])
    if word == "a" and words[max(0, i - 2) : i] == ["p", "."]:
        return Period(i - 2, i + 1, YEAR, adverb=True)
    return _period_at(words, i)


def _adverb(words: list[str], i: int) -> Period:
    """`daily`, `nightly`, `rps`; in `the weekly meeting` and `daily active users` it belongs to what follows."""
    behind = words[i + 1] if i + 1 < len(words) else " "
    adjective = (
        behind.startswith("active")
        or (i > 0 and words[i - 1] in _CHANGES and words[i - 1].endswith("ed") and words[i] != "overnight")
        or (not words[i].endswith("ightly") and behind in _PERIODIC)
        or (i > 0 and words[i - 1] in _ADJECTIVAL and behind[0].isalpha())
    )
    return Period(i, i + 1, ADVERBS[words[i]], adverb=True, night=words[i] in _NIGHTS, adjective=adjective)


def _weekday(words: list[str], i: int) -> Period | None:
    """`every Monday` and `on Mondays` are weekly, `on a big Saturday` is a day; else a weekday says only when."""
    before = words[i - 1] if i else ""
    if before == "every" or (before == "on" and words[i].endswith("s")):
        return Period(i - 1, i + 1, WEEK)
    for k in range(i - 1, max(i - 4, 0), -1):
        article = words[k] in ("a", "an") or (words[k] == "the" and words[i + 1 : i + 2] == ["of"])
        if article and words[k - 1] == "on":
            return Period(k - 1, i + 1, DAY)
    return None


def _of_the_day(words: list[str], i: int) -> Period | None:
    """`the 320,000 calls of the day`, `every claim of the night before`: all that came in, not the end of the day."""
    if i < FEWEST_BEFORE_OF or words[i - 3] in _PARTS_OF_DAY or words[i] not in ("day", "night"):
        return None
    whole = words[i - 4] in ("every", "each", "all") or any(w[0].isdigit() for w in words[max(0, i - 5) : i - 3])
    return Period(i - 2, i + 1 + (words[i + 1 : i + 2] == ["before"]), PERIODS[words[i]]) if whole else None


def _counts_unit(words: list[str], i: int, by_last: dict[int, Number]) -> Number | None:
    """The number of a time unit: `2 hours`, `half an hour`, `a quarter of an hour`."""
    found = by_last.get(i)
    if found is None and i > 1 and words[i - 1] in ("a", "an"):
        found = by_last.get(i - 2 if words[i - 2] == "of" else i - 1)
        return found if found is not None and found.suffix == "fraction" else None
    return found


def _counted_period(words: list[str], i: int, number: Number) -> Period | None:
    """`every two minutes`, `per 24 hours`, `/ 5 s`, `in seven days`."""
    before = words[number.first - 1] if number.first else ""
    if number.identifier or number.value <= 0:
        return None
    long = TIME_UNITS[words[i]] >= HOUR and words[i] in ("days", "weeks", "hours")
    if before in ("every", "per", "/") or (before in ("in", "over") and long):
        return Period(number.first - 1, i + 1, TIME_UNITS[words[i]] * number.value, interval=before == "every")
    return None


def _period_at(words: list[str], i: int) -> Period | None:
    word, seconds, first = words[i], PERIODS[words[i]], i
    while first > max(1, i - 2) and _is_adjective(words[first - 1]):
        first -= 1
    if first == i and i > 2 and words[i - 2] in ("a", "an") and words[i - 3] in ("on", "in") and seconds == DAY:
        first -= 1  # on a broadcast day
    adjectives = first < i
    first -= 1
    before = words[first]
    night = word in ("night", "evening", "morning")
    behind = words[first - 1] if first else ""
    if before in _NTH and behind == "every":
        return Period(first - 1, i + 1, _NTH[before] * seconds, interval=True)
    after = words[i + 1] if i + 1 < len(words) else "."
    if word == "second" and before == "every" and (after in PERIODS or after in _WEEKDAYS):
        return None
    if (behind == "in" and after == "or") or (before in ("a", "the") and words[first - 2 : first] in _ENDS_OF):
        return None  # answered in a day or two, by the end of a week
    if after == "end" or (word == "quarter" and after == "of") or (word == "second" and after in _ORDINAL_NOUNS):
        return None
    if behind == "in" and before in ("a", "an", "one") and night and not adjectives:
        return Period(first - 1, i + 1, seconds)
    if behind == "in" and before not in ("each", "every") and word in ("afternoon", "morning", "evening"):
        return None
    if behind == "of" and before == "the" and not adjectives:
        return _of_the_day(words, i)
    if behind == "on" and before == "the" and word == "day" and after in _SUCH_A_DAY:
        return Period(first - 1, i + 1, seconds)
    if before in _LOOSE:
        if word == "day" and (before == "by" or (before == "the" and behind in ("in", "over"))):
            return Period(first - (before == "the"), i + 1, seconds)
        if before == "the" and behind == "in" and (adjectives or word == "night"):
            return Period(first - 1, i + 1, seconds)
        if not ((behind == "on" and (adjectives or before != "the")) or (before in ("by", "at") and word == "night")):
            return None
    elif before == "and" and _per_another(words, first):
        return Period(first, i + 1, seconds)
    elif before == "in" and word in _BARE_IN and not adjectives:
        return Period(first, i + 1, seconds) if not (after[0].isdigit() or after in ("to", "one", "out")) else None
    elif (not (before == "on" and word == "weekdays") and before not in _DETERMINERS) or (
        word in _ONE_LETTER and before not in ("/", "per")
    ):
        return None
    if before in ("a", "one", "the", "any") and first and words[first - 1] in _PREPOSITIONS:
        first -= 1
        if words[first] in _NO_RATE_BEFORE or (seconds < DAY and words[first] in ("in", "on", "over")):
            return None
    return Period(first, i + 1, seconds, night=night, slash=before == "/")


def _is_adjective(word: str) -> bool:
    """`busy`, `heaviest`: what may stand between `a` and `day`."""
    return word in _ADJECTIVES or (word.endswith(_SUPERLATIVE) and len(word) >= SHORTEST_SUPERLATIVE)


def _per_another(words: list[str], joint: int) -> bool:
    """`per room and day`, `for each shop and week`: the period shares its `per`."""
    return joint > 1 and (words[joint - 2] in ("per", "each", "every", "/", "a") and words[joint - 1].isalpha())


CURRENCIES: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        word: (code, factor)
        for code, factor, words in (
            ("USD", 1.0, "$ usd dollar dollars bucks us$"),
            ("USD", 0.01, "cent cents ct cts ¢"),
            ("EUR", 1.0, "€ eur euro euros"),
            ("EUR", 0.01, "eurocent eurocents"),
            ("GBP", 1.0, "£ gbp pounds quid"),
            ("GBP", 0.01, "p pence penny"),
            ("CHF", 1.0, "chf francs franken sfr"),
            ("INR", 1.0, "₹ inr rs rupees rupee"),
            ("INR", 0.01, "paisa paise"),
            ("JPY", 1.0, "¥ jpy yen"),
            ("CNY", 1.0, "cny rmb yuan"),
            ("CAD", 1.0, "cad"),
            ("AUD", 1.0, "aud"),
            ("SEK", 1.0, "kronor"),
            ("PLN", 1.0, "pln zloty"),
            ("BRL", 1.0, "brl reais"),
            ("SGD", 1.0, "sgd"),
            ("DKK", 1.0, "dkk"),
            ("NOK", 1.0, "nok"),
            ("KRW", 1.0, "krw won"),
        )
        for word in words.split()
    }
)
"""Currency and the part of its unit that each word means."""
_ATTACHED_ONLY = frozenset(("p", "won", "quid"))
"""Words that are money only right behind a figure."""
_NATIONS = MappingProxyType({"us": "USD", "swiss": "CHF", "canadian": "CAD", "australian": "AUD", "indian": "INR"})
PERCENT = frozenset(("%", "percent", "pct"))


def percent_after(words: list[str], number: Number) -> int:
    """How many tokens of `%`, `percent` or `per cent` follow a number."""
    last = number.last
    if last < len(words):
        if words[last] in PERCENT:
            return 1
        if words[last] == "per" and last + 1 < len(words) and words[last + 1] == "cent":
            return 2
    return 0


def currency_of(tokens: Tokens, number: Number) -> tuple[str, float, int, int] | None:
    """Code, factor, first and last token of the money that a number is part of; None when it is no money."""
    words, first, last = tokens.words, number.first, number.last
    made = CURRENCIES.get(words[first - 1]) if first else None
    if made is not None and made[1] == 1.0:
        before = first - 1
        if words[before] == "$" and before and words[before - 1] in ("us", "a", "c"):
            before -= 1
        return made[0], made[1], before, last
    word = words[last] if last < len(words) else ""
    made = CURRENCIES.get(word)
    if made is not None:
        loose = number.year or tokens.starts[last] > tokens.ends[last - 1]
        return None if word in _ATTACHED_ONLY and loose else (made[0], made[1], first, last + 1)
    if word in _NATIONS and last + 1 < len(words) and words[last + 1] in CURRENCIES:
        return _NATIONS[word], CURRENCIES[words[last + 1]][1], first, last + 2
    return None
