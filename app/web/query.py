"""Between a page's address and a request: what people type is read generously, what it means is checked strictly."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from app.errors import InputError, InputProblem, nearest_names
from app.schemas.recommend import RecommendRequest
from app.schemas.validation import MAX_PROBLEMS, parse
from app.web.fields import DESCRIPTION, FIELDS, NAMES, TITLE, Field

_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[,\u00a0\u202f '’_]\d{3})+(?:\.\d+)?", re.ASCII)
_SUFFIXED = re.compile(r"([+-]?\d+(?:\.\d+)?) ?(k|M|B|bn|m)?", re.ASCII)
_SUFFIXES = {"k": 10**3, "m": 10**6, "M": 10**6, "B": 10**9, "bn": 10**9}
_MAX_DIGITS = 30
"""Longer digits are no quantity of ours, and Python refuses very long ones anyway."""

Values = dict[str, str]
"""What stands in each field of the form, by name; empty ones are left out."""


def values_of(pairs: Iterable[tuple[str, str]]) -> Values:
    """The last thing said in each field. Questions of the page repeat a field of the form, so a name may come twice."""
    return {name: value.strip().replace("\r\n", "\n") for name, value in pairs if value.strip()}


def request_of(values: Mapping[str, str]) -> RecommendRequest:
    """The request that the values ask for; raises InputError with pointers into the request."""
    unknown = [InputProblem(f"/{n}", "Unknown field.", _near(n)) for n in values if n not in NAMES]
    if unknown:
        raise InputError(unknown[:MAX_PROBLEMS])
    document: dict[str, Any] = {"requirements": {}, "preferences": {}}
    for name, text in values.items():
        field = FIELDS.get(name)
        if field is not None and field.part:
            document[field.part][name] = read(field, text)
        else:
            document[name] = text
    return parse(RecommendRequest, document)


def _near(name: str) -> str | None:
    near = nearest_names(name, NAMES)
    return f"Did you mean {', '.join(near)}?" if near else None


def read(field: Field, text: str) -> object:
    """What a field's text means, or the text itself, which the request's schema then refuses in words."""
    if field.kind in {"number", "whole"}:
        return number(text)
    if field.kind == "share":
        return share(text)
    if field.kind == "yes_no":
        return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
    if field.kind == "names":
        return [name.strip() for name in text.split(",") if name.strip()]
    if field.kind == "json":
        return _object(field, text)
    return text


def number(text: str) -> int | float | str:
    """`40,000`, `40k`, `8B` and `0.3` as numbers; anything else as it stands."""
    plain = re.sub(r"[,\u00a0\u202f '’_]", "", text) if _GROUPED.fullmatch(text) else text
    found = _SUFFIXED.fullmatch(plain.removeprefix("$"))
    if found is None or len(plain) > _MAX_DIGITS:
        return text
    digits, factor = found[1], _SUFFIXES.get(found[2] or "", 1)
    value = float(digits) * factor if "." in digits else int(digits) * factor
    return int(value) if factor > 1 and value == int(value) else value


def share(text: str) -> int | float | str:
    """`83%` and `0.83` as 0.83."""
    if not text.endswith("%"):
        return number(text)
    value = number(text.removesuffix("%").rstrip())
    return text if isinstance(value, str) else float(value) / 100  # per cent


def _object(field: Field, text: str) -> object:
    try:
        return json.loads(text, parse_constant=lambda _: "not a number")
    except (ValueError, RecursionError):
        raise InputError.at(
            f"/{field.part}/{field.name}", "This is not valid JSON.", "Paste a whole config.json."
        ) from None


class Link:
    """Addresses of the page, relative to any page, for these values with some of them changed.

    A description is long and stands in every link of an answer, so that each value is quoted only once.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._quoted = {name: urlencode({name: values[name]}) for name in NAMES if values.get(name)}

    def __call__(self, **more: str) -> str:
        """The address; `more` are the changes."""
        changed = {**self._quoted, **{name: urlencode({name: value}) for name, value in more.items()}}
        return "./?" + "&".join(changed[name] for name in NAMES if name in changed)


def by_field(problems: Iterable[InputProblem]) -> dict[str, InputProblem]:
    """The first problem of each field; a problem of no field stands under the description."""
    found: dict[str, InputProblem] = {}
    for problem in problems:
        steps = [step for step in problem.pointer.split("/") if step in FIELDS or step in {TITLE, DESCRIPTION}]
        found.setdefault(steps[0] if steps else "", problem)
    return found
