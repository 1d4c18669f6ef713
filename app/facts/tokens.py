"""A description as tokens: words, numbers and signs with their places, cut once in linear time.

Hyphens inside of compounds give no token ("as-you-type" is three words), so that patterns need one spelling only.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"[^\W\d_][^\W_]{0,60}(?:['’][^\W\d_]\w{0,2})?"  # a word, with 's and n't
    r"|\d[\d.,'’]{0,30}\d|\d"  # a number with its separators; the bound keeps hostile digits linear
    r"|[^\w\s\-]|(?<=\s)-(?=\s)|\n"  # a sign; a dash between blanks separates clauses
)
_SENTENCE_ENDS = frozenset(".!?\n…;•*|")
_OPENING = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "`": "`", "‘": "’"}
_QUOTE_SIGNS = frozenset(_OPENING)
_CLOSING_SIGNS = frozenset((*_OPENING.values(), "\n"))
QUOTE_LIMIT = 400
"""Characters: a longer stretch between two quote signs is no quotation but two strays."""
_ABBREVIATIONS = frozenset(
    ("e", "g", "eg", "ie", "i", "approx", "ca", "vs", "rs", "incl", "etc", "no", "avg", "max", "min", "mio", "st", "dr")
)
_SCALES = frozenset(("mio", "mrd", "mln", "mill", "tsd", "bn"))
_SCALED = frozenset(
    ("yen", "euro", "euros", "eur", "usd", "dollar", "dollars", "chf", "franken", "rupees", "gbp", "jpy")
)
"""A dot between two such words ends no sentence."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Parallel lists over the tokens of one text."""

    text: str
    words: list[str]
    """In lower case."""
    starts: list[int]
    ends: list[int]
    sentence: list[int]
    """Number of the sentence that each token belongs to; a semicolon and a line end close one too."""
    quoted: list[bool]
    """True inside of quotation marks."""

    def __len__(self) -> int:
        return len(self.words)

    def slice(self, first: int, last: int) -> str:
        """The text from token `first` up to and without token `last`."""
        return self.text[self.starts[first] : self.ends[last - 1]]


def lowered(text: str) -> str:
    """Lower case of the same length, so that places stay true (a few letters grow when lowered)."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def tokenise(text: str) -> Tokens:
    """Cut a text into tokens; linear in its length."""
    low = lowered(text)
    spans = [match.span() for match in _TOKEN.finditer(low)]
    words = [low[start:end] for start, end in spans]
    starts = [start for start, _ in spans]
    ends = [end for _, end in spans]
    return Tokens(text, words, starts, ends, _sentences(words, starts, ends, text), _quotes(words, starts, ends, text))


def _sentences(words: list[str], starts: list[int], ends: list[int], text: str) -> list[int]:
    """The sentence number of each token."""
    numbers: list[int] = []
    current, last = 0, len(words) - 1
    for i in [i for i, word in enumerate(words) if word in _SENTENCE_ENDS]:
        if words[i] != "." or not _is_inner_dot(words, starts, ends, text, i, last):
            numbers.extend([current] * (i + 1 - len(numbers)))
            current += 1
    numbers.extend([current] * (len(words) - len(numbers)))
    return numbers


def _is_inner_dot(words: list[str], starts: list[int], ends: list[int], text: str, i: int, last: int) -> bool:
    """A dot of an abbreviation or inside of a name such as `fnol.raw`."""
    if i == last:
        return False
    if starts[i + 1] == ends[i] and words[i + 1] not in _OPENING:
        return True
    if i > 0 and words[i - 1] in _SCALES and words[i + 1] in _SCALED:
        return True  # 1,2 Mio. Yen
    return i > 0 and words[i - 1] in _ABBREVIATIONS and not text[starts[i + 1]].isupper()


def _quotes(words: list[str], starts: list[int], ends: list[int], text: str) -> list[bool]:
    """Which tokens stand between quotation marks; an unclosed mark quotes nothing."""
    quoted = [False] * len(words)
    if _QUOTE_SIGNS.isdisjoint(words):
        return quoted
    opened, closing = -1, ""
    for i in [i for i, word in enumerate(words) if word in _QUOTE_SIGNS or word in _CLOSING_SIGNS]:
        word = words[i]
        if opened >= 0 and (starts[i] - starts[opened] > QUOTE_LIMIT or (word == "\n" and words[i - 1] == "\n")):
            opened = -1
        if opened >= 0 and word in (closing, "”" if closing == "“" else closing) and _may_close(word, ends[i], text):
            quoted[opened : i + 1] = [True] * (i + 1 - opened)
            opened = -1
        elif opened < 0 and word in _OPENING and _may_open(word, starts[i], text):
            opened, closing = i, _OPENING[word]
    return quoted


def _may_open(sign: str, start: int, text: str) -> bool:
    """A straight apostrophe opens only after a blank or bracket and before a letter or figure."""
    before = text[start - 1] if start else " "
    after = text[start + 1] if start + 1 < len(text) else " "
    if sign == '"':
        return not before.isdigit() and not after.isspace()
    return sign not in "'‘`" or (not before.isalnum() and after.isalnum())


def _may_close(sign: str, end: int, text: str) -> bool:
    """An apostrophe closes only before a blank or sign."""
    return sign not in "'’" or end >= len(text) or not text[end].isalnum()
