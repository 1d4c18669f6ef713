"""Numbers of a text, in figures and in words: `40,000`, `3.500`, `250 000`, `1.2M`, `half a million`, `10-15k`.

`find_numbers` reads each token once. A range counts with its upper end (the codebook's rule).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.facts.lexicon import word_set
from app.facts.tokens import Tokens

K, M, G, LAKH, CRORE = 1e3, 1e6, 1e9, 1e5, 1e7
DOZEN = 12.0
_SMALL: Mapping[str, float] = MappingProxyType({
    "zero": 0.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0, "eight": 8.0,
    "nine": 9.0, "ten": 10.0, "eleven": 11.0, "twelve": 12.0, "thirteen": 13.0, "fourteen": 14.0, "fifteen": 15.0,
    "sixteen": 16.0, "seventeen": 17.0, "eighteen": 18.0, "nineteen": 19.0,
})  # fmt: skip
_TENS: Mapping[str, float] = MappingProxyType({
    "twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0,
    "ninety": 90.0,
})  # fmt: skip
_SCALES: Mapping[str, float] = MappingProxyType({
    "hundred": 100.0, "thousand": K, "million": M, "billion": G, "trillion": 1e12,
    "lakh": LAKH, "lakhs": LAKH, "lac": LAKH, "crore": CRORE, "crores": CRORE, "dozen": DOZEN, "grand": K,
    "mio": M, "mln": M, "mrd": G, "bn": G, "mn": M, "thsd": K,
})  # fmt: skip
_SUFFIXES: Mapping[str, float] = MappingProxyType(
    {"k": K, "m": M, "mm": M, "b": G, "bn": G, "mn": M, "mil": M, "mio": M, "cr": CRORE}
)
"""Letters that follow figures at once or after one blank; `m` may also be metres or minutes: see `Number.suffix`."""
_DOTTED = frozenset(("mio", "mrd", "mln", "tsd", "bn"))
_FRACTIONS: Mapping[str, float] = MappingProxyType({
    "half": 0.5, "quarter": 0.25, "quarters": 0.25, "third": 1 / 3, "thirds": 1 / 3, "tenth": 0.1, "tenths": 0.1,
    "fifth": 0.2, "fifths": 0.2, "twentieth": 0.05, "hundredth": 0.01, "hundredths": 0.01, "thousandth": 0.001,
    "½": 0.5, "¼": 0.25, "¾": 0.75,
})  # fmt: skip
_WORDS = frozenset((*_SMALL, *_TENS, *_SCALES, *_FRACTIONS, "a", "an", "couple"))
_ONCE: Mapping[str, float] = MappingProxyType({"once": 1.0, "twice": 2.0, "thrice": 3.0})
ONCE = "once"
"""Suffix of `once a week`, `twice daily`: how often something happens, not how many there are."""
_AFTER_ONCE = frozenset(("a", "an", "per", "each", "every", "daily", "weekly", "monthly", "hourly", "nightly", "/"))
_VAGUE = frozenset(("few", "several", "dozens", "hundreds", "thousands", "tens", "handful", "millions"))
VAGUE = "vague"
"""Suffix of `a few hundred`, `dozens`: counted by nobody, yet it is the number of its period."""
_BEGINNINGS = _WORDS | _VAGUE | frozenset(_ONCE)
_DIGITS = frozenset("0123456789")
_AFTER_SLASHED = frozenset(("second", "sec", "s", "minute", "hour", "of", "a"))
_RANGE_SIGNS = frozenset(("-", "–", "—", "to", "or", "and", "till", "bis"))
_IDENTIFIER_BEFORE = word_set("identifier_before")
"""Words after which a figure is a name."""
_MEASURED = frozenset(("gate", "level", "bar", "stage"))
"""`gate 4` names a gate, `gate 0.85` is a threshold."""
_YEAR_FIRST, _YEAR_LAST = 1850, 2100
_POWERS = MappingProxyType({sign: float(n) for n, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")})
_TIMES = frozenset(("x", "×", "*", "·", "x10"))
_MAX_POWER = 12
_SAME_UNIT: Mapping[str, str] = MappingProxyType({
    word: name
    for name, words in {
        "s": "s sec secs second seconds", "ms": "ms msec milliseconds millis", "min": "min mins minute minutes",
        "h": "h hr hrs hour hours", "day": "day days", "$": "$ usd dollar dollars", "€": "€ eur euro euros",
        "£": "£ gbp pounds", "cent": "cent cents ct", "chf": "chf francs", "₹": "₹ inr rs rupees",
        "token": "token tokens", "page": "page pages", "word": "word words",
    }.items()
    for word in words.split()
})  # fmt: skip
"""Units that may stand at both ends of a range: `$3,000 to $5,000`, `2 s to 3 s`."""
_VAGUE_TAILS = frozenset(("odd", "ish", "plus", "some", "strong"))
_BETWEEN_REACH = 3
MAX_GAP_WORDS = 2
"""Tokens between the ends of a range: a sign or word, and a unit."""
_GROUPS = re.compile(r"[.,']")
ABSURD = 1e13
"""No rate, count or sum of a description is larger; longer digit strings are serial numbers."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number or range: its upper value and its tokens `first` up to `last` (exclusive)."""

    value: float
    low: float
    first: int
    last: int
    suffix: str = ""
    """Letters that multiplied it, as written: `k`, `M`, `m`, `bn` or a word."""
    in_words: bool = False
    year: bool = False
    """A bare figure that may be a year."""
    identifier: bool = False
    """Part of a name such as `ICD-10`, `section 4.2` or a date."""
    decimal: bool = False
    attached: bool = False
    """Followed by a hyphen, as in `200-word`."""


def figure(digits: str) -> float | None:
    """The value of digits with separators, English, European, Swiss or Indian; None for dates and versions."""
    parts = _GROUPS.split(digits)
    if len(parts) == 1:
        return float(digits)
    if not all(parts):
        return None
    signs = [c for c in digits if c in ".,'"]
    first, rest = parts[0], parts[1:]
    if len(parts) == 2:
        return _one_separator(first, rest[0], signs[0])
    if len(set(signs)) == 1:
        grouped = all(len(p) == 3 for p in rest) and len(first) <= 3
        indian = signs[0] == "," and len(rest[-1]) == 3 and all(len(p) == 2 for p in rest[:-1]) and len(first) <= 2
        return float("".join(parts)) if grouped or indian else None
    if len(set(signs[:-1])) == 1 and signs[-1] in ".," and all(len(p) == 3 for p in rest[:-1]):
        return float("".join(parts[:-1]) + "." + parts[-1])
    return None


def _one_separator(first: str, rest: str, sign: str) -> float:
    """`40,000` and `3.500` group thousands, `1,5`, `0.125` and `1.2` are decimals."""
    if len(rest) == 3 and len(first) <= 3 and first[0] != "0":
        return float(first + rest)
    return float(f"{first}.{rest}") if sign in ".," else float(first + rest)


def find_numbers(tokens: Tokens) -> list[Number]:
    """Every number of a text in order; years and names are among them, marked as such."""
    found: list[Number] = []
    reached, words = 0, tokens.words
    for i in [i for i, word in enumerate(words) if word[0] in _DIGITS or word in _BEGINNINGS]:
        if i < reached:
            continue
        made = _in_figures(tokens, i) if words[i][0] in _DIGITS else _begin(tokens, i)
        if made is not None:
            found.append(_joined(tokens, found, made) if found else made)
            reached = made.last
    return found


def _vague(words: list[str], i: int) -> Number:
    """`few hundred`, `several thousand`, `tens of thousands`, `dozens`."""
    last = i + 1
    while last < len(words) and (
        words[last] in _SCALES or words[last] in _VAGUE or (words[last] == "of" and words[last - 1] == "tens")
    ):
        last += 1
    return Number(0.0, 0.0, i, last, VAGUE, True, identifier=True)


def _begin(tokens: Tokens, i: int) -> Number | None:
    """A number that begins with a word."""
    words = tokens.words
    word, after = words[i], words[i + 1] if i + 1 < len(words) else ""
    if word in _VAGUE:
        return _vague(words, i)
    if word in _ONCE:
        return Number(_ONCE[word], _ONCE[word], i, i + 1, ONCE, True) if after in _AFTER_ONCE else None
    return None if word == "zero" and after == "shot" else _in_words(tokens, i)


def _in_figures(tokens: Tokens, i: int) -> Number | None:
    words = tokens.words
    digits, last = words[i].replace("’", "'"), i + 1
    if len(digits) <= 3 and digits[0] != "0" and digits.isdigit():
        while last < len(words) and len(words[last]) == 3 and words[last].isdigit() and _one_blank(tokens, last):
            digits += words[last]
            last += 1
    if words[last : last + 1] == ["/"] and (half := _slashed(tokens, i)) is not None:
        return half
    value = figure(digits) if digits.isascii() else None
    if value is None or value > ABSURD:
        return Number(0.0, 0.0, i, last, identifier=True)
    plain = last == i + 1 and digits.isdigit()
    named = _is_name(tokens, i)
    value, last, suffix = _scaled(tokens, value, last)
    attached = _is_attached(tokens, last)
    year = plain and not suffix and len(digits) == 4 and _YEAR_FIRST <= value <= _YEAR_LAST
    return Number(value, value, i, last, suffix, False, year, named, "." in digits or "," in digits, attached)


def _is_attached(tokens: Tokens, last: int) -> bool:
    """A hyphen joins the number to the next word: `200-word`, `four-page`, but not `40-odd`."""
    if last >= len(tokens) or tokens.words[last] in _VAGUE_TAILS:
        return False
    end = tokens.ends[last - 1]
    return tokens.starts[last] == end + 1 and tokens.text[end] == "-"


def _slashed(tokens: Tokens, i: int) -> Number | None:
    """`1/2 second`, `3/4 of a million`."""
    words = tokens.words
    if i + 3 >= len(words) or not words[i + 2].isdigit() or words[i + 3] not in _AFTER_SLASHED:
        return None
    top, bottom = float(words[i]), float(words[i + 2])
    if not 0 < top < bottom <= 10 or tokens.starts[i + 2] != tokens.ends[i] + 1:
        return None
    return Number(top / bottom, top / bottom, i, i + 3, "fraction", True)


def _one_blank(tokens: Tokens, i: int) -> bool:
    return (
        tokens.starts[i] == tokens.ends[i - 1] + 1
        and tokens.text[tokens.ends[i - 1]] != "-"
        and tokens.text[tokens.ends[i - 1]] != "\n"
    )


def _is_name(tokens: Tokens, i: int) -> bool:
    """`GPT-4`, `#12`, `section 4.2`: the figure names a thing."""
    if i == 0:
        return False
    start, before = tokens.starts[i], tokens.words[i - 1]
    if start and tokens.text[start - 1] in "-_/" and tokens.text[start - 2 : start - 1].isalpha():
        if (
            before in _SUFFIXES
            and i > 1
            and tokens.words[i - 2][0].isdigit()
            and tokens.ends[i - 2] == tokens.starts[i - 1]
        ):
            return False  # 30k-50k
        return before not in ("sub", "mid", "pre", "day")
    if before == "." and tokens.ends[i - 1] == start:
        return True  # `fnol.3`; `.58` is read as a quality figure
    return before in _IDENTIFIER_BEFORE and not (before in _MEASURED and tokens.words[i].startswith("0"))


def _scaled(tokens: Tokens, value: float, last: int) -> tuple[float, int, str]:
    """Multiply by the suffixes and scale words that follow: `1.2 million`, `40k`, `5 hundred thousand`."""
    words, suffix = tokens.words, ""
    if last < len(words):
        word, gap = words[last], tokens.starts[last] - tokens.ends[last - 1]
        if (
            word in _SUFFIXES
            and gap <= 1
            and (
                gap == 0 or word in ("k", "bn", "mn", "mio", "mil") or tokens.slice(last, last + 1) in ("M", "MM", "B")
            )
        ):
            suffix = tokens.slice(last, last + 1)
            value, last = value * _SUFFIXES[word], last + 1
        elif gap == 0 and word in ("½", "¼", "¾"):
            value, last, suffix = value + _FRACTIONS[word], last + 1, "word"
        elif word == "^" or word in _POWERS or (word in _TIMES and value <= 10):
            value, last, suffix = _power(words, value, last)
        elif gap == 0 and word[0] == "e" and len(word) <= 3 and word[1:].isdigit() and len(word) > 1:
            value, last, suffix = value * 10.0 ** int(word[1:]), last + 1, word
    while last < len(words) and words[last] in _SCALES:
        suffix = suffix or words[last]
        value, last = value * _SCALES[words[last]], last + 1
    if last + 1 < len(words) and suffix and words[last] == "." and words[last - 1] in _DOTTED:
        same = tokens.sentence[last + 1] == tokens.sentence[last]
        last += same  # 1,2 Mio. Yen
    return value, last, suffix


def _power(words: list[str], value: float, last: int) -> tuple[float, int, str]:
    """`10^5`, `10⁵`, `3 × 10^5`, `10**5`: value, next token, suffix; unchanged when it is no power of ten."""
    factor, i = 1.0, last
    if words[i] == "x10" or (words[i] in _TIMES and words[i + 1 : i + 2] == ["10"]):
        factor, value, i = value, 10.0, i + (1 if words[i] == "x10" else 2)
    sign = words[i] if i < len(words) else ""
    if value == 10 and sign in _POWERS:
        return factor * 10 ** _POWERS[sign], i + 1, "power"
    if value == 10 and (sign == "^" or words[i : i + 2] == ["*", "*"]):
        i += 1 if sign == "^" else 2
        if i < len(words) and words[i].isdigit() and int(words[i]) <= _MAX_POWER:
            return factor * 10.0 ** int(words[i]), i + 1, "power"
    return (value if factor == 1 else factor), last, ""


def _in_words(tokens: Tokens, i: int) -> Number | None:
    """`half a million`, `two hundred and fifty`, `one and a half million`, `three quarters of a million`, `a dozen`."""
    words, n, first = tokens.words, len(tokens), i
    article = words[i] in ("a", "an")
    if article:
        i += 1
        if i >= n or (words[i] not in _SCALES and words[i] not in _FRACTIONS and words[i] != "couple"):
            return None
    if words[i] in _FRACTIONS or (
        i + 1 < n and words[i] in _SMALL and words[i + 1] in _FRACTIONS and words[i + 1].endswith("s")
    ):
        return _fraction(tokens, first, i)
    if words[i] == "couple":
        i += 2 if i + 1 < n and words[i + 1] == "of" else 1
        if i < n and words[i] in _SCALES:
            value, last, _ = _scaled(tokens, 2.0, i)
            return Number(value, value, first, last, "couple", True)
        if i < n and words[i] in _SAME_UNIT:
            return Number(2.0, 2.0, first, i, "couple", True)
        return None
    value, i = _cardinal(words, i, 1.0 if article or words[i] in _SCALES else 0.0)
    if words[first] in _SCALES and words[first].endswith("s"):
        return None
    if words[first] in _SCALES and not article and i == first + 1 and words[first] not in ("lakh", "crore", "dozen"):
        return None
    return Number(value, value, first, i, "word", True, attached=_is_attached(tokens, i))


def _fraction(tokens: Tokens, first: int, i: int) -> Number | None:
    """A fraction alone (`half`, used with a unit: half a second) or of a scale (`a quarter of a million`)."""
    words, n = tokens.words, len(tokens)
    value = 1.0
    if words[i] in _SMALL:
        value, i = _SMALL[words[i]], i + 1
    value *= _FRACTIONS[words[i]]
    i += 1
    if words[i : i + 1] in (["end"], ["day"]):
        return None  # on a quarter-end day
    j = i
    while j < n and words[j] in ("of", "a", "an"):
        j += 1
    if j < n and words[j] in _SCALES:
        value, j, _ = _scaled(tokens, value, j)
        return Number(value, value, first, j, "word", True)
    return Number(value, value, first, i, "fraction", True)


def _cardinal(words: list[str], i: int, start: float) -> tuple[float, int]:
    """Value of number words from token `i` on, and the token after them."""
    total, current, last_scale, n = 0.0, start, 1.0, len(words)
    while i < n:
        word = words[i]
        if word in _SMALL or word in _TENS:
            current += _SMALL.get(word, 0.0) or _TENS.get(word, 0.0)
            if word in _SMALL and i + 1 < n and words[i + 1] in _SMALL:
                return total + current, i + 1
        elif word in _SCALES:
            scale = _SCALES[word]
            if scale > 100 or word == "dozen":
                total, current, last_scale = total + (current or 1.0) * scale, 0.0, scale
            else:
                current = (current or 1.0) * scale
        elif (
            word == "and" and i + 1 < n and current + total >= 100 and (words[i + 1] in _SMALL or words[i + 1] in _TENS)
        ):
            pass
        elif word == "and" and i + 2 < n and words[i + 1] == "a" and words[i + 2] in ("half", "quarter"):
            part = _FRACTIONS[words[i + 2]]
            if total and not current:
                total += part * last_scale  # a million and a half
            else:
                current += part
            i += 2
        else:
            break
        i += 1
    return total + current, i


def _joined(tokens: Tokens, found: list[Number], second: Number) -> Number:
    """Join `second` with the number before it into a range when only a range sign stands between them."""
    one = found[-1]
    if one.identifier or second.identifier or second.suffix == "fraction" or second.first - one.last > MAX_GAP_WORDS:
        return second
    gap = _gap(tokens, one, second)
    comma = gap == "," and one.in_words and second.in_words and one.last - one.first == 1
    if not (comma or gap in _RANGE_SIGNS):
        return second
    if gap == "and" and "between" not in tokens.words[max(0, one.first - _BETWEEN_REACH) : one.first]:
        return second
    low, high = one.value, second.value
    if one.suffix == "" and second.suffix and low < high and low * (high_scale := _scale_of(second)) <= high:
        low *= high_scale
    if low > high or (one.year and second.year):
        return second
    found.pop()
    return Number(
        high, low, one.first, second.last, second.suffix, second.in_words, False, False, second.decimal, second.attached
    )


def _gap(tokens: Tokens, one: Number, second: Number) -> str:
    """The text between two numbers, without a unit that stands at both: `$3,000 and $5,000`, `2 s to 3 s`."""
    start, end = tokens.ends[one.last - 1], tokens.starts[second.first]
    words = tokens.words[one.last : second.first]
    if len(words) == 2:
        before = _SAME_UNIT.get(tokens.words[one.first - 1]) if one.first else None
        behind = _SAME_UNIT.get(tokens.words[second.last]) if second.last < len(tokens) else None
        if before is not None and _SAME_UNIT.get(words[1]) == before:
            end = tokens.starts[second.first - 1]
        elif behind is not None and _SAME_UNIT.get(words[0]) == behind:
            start = tokens.ends[one.last]
    return tokens.text[start:end].strip().lower()


def _scale_of(number: Number) -> float:
    key = number.suffix.lower()
    return _SUFFIXES.get(key) or _SCALES.get(key) or 1.0
