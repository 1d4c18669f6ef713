"""Engine profiles: data with a reason and a source for every field, and refusals that name the field."""

import copy
from typing import Any, get_args

import pytest

from app.catalogue.engines import CITED, FILE, assemble_engines, engine_profile, load_engines
from app.catalogue.files import DATA
from app.catalogue.strict_yaml import read
from app.errors import CatalogueError
from app.schemas.vocabulary import Engine


def raw() -> dict[str, Any]:
    return copy.deepcopy(read(DATA / FILE))


def test_every_engine_of_the_contract_has_a_profile() -> None:
    assert set(load_engines()) == set(get_args(Engine))


def test_what_an_engine_states_wins_over_what_is_shared() -> None:
    shared, own = raw()["shared"], raw()["engines"]["vllm"]
    assert engine_profile("vllm").layer_seconds == own["layer_seconds"]["value"] != shared["layer_seconds"]["value"]
    assert engine_profile("trtllm").layer_seconds == shared["layer_seconds"]["value"]


def test_shares_are_shares() -> None:
    for profile in load_engines().values():
        for field in profile.__dataclass_fields__:
            if field.endswith(("_efficiency", "_share", "_fraction")):
                assert 0 < getattr(profile, field) <= 1, field


def test_answers_cite_the_constants_with_source_and_date() -> None:
    cited = {a.name: a for a in engine_profile("vllm").assumptions}
    assert tuple(cited) == CITED
    assert "2026-11-24" in cited["layer_seconds"].source
    assert cited["layer_seconds"].origin == "calibrated"
    assert not engine_profile("generic").calibrated


BROKEN = [
    (lambda d: d["shared"].pop("layer_seconds"), "layer_seconds: It is missing"),
    (lambda d: d["shared"].update(speed=d["shared"]["layer_seconds"]), "speed: No such field"),
    (lambda d: d["engines"].pop("sglang"), "'sglang' has no profile"),
    (lambda d: d["engines"].update(tgi={}), "tgi"),
    (lambda d: d["shared"]["layer_seconds"].update(source="hearsay"), "'hearsay' is unknown"),
    (lambda d: d["shared"]["layer_seconds"].update(value="40e-6"), "given as a string"),
    (lambda d: d["shared"]["layer_seconds"].update(value=-1.0), "greater than or equal to 0"),
    (lambda d: d["shared"]["layer_seconds"].pop("reason"), "'reason' is missing"),
]


@pytest.mark.parametrize(("change", "said"), BROKEN)
def test_a_broken_file_is_refused_with_the_field(change: Any, said: str) -> None:
    data = raw()
    change(data)
    with pytest.raises(CatalogueError, match=FILE) as caught:
        assemble_engines(data)
    assert said in str(caught.value)
