"""Rates that hold for each of many: members, sites, batches, pieces."""

from bisect import bisect_left, bisect_right
from dataclasses import replace
from itertools import pairwise

from app.facts.lexicon import word_set
from app.facts.numbers import ONCE, Number
from app.facts.rates_pairs import ABOUT, MAX_LEAD_WORDS, MAX_SLASH_WORDS, Counts
from app.facts.scope import BIT, Marked
from app.facts.units import PERIODS, Period, percent_after

EACH_OF = BIT["each_of"]
MAX_MEMBER_WORDS = 14
"""Tokens between a rate and the members that it holds for each of."""
MAX_WHOM_WORDS = 40
"""Tokens back to members that an earlier sentence names."""
SHORTEST_NOUN = 3
MAX_PER_WORDS = 5
"""Tokens before a rate in which `per user` makes it each one's."""
MAX_UNIT_WORDS = 5
"""Tokens behind a figure within which `per shift` names the unit of another."""
FEW = 12
"""So few a day or month are each one's, when many more share them: `600,000 holders get one letter a month`."""
_GIVES = word_set("giving_verbs")
MAX_RESULT_WORDS = 8
"""Tokens between a rate and its stated product, or a figure that holds for each."""
_SIZES = word_set("size_nouns")
_PRODUCTS = word_set("product_words")
_DETERMINERS = frozenset(("our", "the", "these", "those", "all", "about", "some", "roughly", "around"))
_SUBJECTS = frozenset(("each", "everyone", "everybody", "he", "she", "one", "they", "we"))
PRODUCT_REACH = 4
"""Tokens before a rate in which `which makes` calls it the product of what went before."""
_RESULT_WORDS, _RESULT_PAIRS = word_set("result_words"), word_set("result_pairs")
_WORK_UNITS = word_set("work_units")
_BATCH_WORDS = word_set("batch_words")


def members_of(marked: Marked, number: Number, period: Period, counts: Counts) -> Number | None:
    """The N of `each of N members`, `N shops with 20 visits each`; None when the rate is everybody's."""
    first, last = min(number.first, period.first), max(number.last, period.last)
    if is_product(marked, number) or _is_all_of_them(marked, number):
        return None
    found = (
        _all_get_one(marked, number, counts)
        or _share_of_all(marked, number, counts)
        or _times_sign(marked, number, counts)
        or _batches(marked, number, counts)
        or _apiece(marked, last, counts)
        or _per_unit(marked, number, counts)
    )
    if found is None and (_is_each(marked, number, period, first, last) or _is_one_each(marked, number, counts)):
        found = (
            _nearest_count(marked, number, first, last, counts)
            or _per_whom(marked, number, period, counts)
            or _named_before(marked, number, counts)
        )
    return counts.take(found) if found is not None else None


def _is_all_of_them(marked: Marked, number: Number) -> bool:
    """`each of our 9,500 reports per day`: the figure is that of the members themselves."""
    words, k = marked.tokens.words, number.first - 1
    while k > 1 and words[k] in _DETERMINERS:
        k -= 1
    return k > 0 and words[k] == "of" and words[k - 1] in ("each", "one")


def is_product(marked: Marked, number: Number) -> bool:
    """`40 wards, 25 notes each, which makes 1,000 notes a day`: the text has multiplied itself."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    if number.value <= 1:
        return False
    low, here = max(0, number.first - PRODUCT_REACH), sentence[number.first]
    lead = [words[k] for k in range(low, number.first) if sentence[k] == here]
    told = next((k for k in range(low, number.first) if words[k] in _PRODUCTS and sentence[k] == here), None)
    if told is None and lead[-3:] != ["i", ".", "e"] and lead[-4:-1] != ["i", ".", "e"]:
        return False
    if told is not None and told > 1 and words[told - 1] in _SUBJECTS and not words[told - 2][0].isalpha():
        return False  # 24 students, each makes 50
    return any(n.value > 1 and not n.year for n in marked.numbers_within(number.first - MAX_WHOM_WORDS, low + 1))


def _is_size(marked: Marked, other: Number) -> bool:
    """`30 characters for each ad`, `6 fields each`: how long something is, unless it is `each of our 6 languages`."""
    words = marked.tokens.words
    behind = words[other.last : other.last + 2]
    sized = behind[:1] and (behind[0] in _SIZES or (len(behind) > 1 and behind[1] in _SIZES and behind[0].isalpha()))
    return bool(sized) and not any(marked.marks[k] & EACH_OF for k in range(max(0, other.first - 3), other.first))


def _named_before(marked: Marked, number: Number, counts: Counts) -> Number | None:
    """The 60 of `There are 60 planners. Each opens 15 cases a day`: `each` alone stands for those just counted."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    here = sentence[number.first]
    head = next((k for k in range(max(0, number.first - MAX_LEAD_WORDS), number.first) if sentence[k] == here), None)
    if head is None or words[head] not in ("each", "every", "everyone") or words[head + 1] in PERIODS:
        return None
    for other in reversed(marked.numbers_within(head - MAX_WHOM_WORDS, head)):
        if sentence[other.first] != here - 1:
            return None
        if other.value > 1 and not other.year and _counts(counts, other) and not _is_size(marked, other):
            return other if other.first not in counts.claimed else None
    return None


def _counts(counts: Counts, number: Number) -> bool:
    """The number is among those that may count something."""
    at = bisect_left(counts.firsts, number.first)
    return at < len(counts.firsts) and counts.firsts[at] == number.first


def _nearest_count(marked: Marked, number: Number, first: int, last: int, counts: Counts) -> Number | None:
    low = bisect_left(counts.firsts, first - MAX_MEMBER_WORDS)
    high = bisect_right(counts.firsts, last + MAX_RESULT_WORDS)
    sentence, best = marked.tokens.sentence, None
    for other in counts.numbers[low:high]:
        taken = other is number or other.first in counts.claimed or other.value <= 1 or other.year
        if taken or _is_size(marked, other) or sentence[other.first] != sentence[first]:
            continue
        if best is None or abs(other.first - first) < abs(best.first - first):
            best = other
    return best


def _all_get_one(marked: Marked, number: Number, counts: Counts) -> Number | None:
    """The 600,000 of `All 600,000 holders get one letter a month`, the 300 of `300 shops send us two lists a day`."""
    words, at = marked.tokens.words, bisect_left(counts.firsts, number.first) - 1
    if at < 0 or number.value > FEW or (not number.in_words and number.value != 1):
        return None
    other = counts.numbers[at]
    between = words[other.last : number.first]
    if other.first in counts.claimed or other.value <= FEW or not 1 <= len(between) <= MAX_RESULT_WORDS:
        return None
    verbs = [k for k, w in enumerate(between) if w in _GIVES]
    return other if verbs and verbs[0] <= MAX_SLASH_WORDS and "," not in between and ":" not in between else None


def _share_of_all(marked: Marked, number: Number, counts: Counts) -> Number | None:
    """The 3,000 of `6,000 employees, half of whom ask one question a week`."""
    words, at = marked.tokens.words, bisect_left(counts.firsts, number.first) - 1
    if at < 0 or number.first - counts.numbers[at].last > MAX_RESULT_WORDS + 2:
        return None
    other = counts.numbers[at]
    if other.first in counts.claimed or other.value <= FEW:
        return None
    for share in marked.numbers_within(other.last, number.first):
        end = share.last + percent_after(words, share)
        part = share.value if share.suffix == "fraction" else share.value / 100
        named = words[end : end + 2] in (["of", "whom"], ["of", "them"], ["of", "which"])
        if named and (end > share.last or share.suffix == "fraction") and 0 < part <= 1:
            counts.take(other)
            return replace(other, value=other.value * part)
    return None


def _times_sign(marked: Marked, number: Number, counts: Counts) -> Number | None:
    """The other factor of `60 ORs × 80 a day`."""
    words = marked.tokens.words
    sign = number.first - 1
    while sign > 1 and words[sign] in ABOUT:
        sign -= 1
    if sign < 1 or words[sign] not in ("×", "x", "*", "times", "@"):
        return None
    at = bisect_left(counts.firsts, number.first) - 1
    other = counts.numbers[at] if at >= 0 else None
    near = other is not None and sign + 1 - other.last <= MAX_SLASH_WORDS and other.value > 1
    return other if near else None


def _batches(marked: Marked, number: Number, counts: Counts) -> Number | None:
    """The ten of `ten batches of 1,000 items`."""
    words, at = marked.tokens.words, bisect_left(counts.firsts, number.first) - 1
    if at < 0 or words[number.first - 1] != "of" or words[number.first - 2] not in _BATCH_WORDS:
        return None
    other = counts.numbers[at]
    return other if other.last == number.first - 2 and other.first not in counts.claimed else None


def _apiece(marked: Marked, last: int, counts: Counts) -> Number | None:
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
        or _is_size(marked, other)
    ):
        return None
    behind = words[other.last : other.last + 3]
    each = next((k for k, w in enumerate(behind) if w in ("each", "apiece")), None)
    return other if each is not None and other.value > 1 and "," not in behind[:each] else None


def _is_each(marked: Marked, number: Number, period: Period, first: int, last: int) -> bool:
    """`each` belongs to this rate: within it, right before it, or right behind it."""
    words = marked.tokens.words
    inside = range(number.last, period.first) if number.first < period.first else range(period.last, number.first)
    sentence = marked.tokens.sentence
    clause = marked.clause
    ahead = [k for k in range(max(0, number.first - 3), number.first) if clause[k] == clause[number.first]]
    if any(marked.marks[k] & EACH_OF for k in (*ahead, *inside)):
        return True
    if any(words[k] in ("per", "/") and words[k + 1] not in PERIODS for k in inside):
        return True
    behind = [words[k] for k in range(last, min(last + 4, len(words))) if sentence[k] == sentence[last - 1]]
    if behind[:1] in (["each"], ["apiece"], ["/"], ["per"]):
        return True
    if any(b == "each" and a in ("from", "at", "in", "for", "with", "by", "on", "over") for a, b in pairwise(behind)):
        return True
    return (
        _each_of_before(marked, first) or _per_before(words, number.first) is not None or _each_subject(marked, number)
    )


def _each_subject(marked: Marked, number: Number) -> bool:
    """`Every employee (12,000 of them) asks two questions a month`, `each asks 2 a day, and there are 900 of them`."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    for k in range(max(0, number.first - MAX_LEAD_WORDS), number.first - 1):
        if words[k] in ("each", "every") and sentence[k] == sentence[number.first] and words[k + 1] not in PERIODS:
            if words[k + 2] == "(":
                return True
            around = words[k : number.last + MAX_MEMBER_WORDS]
            return any(a == "of" and b in ("them", "these", "us", "those") for a, b in pairwise(around))
    return False


def _per_whom(marked: Marked, number: Number, period: Period, counts: Counts) -> Number | None:
    """Members named a sentence earlier: `2,000 users. ... 4 taps per user per day`."""
    words = marked.tokens.words
    inside = words[number.last : period.first]
    if "per" in inside[:-1]:
        whom = inside[inside.index("per") + 1]
    else:
        places = range(max(0, number.first - MAX_LEAD_WORDS), number.first - 1)
        whom = next((words[k + 1] for k in places if words[k] in ("each", "every") and words[k + 1] not in PERIODS), "")
        whom = whom or _per_before(words, number.first) or ""
    if len(whom) < SHORTEST_NOUN:
        return None
    low = bisect_left(counts.firsts, number.first - MAX_WHOM_WORDS)
    for other in reversed(counts.numbers[low : bisect_left(counts.firsts, number.first + MAX_WHOM_WORDS // 2)]):
        nouns = (*words[other.last : other.last + 3], *words[max(0, other.first - 2) : other.first])
        named = any(w.startswith(whom[:5]) or (whom == "user" and w.startswith("active")) for w in nouns)
        if named and other is not number and other.first not in counts.claimed and other.value > 1:
            return other
    return None


def _per_unit(marked: Marked, number: Number, counts: Counts) -> Number | None:
    """`30 proposals a session, two sessions a month`: the first figure holds for each of the second."""
    words, at = marked.tokens.words, bisect_left(counts.firsts, number.first) - 1
    if number.last >= len(words):
        return None
    if (behind := _per_unit_behind(words, number, counts)) is not None:
        return behind
    if at < 0 or number.first - counts.numbers[at].last > MAX_RESULT_WORDS:
        return None
    unit = words[number.last]
    between = words[counts.numbers[at].last : number.first]
    same = any(a in ("a", "per", "an", "/") and len(b) > 3 and unit.startswith(b[:-1]) for a, b in pairwise(between))
    return counts.numbers[at] if same and counts.numbers[at].first not in counts.claimed else None


def _per_unit_behind(words: list[str], number: Number, counts: Counts) -> Number | None:
    """`three shifts a day, 40 reports per shift`: the later figure holds for each of the first."""
    unit = words[number.last].rstrip("s")
    at = bisect_left(counts.firsts, number.last)
    if unit not in _WORK_UNITS or at >= len(counts.numbers):
        return None
    other = counts.numbers[at]
    behind = words[other.last : other.last + MAX_UNIT_WORDS]
    same = any(a in ("a", "per", "an", "/", "each", "every") and b == unit for a, b in pairwise(behind))
    near = other.first - number.last <= MAX_LEAD_WORDS and other.first not in counts.claimed
    return other if same and near else None


def _is_one_each(marked: Marked, number: Number, counts: Counts) -> bool:
    """`1,150 sampling points, one comment a week`, `220 cost centres, once per month`."""
    at = bisect_left(counts.firsts, number.first) - 1
    if number.value != 1 or at < 0 or (marked.tokens.words[number.first - 1] != "," and number.suffix != ONCE):
        return False
    other = counts.numbers[at]
    if marked.tokens.sentence[other.first] != marked.tokens.sentence[number.first]:
        return False
    return number.first - other.last <= 4 and other.first not in counts.claimed and other.value > 1


def _per_before(words: list[str], first: int) -> str | None:
    """The bed of `per bed there are two notes a day`."""
    for k in range(max(0, first - MAX_PER_WORDS), first - 1):
        if words[k] == "per" and words[k + 1] not in PERIODS:
            of_another = (
                k > 0 and words[k - 1].isalpha() and "," in words[k + 2 : first]
            )  # a note per patient, 260 a day
            return None if of_another else words[k + 1]
    return None


def _each_of_before(marked: Marked, first: int) -> bool:
    """`each of our 300 shops ...`, `every one of 2,000 agents ...` ahead of the rate."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    for k in range(max(0, first - MAX_MEMBER_WORDS), first - 1):
        if (
            sentence[k] == sentence[first]
            and words[k + 1] == "of"
            and (words[k] == "each" or (k and words[k] == "one" and words[k - 1] == "every"))
        ):
            return True
    return False


def stated_result(marked: Marked, after: int, counts: Counts) -> Number | None:
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
