"""Records behave as the standard frozen, slotted dataclasses do."""

import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, field, fields, is_dataclass, replace

import pytest

from app.records import record


@record
class Point:
    """Positions allowed."""

    x: int
    y: float = 2.0
    tags: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)


@record(kw_only=True)
class Named:
    """Names only."""

    name: str
    size: int = 1


@record(kw_only=True)
class Deeper(Named):
    """Inherits."""

    size: int = 3
    depth: int


@record(eq=False)
class Thing:
    """Itself only."""

    x: int


@record
class Empty:
    """No fields."""


def test_it_is_a_dataclass() -> None:
    point = Point(1, tags={"a": 1})
    assert is_dataclass(point)
    assert [f.name for f in fields(point)] == ["x", "y", "tags"]
    assert asdict(point) == {"x": 1, "y": 2.0, "tags": {"a": 1}}
    assert replace(point, x=4) == Point(4)
    assert repr(point) == "Point(x=1, y=2.0)"
    assert not hasattr(point, "__dict__")
    assert Point(1).tags is not Point(1).tags


def test_nothing_can_be_set_or_deleted() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x
    with pytest.raises(FrozenInstanceError):
        point.z = 2  # type: ignore[attr-defined]


def test_it_compares_by_value_unless_told_not_to() -> None:
    assert Point(1, tags={"a": 1}) == Point(1)
    assert hash(Point(1)) == hash(Point(1))
    assert Point(1) != Point(2)
    assert Point(1).__eq__((1, 2.0)) is NotImplemented
    assert Empty() == Empty()
    assert Thing(1) != Thing(1)
    assert len({Thing(1), Thing(1)}) == 2


def test_inheritance_and_keywords() -> None:
    deeper = Deeper(name="a", depth=2)
    assert (deeper.name, deeper.size, deeper.depth) == ("a", 3, 2)
    assert deeper != Named(name="a", size=3)
    with pytest.raises(TypeError):
        Named("a")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, z=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("made", [Point(1, tags={"a": 1}), Deeper(name="a", depth=2), Empty()])
def test_it_pickles(made: object) -> None:
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 - made one line above
    assert again == made
    assert repr(again) == repr(made)


def test_it_matches_by_position() -> None:
    match Point(1, 5.0):
        case Point(x, y):
            assert (x, y) == (1, 5.0)
