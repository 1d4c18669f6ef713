"""The quantity grammar: a text in, the quantities that it states for its own task out, each with its span.

Each kind of quantity has its module: rates, durations, money, tokens, examples, quality. All look at a bounded
window around each number, so the whole stays linear in the length of the text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.facts.scope import Marked
from app.schemas.facts import Span

EVIDENCE_LIMIT = 160
"""Characters of evidence at most: enough for a clause, short enough to read."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One stated quantity. `value` is in the base unit of `name`, unless `unit` is a currency, `words` or `pages`."""

    name: str
    value: float
    span: Span
    evidence: str
    unit: str = ""
    rank: float = 0
    """Which of several to believe: planned over plain over current."""


def quantity(
    marked: Marked, name: str, value: float, first: int, last: int, unit: str = "", rank: float = 0
) -> Quantity:
    """A quantity whose evidence are the tokens `first` up to `last`."""
    tokens = marked.tokens
    span = (tokens.starts[first], tokens.ends[last - 1])
    return Quantity(name, value, span, " ".join(tokens.text[span[0] : span[1]].split())[:EVIDENCE_LIMIT], unit, rank)


def best(found: Iterable[Quantity]) -> Mapping[str, Quantity]:
    """For each name the quantity of the highest rank, the earliest among equals."""
    chosen: dict[str, Quantity] = {}
    for one in found:
        held = chosen.get(one.name)
        if held is None or one.rank > held.rank:
            chosen[one.name] = one
    return chosen
