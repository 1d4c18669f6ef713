"""The findings' own examples: each is checked as a proposal would be, and the finding must appear or not."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from app.checks.advisor import Advisor
from app.checks.book import FindingBook, FindingEntry, FindingExample
from app.checks.case import Case
from app.checks.config import Config
from app.checks.documents import Document
from app.checks.examine import Examined, Setting, answered, examine, unreadable
from app.checks.moved import movement, side
from app.schemas.validation import parse

EXAMPLE_FILE = "example.proposal.yaml"


def failures(book: FindingBook, advisor: Advisor) -> Iterator[str]:
    """One sentence per example that comes out wrong."""
    for kind in book.kinds.values():
        for number, example in enumerate(kind.examples):
            if wrong := _wrong(kind, example, book, advisor):
                yield f"{kind.id}: example {number + 1} {wrong}"


def _wrong(kind: FindingEntry, example: FindingExample, book: FindingBook, advisor: Advisor) -> str:
    found = [f for f in checked(example, book, advisor).findings if f.rule == kind.id]
    if bool(found) != example.fires:
        return "should appear and does not" if example.fires else f"should not appear: {found[0].message}"
    if found and example.severity not in (None, found[0].severity):
        return f"should be {example.severity} and is {found[0].severity}"
    if found and found[0].severity not in kind.severities:
        return f"is {found[0].severity}, which the record does not name"
    return ""


def checked(example: FindingExample, book: FindingBook, advisor: Advisor) -> Examined:
    """The example as `tunewise check` would see it."""
    setting = Setting(
        advisor=advisor,
        config=parse(Config, _plain(example.config)),
        book=book,
        as_of=date.fromisoformat(example.as_of or book.file.as_of),
        fail_on="error",
        baseline={},
    )
    now = _answer(laid_over(book.file.base, example.given), setting)
    if isinstance(now, Document):
        return unreadable(now, setting)
    moved = None
    if example.base is not None:
        before = _answer(laid_over(book.file.base, example.base), setting)
        moved = movement(now, side(before) if isinstance(before, Case) else None)
    return examine(now, setting, moved)


def _answer(data: dict[str, Any], setting: Setting) -> Case | Document:
    return answered([Document(file=EXAMPLE_FILE, data=data)], replace(setting))[0]


def laid_over(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the fields of `change`; mappings are merged, null takes a field away."""
    made = {**base}
    for name, value in change.items():
        if value is None:
            made.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(made.get(name, {}), Mapping):
            made[name] = laid_over(made.get(name, {}), value)
        else:
            made[name] = value
    return {name: _plain(value) for name, value in made.items()}


def _plain(value: Any) -> Any:
    """Dates of the data file as the text that a proposal holds."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value.isoformat() if isinstance(value, date) else value
