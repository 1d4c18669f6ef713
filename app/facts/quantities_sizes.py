"""Smaller wishes in numbers: the largest base model allowed, the share of broken answers, the horizon."""

from collections.abc import Iterator

from app.facts.numbers import G, M, Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, FOREIGN, Marked
from app.facts.units import percent_after

LIMIT = BIT["limit"]
_PARAMETER_WORDS = frozenset(("parameters", "parameter", "params", "param"))
_MODEL_WORDS = frozenset(
    ("model", "models", "llm", "llms", "slm", "class", "base", "or", "max", "checkpoint", "weights")
)
_SMALLER = frozenset(("smaller", "max", "maximum", "less", "below", "tops"))
_BROKEN = frozenset(
    ("invalid", "malformed", "unparsable", "unparseable", "broken", "ill", "nonconforming", "schema", "violations")
)
BROKEN_REACH = 8
"""Tokens behind a share within which `invalid` or the like names what it is a share of."""
MAX_BROKEN_SHARE = 0.2
"""Above it a share of broken answers is a complaint, no requirement."""
MONTHS_PER_YEAR = 12
MAX_HORIZON_MONTHS = 120
_HORIZON = frozenset(
    (
        "horizon",
        "payback",
        "amortise",
        "amortised",
        "amortize",
        "amortized",
        "contract",
        "project",
        "programme",
        "runs",
        "budgeted",
    )
)


def read_sizes(marked: Marked) -> Iterator[Quantity]:
    """`max_base_model_parameters`, `max_invalid_output_rate` and `horizon_months`."""
    broken = not _BROKEN.isdisjoint(marked.tokens.words)
    for number in marked.numbers:
        if marked.tokens.quoted[number.first] or number.year:
            continue
        share = _broken_share(marked, number) if broken else None
        made = _parameters(marked, number) or share or _horizon(marked, number)
        if made is not None:
            yield made


def _parameters(marked: Marked, number: Number) -> Quantity | None:
    words, last = marked.tokens.words, number.last
    named = last < len(words) and words[last] in _PARAMETER_WORDS
    if number.identifier or not (number.suffix in ("B", "b", "billion", "bn") or (named and number.value >= M)):
        return None
    if not named and not (number.suffix in ("B", "b") and last < len(words) and words[last] in _MODEL_WORDS):
        return None
    if not M <= number.value <= 1000 * G or marked.scope(number.first, number.last) & FOREIGN:
        return None
    limited = marked.near(number.first, number.first, 4, 0) & LIMIT or _SMALLER.intersection(words[last : last + 4])
    return (
        quantity(marked, "max_base_model_parameters", number.value, number.first, min(last + 1, len(words)))
        if limited
        else None
    )


def _broken_share(marked: Marked, number: Number) -> Quantity | None:
    words = marked.tokens.words
    last = number.last + percent_after(words, number)
    near = words[max(0, number.first - 6) : last + BROKEN_REACH]
    if number.identifier or _BROKEN.isdisjoint(near) or marked.scope(number.first, number.last) & FOREIGN:
        return None
    if last > number.last:
        share = number.value / 100
    elif (
        number.first
        and words[number.first - 1] == "in"
        and number.value >= 10
        and words[max(0, number.first - 2)] in ("1", "one")
    ):
        share = 1 / number.value
    else:
        return None
    allowed = marked.near(number.first, last, 6, 3) & LIMIT
    return (
        quantity(marked, "max_invalid_output_rate", share, number.first, last)
        if allowed and share <= MAX_BROKEN_SHARE
        else None
    )


def _horizon(marked: Marked, number: Number) -> Quantity | None:
    words, last = marked.tokens.words, number.last
    if number.identifier or last >= len(words) or words[last] not in ("months", "month", "years", "year"):
        return None
    months = number.value * (MONTHS_PER_YEAR if words[last].startswith("year") else 1)
    near = words[max(0, number.first - 5) : last + 3]
    if (
        not 1 <= months <= MAX_HORIZON_MONTHS
        or not _HORIZON.intersection(near)
        or marked.scope(number.first, number.last) & FOREIGN
    ):
        return None
    return quantity(marked, "horizon_months", months, number.first, last + 1)
