"""Whose figure is it, and when: clauses, the cues in them, and what they say of a number or word.

A clause ends at a comma, bracket, colon, dash or contrasting word. Scope is what a clause's own cues say; a clause
without figures ("During the lockdown,") hands its scope on to the next one.
"""

from bisect import bisect_left
from collections.abc import Container
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import or_

from app.facts.lexicon import CUE, Lexicon, load_lexicon
from app.facts.numbers import Number, find_numbers
from app.facts.patterns import Hit
from app.facts.tokens import Tokens, tokenise
from app.facts.units import TIME_UNITS, Period, find_periods

BIT = load_lexicon().bits
_CUE_BITS = {CUE + name: bit for name, bit in BIT.items()}
_KINDS = load_lexicon().kinds
_UNDONE = {
    CUE + f"not_{undone}": BIT[undone]
    for undone in ("negation", "hypothetical", "peak", "past", "rival", "limit", "labelled", "error", "target")
} | {
    CUE + "not_prompted_yet": BIT["prompted"],
    CUE + "not_first": BIT["first_token"],
    CUE + "not_others": BIT["not_prompted"],
    CUE + "not_fine": BIT["not_budget"] | BIT["metric"] | BIT["wait"],
}
"""Phrases that take a cue's words back: `no later than` denies nothing."""
NEGATION, DISMISSAL, PAST, PAST_VERB, RIVAL = (
    BIT["negation"],
    BIT["dismissal"],
    BIT["past"],
    BIT["past_verb"],
    BIT["rival"],
)
HYPOTHETICAL, ARCHIVE, PLANNED, CURRENT = BIT["hypothetical"], BIT["archive"], BIT["planned"], BIT["current"]
CONTRAST, REJECTED = BIT["contrast"], BIT["rejected"]
FOREIGN = PAST | PAST_VERB | RIVAL | HYPOTHETICAL
"""Cues that make a figure somebody else's, or of another time."""
_SCOPE = FOREIGN | ARCHIVE
_TIME = PLANNED | CURRENT
CLAUSE_DISTANCE, BEHIND_STEP = 3.0, 1.25
"""Tokens that a comma counts for, and a token behind a figure, when the nearest cue is looked for."""
_FAR_SIGNS = frozenset(",()–—-[]")
_JOINTS = frozenset(("and", "but", "with", "while", "or"))
NEXT_FIGURE = 5
"""Tokens within which a cue behind a comma speaks of the figure that follows: `12 rps, peaks of up to 60`."""
_PRESENT = frozenset((
    "have", "has", "is", "are", "get", "see", "need", "expect", "will", "do", "we", "it's", "must", "should", "shall",
    "needs", "want", "wants",
))  # fmt: skip
SCOPE_BEFORE, SCOPE_AFTER = 24, 12
"""Tokens of a clause that are searched for cues before and after a figure."""
REJECTION_REACH = 24
"""Tokens behind a figure within which `it was voted down` takes it back."""
_LEANING_WORDS = frozenset(("that", "this", "it", "both", "them", "they"))
"""In a sentence of its own a rejection speaks of the figure before it: `That was turned down.`"""
LEANING_REACH = 4
"""Tokens from the start of such a sentence to its rejection; a longer one rejects something of its own."""
LOWEST_REJECTED = 10
"""A larger figure between the two is the one rejected."""
_REFUSALS = frozenset(("no", "nope", "hardly", "never", "nah"))
_BREAKS = frozenset(',():–—-[]"“”')
_OWN_START = frozenset(
    ["we", "our", "ours", "us", "i", "it's", "it", "now", "here", "this", "these", "today", "but", "so", "then"]
)
_OWN_SUBJECTS = frozenset(("we", "i", "we've", "we'd", "we're", "we'll", "ours"))
"""Behind them a figure is ours, whoever was named before."""
_LEANING_START = frozenset(["at", "in", "with", "for", "by", "of", "on", "and", "which", "plus", "or", "per"])


MAX_NUMBERS = 800
"""Figures that are weighed: 20,000 characters of prose hold fewer; what holds more is a table, not a description."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with its cues: `marks[i]` are those of token i, `clause[i]` its clause, `masks[c]` those of clause c."""

    tokens: Tokens
    numbers: list[Number]
    firsts: list[int]
    """First token of each number."""
    number_tokens: frozenset[int]
    """Tokens that belong to numbers other than years and names."""
    marks: list[int]
    clause: list[int]
    masks: list[int]
    periods: list[Period]
    period_firsts: list[int]
    rejections: list[int]
    """Tokens at which a figure before them is taken back."""
    handed: list[int]
    """Per clause: scope and time bits that earlier clauses of its sentence hand on to it."""
    present: int
    """Cues that stand anywhere in the text."""
    hits: dict[str, list[Hit]]
    """Signals, facts, domains and task types that the words speak of, wherever they stand, by kind."""

    def near(self, first: int, last: int, before: int, after: int) -> int:
        """Cues within so many tokens before `first` and after `last`, inside of the same sentence."""
        sentence, marks = self.tokens.sentence, self.marks
        here, found = sentence[first - 1 if first == last and not before and first else first], 0
        for k in range(max(0, first - before), min(len(marks), last + after)):
            if sentence[k] == here:
                found |= marks[k]
        return found

    def _is_of_next(self, cue: int, distance: int, crossed: bool, stops: Container[int]) -> bool:
        """A cue behind a figure belongs to the next figure when that is nearer, or a comma parts it from the first."""
        sentence, words = self.tokens.sentence, self.tokens.words
        reach = max(distance, NEXT_FIGURE) if crossed else distance
        for k in range(cue + 1, min(cue + 1 + reach, len(sentence))):
            if sentence[k] != sentence[cue] or words[k] in _FAR_SIGNS:
                return False
            if k in stops:
                return True
        return False

    def ahead(self, first: int, reach: int) -> int:
        """Cues within so many tokens before `first` in its own clause."""
        clause, marks, found = self.clause, self.marks, 0
        for k in range(first - 1, max(first - reach, 0) - 1, -1):
            if clause[k] != clause[first]:
                break
            found |= marks[k]
        return found

    def behind(self, last: int, reach: int) -> int:
        """Cues within so many tokens from `last` on in the clause of the token before it."""
        clause, marks, found = self.clause, self.marks, 0
        for k in range(last, min(last + reach, len(marks))):
            if clause[k] != clause[last - 1]:
                break
            found |= marks[k]
        return found

    def numbers_within(self, first: int, last: int) -> list[Number]:
        """Numbers that begin at token `first` or later and before `last`."""
        return self.numbers[bisect_left(self.firsts, first) : bisect_left(self.firsts, last)]

    def periods_within(self, first: int, last: int) -> list[Period]:
        """Periods that begin at token `first` or later and before `last`."""
        return self.periods[bisect_left(self.period_firsts, first) : bisect_left(self.period_firsts, last)]

    def scope(self, first: int, last: int) -> int:
        """Scope of a figure: cues before it in its clause, times past anywhere in it, else what the clause inherits.

        Subjects and conditions stand before their figure ("a rival does 5,000"); what follows it is another matter
        ("5,000 a day from the agencies"), except for when ("5,000 a day in the pilot").
        """
        clause, marks = self.clause, self.marks
        words = self.tokens.words
        here, found, counting, present = clause[first], 0, _SCOPE, False
        for k in range(first - 1, max(first - SCOPE_BEFORE, 0) - 1, -1):
            if clause[k] != here or (present and words[k] == "and"):
                break
            present = present or words[k] in _PRESENT
            found |= marks[k] & counting
            if words[k] in _OWN_SUBJECTS:
                counting &= ~RIVAL
        for k in range(first, min(last + SCOPE_AFTER, len(marks))):
            if clause[k] != here:
                break
            found |= marks[k] & PAST
        if self.is_rejected(last):
            return found | HYPOTHETICAL
        return found or (0 if present else self.handed[here] & _SCOPE)

    def is_rejected(self, last: int) -> bool:
        """`We thought of 2 s, but that was voted down`: the rest of the sentence takes a figure back."""
        at = bisect_left(self.rejections, last)
        if at == len(self.rejections):
            return False
        place = self.rejections[at]
        sentence, words = self.tokens.sentence, self.tokens.words
        if place - last > REJECTION_REACH or sentence[place] == sentence[last - 1]:
            return place - last <= REJECTION_REACH and not self._is_of_other(last, place)
        start = max(last, place - LEANING_REACH)
        opens = sentence[start] != sentence[place] and not _LEANING_WORDS.isdisjoint(words[start : place + 3])
        between = self.numbers_within(last, place)
        return sentence[place] == sentence[last - 1] + 1 and opens and all(n.value < LOWEST_REJECTED for n in between)

    def _is_of_other(self, last: int, place: int) -> bool:
        """`160,000 a day, the last tender's 20,000 no longer applies`: the nearest figure is taken back."""
        return any(place - n.last <= 1 and n.value >= LOWEST_REJECTED for n in self.numbers_within(last, place))

    def time(self, first: int) -> int:
        """Planned or current: what the clause says, else what it inherits."""
        c = self.clause[first]
        return (self.masks[c] & _TIME) or (self.handed[c] & _TIME)

    def distance(
        self,
        first: int,
        last: int,
        bit: int,
        reach: int | tuple[int, int],
        stops: Container[int] = (),
    ) -> float | None:
        """Tokens to the nearest cue of a class in the sentence, before or behind a figure; commas make it farther.

        `reach` bounds both sides, or each; the look ends at tokens in `stops`: figures that own the cues beyond them.
        """
        before, behind = reach if isinstance(reach, tuple) else (reach, reach)
        ways = (
            (1.0, range(first - 1, max(first - before, 0) - 1, -1)),
            (BEHIND_STEP, range(last, min(last + behind, len(self.marks)))),
        )
        sentence, marks, words = self.tokens.sentence, self.marks, self.tokens.words
        best: float | None = None
        for step, places in ways:
            away, crossed = 0.0, False
            for k in places:
                if sentence[k] != sentence[first] or k in stops:
                    break
                away += CLAUSE_DISTANCE if words[k] in _FAR_SIGNS else step
                crossed = crossed or words[k] in _FAR_SIGNS or words[k] in _JOINTS
                if marks[k] & bit:
                    if step == BEHIND_STEP and self._is_of_next(k, k - last, crossed, stops):
                        break
                    best = away if best is None or away < best else best
                    break
        return best


def mark(text: str) -> Marked:
    """Tokens, numbers, cues and scope of a text; linear in its length."""
    lexicon = load_lexicon()
    tokens = tokenise(text)
    numbers = find_numbers(tokens)[:MAX_NUMBERS]
    marks, hits = _marks(tokens, numbers, lexicon)
    clause, masks, heads = _clauses(tokens, marks)
    periods = find_periods(tokens, numbers)
    handed = _handed(tokens, numbers, clause, masks, heads)
    firsts = [n.first for n in numbers]
    held = frozenset(k for n in numbers if not (n.year or n.identifier) for k in range(n.first, n.last))
    present = reduce(or_, masks, 0)
    rejections = [i for i, bits in enumerate(marks) if bits & REJECTED] if present & REJECTED else []
    if "?" in tokens.words:
        rejections = sorted({*rejections, *_refused_questions(tokens.words)})
    return Marked(
        tokens=tokens,
        numbers=numbers,
        firsts=firsts,
        number_tokens=held,
        marks=marks,
        clause=clause,
        masks=masks,
        periods=periods,
        period_firsts=[p.first for p in periods],
        rejections=rejections,
        handed=handed,
        present=present,
        hits=hits,
    )


def _refused_questions(words: list[str]) -> list[int]:
    """The question marks of `Do we need 99 %? No.`: what was asked for is not wanted."""
    ends = range(1, len(words))
    return [i - 1 for i in ends if words[i - 1] == "?" and words[i] in _REFUSALS]


def _marks(tokens: Tokens, numbers: list[Number], lexicon: Lexicon) -> tuple[list[int], dict[str, list[Hit]]]:
    """Cue bits per token, and the hits that are no cues by their kind."""
    marks = [0] * len(tokens)
    others: dict[str, list[Hit]] = {}
    cleared: list[tuple[int, int, int]] = []
    quoted = tokens.quoted
    for label, first, last in lexicon.patterns.hits(tokens.words):
        bit = _CUE_BITS.get(label)
        if bit is None:
            kind, name = _KINDS[label]
            others.setdefault(kind, []).append((name, first, last))
            continue
        if quoted[first]:
            continue
        if label in _UNDONE:
            cleared.append((_UNDONE[label], first, last))
        marks[first] |= bit
        for k in range(first + 1, last):
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
    words, sentence = tokens.words, tokens.sentence
    if not words:
        return [], [], []
    begins = {0}
    begins.update([i for i, word in enumerate(words, 1) if word in _BREAKS])
    begins.update([i for i, (one, other) in enumerate(pairwise(sentence), 1) if one != other])
    begins.update([i for i, bits in enumerate(marks) if bits & CONTRAST and words[i] not in ("now", "so")])
    begins.discard(len(words))
    heads = sorted(begins)
    ends = [*heads[1:], len(words)]
    clause: list[int] = []
    masks: list[int] = []
    for c, (head, end) in enumerate(zip(heads, ends, strict=True)):
        clause += [c] * (end - head)
        masks.append(reduce(or_, marks[head:end]))
    return clause, masks, heads


def _handed(tokens: Tokens, numbers: list[Number], clause: list[int], masks: list[int], heads: list[int]) -> list[int]:
    """Scope bits that each clause inherits from the one before."""
    counted = [False] * len(masks)
    for number in numbers:
        since = number.last < len(tokens) and tokens.words[number.last] in TIME_UNITS  # two years ago
        if not (number.year or number.identifier or since):
            counted[clause[number.first]] = True
    handed = [0] * len(masks)
    heading = 0
    for c in range(1, len(masks)):
        head = heads[c]
        if tokens.sentence[head] != tokens.sentence[heads[c - 1]]:
            heading = 0
        elif tokens.words[head - 1] == ":" and not counted[c - 1] and not handed[c - 1]:
            heading = masks[c - 1] & (_SCOPE & ~PAST_VERB)
        handed[c] |= heading
        if tokens.sentence[head] != tokens.sentence[heads[c - 1]] or tokens.words[head - 1] in ("(", ")"):
            continue
        word = tokens.words[head]
        if not counted[c - 1]:
            handed[c] = (masks[c - 1] & _TIME) or handed[c - 1] & _TIME
        if masks[c] & (_TIME | CONTRAST) or word in _OWN_START:
            continue
        if not counted[c - 1] or word in _LEANING_START:
            handed[c] |= (masks[c - 1] & (_SCOPE & ~PAST_VERB)) or handed[c - 1] & _SCOPE
    return handed
