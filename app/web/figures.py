"""Figures as people read them."""

import math
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache

from markupsafe import Markup, escape

from app.schemas.base import Range
from app.units import GIB, MILLION, as_seconds
from app.web.fields import FIELDS, in_words

_DIGITS = 3
_CENTS_BELOW = 10
_ADDRESS = re.compile(r"https?://[^\s()<>\"']+[^\s()<>\"'.,;:]|\barXiv[: ]\d{4}\.\d{4,5}")
_DAYS_A_WEEK = 5
_KEPT = 4096
"""Texts kept as they were written last: the same sources stand in every answer."""
_NAMES = re.compile(r"\b(?:" + "|".join(name for name in FIELDS if "_" in name) + r")\b")


def rounded(value: float, digits: int = _DIGITS) -> float:
    """`value` to so many significant digits: an estimate has no more."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def count(value: float) -> str:
    """`40,000`, `1.85`, `8.2 billion`."""
    if abs(value) >= 1000 * MILLION:
        return f"{rounded(value / (1000 * MILLION)):,g} billion"
    short = rounded(value) if abs(value) < 1000 else value
    return f"{short:,.0f}" if float(short).is_integer() else f"{short:,g}"


def usd(value: float) -> str:
    """`$0.15`, `$2,700`: three significant digits."""
    short = rounded(float(value))
    if abs(short) < _CENTS_BELOW and not short.is_integer():
        return f"${short:,.2f}" if abs(short) >= 0.01 else f"${short:,g}"  # a cent
    return f"${short:,.0f}"


def short(value: float) -> str:
    """`500`, `20k`, `1M`: for the axis of a chart."""
    for size, letter in ((1000 * MILLION, "B"), (MILLION, "M"), (1000, "k")):
        if abs(value) >= size:
            return f"{rounded(value / size):g}{letter}"
    return f"{rounded(value):g}"


def short_usd(value: float) -> str:
    """`$500`, `$20k`."""
    return f"${short(value)}"


def days(value: float) -> str:
    """Working days as weeks once they are many."""
    if value < 2 * _DAYS_A_WEEK:
        return f"{value:.0f} days"
    return f"{value / _DAYS_A_WEEK:.0f} weeks"


def gib(value: float) -> str:
    """`26.2 GiB`."""
    return f"{value / GIB:,.1f} GiB"


def percent(value: float) -> str:
    """`99%`; never 100 % of what is only nearly sure."""
    shown = round(100 * value)
    return f"{min(shown, 99) if value < 1 else shown}%"


def between(span: Range | None, write: Callable[[float], str]) -> str:
    """`low to high`, empty when both read the same or nothing is known."""
    if span is None:
        return ""
    low, high = write(span.low), write(span.high)
    return "" if low == high else f"{low} to {high}"


def day(value: date) -> str:
    """`24 November 2026`."""
    return f"{value.day} {value:%B %Y}"


seconds = as_seconds


def used(value: object) -> str:
    """A requirement's value as it was used."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return count(value)
    if isinstance(value, tuple | list):
        return ", ".join(str(part) for part in value)
    return in_words(str(value))


def confidence_in_words(value: float, close_call: bool) -> str:
    """How sure the verdict is, as one would say it."""
    if close_call:
        return "Too close to call"
    steps = ((0.97, "Nearly certain"), (0.9, "Very likely"), (0.75, "Likely"))
    return next((words for least, words in steps if value >= least), "Leaning this way")


@lru_cache(maxsize=_KEPT)
def linked(text: str) -> Markup:
    """`text` escaped, its http addresses and arXiv numbers as links."""
    made, after = [], 0
    for found in _ADDRESS.finditer(text):
        made.append(escape(text[after : found.start()]))
        made.append(Markup('<a href="{0}" rel="noreferrer">{1}</a>').format(*_target(found[0])))
        after = found.end()
    return Markup("").join([*made, escape(text[after:])])


def _target(found: str) -> tuple[str, str]:
    """Where a link leads, and what it reads."""
    if found.startswith("http"):
        return found, short_address(found)
    return f"https://arxiv.org/abs/{found[len('arXiv') + 1 :]}", found


@lru_cache(maxsize=_KEPT)
def sourced(text: str) -> Markup:
    """The first words of a default's source with a link to the rest; all of it when it has no address."""
    found = _ADDRESS.search(text)
    if found is None:
        return escape(text)
    return Markup('{0} (<a href="{1}" rel="noreferrer">source</a>)').format(text.split(": ")[0], found[0])


@lru_cache(maxsize=_KEPT)
def named(text: str) -> str:
    """`text` with the names of requirements in the form's words."""
    return _NAMES.sub(lambda found: FIELDS[found[0]].label.lower(), text)


def plain(name: str) -> str:
    """A name such as `few_shot` as words."""
    return name.replace("_", " ")


def short_address(address: str) -> str:
    """Host and beginning of the path."""
    bare = address.partition("://")[2].removeprefix("www.")
    limit = 40
    return bare if len(bare) <= limit else bare[: limit - 1] + "…"
