"""Quality reached by prompting and quality needed, told from everybody else's percentages."""

from collections.abc import Iterator

from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, FOREIGN, HYPOTHETICAL, NEGATION, RIVAL, Marked
from app.facts.units import percent_after

METRIC, PROMPTED, TARGET, NOT_PROMPTED = BIT["metric"], BIT["prompted"], BIT["target"], BIT["not_prompted"]
LOWEST_QUALITY = 0.2
"""Below this a share is rarely a quality figure (error rates, growth, shares of traffic)."""


def read_quality(marked: Marked) -> Iterator[Quantity]:
    """`prompted_quality` and `target_quality` as fractions."""
    tokens = marked.tokens
    seen_metric = False
    for number in marked.numbers:
        if number.identifier or tokens.quoted[number.first]:
            continue
        share = _share(marked, number)
        if share is None:
            continue
        value, last = share
        role = _role(marked, number, last, seen_metric)
        if role is not None:
            seen_metric = True
            yield quantity(marked, role[0], value, number.first, last, rank=role[1])


def _share(marked: Marked, number: Number) -> tuple[float, int] | None:
    """The fraction and the token after it: `83 %`, `0.71`, `.58`, and a bare `95` behind `need`."""
    words = marked.tokens.words
    signs = percent_after(words, number)
    if signs:
        value = number.value / 100
        return (value, number.last + signs) if LOWEST_QUALITY <= value <= 1 and not number.suffix else None
    value = number.value
    start = marked.tokens.starts[number.first]
    if (
        marked.tokens.text[start - 1 : start] == "."
        and not number.decimal
        and value >= 10
        and (start < 2 or marked.tokens.text[start - 2].isspace())
    ):
        return value / 10 ** len(words[number.first]), number.last
    if number.decimal and LOWEST_QUALITY <= value <= 1 and not number.suffix:
        return value, number.last
    return None


def _role(marked: Marked, number: Number, last: int, seen_metric: bool) -> tuple[str, int] | None:
    c = marked.clause[number.first]
    mask = marked.masks[c]
    near = marked.near(number.first, last, 8, 5)
    if not (near & METRIC or mask & METRIC or seen_metric or (near & TARGET and near & PROMPTED)):
        return None
    if marked.scope(number.first, last) & (RIVAL | HYPOTHETICAL):
        return None
    if _owner(marked, number, last) & NOT_PROMPTED and not mask & (TARGET | PROMPTED):
        return None
    close = marked.near(number.first, last, 4, 3)
    target, prompted = _distance(marked, number, last, TARGET), _distance(marked, number, last, PROMPTED)
    if (target is None and prompted is None) or close & NEGATION:
        return None
    if prompted is None or (target is not None and target <= prompted):
        return ("target_quality", 1)
    if marked.scope(number.first, last) & FOREIGN and not mask & PROMPTED:
        return None
    return ("prompted_quality", 1)


def _owner(marked: Marked, number: Number, last: int) -> int:
    return marked.near(number.first, last, 8, 3)


def _distance(marked: Marked, number: Number, last: int, bit: int) -> float | None:
    """Tokens to the nearest cue in the sentence; cues of other clauses count as farther away."""
    tokens, marks, clause = marked.tokens, marked.marks, marked.clause
    here, c, found = tokens.sentence[number.first], clause[number.first], None
    for k in range(max(0, number.first - 10), min(len(marks), last + 7)):
        if marks[k] & bit and tokens.sentence[k] == here and not number.first <= k < last:
            distance = (number.first - k if k < number.first else k - last + 1) + (0 if clause[k] == c else 5)
            found = distance if found is None or distance < found else found
    return found
