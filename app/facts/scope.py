"""Whose figure is it, and when: clauses, the cues in them, and what they say of a number or word.

A clause ends at a comma, bracket, colon, dash or contrasting word. Scope is what a clause's own cues say; a clause
without figures ("During the lockdown,") hands its scope on to the next one.
"""

from dataclasses import dataclass

from app.facts.lexicon import CUE, Lexicon, load_lexicon
from app.facts.numbers import Number, find_numbers
from app.facts.patterns import Hit
from app.facts.tokens import Tokens, tokenise

BIT = load_lexicon().bits
NEGATION, DISMISSAL, PAST, RIVAL = BIT["negation"], BIT["dismissal"], BIT["past"], BIT["rival"]
HYPOTHETICAL, ARCHIVE, PLANNED, CURRENT = BIT["hypothetical"], BIT["archive"], BIT["planned"], BIT["current"]
CONTRAST = BIT["contrast"]
FOREIGN = PAST | RIVAL | HYPOTHETICAL
"""Cues that make a figure somebody else's, or of another time."""
_SCOPE = FOREIGN | ARCHIVE
_BREAKS = frozenset(',():–—-[]"“”')
_OWN_START = frozenset(["we", "our", "ours", "us", "i", "it's", "it", "now", "here", "this", "these", "today", "but", "so", "then"])
_LEANING_START = frozenset(["at", "in", "with", "for", "by", "of", "on", "and", "which", "plus", "or", "per"])


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with its cues: `marks[i]` are the cue bits of token i, `clause[i]` its clause, `masks[c]` a clause's cues."""

    tokens: Tokens
    numbers: list[Number]
    marks: list[int]
    clause: list[int]
    masks: list[int]
    scopes: list[int]
    """Per clause: its scope bits, handed on where a clause has none of its own."""
    hits: list[Hit]
    """Signals, facts, domains and task types that the words speak of, wherever they stand."""

    def near(self, first: int, last: int, before: int, after: int) -> int:
        """Cues within so many tokens before `first` and after `last`, inside of the same sentence."""
        sentence, marks = self.tokens.sentence, self.marks
        here, found = sentence[first - 1 if first == last and not before and first else first], 0
        for k in range(max(0, first - before), min(len(marks), last + after)):
            if sentence[k] == here:
                found |= marks[k]
        return found

    def scope(self, token: int) -> int:
        """Scope bits of the clause that holds this token."""
        return self.scopes[self.clause[token]]


def mark(text: str) -> Marked:
    """Tokens, numbers, cues and scope of a text; linear in its length."""
    lexicon = load_lexicon()
    tokens = tokenise(text)
    numbers = find_numbers(tokens)
    marks, hits = _marks(tokens, numbers, lexicon)
    clause, masks, heads = _clauses(tokens, marks)
    return Marked(tokens, numbers, marks, clause, masks, _scopes(tokens, numbers, clause, masks, heads), hits)


def _marks(tokens: Tokens, numbers: list[Number], lexicon: Lexicon) -> tuple[list[int], list[Hit]]:
    """Cue bits per token, and the hits that are no cues."""
    marks = [0] * len(tokens)
    undone = {"not_negation": "negation", "not_hypothetical": "hypothetical"}
    others: list[Hit] = []
    cleared: list[tuple[int, int, int]] = []
    for label, first, last in lexicon.patterns.hits(tokens.words):
        if not label.startswith(CUE):
            others.append((label, first, last))
            continue
        label = label[len(CUE) :]
        if label in undone:
            cleared.append((lexicon.bits[undone[label]], first, last))
        bit = lexicon.bits[label]
        for k in range(first, last):
            marks[k] |= bit
    for bit, first, last in cleared:
        for k in range(first, last):
            marks[k] &= ~bit
    for number in numbers:
        if (
            number.year
            and number.first
            and tokens.words[number.first - 1] in ("in", "of", "since", "the", "before", "during", "last")
        ):
            marks[number.first] |= PAST
    return marks, others


def _clauses(tokens: Tokens, marks: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Clause of each token, cues of each clause, first token of each clause."""
    clause: list[int] = []
    masks: list[int] = []
    heads: list[int] = []
    sentence, fresh = -1, True
    for i, word in enumerate(tokens.words):
        contrast = bool(marks[i] & CONTRAST) and word not in ("now", "so")
        if fresh or tokens.sentence[i] != sentence or contrast:
            masks.append(0)
            heads.append(i)
        sentence, fresh = tokens.sentence[i], word in _BREAKS
        clause.append(len(masks) - 1)
        masks[-1] |= marks[i]
    return clause, masks, heads


def _scopes(tokens: Tokens, numbers: list[Number], clause: list[int], masks: list[int], heads: list[int]) -> list[int]:
    """Scope bits of each clause."""
    counted = [False] * len(masks)
    for number in numbers:
        if not (number.year or number.identifier):
            counted[clause[number.first]] = True
    scopes: list[int] = []
    for c, mask in enumerate(masks):
        own = mask & _SCOPE
        if not own and c and tokens.sentence[heads[c]] == tokens.sentence[heads[c - 1]]:
            word = tokens.words[heads[c]]
            continues = not counted[c - 1] or word in _LEANING_START
            if continues and not mask & (PLANNED | CURRENT | CONTRAST) and word not in _OWN_START:
                own = scopes[c - 1]
        scopes.append(own)
    return scopes
