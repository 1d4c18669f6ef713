"""Frozen, slotted dataclasses, made quickly.

The standard decorator writes and compiles six functions for each class, which for the two hundred classes here is a
third of the time that `tunewise check` takes. A record is a standard dataclass too (`fields`, `replace`, `asdict`,
matching, pickling), but only its constructor is compiled; how it compares, prints and refuses is shared code.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def record(cls: type[T], /) -> type[T]: ...
@overload
def record(*, kw_only: bool = False, eq: bool = True) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T] | None = None, /, *, kw_only: bool = False, eq: bool = True) -> Any:
    """A frozen dataclass with slots; `eq=False` compares by identity, `kw_only` takes no positions."""

    def made(cls: type[T]) -> type[T]:
        return _record(cls, kw_only, eq)

    return made if cls is None else made(cls)


def _record(cls: type[T], kw_only: bool, eq: bool) -> type[T]:
    plain: Any = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
    own = fields(plain)
    plain.__init__ = _constructor(plain, own)
    plain.__setattr__, plain.__delattr__ = _refuse_to_set, _refuse_to_delete
    plain.__getstate__, plain.__setstate__ = _state, _set_state
    if "__repr__" not in cls.__dict__:
        plain.__repr__ = _described
    if eq:
        plain.__eq__, plain.__hash__ = _comparing(_reader([f.name for f in own if f.compare]))
    made: type[T] = plain
    return made


def _constructor(cls: type, own: tuple[Field[Any], ...]) -> Any:
    """`__init__` with the fields as parameters, in the order that dataclasses give them."""
    scope: dict[str, Any] = {"_set": object.__setattr__, "_missing": MISSING}
    taken: list[str] = []
    named: list[str] = []
    body: list[str] = []
    for f in own:
        default = ""
        value = f.name
        if f.default_factory is not MISSING:
            scope[f"_make_{f.name}"] = f.default_factory
            default, value = "=_missing", f"_make_{f.name}() if {f.name} is _missing else {f.name}"
        elif f.default is not MISSING:
            scope[f"_default_{f.name}"] = f.default
            default = f"=_default_{f.name}"
        (named if f.kw_only else taken).append(f"{f.name}{default}")
        body.append(f"\n _set(self, {f.name!r}, {value})")
    parameters = ", ".join(["self", *taken, *(["*", *named] if named else [])])
    exec(f"def __init__({parameters}):{''.join(body) or ' pass'}", scope)  # noqa: S102 - names of fields only
    made = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _reader(names: list[str]) -> Callable[[Any], Any]:
    """The values of `names` as one value that compares and hashes."""
    return attrgetter(*names) if names else lambda _: ()


def _comparing(read: Callable[[Any], Any]) -> tuple[Any, Any]:
    def equal(self: Any, other: object) -> Any:
        return read(self) == read(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(read(self))

    return equal, hashed


def _described(self: Any) -> str:
    values = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{self.__class__.__qualname__}({values})"


def _refuse_to_set(self: Any, name: str, value: object) -> None:  # noqa: ARG001 - the interface
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:  # noqa: ARG001 - the interface
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__dataclass_fields__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__dataclass_fields__, state, strict=True):
        object.__setattr__(self, name, value)
