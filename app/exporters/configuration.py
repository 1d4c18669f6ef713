"""A configuration file as it arrives: YAML or JSON text, or an object that holds it beside what it does not say."""

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

import yaml

from app.errors import InputError
from app.exporters.run_line import RunFacts, facts_in
from app.records import record

_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
INSIDE = "configuration"
"""Key of the object that holds a file beside `architecture`, `training` and `hardware`."""
BESIDE = ("architecture", "training", "hardware", "quantization")


DEEPEST = 40
"""Levels of nesting that a configuration may have; real ones have four. libyaml's composer recurses in C."""


class _Loader(_BaseLoader):  # type: ignore[misc]
    """PyYAML's safe loader, since the tools read with it; merge keys, which can blow up, are refused."""


def _no_merge(_: Any, node: yaml.MappingNode) -> None:
    for key, _value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            line = node.start_mark.line + 1
            raise InputError.at("", f"Line {line}: merge keys (<<) are not read.", "Write the keys themselves.")


_Loader.flatten_mapping = _no_merge


@record(kw_only=True)
class Configuration:
    """A tool's file and what the caller says beside it."""

    document: Mapping[str, Any]
    root: str = ""
    """Pointer to the file's content in the body."""
    facts: RunFacts = field(default_factory=RunFacts)
    """What the comment line of an exported file says."""
    beside: Mapping[str, Any] = field(default_factory=dict)


def read_configuration(text: str) -> Configuration:
    """The file in `text`, bare or inside an object. Raises InputError."""
    document = _mapping(_yaml(text), "")
    if INSIDE not in document:
        return Configuration(document=document, facts=facts_in(text))
    for key in document:
        if key not in (INSIDE, *BESIDE):
            raise InputError.at(f"/{key[:80]}", "Unknown field.", f"Beside {INSIDE}: {', '.join(BESIDE)}.")
    inner = document[INSIDE]
    beside = {k: v for k, v in document.items() if k != INSIDE and v is not None}
    for key in ("architecture", "training", "hardware"):
        if key in beside:
            _mapping(beside[key], f"/{key}")
    facts = facts_in(inner) if isinstance(inner, str) else RunFacts()
    content = _mapping(_yaml(inner) if isinstance(inner, str) else inner, f"/{INSIDE}")
    return Configuration(document=content, root=f"/{INSIDE}", facts=facts, beside=beside)


def _yaml(text: str) -> Any:
    """YAML (which holds JSON) as the tools read it. Raises InputError."""
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        pass  # a flow mapping of YAML
    try:
        _check_form(text)
        return yaml.load(text, _Loader)  # noqa: S506 - derived from the safe loader
    except yaml.MarkedYAMLError as error:
        line = f"Line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError.at("", f"{line}{error.problem or 'not YAML'}.", code="invalid_yaml") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise InputError.at("", "Neither YAML nor JSON.", code="invalid_yaml") from None


def _check_form(text: str) -> None:
    """Raises InputError before anything is built from a text that nests too deeply or names types of its own."""
    depth = 0
    for event in yaml.parse(text, _BaseLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        tag: str | None = getattr(event, "tag", None)
        if tag is not None or isinstance(event, yaml.AliasEvent):
            what = "aliases" if tag is None else f"tags ({tag[:40]})"
            said = f"Line {event.start_mark.line + 1 if event.start_mark else 0}: {what} are not read."
            raise InputError.at("", said, code="invalid_yaml")
        if depth > DEEPEST:
            raise InputError.at("", f"Nested more than {DEEPEST} levels deep.", code="invalid_yaml")


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _mapping(value: Any, pointer: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError.at(pointer, "Must be an object of keys and values.")
    if not all(isinstance(key, str) for key in value):
        raise InputError.at(pointer, "Keys must be text.")
    return value
