"""A page's task as a proposal that `tunewise check` reads."""

import json
from collections.abc import Mapping
from typing import Any

from app.schemas.recommend import RecommendRequest
from app.schemas.vocabulary import Approach

OWNER = "your-team"
"""Stands for the owner, whom only the reader knows."""


def as_yaml(request: RecommendRequest, approach: Approach) -> str:
    """A proposal with what was given, proposing `approach`. What was read from the description is read again there."""
    given = request.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    lines = ["kind: Proposal", f"title: {_scalar(request.title or _title(request.description))}", f"owner: {OWNER}"]
    lines += ["description: " + _text(request.description), f"approach: {approach}"]
    for part in ("requirements", "preferences"):
        lines += _mapping(part, given.get(part, {}))
    return "\n".join(lines) + "\n"


def _mapping(name: str, values: Mapping[str, Any]) -> list[str]:
    return [f"{name}:", *(f"  {key}: {_scalar(value)}" for key, value in values.items())] if values else []


def _title(description: str) -> str:
    longest = 80
    first = description.split(". ")[0].split("\n")[0].strip()
    return first if len(first) <= longest else first[: longest - 1].rsplit(" ", 1)[0] + "…"


def _text(text: str) -> str:
    """A block that keeps its lines, or a quoted scalar for text that no block can hold."""
    lines = text.split("\n")
    if all(_plain(line) and line == line.rstrip() for line in lines) and not lines[0].startswith(" ") and lines[-1]:
        return "|-\n" + "\n".join(f"  {line}" if line else "" for line in lines)
    return _scalar(text)


def _plain(line: str) -> bool:
    return all(char.isprintable() for char in line)


def _scalar(value: object) -> str:
    """JSON, which is YAML; what JSON would write raw but YAML reads otherwise is escaped."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    written = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in written)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"
