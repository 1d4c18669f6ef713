r"""Regular expressions over module names, matched without backtracking.

PEFT takes a `target_modules` string as a pattern for `re.fullmatch`. Such a pattern comes from outside, and Python's
matcher can take exponential time over one like `(.*)*x`. This one follows all ways through a pattern at once, as sets
of positions, so that its time grows with the product of pattern and name.
"""

import re
from collections.abc import Callable, Iterable
from re import _constants as codes  # the parser of `re`, which has no public name
from re import _parser as parser
from typing import Any

MAX_PATTERN = 1_000
"""Longest pattern read; those of published configurations have under 200 characters."""
_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    codes.CATEGORY_DIGIT: str.isdecimal,
    codes.CATEGORY_NOT_DIGIT: lambda c: not c.isdecimal(),
    codes.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
    codes.CATEGORY_NOT_WORD: lambda c: not (c.isalnum() or c == "_"),
    codes.CATEGORY_SPACE: str.isspace,
    codes.CATEGORY_NOT_SPACE: lambda c: not c.isspace(),
}
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)


class PatternError(ValueError):
    """Not a regular expression, or one with a feature that is left out here (look-around, back-references)."""


class Pattern:
    """A pattern that module names are held against."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN:
            raise PatternError(f"longer than {MAX_PATTERN} characters")
        try:
            parsed = parser.parse(text)
            self._items = list(parsed)
            self.fullmatch("")
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternError(str(error)) from None
        if parsed.state.flags & ~re.UNICODE:
            raise PatternError("flags such as (?i) are not read here")
        self.tells_indices_apart = any(c.isdecimal() for c in re.sub(r"0-9|\{[\d,]*\}", "", text))
        """Whether a match can depend on which block it is, rather than only on how many digits its index has."""

    def fullmatch(self, name: str) -> bool:
        """Whether the whole name matches."""
        return len(name) in _sequence(self._items, name, {0})


def _sequence(items: Iterable[Any], text: str, starts: set[int]) -> set[int]:
    for code, argument in items:
        starts = _ends(code, argument, text, starts)
    return starts


def _ends(code: Any, argument: Any, text: str, starts: set[int]) -> set[int]:
    """Where a match of one item can end, over all the places where it can start."""
    if code in _REPEATS:
        return _repeated(argument, text, starts)
    if code is codes.SUBPATTERN:
        if argument[1] or argument[2]:
            raise PatternError("flags such as (?i:...) are not read here")
        return _sequence(argument[3], text, starts)
    if code is codes.BRANCH:
        return {end for branch in argument[1] for end in _sequence(branch, text, starts)}
    if code is codes.AT:
        return {s for s in starts if _is_at(argument, s, len(text))}
    accepts = _acceptor(code, argument)
    return {s + 1 for s in starts if s < len(text) and accepts(text[s])}


def _repeated(argument: Any, text: str, starts: set[int]) -> set[int]:
    least, most, items = argument
    if not starts:
        return _sequence(items, text, starts)
    reached = set(starts)
    for _ in range(min(least, len(text) + 1)):
        reached = _sequence(items, text, reached)
    found, fresh, count = set(reached), reached, least
    while fresh and count < most:
        fresh = _sequence(items, text, fresh) - found
        found |= fresh
        count += 1
    return found


def _is_at(code: Any, position: int, length: int) -> bool:
    if code in (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING):
        return position == 0
    if code in (codes.AT_END, codes.AT_END_STRING):
        return position == length
    raise PatternError("word boundaries are not read here")


def _acceptor(code: Any, argument: Any) -> Callable[[str], bool]:
    """Whether a single character is accepted by an item of one character."""
    if code is codes.LITERAL:
        return lambda c: ord(c) == argument
    if code is codes.NOT_LITERAL:
        return lambda c: ord(c) != argument
    if code is codes.ANY:
        return lambda _: True
    if code is codes.IN:
        return lambda c: _in_class(argument, c)
    raise PatternError(f"{str(code).lower()} is not read here")


def _in_class(members: list[tuple[Any, Any]], character: str) -> bool:
    is_negated = bool(members) and members[0][0] is codes.NEGATE
    hit = any(_in_member(code, argument, character) for code, argument in members[int(is_negated) :])
    return hit != is_negated


def _in_member(code: Any, argument: Any, character: str) -> bool:
    if code is codes.LITERAL:
        return bool(ord(character) == argument)
    if code is codes.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    if code is codes.CATEGORY:
        return _CATEGORIES[argument](character)
    raise PatternError(f"{str(code).lower()} is not read here")
