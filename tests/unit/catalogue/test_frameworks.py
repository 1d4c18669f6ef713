"""frameworks.yaml: every framework of the contract, every field reasoned and sourced, every mistake named."""

import copy
from typing import Any, get_args

import pytest

from app.catalogue.files import DATA
from app.catalogue.frameworks import FILE, assemble, load_frameworks
from app.catalogue.strict_yaml import read
from app.errors import CatalogueError
from app.schemas.vocabulary import Framework


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return read(DATA / FILE)


def test_every_framework_has_every_field_with_reason_source_and_date() -> None:
    found = load_frameworks()
    assert set(found.profiles) == set(get_args(Framework))
    for name, profile in found.profiles.items():
        assert profile.id == name
        for field, reason in found.reasons[name].items():
            assert len(reason.source) > 20, field
            assert "https://" in reason.source
            assert "2026-" in reason.source


def test_inheritance_states_only_what_differs(raw: dict[str, Any]) -> None:
    profiles = load_frameworks().profiles
    for name, entry in raw["frameworks"].items():
        if entry.get("base"):
            for field, stated in entry["fields"].items():
                if field not in ("calibrated", "naming"):
                    base = getattr(profiles[entry["base"]], field)
                    value = tuple(stated["value"]) if isinstance(stated["value"], list) else stated["value"]
                    assert value != base, f"{name}.{field} repeats its base"


def test_frameworks_differ_where_their_code_does() -> None:
    profiles = load_frameworks().profiles
    assert profiles["litgpt"].quantizes_head
    assert not profiles["hf_peft"].quantizes_head
    assert profiles["unsloth"].checkpoints_on_card == 0
    assert profiles["generic"].memory_spread > profiles["hf_peft"].memory_spread
    assert profiles["generic"].time_spread > profiles["hf_peft"].time_spread


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda r: r["frameworks"].pop("litgpt"), "exactly"),
        (lambda r: r["frameworks"].update(keras={"fields": {}}), "exactly"),
        (lambda r: r["frameworks"]["litgpt"].update(base="nobody"), "No such base"),
        (lambda r: r["frameworks"]["hf_peft"].update(base="litgpt"), "circle"),
        (lambda r: r["frameworks"]["hf_peft"]["fields"].pop("dora_bytes"), "dora_bytes"),
        (
            lambda r: r["frameworks"]["hf_peft"]["fields"].update(x=r["frameworks"]["hf_peft"]["fields"]["dora_bytes"]),
            "x",
        ),
        (lambda r: r["frameworks"]["litgpt"]["fields"]["ties_head"].update(value=1), "right type"),
        (lambda r: r["frameworks"]["litgpt"]["fields"]["naming"].update(value="mine"), "right type"),
        (lambda r: r["frameworks"]["hf_peft"]["fields"]["repeats_kv"].update(value=["fast"]), "right type"),
        (lambda r: r["frameworks"]["litgpt"]["fields"]["ties_head"].update(source="hearsay"), "Unknown source"),
        (lambda r: r["frameworks"]["litgpt"]["fields"]["ties_head"].pop("because"), "because"),
        (lambda r: r["sustained_share"]["RTX-4090"].update(source="hearsay"), "Unknown source"),
    ],
)
def test_mistakes_are_named(raw: dict[str, Any], break_it: Any, words: str) -> None:
    broken = copy.deepcopy(raw)
    break_it(broken)
    with pytest.raises(CatalogueError) as error:
        assemble(broken)
    assert words in str(error.value)
    assert FILE in str(error.value)
