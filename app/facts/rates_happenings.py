"""Rates without a number or a period: `every ten seconds`, `a call a minute`, `200 per shift, three shifts`."""

from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.rates_pairs import MAX_LEAD_WORDS, is_count
from app.facts.scope import FOREIGN, NEGATION, Marked
from app.facts.units import DAY, PERIODS, WEEK, Period

_CHANGE, _ARRIVAL = word_set("change_words"), word_set("arrival_words")
_PER = frozenset(("per", "a", "each", "every", "/"))
SHORTEST_NOUN, STEM, WHOM_REACH = 3, 6, 60
"""Letters of a noun that names members again, and tokens between `each household` and `320,000 households`."""
PER_REACH = 4
"""Tokens behind a figure within which `per shift` or `each` stands."""
MOST_SHIFTS = 4
_BATCHES = word_set("batch_words")
_NO_THING = frozenset(
    ("couple", "few", "dozen", "hundred", "thousand", "million", "lot", "bit", "handful", "number", ",", ".")
)
_GET = frozenset(
    ("get", "gets", "have", "see", "receive", "about", "is", "only", "just", "handle", "roughly", "than", "send", "in")
)


def read_happenings(marked: Marked, periods: list[Period]) -> Iterator[Quantity]:
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
        per_day = DAY / period.seconds * _happening_to(marked, period)
        yield quantity(marked, "requests_per_day", per_day, period.first, period.last, rank=0)


def read_articles(marked: Marked, periods: list[Period]) -> Iterator[Quantity]:
    """`A call a minute`, `we get a question a week`: the article counts, when no number does."""
    words, clause = marked.tokens.words, marked.clause
    for period in periods:
        at = period.first - 2
        if at < 0 or words[at] not in ("a", "an") or clause[at] != clause[period.first] or period.adverb:
            continue
        opens = at == 0 or clause[at - 1] != clause[at] or words[at - 1] in _GET
        if words[period.first] not in ("a", "an", "per", "every") or words[at + 1] in _NO_THING or not opens:
            continue
        if marked.scope(at, period.last) & FOREIGN or marked.near(at, at, 3, 0) & NEGATION:
            continue
        yield quantity(marked, "requests_per_day", DAY / period.seconds, at, period.last, rank=0)


def read_everyone(marked: Marked, periods: list[Period]) -> Iterator[Quantity]:
    """`At the end of each day each household gets two sentences. 320,000 households.`: all of them, by the period."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    for period in periods:
        if (
            period.seconds < DAY
            or period.interval
            or period.adjective
            or marked.scope(period.first, period.last) & FOREIGN
        ):
            continue
        if (everyone := _all_of(marked, period)) is not None:
            per_day = everyone.value * DAY / period.seconds
            yield quantity(marked, "requests_per_day", per_day, everyone.first, everyone.last, rank=0)
            return
        for k in range(max(0, period.first - MAX_LEAD_WORDS), min(len(words) - 1, period.last + MAX_LEAD_WORDS)):
            whom = words[k + 1]
            each = words[k] in ("each", "every") and sentence[k] == sentence[period.first]
            if not each or whom in PERIODS or len(whom) < SHORTEST_NOUN:
                continue
            for number in marked.numbers_within(k - WHOM_REACH, k + WHOM_REACH):
                named = any(w.startswith(whom[:STEM]) for w in words[number.last : number.last + 2])
                if named and number.value > 1 and is_count(marked, number):
                    per_day = number.value * DAY / period.seconds
                    yield quantity(marked, "requests_per_day", per_day, number.first, number.last, rank=0)
                    return


def _all_of(marked: Marked, period: Period) -> Number | None:
    """The 150,000 of `For every one of our 150,000 employees ..., refreshed each night`, if no other figure is."""
    words, sentence, here = marked.tokens.words, marked.tokens.sentence, marked.tokens.sentence[period.first]
    if marked.numbers_within(period.first - STEM, period.first):
        return None  # 18 hours of talk a day on each of 40 stations
    for number in marked.numbers_within(period.first - WHOM_REACH, period.last + WHOM_REACH):
        k = number.first - 1
        while k > 0 and words[k] in ("our", "the", "these", "all", "about", "some"):
            k -= 1
        each = k > 1 and words[k] == "of" and (words[k - 1] == "each" or words[k - 2 : k] == ["every", "one"])
        if each and sentence[number.first] == here and number.value > 1 and is_count(marked, number):
            return number
    return None


def read_shifts(marked: Marked) -> Iterator[Quantity]:
    """`160 per shift, 3 shifts`: so many shifts make a day."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    for number in marked.numbers:
        behind = words[number.last : number.last + PER_REACH]
        at = next((k for k, w in enumerate(behind[1:], 1) if w == "shift" and behind[k - 1] in _PER), None)
        if at is None or not is_count(marked, number) or marked.scope(number.first, number.last) & FOREIGN:
            continue
        last = number.last + at + 1
        for other in marked.numbers_within(number.first - MAX_LEAD_WORDS, last + MAX_LEAD_WORDS):
            named = words[other.last : other.last + 1] == ["shifts"] and 1 < other.value <= MOST_SHIFTS
            if named and sentence[other.first] == sentence[number.first]:
                first, end = min(number.first, other.first), max(last, other.last + 1)
                yield quantity(marked, "requests_per_day", number.value * other.value, first, end, rank=1)
                return


def read_active(marked: Marked) -> Iterator[Quantity]:
    """`5,000 daily active users, 4 prompts each`, `900 DAU with three questions per user`."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    for number in marked.numbers:
        behind = words[number.last : number.last + 2]
        active = behind == ["daily", "active"] or behind[:1] == ["dau"]
        if not active or not is_count(marked, number) or marked.scope(number.first, number.last) & FOREIGN:
            continue
        for other in marked.numbers_within(number.last, number.last + MAX_LEAD_WORDS):
            after = words[other.last : other.last + PER_REACH]
            shared = "each" in after or "apiece" in after or ("per" in after and "user" in after)
            if shared and sentence[other.first] == sentence[number.first] and is_count(marked, other):
                per_day = number.value * other.value
                yield quantity(marked, "requests_per_day", per_day, number.first, other.last, rank=1)
                return


def _happening_to(marked: Marked, period: Period) -> float:
    """How many it happens to: the 30 of `every 90 s per event, up to 30 events`; else 1."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    behind = words[period.last : period.last + 3]
    for number in marked.numbers_within(period.last + 1, period.last + MAX_LEAD_WORDS):
        of_batch = words[number.first - 1] in ("of", "with") and words[number.first - 2] in _BATCHES
        if of_batch and sentence[number.first] == sentence[period.first] and is_count(marked, number):
            return number.value
    if behind[:1] not in (["per"], ["for"], ["from"]) or len(behind) < 2:
        return 1.0
    whom = behind[2] if behind[1] in ("each", "every") and len(behind) > 2 else behind[1]
    for number in marked.numbers_within(period.last, period.last + MAX_LEAD_WORDS):
        named = any(len(whom) > 2 and w.startswith(whom[:5]) for w in words[number.last : number.last + 2])
        if named and sentence[number.first] == sentence[period.first] and is_count(marked, number):
            return number.value
    return 1.0
