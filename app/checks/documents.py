"""Proposal files as data with the line of every value: YAML 1.2, JSON, Markdown with front matter.

PyYAML's C parser gives the marks at a fiftieth of the time of a parser written in Python; its YAML 1.1 reading of
plain words (`no`, `on`, `12:30`, dates) is replaced by the core schema of YAML 1.2, the one that JSON belongs to.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import yaml

from app.errors import InputProblem
from app.records import record
from app.schemas.validation import pointer_of

MAX_BYTES = 2 * 1024 * 1024
"""A proposal is prose and a few numbers; a file of megabytes is none."""
MAX_NODES = 20_000
"""Values in a document, aliases expanded."""
MAX_DEPTH = 50
MARKDOWN = (".md", ".markdown")
_TAG = "tag:yaml.org,2002:"
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):  # type: ignore[misc]
    """PyYAML's parser with the plain words of YAML 1.2."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own


for _kind, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(_pattern), _first)


@record
class Place:
    """A position in a file, both counted from 1."""

    line: int
    column: int = 1


@record(kw_only=True)
class Document:
    """One YAML document of a file; `problems` is not empty when it could not be read."""

    file: str
    """Path as it is reported, with forward slashes."""
    index: int = 0
    """Which document of the file, from 0."""
    data: object = None
    places: Mapping[str, Place] = field(default_factory=dict)
    """By JSON Pointer: where the key (or the list item) stands."""
    problems: tuple[InputProblem, ...] = ()
    text: str = ""
    """The whole file, for comparison with another version of it."""

    def place(self, pointer: str) -> Place:
        """Where `pointer` stands; for what is missing, the object that should hold it."""
        while pointer and pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places.get(pointer, Place(1))


class _RefusedError(Exception):
    """A document that is YAML but holds what is not accepted."""

    def __init__(self, node: yaml.Node, detail: str, hint: str | None = None) -> None:
        super().__init__(detail)
        self.line, self.column = node.start_mark.line + 1, node.start_mark.column + 1
        self.detail, self.hint = detail, hint


def read_file(path: Path, shown: str) -> tuple[Document, ...]:
    """Every document of a file; what cannot be read is a document with problems."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        return (_unreadable(shown, f"{error.strerror or 'Cannot be read'}."),)
    return read_bytes(data, shown)


def read_bytes(data: bytes, shown: str) -> tuple[Document, ...]:
    """The documents in the bytes of a file called `shown`."""
    if len(data) > MAX_BYTES:
        return (_unreadable(shown, f"Larger than {MAX_BYTES:,} bytes."),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return (_unreadable(shown, "Not UTF-8 text.", "Save the file as UTF-8."),)
    if shown.lower().endswith(MARKDOWN):
        return _markdown(text, shown)
    return tuple(_documents(text, shown))


def _unreadable(shown: str, detail: str, hint: str | None = None, line: int = 1, index: int = 0) -> Document:
    problem = InputProblem("", detail, hint)
    return Document(file=shown, index=index, problems=(problem,), places={"": Place(line)})


def _markdown(text: str, shown: str) -> tuple[Document, ...]:
    """The front matter, with the text below it as the description unless it has its own."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        return ()
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() in ("---", "...")), None)
    if end is None:
        return (_unreadable(shown, "The front matter has no end.", "Close it with a line `---`."),)
    made = tuple(_documents("\n".join(lines[:end]) + "\n", shown, text))
    body = "\n".join(lines[end + 1 :]).strip()
    if len(made) != 1 or not isinstance(made[0].data, dict) or "description" in made[0].data or not body:
        return made
    first = next(n for n, line in enumerate(lines[end + 1 :], end + 2) if line.strip())
    places = {**made[0].places, "/description": Place(first)}
    return (Document(file=shown, data={**made[0].data, "description": body}, places=places, text=text),)


def _documents(text: str, shown: str, whole: str | None = None) -> Iterator[Document]:
    loader, index = None, 0
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            made = _document(node, shown, index, whole or text)
            if made is not None:
                yield made
                index += 1
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        detail = f"Not YAML: {getattr(error, 'problem', None) or 'unreadable characters'}."
        yield _unreadable(shown, detail, line=mark.line + 1 if mark else 1, index=index)
    except (RecursionError, ValueError):
        yield _unreadable(shown, "Not YAML: nested too deeply or holding characters that YAML forbids.", index=index)
    finally:
        if loader is not None:
            loader.dispose()


def _document(node: yaml.Node, shown: str, index: int, text: str) -> Document | None:
    """None for an empty document, such as that after a last `---`."""
    places = {"": Place(node.start_mark.line + 1, node.start_mark.column + 1)}
    try:
        data = _Reader(places).value(node, ())
    except _RefusedError as refused:
        problem = InputProblem("", refused.detail, refused.hint)
        return Document(file=shown, index=index, problems=(problem,), places={"": Place(refused.line, refused.column)})
    return None if data is None else Document(file=shown, index=index, data=data, places=places, text=text)


class _Reader:
    """From nodes to plain data, remembering where each key stands."""

    def __init__(self, places: dict[str, Place]) -> None:
        self.places, self.seen = places, 0

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> object:
        self.seen += 1
        if self.seen > MAX_NODES or len(path) > MAX_DEPTH:
            raise _RefusedError(node, "Too many values, or nested too deeply.", "Write out what aliases repeat.")
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self._item(item, (*path, n)) for n, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        raise _RefusedError(node, f"The tag {node.tag!r} is not accepted.", "Write plain values.")

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, object]:
        made: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _RefusedError(key_node, "A key must be a word.")
            key = key_node.value
            if key in made:
                raise _RefusedError(
                    key_node, f"Duplicate key {key[:80]!r}; the first would be lost.", "Write each key once."
                )
            self._mark(key_node, (*path, key))
            made[key] = self.value(value_node, (*path, key))
        return made

    def _item(self, node: yaml.Node, path: tuple[str | int, ...]) -> object:
        self._mark(node, path)
        return self.value(node, path)

    def _mark(self, node: yaml.Node, path: tuple[str | int, ...]) -> None:
        self.places[pointer_of(path)] = Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(node: yaml.ScalarNode) -> object:
    text, kind = node.value, node.tag.removeprefix(_TAG)
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if kind == "float":
            return float(text.replace(".inf", "inf").replace(".nan", "nan")) if text[-1:].isalpha() else float(text)
    except ValueError:
        raise _RefusedError(node, f"{text[:40]!r} is no number.") from None
    if kind == "str":
        return text
    raise _RefusedError(node, f"The tag {node.tag[:80]!r} is not accepted.", "Write plain values.")
