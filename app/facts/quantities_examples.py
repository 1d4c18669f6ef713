"""Labelled examples, as against archives, taxonomies and data that could be labelled one day."""

from collections.abc import Iterator

from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, HYPOTHETICAL, NEGATION, RIVAL, Marked
from app.facts.units import TIME_UNITS, currency_of, find_periods, percent_after

LABELLED, NOUN, TRAIN, HAVE = BIT["labelled"], BIT["example_noun"], BIT["for_training"], BIT["have"]
NONE, TAXONOMY, PILOT = BIT["no_examples"], BIT["taxonomy"], BIT["past"]
_UNITS = frozenset(["tokens", "token", "tok", "%", "percent", "words", "pages", "page", "classes", "categories", "codes", "topics", "shot", "shots"])


def read_examples(marked: Marked) -> Iterator[Quantity]:
    """How many labelled examples exist; 0 when the text says that there are none."""
    tokens = marked.tokens
    periods = {k for p in marked.periods for k in range(p.first, p.last)}
    for number in marked.numbers:
        if not _countable(marked, number) or _is_rate(marked, number, periods):
            continue
        rank = _rank(marked, number)
        if rank:
            first, last = number.first, min(number.last + 3, len(tokens))
            yield quantity(marked, "labelled_examples", number.value, first, last, rank=rank)
    for i, bits in enumerate(marked.marks):
        if bits & NONE and not tokens.quoted[i]:
            yield quantity(marked, "labelled_examples", 0.0, i, min(i + 3, len(tokens)), rank=0)
            return


def _countable(marked: Marked, number: Number) -> bool:
    tokens = marked.tokens
    words, last = tokens.words, number.last
    if (
        number.identifier
        or tokens.quoted[number.first]
        or number.value < 2
        or number.suffix == "fraction"
        or number.attached
    ):
        return False
    if last < len(words) and (words[last] in _UNITS or words[last] in TIME_UNITS):
        return False
    return (
        not (number.year and marked.near(number.first, number.first, 1, 0) & PILOT)
        and not percent_after(words, number)
        and currency_of(tokens, number) is None
    )


def _is_rate(marked: Marked, number: Number, periods: set[int]) -> bool:
    """A period follows within a few tokens: new ones a day, not a stock."""
    clause = marked.clause
    return any(
        k in periods for k in range(number.last, min(number.last + 5, len(clause))) if clause[k] == clause[number.first]
    )


def _rank(marked: Marked, number: Number) -> int:
    """0: no examples; higher: surer."""
    scope = marked.scope(number.first, number.last)
    clause = marked.masks[marked.clause[number.first]]
    if scope & (RIVAL | HYPOTHETICAL) or marked.near(number.first, number.first, 2, 0) & NEGATION:
        return 0
    behind = marked.near(number.last, number.last, 0, 5)
    ahead = marked.near(number.first, number.first, 5, 0)
    if behind & TAXONOMY and not behind & (LABELLED | NOUN):
        return 0
    if behind & LABELLED and behind & NOUN:
        return 4
    if clause & TRAIN and (clause & (LABELLED | NOUN) or ahead & TRAIN):
        return 3
    if behind & LABELLED and (clause & HAVE or ahead & HAVE):
        return 2
    if ahead & LABELLED and ahead & HAVE:
        return 1
    if behind & NOUN and clause & HAVE:
        return 1
    return 0
