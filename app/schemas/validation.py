"""From Pydantic's findings to ours: a JSON Pointer into what the caller sent, words, and the nearest right name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from app.errors import InputError, InputProblem, nearest_names

S = TypeVar("S", bound=BaseModel)

MAX_PROBLEMS = 50
"""Findings reported at most for one body; a hostile body can hold thousands."""
MAX_NAME = 80
"""Characters of a caller's own name that are repeated back at most."""

_WORDS = {
    "extra_forbidden": "Unknown field.",
    "missing": "This field is required.",
    "json_invalid": "The body is not valid JSON.",
    "finite_number": "Must be a finite number.",
    "string_type": "Must be a string.",
    "int_type": "Must be a whole number.",
    "float_type": "Must be a number.",
    "bool_type": "Must be true or false.",
    "dict_type": "Must be an object.",
    "model_type": "Must be an object.",
    "model_attributes_type": "Must be an object.",
    "tuple_type": "Must be a list.",
    "list_type": "Must be a list.",
}
"""Our words for the findings whose own text speaks of Python."""


def parse(schema: type[S], value: object) -> S:
    """`value` (from JSON or YAML) as `schema`; raises InputError with a pointer and a hint for every finding."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise InputError(problems(error.errors(include_url=False), value, schema)) from None


def problems(
    findings: Iterable[Mapping[str, Any]], body: object, schema: type[BaseModel] | None = None
) -> tuple[InputProblem, ...]:
    """Pydantic's `errors()` as InputProblems; `body` is what the caller sent, `schema` what it should have been."""
    made: dict[tuple[str, str], InputProblem] = {}
    for finding in findings:
        problem = _problem(finding, body, schema)
        made.setdefault((problem.pointer, problem.detail), problem)
        if len(made) >= MAX_PROBLEMS:
            break
    return tuple(made.values())


def _problem(finding: Mapping[str, Any], body: object, schema: type[BaseModel] | None) -> InputProblem:
    kind = str(finding["type"])
    path = _path(finding["loc"], body, kind)
    detail = _WORDS.get(kind) or str(finding["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    detail = detail[:1].upper() + detail[1:]
    return InputProblem(pointer_of(path), detail, _hint(kind, finding, path, schema))


def _path(loc: Sequence[str | int], body: object, kind: str) -> tuple[str | int, ...]:
    """Pydantic's location without the names of union branches: only steps that exist in `body`, or are missing there."""
    path: list[str | int] = []
    here: Any = body
    for number, step in enumerate(loc):
        if _holds(here, step):
            here = here[step]
        elif not (kind == "missing" and number == len(loc) - 1):
            continue
        path.append(step)
    return tuple(path)


def _holds(value: object, step: str | int) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list | tuple) and isinstance(step, int) and step < len(value)


def pointer_of(path: Iterable[str | int]) -> str:
    """A JSON Pointer (RFC 6901); an over-long key of the caller's own is cut."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1")[:MAX_NAME] for step in path)


def _hint(
    kind: str, finding: Mapping[str, Any], path: tuple[str | int, ...], schema: type[BaseModel] | None
) -> str | None:
    if kind == "literal_error":
        allowed = [part.strip(" '") for part in str(finding["ctx"]["expected"]).replace(" or ", ", ").split(",")]
        near = nearest_names(str(finding.get("input"))[:MAX_NAME], allowed, limit=1)
        return f"Did you mean {near[0]}?" if near else f"One of: {', '.join(allowed)}."
    if kind == "extra_forbidden" and schema is not None and path:
        owner = _schema_at(schema, path[:-1])
        near = nearest_names(str(path[-1])[:MAX_NAME], owner.model_fields) if owner else ()
        return f"Did you mean {', '.join(near)}?" if near else None
    if kind in {"int_type", "float_type"} and isinstance(finding.get("input"), str):
        return "Write the number without quotes."
    return None


def _schema_at(schema: type[BaseModel], path: Iterable[str | int]) -> type[BaseModel] | None:
    """The Pydantic schema of the object at `path`, None where it is no object of ours."""
    here: type[BaseModel] | None = schema
    for step in path:
        if isinstance(step, int):
            continue
        field = here.model_fields.get(step) if here else None
        here = _schema_in(field.annotation) if field else None
    return here


def _schema_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _schema_in(part))), None)
