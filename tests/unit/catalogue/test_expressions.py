"""The small language of families.yaml."""

import pytest

from app.catalogue.expressions import expression, names_in
from app.catalogue.families import families
from app.errors import CatalogueError

NAMES = {"hidden_size": 64, "num_attention_heads": 4, "vision.patch_size": 7, "on": 1, "off": 0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hidden_size", 64),
        ("3 * hidden_size + 2", 194),
        ("hidden_size // num_attention_heads", 16),
        ("(hidden_size + 1) * 2", 130),
        ("vision.patch_size * vision.patch_size", 49),
        ("on and not off", 1),
        ("off or hidden_size == 64", 1),
        ("hidden_size != 64", 0),
        ("hidden_size > 63", 1),
        ("always", 1),
        ("missing", 0),
        ("not missing", 1),
        (5, 5),
        (True, 1),
        (False, 0),
    ],
)
def test_values(text: str | int, value: int) -> None:
    assert expression(text)(NAMES) == value


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "hidden_size ** 2", "hidden_size - 1", "1.5", "a if b else c", "a < b < c", "", "a b", "x()"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError):
        expression(text)


def test_names_are_found_for_checking() -> None:
    assert names_in("not a and b.c * 2 == d") == {"a", "b.c", "d"}
    assert names_in(3) == frozenset()


def test_every_family_has_a_source_and_a_head() -> None:
    for family in families().by_name.values():
        assert family.source, family.name
        assert sum(t.group == "head" for t in family.parts) == 1, family.name
        assert len({t.path for t in family.parts}) == len(family.parts), family.name


def test_other_names_lead_to_families() -> None:
    known = families()
    assert set(known.same_layout.values()) <= set(known.by_name)
    assert not set(known.same_layout) & set(known.by_name)
    assert not known.not_decoders & set(known.by_name)
