"""Text into the features of the classifier. Training imports this module, so features cannot skew.

A text is a set of *terms*: its distinct words and its distinct pairs of neighbouring words. A term stands for
features: itself and, for a word, its character n-grams. Values add over terms, so the weights of one term can be
summed once and kept, which is what makes serving quick and the contribution of a term exact.
"""

import itertools
import re
from collections.abc import Iterator

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d[\d.,]*")
"""A word with one inner apostrophe, or a number; both match in linear time."""
LONGEST_WORD = 24
"""Characters of a word that are looked at: enough for real words, and a bound for hostile ones."""
NGRAM_LENGTHS = (3, 4, 5)
MOST_DIGITS = 7
"""Numbers of this many digits and more are one term: over a million is over a million."""


def words(text: str) -> list[str]:
    """The words of `text` in order, lower case; a number is `#` once per digit of its whole part."""
    return [normal(word) for word in WORD.findall(text)]


def normal(word: str) -> str:
    """One match of `WORD` as a term."""
    if word[0].isdigit():
        return "#" * min(sum(map(str.isdigit, word)), MOST_DIGITS)
    return word[:LONGEST_WORD].lower().replace("’", "'")


def terms(text: str) -> set[str]:
    """The distinct words and pairs of neighbouring words; a pair holds one blank."""
    found = words(text)
    distinct = set(found)
    distinct.update(map(" ".join, itertools.pairwise(found)))
    return distinct


def features_of(term: str) -> Iterator[str]:
    """The features that one term stands for: itself and, for a word, its character n-grams (`~` before each)."""
    yield term
    if " " in term or term[0] == "#":
        return
    padded = f"<{term}>"
    for length in NGRAM_LENGTHS:
        for start in range(len(padded) - length + 1):
            yield "~" + padded[start : start + length]


def features(text: str) -> list[str]:
    """All features of a text, repeated as often as terms share them, in a fixed order."""
    return [feature for term in sorted(terms(text)) for feature in features_of(term)]


def first_spans(text: str) -> dict[str, tuple[int, int]]:
    """Where each term (a word or a pair) stands first in `text`, in characters."""
    spans: dict[str, tuple[int, int]] = {}
    before, start_before = "", 0
    for match in WORD.finditer(text):
        word = normal(match[0])
        start, end = match.span()
        spans.setdefault(word, (start, end))
        if before:
            spans.setdefault(f"{before} {word}", (start_before, end))
        before, start_before = word, start
    return spans
