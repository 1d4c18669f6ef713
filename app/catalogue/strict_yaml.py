"""YAML as the catalogue reads it: PyYAML, fast, and deaf to none of the mistakes that PyYAML forgives.

Duplicate keys, merge keys, octal and sexagesimal integers are refused; what remains is plain data, which
`validated` holds against a strict schema. Every refusal is a CatalogueError with file, key and remedy.
"""

import re
from collections.abc import Hashable
from datetime import date, datetime
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from app.errors import CatalogueError

E = TypeVar("E", bound=BaseModel)
_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
A_DAY = "a day that exists, without time, such as 2026-11-09."


class Entry(BaseModel):
    """Base of every record in a data file: no unknown key, no conversion, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True, defer_build=True)


class _StrictLoader(_BaseLoader):  # type: ignore[misc]
    """PyYAML's safe loader that refuses what is silently lost or misread."""


def _refuse(node: yaml.Node, detail: str, write_instead: str) -> CatalogueError:
    return CatalogueError("", f"line {node.start_mark.line + 1}", detail, write_instead)


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Hashable, Any]:
    made: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            raise _refuse(key_node, "A merge key (<<) hides where a value comes from.", "the keys themselves.")
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise _refuse(key_node, "A key must be a word, a number or a date.", "a plain key.")
        if key in made:
            raise _refuse(key_node, f"Duplicate key {key_node.value!r}; the first would be lost.", "each key once.")
        made[key] = loader.construct_object(value_node, deep=True)
    return made


def _integer(loader: Any, node: yaml.ScalarNode) -> int:
    text = node.value.lstrip("+-")
    if ":" in text or (len(text) > 1 and text[0] == "0"):
        raise _refuse(node, f"{node.value!r} would be read in base 8, 16 or 60.", "a decimal integer, or quotes.")
    return int(loader.construct_yaml_int(node))


def _timestamp(loader: Any, node: yaml.ScalarNode) -> date:
    try:
        made = loader.construct_yaml_timestamp(node)
    except ValueError as error:
        raise _refuse(node, f"{node.value!r}: {error}.", A_DAY) from None
    if isinstance(made, datetime):
        raise _refuse(node, f"{node.value!r} has a time of day.", A_DAY)
    return made  # type: ignore[no-any-return]


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_StrictLoader.add_constructor("tag:yaml.org,2002:int", _integer)
_StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def parse(text: str, file: str) -> dict[str, Any]:
    """The mapping that `text` holds. Raises CatalogueError, naming `file`, when it is anything else."""
    try:
        made = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of the safe loader
    except CatalogueError as error:
        raise CatalogueError(file, error.key, error.detail, error.write_instead) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "the whole file"
        raise CatalogueError(file, where, f"Not YAML: {getattr(error, 'problem', error)}.", "valid YAML.") from None
    if not isinstance(made, dict):
        raise CatalogueError(file, "the whole file", "It holds no mapping.", "`section: {...}` at the top.")
    return made


def read(path: Traversable | Path) -> dict[str, Any]:
    """The mapping in a YAML file, parsed strictly. Raises CatalogueError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(path.name, "the whole file", f"Cannot be read: {error}.", "a UTF-8 file.") from None
    return parse(text, path.name)


def validated(schema: type[E], data: dict[str, Any], file: str) -> E:
    """`data` as `schema`. Raises CatalogueError for one thing that is wrong, an unknown key before all else."""
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        first = next((each for each in wrong if each["type"] == "extra_forbidden"), wrong[0])
        loc = tuple(_DATE.sub(_as_date, str(part)) for part in first["loc"] if part != "[key]")
        detail, write_instead = _explain(first, schema, loc)
        raise CatalogueError(file, ".".join(loc) or "the whole file", detail, write_instead) from None


_DATE = re.compile(r"^datetime\.date\((\d+), (\d+), (\d+)\)$")
"""How Pydantic names a mapping key that is a date."""


def _as_date(match: re.Match[str]) -> str:
    return date(*(int(part) for part in match.groups())).isoformat()


def _explain(error: Any, schema: type[BaseModel], loc: tuple[str, ...]) -> tuple[str, str]:
    """What is wrong and what to write, in the words of somebody who edits YAML."""
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        known = sorted(_fields_at(schema, loc[:-1]))
        near = get_close_matches(loc[-1], known, n=1, cutoff=0.6)
        return f"Unknown key {loc[-1]!r}.", f"`{near[0]}:`." if near else f"one of {', '.join(known)}."
    if kind == "missing":
        return f"{loc[-1]!r} is missing.", f"`{loc[-1]}: ...`; every value needs it."
    if kind in ("float_type", "int_type") and isinstance(given, str):
        return f"A number given as a string: {given!r}.", _as_number(given)
    if kind == "string_type":
        return f"Text read as {_read_as(given)}.", _as_text(given)
    if kind == "literal_error":
        return f"{given!r} is not allowed here.", f"{error['ctx']['expected']}."
    if kind == "value_error":  # from a validator of ours, remedy included
        detail, _, remedy = str(error["ctx"]["error"]).partition(" Write instead: ")
        return detail, remedy
    hint = A_DAY if kind.startswith("date") else "a value that meets this."
    return f"{error['msg']} (found {str(given)[:80]!r}).", hint


def _as_number(given: str) -> str:
    try:
        number = float(given)
    except ValueError:
        return "a plain number, without unit, currency sign or separators."
    return f"{number!r} without quotes; in YAML an exponent needs a point and a sign, as in 989.0e+12."


def _read_as(given: Any) -> str:
    return str(given).lower() if isinstance(given, bool | None) else f"the {type(given).__name__} {given}"


def _as_text(given: Any) -> str:
    if isinstance(given, bool):
        return "quotes around it: 'NO', 'yes' and 'on' are booleans in YAML."
    return f"quotes around it: '{given}'."


def _fields_at(schema: type[BaseModel], loc: tuple[str, ...]) -> set[str]:
    """Field names of the record at `loc`, following fields, list items and mapping values."""
    here: Any = schema
    for part in loc:
        if _is_record(here):
            here = here.model_fields[part].annotation if part in here.model_fields else None
        else:
            here = next((inner for inner in get_args(here) if _is_record(inner)), None)
    return set(here.model_fields) if _is_record(here) else set()


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
