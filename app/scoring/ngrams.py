"""Text into the features of the classifier. Training imports this module, so features cannot skew.

A text is a set of *terms*: its distinct words, its distinct pairs of neighbouring words, and marks of its shape.
A term stands for features: itself, for a word its character n-grams, and the groups of the lexicon that it belongs
to. Values add over terms, so the weights of one term can be summed once and kept, which is what makes serving quick
and the contribution of a term exact.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, pairwise

from app.records import record

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

KEPT_WORDS = 50_000
"""Normal forms kept in memory; only saves time."""

_CAPITALS = re.compile("[A-Z]{2,}")
_CAMEL_CASE = re.compile("[A-Z](?<=[a-z].)[a-z]")
_SNAKE_CASE = re.compile("[a-z]_[a-z]")
_SLASH = re.compile(r"\w ?/ ?\w")

SHAPES: Mapping[str, Callable[[str], bool]] = {
    "^camelCase": lambda text: _CAMEL_CASE.search(text) is not None,
    "^snake_case": lambda text: "_" in text and _SNAKE_CASE.search(text) is not None,
    "^arrow": lambda text: "->" in text or "→" in text,
    "^braces": lambda text: "{" in text,
    "^quotes": lambda text: '"' in text or "“" in text,
    "^slash": lambda text: "/" in text and _SLASH.search(text) is not None,
    "^question": lambda text: "?" in text,
    "^CAPITALS": lambda text: len(_CAPITALS.findall(text)) >= CAPITALS_FOR_A_LIST,
}
"""What a text looks like, apart from its words: names of functions, lists of statuses, arrows of a data flow."""


def lowered(text: str) -> str:
    """Lower case of the same length, so that places stay true (a few letters grow when lowered)."""
    low = text.lower()
    return low if len(low) == len(text) else "".join([c if len(c.lower()) != 1 else c.lower() for c in text])


@lru_cache(maxsize=KEPT_WORDS)
def normal(word: str) -> str:
    """One match of `WORD` in lowered text as a term: a number is `#` once per digit, a word is cut to its length."""
    if word[0].isdigit():
        return "#" * min(sum(map(str.isdigit, word)), MOST_DIGITS)
    return word[:LONGEST_WORD].replace("’", "'")


class Terms:
    """The terms of one text, each once, in the order of the text: words, pairs (one blank between), shapes."""

    __slots__ = ("matches", "pairs", "shapes", "words")

    def __init__(self, text: str) -> None:
        self.matches = list(WORD.finditer(lowered(text)))
        self.words = [normal(match[0]) for match in self.matches]
        self.pairs = [f"{first} {second}" for first, second in pairwise(self.words)]
        self.shapes = [name for name, shows in SHAPES.items() if shows(text)]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(chain(self.words, self.pairs, self.shapes)))

    def span(self, term: str) -> tuple[int, int] | None:
        """The first place of one of the words or pairs in the text, in characters; None for a shape."""
        if term[0] == "^":
            return None
        if " " not in term:
            return self.matches[self.words.index(term)].span()
        first = self.pairs.index(term)
        return self.matches[first].start(), self.matches[first + 1].end()


@record
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
    """All features of a text, repeated as often as its terms share them, in a fixed order."""
    return [feature for term in Terms(text) for feature in features_of(term, lexicon)]
