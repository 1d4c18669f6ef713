"""Text into the features of the classifier. Training imports this module, so features cannot skew.

A text is a set of *terms*: its distinct words, its distinct pairs of neighbouring words, and marks of its shape.
A term stands for features: itself, for a word its character n-grams, and the groups of the lexicon that it belongs
to. Values add over terms, so the weights of one term can be summed once and kept, which is what makes serving quick
and the contribution of a term exact.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d[\d.,]*")
"""A word with one inner apostrophe, or a number; both match in linear time."""
LONGEST_WORD = 24
"""Characters of a word that are looked at: enough for real words, and a bound for hostile ones."""
NGRAM_LENGTH = 5
"""Characters of an n-gram inside of a word: stems and endings; shorter ones told no more, see models/results."""
MOST_DIGITS = 7
"""Numbers of this many digits and more are one term: over a million is over a million."""
CAPITALS_FOR_A_LIST = 3
"""Words in capitals from which on they are a list of labels, statuses or abbreviations."""
SHORTEST_STEM = 2

_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")


def _finds(pattern: str) -> Callable[[str], bool]:
    search = re.compile(pattern).search
    return lambda text: search(text) is not None


SHAPES: Mapping[str, Callable[[str], bool]] = {
    "^camelCase": _finds("[a-z][A-Z][a-z]"),
    "^snake_case": _finds("[a-z]_[a-z]"),
    "^arrow": _finds("->|→"),
    "^braces": _finds("{"),
    "^quotes": _finds('["“]'),
    "^slash": _finds(r"\w ?/ ?\w"),
    "^question": _finds(r"\?"),
    "^CAPITALS": lambda text: len(_CAPITALS.findall(text)) >= CAPITALS_FOR_A_LIST,
}
"""What a text looks like, apart from its words: names of functions, lists of statuses, arrows of a data flow."""


def words(text: str) -> list[str]:
    """The words of `text` in order, lower case; a number is `#` once per digit."""
    return [normal(word) for word in WORD.findall(text)]


def normal(word: str) -> str:
    """One match of `WORD` as a term."""
    if word[0].isdigit():
        return "#" * min(sum(map(str.isdigit, word)), MOST_DIGITS)
    return word[:LONGEST_WORD].lower().replace("’", "'")


def terms(text: str) -> set[str]:
    """The distinct words, pairs of neighbouring words (with one blank between) and shapes of `text`."""
    found = words(text)
    distinct = set(found)
    distinct.update([f"{first} {second}" for first, second in pairwise(found)])
    distinct.update([name for name, shows in SHAPES.items() if shows(text)])
    return distinct


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Groups of words that mean alike for the reading of a task, by word or pair and by the beginning of a word."""

    exact: Mapping[str, tuple[str, ...]]
    stems: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, groups: Mapping[str, str]) -> "Lexicon":
        """From words per group, blank between them: `stem*` for a beginning, `two-words` for a pair."""
        exact: dict[str, dict[str, None]] = {}
        stems: dict[str, dict[str, None]] = {}
        for group, entries in groups.items():
            for entry in entries.lower().split():
                table, key = (stems, entry[:-1]) if entry.endswith("*") else (exact, entry.replace("-", " "))
                table.setdefault(key, {})[group] = None
        return cls({k: tuple(v) for k, v in exact.items()}, {k: tuple(v) for k, v in stems.items()})

    def groups_of(self, term: str) -> list[str]:
        """The groups of a word or pair, sorted; a word's plural counts as the word."""
        found = set(self.exact.get(term, ()))
        if " " not in term:
            if term.endswith("s"):
                found.update(self.exact.get(term[:-1], ()))
            for end in range(SHORTEST_STEM, len(term) + 1):
                found.update(self.stems.get(term[:end], ()))
        return sorted(found)


def features_of(term: str, lexicon: Lexicon) -> Iterator[str]:
    """The features that a term stands for: itself, its character n-grams (`~abcde`), its groups (`=group`)."""
    yield term
    if term[0] in "#^":
        return
    for group in lexicon.groups_of(term):
        yield "=" + group
    if " " not in term:
        padded = f"<{term}>"
        for start in range(len(padded) - NGRAM_LENGTH + 1):
            yield "~" + padded[start : start + NGRAM_LENGTH]


def features(text: str, lexicon: Lexicon) -> list[str]:
    """All features of a text, repeated as often as terms share them, in a fixed order."""
    return [feature for term in sorted(terms(text)) for feature in features_of(term, lexicon)]


def first_spans(text: str) -> dict[str, tuple[int, int]]:
    """Where each word and pair stands first in `text`, in characters."""
    spans: dict[str, tuple[int, int]] = {}
    before, start_before = "", 0
    for match in WORD.finditer(text):
        word = normal(match[0])
        start, end = match.span()
        if word not in spans:
            spans[word] = (start, end)
        pair = f"{before} {word}"
        if before and pair not in spans:
            spans[pair] = (start_before, end)
        before, start_before = word, start
    return spans
