"""Building blocks of every schema: strict requests, light answers, ranges.

Requests are Pydantic models, because input is hostile. Answers are frozen dataclasses, because we make
them ourselves and one answer holds hundreds: building them costs a tenth, and Pydantic still reads their
field docstrings into OpenAPI and writes their JSON.
"""

from functools import cache
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from app.records import record
from app.schemas.texts import describe_fields

T = TypeVar("T")


def tuple_from_list(value: object) -> object:
    """Strict mode takes no list for a tuple, JSON and YAML have nothing else: read it here and only here."""
    return tuple(value) if isinstance(value, list) else value


Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(max_length=500), BeforeValidator(tuple_from_list)]
"""A list of names in JSON or YAML."""


class Request(BaseModel):
    """A body from outside: unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler(core_schema)
        describe_fields(cls, handler.resolve_ref_schema(made))
        return made

    @model_validator(mode="before")
    @classmethod
    def _whole_floats_are_integers(cls, value: object) -> object:
        """JSON has one kind of number: 12000.0 is the integer 12000, as JSON Schema reads it too."""
        if not isinstance(value, dict) or not any(type(item) is float for item in value.values()):
            return value
        return {
            key: int(item) if type(item) is float and item.is_integer() and key in _integers(cls) else item
            for key, item in value.items()
        }


@cache
def _integers(schema: type[BaseModel]) -> frozenset[str]:
    """Fields of `schema` that hold an integer and no other number."""
    kinds = {name: set(get_args(f.annotation)) | {f.annotation} for name, f in schema.model_fields.items()}
    return frozenset(name for name, kind in kinds.items() if int in kind and float not in kind)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def answer(cls: type[T]) -> type[T]:
    """A frozen, slotted, keyword-only dataclass whose field docstrings become the OpenAPI text."""
    cls.__pydantic_config__ = ConfigDict(use_attribute_docstrings=True)  # type: ignore[attr-defined]
    return record(kw_only=True)(cls)


@answer
class Range:
    """An estimate: right four times in five between `low` and `high`; `expected` is the best single figure."""

    low: float
    """The lower end: one case in ten should fall below."""
    expected: float
    """The best single figure."""
    high: float
    """The upper end: one case in ten should rise above."""

    def scaled(self, factor: float) -> "Range":
        """The same estimate in another unit, or of `factor` as many things (factor >= 0)."""
        return Range(low=self.low * factor, expected=self.expected * factor, high=self.high * factor)

    def plus(self, other: "Range") -> "Range":
        """The sum of two estimates whose errors go together (ends add up: the careful reading)."""
        return Range(low=self.low + other.low, expected=self.expected + other.expected, high=self.high + other.high)


def exactly(value: float) -> Range:
    """A known quantity where a range is expected."""
    return Range(low=value, expected=value, high=value)


@answer
class Assumption:
    """A value that the estimate rests on and the caller did not measure."""

    name: str
    """What is assumed."""
    value: str | bool | int | float | None
    """The value used."""
    origin: str
    """`given`, `inferred`, `default`, `catalogue` or `calibrated`."""
    source: str
    """Where the value comes from, with its date when it has one."""
