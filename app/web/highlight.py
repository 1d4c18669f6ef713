"""The description in pieces: plain text, and words that a score or a fact rests on, with what they speak for."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from app.records import record
from app.schemas.report import EffectiveRequirement, Score
from app.schemas.vocabulary import NEEDS, Need

LETTERS: dict[Need, str] = {"domain_specialization": "D", "latency": "L", "cost": "C", "consistency": "F"}
"""A letter for each need, so that marks can be told apart without colour (F: fixed form)."""
LEAST_WEIGHT = 0.75
"""Log-odds under which a single word of the classifier's is not worth marking: it would colour half of the text."""


@record
class Piece:
    """Consecutive characters of the description that speak for the same things."""

    text: str
    needs: tuple[Need, ...] = ()
    facts: tuple[str, ...] = ()
    """Names of requirements read from it."""

    @property
    def letters(self) -> str:
        """The letters of its needs."""
        return " ".join(LETTERS[need] for need in self.needs)


_Mark = tuple[int, int, Need | None, str | None]


def pieces(
    text: str, scores: Mapping[Need, Score], requirements: Mapping[str, EffectiveRequirement]
) -> tuple[Piece, ...]:
    """`text` cut where marks begin and end; the pieces' texts join to `text`."""
    marks = [m for m in (*_needs(scores), *_facts(requirements)) if 0 <= m[0] < m[1] <= len(text)]
    cuts = sorted({0, len(text), *(m[0] for m in marks), *(m[1] for m in marks)})
    return _joined(_piece(text, start, end, marks) for start, end in pairwise(cuts))


def _needs(scores: Mapping[Need, Score]) -> Iterable[_Mark]:
    for need, score in scores.items():
        for found in score.evidence:
            if found.span is not None and (found.kind != "classifier" or found.weight >= LEAST_WEIGHT):
                yield (*found.span, need, None)


def _facts(requirements: Mapping[str, EffectiveRequirement]) -> Iterable[_Mark]:
    for name, used in requirements.items():
        if used.span is not None:
            yield (*used.span, None, name)


def _piece(text: str, start: int, end: int, marks: Iterable[_Mark]) -> Piece:
    over = [m for m in marks if m[0] <= start and end <= m[1]]
    needs = {m[2] for m in over}
    return Piece(
        text[start:end],
        tuple(need for need in NEEDS if need in needs),
        tuple(dict.fromkeys(m[3] for m in over if m[3] is not None)),
    )


def _joined(cut: Iterable[Piece]) -> tuple[Piece, ...]:
    """Marks that touch are one mark, which speaks for all that they speak for."""
    made: list[Piece] = []
    for piece in cut:
        if made and bool(made[-1].needs or made[-1].facts) == bool(piece.needs or piece.facts):
            made[-1] = _both(made[-1], piece)
        else:
            made.append(piece)
    return tuple(made)


def _both(one: Piece, two: Piece) -> Piece:
    needs = {*one.needs, *two.needs}
    return Piece(
        one.text + two.text,
        tuple(need for need in NEEDS if need in needs),
        tuple(dict.fromkeys((*one.facts, *two.facts))),
    )
