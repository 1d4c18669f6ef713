"""Numbers and periods that belong together: `9,000 exchanges a day`, `every night 80,000 claims`."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise

from app.facts.lexicon import word_set
from app.facts.numbers import ONCE, VAGUE, Number
from app.facts.scope import BIT, Marked
from app.facts.units import PERIODS, TIME_UNITS, Period, currency_of, percent_after

VOLUME, LABELLED, PEOPLE_MADE = BIT["volume"], BIT["labelled"], BIT["people_made"]
LABELLED_REACH = 4
MAX_NOUN_WORDS = 9
"""Tokens between a number and its period: `1,500 mails go back and forth daily`."""
MAX_SLASH_WORDS = 3
"""Tokens between a number and `/day`."""
MAX_LEAD_WORDS = 12
"""Tokens between a leading period and its number: `every night we have to look at 80,000`."""
MAX_THEM_WORDS = 20
"""The same where the number says of what: `each night we want ..., about 120,000 of them`."""
_BREAKS = frozenset(",:;")
_NOT_COUNTED = word_set("not_counted")
_OPENERS = word_set("clause_openers")
_SUBJECTS = word_set("subjects")
_BATCHES = word_set("batch_words")
_GIVES = word_set("giving_verbs")
_SIZES = word_set("size_nouns")
_DIRECT: tuple[list[str], ...] = ([], [","], ["="], ["~"], ["≈"])
_OF_THEM = (["of", "them"], ["of", "these"])
_HOLDS_BACK = frozenset(("within", "under", "below", "of", "than", "to", "after", "at"))
"""Words right before a figure that belongs to something else than the period."""
ABOUT = frozenset(
    ("about", "some", "around", "roughly", "approximately", "ca", "~", "≈", "up", "to", "maybe", "perhaps")
)
MAX_FRAGMENT_WORDS = 4
"""Tokens behind the number of a sentence that is nothing but a count: a noun, an adjective, the full stop."""
_CORRECTS = frozenset(("no", "sorry", "correction", "pardon", "rather"))
MAX_CORRECTION_WORDS = 7
_ASIDES = frozenset((
    "exact", "exactly", "precisely", "average", "total", "all", "so", "less", "more", "present", "currently", "now",
    "precise", "fact", "actually", "roughly", "mean", "today", "moment",
))  # fmt: skip
"""Last words of an aside between a number and its period: `22 faxes, all in all, each day`."""
MAX_SUBJECT_WORDS = 2
"""`500,000 statements we mail per day`: a subject and its verb right before the period."""
MAX_ONE_WORDS = 4
_SIZE_JOINTS = frozenset(("with", "of", "at", "averaging", "each", "by", "having", "about", "(", ","))
"""Before a figure of pages or lines that tells how long each thing is, while `opens 65 pages a day` counts them."""
_HEAD_OF = frozenset(("first", "top"))
"""Before a figure: it cuts something short, as in `the first 50 lines of every file`."""
_DAY_PARTS = frozenset(("evenings", "nights", "mornings", "afternoons", "weekdays", "weekends", "sundays", "saturdays"))
_CLOCK_BEFORE, HOURS_OF_DAY = frozenset(("at", "by", "until", "till", "before", "after", "from")), 24
_NEW_PHRASE = frozenset(
    ("a", "an", "the", "we", "our", "each", "every", "and", "in", "all", "it", "they", "when", "on")
)
PER_REACH = 6
"""Tokens before `a day` within which another figure owns it: `18 hours of talk a day on each of 40 stations`."""
_SET_OWNERS = frozenset(("our", "the", "these", "its", "their", "those", "my"))
_GOES_OVER = frozenset(("for", "over", "on", "through", "with", "of"))
RUN_OVER_WORDS = 2
"""`run for`, `job over`: a batch and its joint, nothing else before its size."""
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
        or after[0] in _DAY_PARTS
    ):
        return False
    if number.first and (words[number.first - 1] in _HEAD_OF or _is_hour(words, number)):
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
            sized = after is not None and not _SIZES.isdisjoint(marked.tokens.words[after.last : after.last + 2])
            after = None if sized or (after is not None and after.suffix == VAGUE) else after
            if after is not None:
                after = replace(after, value=after.value * number.value)  # twice a week 700
            pairs.append((period, counts.take(after or number)))
    ends = [period.last for period, _ in pairs]
    for period in left:
        if (corrected := _corrected(marked, period, ends)) is not None:
            pairs[corrected] = (period, pairs[corrected][1])
            continue
        dated = marked.tokens.words[period.first : period.last] == [
            "on",
            "the",
            "day",
        ]  # on the day of the audit, 40 come
        alone = period.interval or dated or _is_of_money(marked, period)
        number = None if alone else _number_after(marked, period, counts)
        if number is not None:
            pairs += [(period, counts.take(number))]
    return pairs


def _is_of_money(marked: Marked, period: Period) -> bool:
    """The `a month` of `2,500 USD a month, 12k reviewed tests` has its number: it is money."""
    near = marked.numbers_within(period.first - MAX_SLASH_WORDS - 1, period.first)
    return any(currency_of(marked.tokens, n) is not None for n in near)


def _corrected(marked: Marked, period: Period, ends: list[int]) -> int | None:
    """Which pair `25 debates a week... no, a day` corrects."""
    words = marked.tokens.words
    lead = words[max(0, period.first - 2) : period.first]
    if not lead or not (lead[-1] in _CORRECTS or (lead[-1] == "," and lead[0] in _CORRECTS)):
        return None
    at = bisect_right(ends, period.first) - 1
    return at if at >= 0 and period.first - ends[at] <= MAX_CORRECTION_WORDS else None


def _number_before(marked: Marked, period: Period, previous_end: int, counts: Counts) -> Number | None:
    """The number that stands right before its period, `9,000 exchanges a day`, with no other period between."""
    at = bisect_right(counts.lasts, period.first) - 1
    sized = at > 0 and _is_size(marked, counts.numbers[at], counts.numbers[at - 1], period)
    at -= sized
    if at < 0 or period.adjective:
        return None
    number = counts.numbers[at]
    tokens = marked.tokens
    distance = period.first - number.last - sum(tokens.quoted[number.last : period.first])
    if (period.slash and distance > MAX_SLASH_WORDS) or (number.suffix == ONCE and distance):
        return None
    if distance > MAX_NOUN_WORDS or number.first in counts.claimed or number.last < previous_end:
        return None
    if tokens.sentence[number.first] != tokens.sentence[period.first]:
        return None
    between = tokens.words[number.last : period.first]
    breaks = sum(w in _BREAKS for w in between)
    if (breaks and _is_labelled(marked, number)) or _is_new_clause(between):
        return None
    if (
        breaks
        and not ((period.adverb or period.night) and breaks == 1 and ":" not in between)
        and "average" not in between
        and not (between[-1] == "," and breaks <= 2 and between[-2:-1] and between[-2] in _ASIDES)
    ):
        return None
    if (distance > 1 and not sized and _others_between(marked, number, period)) or (number.year and distance > 1):
        return None
    if (")" in between and "(" not in between) or not _SUBJECTS.isdisjoint(between[:-MAX_SUBJECT_WORDS]):
        return None
    if between[-1:] and between[-1] in _SUBJECTS:
        return None
    shared = "per" in between or "each" in between
    return (
        None if number.in_words and number.value == 1 and not shared and not _is_one(marked, number, period) else number
    )


def _is_new_clause(between: list[str]) -> bool:
    """`ten summers, and then letters come at night`, `pages and the clerks correct them daily`: a second subject."""
    for k, (one, other) in enumerate(pairwise(between), 1):
        if one == "," and other == "and":
            return True
        if one == "and" and other in _SET_OWNERS and between[k + 1 : k + 2] not in (["like"], ["rest"], ["others"]):
            return True
    return False


def _is_labelled(marked: Marked, number: Number) -> bool:
    """`overnight, 16,000 reports coded by officers`: a stock of examples, no rate."""
    return bool(marked.behind(number.last, LABELLED_REACH) & (LABELLED | PEOPLE_MADE))


def _is_one(marked: Marked, number: Number, period: Period) -> bool:
    """`one letter a day`, `One strange isotopic ratio a day` at the head of its clause; `one of ...` counts nothing."""
    distance = period.first - number.last
    if not _BATCHES.isdisjoint(marked.tokens.words[number.last : number.last + 1]):
        return False  # mails go out in one run at night
    if (
        number.first
        and marked.tokens.words[number.first - 1] in _GIVES
        and not period.adverb
        and distance <= MAX_ONE_WORDS
    ):
        return True  # receives one personal training tip each week
    if period.adverb or "of" in marked.tokens.words[number.last : period.first]:
        return False
    head = number.first == 0 or marked.clause[number.first - 1] != marked.clause[number.first]
    return distance <= (MAX_ONE_WORDS if head else 2)


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
    if ")" in words[number.last : period.first] and "(" in words[earlier.last : number.first]:
        return True
    sized = words[number.last : number.last + 1] in (["pages"], ["lines"], ["fields"], ["paragraphs"])
    joined = not _SIZE_JOINTS.isdisjoint(words[max(0, number.first - 3) : number.first])
    return sized and joined and number.value < earlier.value


def _others_between(marked: Marked, number: Number, period: Period) -> list[Number]:
    """Numbers right before the period that count something else: `4 minutes a day`, `12 dollars a month`."""
    return [n for n in marked.numbers_within(number.last, period.first) if period.first - n.last <= 2]


def _number_after(marked: Marked, period: Period, counts: Counts) -> Number | None:
    """The number behind a period that opens its clause or speaks of volume: `every night 80,000 claims`."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    low, high = bisect_left(counts.firsts, period.last), bisect_right(counts.firsts, period.last + MAX_THEM_WORDS)
    number = next((n for n in counts.numbers[low:high] if n.first not in counts.claimed and _may_follow(n)), None)
    if number is None or _is_clock(words, number):
        return None
    if sentence[number.first] != sentence[period.first]:
        return number if _is_fragment(marked, period, number) else None
    between = words[period.last : number.first]
    if _is_of_set(between):
        return None
    if _is_for_all(marked, between, number, counts) and not marked.numbers_within(
        period.first - PER_REACH, period.first
    ):
        return number
    of_them = words[number.last : number.last + 2] in _OF_THEM
    if len(between) > MAX_LEAD_WORDS and not of_them:
        return None
    if period.possessive:
        named = [w for w in between if w not in ABOUT]
        return number if named and named[-1] in (",", "(", ":", "–", "—") and named.count(",") <= 1 else None
    if between == [","] and _is_labelled(marked, number):
        return None
    if between in _DIRECT or of_them:
        return number
    spoken = bool(marked.near(period.first, period.last, 2, 1) & VOLUME)
    listed = between[:1] == [":"] or not _BATCHES.isdisjoint(between[:1])
    if not (spoken or listed or _opens(marked, period)) or "for" in between[-2:]:
        return None
    part = between[-1:] == ["of"] and len(between) > 1 and between[-2] not in _NOT_PART
    return number if spoken or part or between[-1] not in _HOLDS_BACK else None


def _is_hour(words: list[str], number: Number) -> bool:
    """`at six a script runs`, `at 17, when`; but `at 4 a minute` is a rate."""
    if words[number.first - 1] != "at" or number.value > HOURS_OF_DAY:
        return False
    behind, then = (*words[number.last : number.last + 2], ".", ".")[:2]
    return not behind[0].isalnum() or (behind in _NEW_PHRASE and then not in PERIODS)


def _is_clock(words: list[str], number: Number) -> bool:
    """`Every evening at six a script runs`: an hour of the day."""
    return number.first > 0 and words[number.first - 1] in _CLOCK_BEFORE and number.value <= HOURS_OF_DAY


def _is_of_set(between: list[str]) -> bool:
    """`Once a week they become one of our 12 reasons`: the size of a set, of which one is meant."""
    tail = len(between)
    while tail and between[tail - 1] in _SET_OWNERS:
        tail -= 1
    return between[tail - 2 : tail] in (["one", "of"], ["any", "of"], ["out", "of"]) and between[
        tail - 3 : tail - 2
    ] != ["every"]


def _is_for_all(marked: Marked, between: list[str], number: Number, counts: Counts) -> bool:
    """`each night every one of 28,000 pages`, `a nightly run for 240,000 homes`, and no figure for each of them."""
    lead = [w for w in between if w not in ABOUT and w not in _SET_OWNERS]
    all_of = lead[-3:] == ["every", "one", "of"] or lead[-2:] == ["each", "of"]
    over = len(lead) == RUN_OVER_WORDS and lead[0] in _BATCHES and lead[1] in _GOES_OVER
    if not (all_of or over):
        return False
    at, sentence = bisect_left(counts.firsts, number.last), marked.tokens.sentence
    rest = counts.numbers[at : at + MAX_NOUN_WORDS]
    return not any(sentence[n.first] == sentence[number.first] and n.value > 1 for n in rest)


def _may_follow(number: Number) -> bool:
    """A figure that can be a period's number from behind: no year, share or article-like `one`."""
    return not (number.year or 0 < number.value < 1 or (number.value == 1 and number.in_words))


def _is_fragment(marked: Marked, period: Period, number: Number) -> bool:
    """`Nightly. 3k CVs.`, `overnight; about 700 letters`: the next sentence is nothing but the number and its noun."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    if sentence[number.first] != sentence[period.first] + 1 or not (period.adverb or period.night):
        return False
    lead = [w for w in words[period.last : number.first] if w not in ABOUT and w not in _BATCHES]
    if lead not in (["."], [";"], ["\n"], [".", "\n"]):
        return False
    end = number.last
    while end < len(words) and sentence[end] == sentence[number.first]:
        end += 1
    return end - number.last <= MAX_FRAGMENT_WORDS


def _opens(marked: Marked, period: Period) -> bool:
    """The period opens its clause: `Every night 80,000 claims ...`, `Per month: ...`."""
    first = period.first
    return first == 0 or marked.clause[first - 1] != marked.clause[first] or marked.tokens.words[first - 1] in _OPENERS
