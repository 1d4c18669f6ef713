"""Quality reached by prompting and quality needed, told from everybody else's percentages."""

from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, HYPOTHETICAL, NEGATION, RIVAL, Marked
from app.facts.units import currency_of, percent_after

METRIC, PROMPTED, TARGET, NOT_PROMPTED = BIT["metric"], BIT["prompted"], BIT["target"], BIT["not_prompted"]
LOWEST_QUALITY = 0.2
"""Below this a share is rarely a quality figure (error rates, growth, shares of traffic)."""
LOWEST_BARE = 50
"""A bare figure of a hundred counts from here on: `we need 95`."""
REACH = 9
_BARE_BEHIND = word_set("bare_behind")
_BARE_BEFORE = word_set("bare_target_before")
_PERCENT_NOUNS = word_set("percent_of_what")


def read_quality(marked: Marked) -> Iterator[Quantity]:
    """`prompted_quality` and `target_quality` as fractions."""
    seen, metric = False, -1
    for number in marked.numbers:
        if marked.tokens.quoted[number.first]:
            continue
        share = _share(marked, number, seen)
        if share is None:
            continue
        value, last = share
        while metric < last - 1:  # metrics named so far; each token is looked at once
            metric += 1
            seen = seen or bool(marked.marks[metric] & METRIC)
        role = _role(marked, number, last, seen)
        if role is not None:
            seen = True
            yield quantity(marked, role, value, number.first, last, rank=1)


def _share(marked: Marked, number: Number, seen: bool) -> tuple[float, int] | None:
    """The fraction and the token after it: `83 %`, `0.71`, `.58`, `67.4` and `95` where quality was spoken of."""
    words, text, start = marked.tokens.words, marked.tokens.text, marked.tokens.starts[number.first]
    signs = percent_after(words, number)
    if signs:
        value = number.value / 100
        of_what = words[number.last + signs : number.last + signs + 2]
        if of_what[:1] == ["of"] and of_what[-1:] and _PERCENT_NOUNS.isdisjoint(words[number.last + signs : number.last + signs + 4]):
            return None
        return (value, number.last + signs) if LOWEST_QUALITY <= value <= 1 and not number.suffix else None
    if start and text[start - 1] == "." and (start == 1 or not text[start - 2].isalnum()) and words[number.first].isdigit():
        return float("0." + words[number.first]), number.last
    if number.identifier or number.suffix or number.year:
        return None
    if number.decimal and LOWEST_QUALITY <= number.value <= 1:
        return number.value, number.last
    if LOWEST_BARE <= number.value <= 100 and _is_bare(marked, number, seen):
        return number.value / 100, number.last
    return None


def _is_bare(marked: Marked, number: Number, seen: bool) -> bool:
    """`accuracy 67.4`, `we need 95`."""
    words = marked.tokens.words
    behind = words[number.last] if number.last < len(words) else "."
    before = words[number.first - 1] if number.first else ""
    if behind not in _BARE_BEHIND and behind not in ("now", "→", "+") or currency_of(marked.tokens, number):
        return False
    return bool(number.first and marked.marks[number.first - 1] & METRIC) or (seen and before in _BARE_BEFORE)


def _role(marked: Marked, number: Number, last: int, seen: bool) -> str | None:
    """Whose figure it is: the nearest of prompting, of what is needed, and of anything else."""
    first = number.first
    near = marked.near(first, last, 8, 6)
    target = marked.distance(first, last, TARGET, REACH, stop_at_numbers=True)
    prompted = marked.distance(first, last, PROMPTED, REACH, stop_at_numbers=True)
    other = marked.distance(first, last, NOT_PROMPTED, REACH, stop_at_numbers=True)
    if not (near & METRIC or seen or (near & TARGET and near & PROMPTED)):
        return None
    if marked.scope(first, last) & (RIVAL | HYPOTHETICAL) or marked.ahead(first, 3) & NEGATION:
        return None
    from_to = _from_to(marked, number)
    if from_to is not None:
        return from_to
    nearest = min((d for d in (target, prompted, other) if d is not None), default=None)
    if nearest is None or nearest == other:
        return None
    return "target_quality" if nearest == target else "prompted_quality"


def _from_to(marked: Marked, number: Number) -> str | None:
    """`from 71 % to 85 %`: today's and tomorrow's figure."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    before = words[number.first - 1] if number.first else ""
    if before == "from" and "to" in words[number.last : number.last + 4]:
        return "prompted_quality"
    if before != "to":
        return None
    window = [words[k] for k in range(max(0, number.first - 6), number.first) if sentence[k] == sentence[number.first]]
    return "target_quality" if "from" in window else None
