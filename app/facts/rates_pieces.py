"""Rates of things that each take several requests: `300 tasks a day, about 12 calls per task`."""

from bisect import bisect_left

from app.facts.lexicon import word_set
from app.facts.numbers import ONCE, VAGUE, Number
from app.facts.rates_pairs import Counts
from app.facts.scope import FOREIGN, Marked

MAX_PIECE_WORDS = 16
"""Tokens behind a rate within which its pieces are counted."""
CALL_REACH = 14
"""Tokens behind a count of parts within which `one call per clause` makes each a request."""
NOUN_REACH, PER_REACH = 2, 4
MOST_PIECES = 1000
"""Calls or parts of one thing; a batch may hold more."""
SHORTEST_STEM = 3
STEM = 5
_CALLS, _PARTS = word_set("call_nouns"), word_set("part_nouns")
_PER = frozenset(("per", "a", "an", "/", "each", "every", "for"))
_EACH = frozenset(("each", "every"))
_BATCHES = frozenset(("batch", "run", "job", "uploa", "bundl"))
"""Stems of what holds several requests: `48 batches a day, 500 items per batch`."""
_HOLDS = frozenset(("of", "over", "with", "on", "containing", "for", "through"))
HELD_REACH = 3
_CUTS = frozenset(
    ("split", "cut", "chunked", "divided", "broken", "takes", "needs", "makes", "making", "needing", "taking")
)


def pieces_of(marked: Marked, number: Number, last: int, counts: Counts) -> Number | None:
    """The 12 of `300 tasks a day and the agent makes about 12 calls per task`; None where nothing tells of pieces."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    if number.last >= len(words) or number.suffix == ONCE:
        return None
    nouns = words[number.last : number.last + NOUN_REACH]
    if nouns == ["of", "them"]:
        nouns = words[max(0, number.first - NOUN_REACH) : number.first]  # tenders, 15 of them a month
    stems = {w[:STEM].rstrip("s") for w in nouns if len(w) >= SHORTEST_STEM}
    at = bisect_left(counts.firsts, last)
    for other in counts.numbers[at : at + 2]:
        near = other.first - last <= MAX_PIECE_WORDS and sentence[other.first] - sentence[number.first] <= 1
        if not near or other.first in counts.claimed:
            return None
        many = bool(stems & _BATCHES) or other.value <= MOST_PIECES
        fits = other.suffix != VAGUE and other.value > 1 and many and not other.year
        if fits and _is_piece(marked, other, stems, last):
            return other
    return None


def _is_piece(marked: Marked, other: Number, stems: set[str], last: int) -> bool:
    """Calls or steps per thing, or parts of it of which each is one request."""
    words = marked.tokens.words
    behind = words[other.last : other.last + NOUN_REACH]
    if marked.scope(other.first, other.last) & FOREIGN:
        return False
    if stems & _BATCHES:
        held = words[other.first - 1] in _HOLDS and other.first - last <= HELD_REACH
        return held or _names_whole(words, other.last, stems)
    noun = next((w for w in behind if w in _CALLS or w in _PARTS), None)
    if noun is None:
        return False
    whole = _names_whole(words, other.last, stems) or (
        not _EACH.isdisjoint(words[last : other.first]) and not _CUTS.isdisjoint(words[last : other.first])
    )
    return whole and (noun in _CALLS or _is_called(words, other.last, noun))


def _names_whole(words: list[str], start: int, stems: set[str]) -> bool:
    """`per task`, `for each contract`: the thing that the rate counts stands behind its pieces."""
    for k in range(start, min(start + PER_REACH, len(words) - 1)):
        if words[k] in _PER and any(words[k + 1].startswith(stem) for stem in stems):
            return True
    return False


def _is_called(words: list[str], start: int, noun: str) -> bool:
    """`one call per clause`, `every passage is one request`, `clause by clause`."""
    window = words[start : start + CALL_REACH]
    stem = noun.rstrip("s")
    return not _CALLS.isdisjoint(window) and any(w.startswith(stem) for w in window[1:])
