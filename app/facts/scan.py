"""All that a description alone tells: quantities, signals, worded facts, language; read once, kept for a while."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from app.facts.language import language_names, language_of
from app.facts.lexicon import DOMAIN, TASK
from app.facts.quantities import Quantity, best
from app.facts.quantities_examples import read_examples
from app.facts.quantities_money import read_money
from app.facts.quantities_quality import read_quality
from app.facts.quantities_rates import read_rates
from app.facts.quantities_sizes import read_sizes
from app.facts.quantities_times import read_times
from app.facts.quantities_tokens import read_tokens
from app.facts.scope import Marked, mark
from app.facts.signals import clear_winner, led_task, read_signals, read_worded_facts
from app.schemas.facts import Span

CONVERSIONS: Mapping[str, float] = {"words": 4 / 3, "pages": 500 * 4 / 3}
"""Tokens per word and per page where the catalogue states none: four tokens to three words, 500 words a page."""
SCANS_KEPT = 256
CLEAR_TASK, CLEAR_DOMAIN, CLEAR_LEAD = 1, 2, 2.0
"""Hits that a fallback needs, and how far it must lead, to speak where the classifier abstains."""
_READERS = (read_times, read_money, read_tokens, read_quality, read_sizes)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a text says, before anybody's requirements, rates or defaults."""

    quantities: Mapping[str, Quantity]
    """By name; money in its own currency, sizes in words or pages where the text has them so."""
    signals: Mapping[str, tuple[Span, ...]]
    worded: Mapping[str, tuple[str, Span]]
    language: str
    languages: tuple[tuple[str, ...], Span] | None
    """Codes of the languages that the text names, and where the first is named."""
    task_type: tuple[str, Span] | None
    """What the words alone say, only where it is clear."""
    domain: tuple[str, Span] | None


@lru_cache(maxsize=SCANS_KEPT)
def scan(text: str) -> Scan:
    """Read a text; linear in its length. Repeated calls for the same text cost nothing."""
    marked = mark(text)
    quantities = stated(marked)
    signals = read_signals(marked, quantities)
    return Scan(
        quantities=quantities,
        signals=signals,
        worded=read_worded_facts(marked, signals),
        language=language_of(marked.tokens),
        languages=_named_languages(marked),
        task_type=led_task(marked) or clear_winner(marked, TASK, CLEAR_TASK, CLEAR_LEAD),
        domain=clear_winner(marked, DOMAIN, CLEAR_DOMAIN, CLEAR_LEAD),
    )


def stated(marked: Marked) -> Mapping[str, Quantity]:
    """The quantities that a text states, money still in its own currency, sizes in words or pages as written."""
    claimed: set[int] = set()
    rates = list(read_rates(marked, claimed))
    return best(chain(rates, read_examples(marked, claimed), *(read(marked) for read in _READERS)))


def converted(quantity: Quantity, rates: Mapping[str, float], conversions: Mapping[str, float]) -> Quantity | None:
    """In the base unit; None when the currency has no known rate."""
    if not quantity.unit:
        return quantity
    factor = conversions.get(quantity.unit) or rates.get(quantity.unit)
    return None if factor is None else replace(quantity, value=quantity.value * factor, unit="")


def read_quantities(
    text: str, rates: Mapping[str, float], conversions: Mapping[str, float] = CONVERSIONS
) -> Mapping[str, Quantity]:
    """The quantities of a text in base units."""
    found = ((name, converted(q, rates, conversions)) for name, q in scan(text).quantities.items())
    return {name: q for name, q in found if q is not None}


def _named_languages(marked: Marked) -> tuple[tuple[str, ...], Span] | None:
    """Languages that the text names outside of quotation marks, in order."""
    names, tokens = language_names(), marked.tokens
    if names.keys().isdisjoint(tokens.words):
        return None
    codes: dict[str, None] = {}
    place: Span | None = None
    for i, word in enumerate(tokens.words):
        code = names.get(word)
        if code is not None and not tokens.quoted[i] and tokens.text[tokens.starts[i]].isupper():
            codes[code] = None
            place = place or (tokens.starts[i], tokens.ends[i])
    return (tuple(codes), place) if place is not None else None
