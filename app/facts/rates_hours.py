"""Hours of the day in which a rate holds: `eight hours a day`, `between 9 and 5`, `22:00-04:00`, `a ten-hour shift`."""

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.scope import Marked
from app.facts.units import DAY, HOUR

MAX_HOURS_WORDS = 14
"""Tokens between a rate and its hours, before or behind."""
HEAD_REACH = 3
"""Tokens before bare hours in which `opening hours` or `open` makes them times of day."""
HOURS_PER_DAY, NOON = 24, 12
_OPEN = frozenset(("open", "opened", "staffed", "daylight", "trading", "work", "operation", "opening"))
_HEADS = _OPEN | frozenset(("hours", "office", "works", "running", "runs"))
_DAILY = frozenset(("a", "per", "/", "each", "every", "daily", "day", "shift", "window", "working", "of"))
_STRETCHES = frozenset(("day", "shift", "window", "working", "service", "trading", "night"))
_UNITS = frozenset(("hours", "h", "hrs", "hour"))
_TO = frozenset(("to", "and", "until", "till", "–", "—", "-", "through"))
_SUFFIXES = frozenset(("am", "pm", "h", "o'clock", "hrs", "uhr"))
_FROM = frozenset(("from", "between"))
_NAMED = {"noon": 12.0, "midday": 12.0, "midnight": 0.0}
_SPELT = {
    w: float(n)
    for n, w in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 1
    )
}
_MAY_FOLLOW = word_set("behind_hours")


def open_seconds(marked: Marked, number: Number, last: int) -> float:
    """Seconds of a day in which a rate of the tokens up to `last` holds: as its own sentence says, else all."""
    sentence = marked.tokens.sentence
    for other in marked.numbers_within(number.last, last + MAX_HOURS_WORDS):
        if sentence[other.first] != sentence[number.first]:
            break
        if (hours := _counted_hours(marked, other)) is not None:
            return min(hours, HOURS_PER_DAY) * HOUR
    low, high = max(0, number.first - MAX_HOURS_WORDS), min(len(sentence), last + MAX_HOURS_WORDS)
    for i in range(low, high):
        outside = not number.first <= i < number.last and sentence[i] == sentence[number.first]
        if outside and (span := _span(marked, i)) is not None:
            return span * HOUR
    return DAY


def _counted_hours(marked: Marked, other: Number) -> float | None:
    """`eight hours a day`, `12 opening hours`, `an eight-hour service day`, `the six hours that the desk is open`."""
    words, last = marked.tokens.words, other.last
    if last >= len(words) or not 0 < other.value <= HOURS_PER_DAY:
        return None
    if words[last : last + 2] in (["opening", "hours"], ["business", "hours"], ["office", "hours"]):
        return other.value
    if words[last] not in _UNITS:
        return None
    behind = words[last + 1 : last + 4]
    if words[last] == "hours" and (not _OPEN.isdisjoint(behind) or (behind[:1] == ["that"])):
        return other.value
    if other.attached and not _STRETCHES.isdisjoint(behind):
        return other.value
    return other.value if behind[:1] and behind[0] in _DAILY and behind[0] != "of" else None


def _span(marked: Marked, i: int) -> float | None:
    """Hours of `from 8 am to 6 pm`, `(6:00 to 22:00)`, `opening hours 9-18` that begin at token i."""
    words = marked.tokens.words
    begin = _clock(words, i)
    if begin is None:
        return None
    start, j, told = begin
    joined = j < len(words) and marked.tokens.text[marked.tokens.ends[j - 1] : marked.tokens.starts[j]] == "-"
    if not joined:
        if j >= len(words) or words[j] not in _TO:
            return None
        j += 1
    until = _clock(words, j)
    if until is None:
        return None
    end, k, told_end = until
    before = words[i - 1] if i else ""
    if not (told or told_end):
        headed = not _HEADS.isdisjoint(words[max(0, i - HEAD_REACH) : i])
        behind = words[k] if k < len(words) else "."
        closed = not behind[0].isalnum() or behind in _MAY_FOLLOW or (before in _FROM and words[k - 1] == "h")
        if not (before in _FROM or headed) or not closed:
            return None
    if end <= start:
        end += NOON if not (told or told_end) and end + NOON > start else HOURS_PER_DAY
    return end - start if 0 < end - start <= HOURS_PER_DAY else None


def _clock(words: list[str], i: int) -> tuple[float, int, bool] | None:
    """Hour, the token behind it, and whether it is plainly a time of day: `6`, `22:00`, `8 am`, `midnight`."""
    if i >= len(words):
        return None
    word = words[i]
    if word in _NAMED:
        return _NAMED[word], i + 1, True
    spelt = _SPELT.get(word)
    if spelt is None and not (len(word) <= 2 and word.isascii() and word.isdigit() and int(word) <= HOURS_PER_DAY):
        return None
    hour, told, i = spelt or float(word), False, i + 1
    if words[i : i + 1] == [":"] and len(minutes := "".join(words[i + 1 : i + 2])) == 2 and minutes.isdigit():
        hour, told, i = hour + float(minutes) / 60, True, i + 2
    if i < len(words) and words[i] in _SUFFIXES:
        told = told or words[i] in ("am", "pm", "o'clock", "uhr")
        if words[i] == "pm" and hour < NOON:
            hour += NOON
        i += 1
    return hour, i, told
