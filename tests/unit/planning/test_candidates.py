"""Base models chosen by size, limits, languages and dates; the caller's choice wins."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.catalogue import Catalogue
from app.errors import InputError, UnknownNameError
from app.estimate.params import inventory
from app.planning import Chosen, base_model_named, choose_base_model
from app.schemas.facts import Facts
from app.schemas.recommend import Preferences
from app.schemas.vocabulary import TaskType
from app.schemas.world import BaseModelSpec
from tests.unit.planning.planning_cases import BASE_MODELS, BOOK, TODAY, WORLD, base_model, facts, workload, world

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "max_position_embeddings": 8192,
}


def choose(
    known: Facts | None = None,
    task: TaskType = "extraction",
    catalogue: Catalogue = WORLD,
    as_of: date = TODAY,
    to_prompt: bool = False,
    **preferences: Any,
) -> Chosen[BaseModelSpec]:
    known = known or facts()
    own = Preferences(**preferences)
    load = workload(known, task)
    return choose_base_model(known, load, catalogue, own, as_of, book=BOOK, inventory=inventory, to_prompt=to_prompt)


@pytest.mark.parametrize(
    ("task", "known", "chosen"),
    [
        ("classification", {}, "small-4B"),
        ("extraction", {}, "mid-8B-instruct"),
        ("extraction", {"requests_per_day": 49_999.0}, "mid-8B-instruct"),
        ("extraction", {"requests_per_day": 50_000.0}, "small-4B"),  # size is money
        ("generation", {"requests_per_day": 50_000.0}, "mid-8B-instruct"),  # not for open text
        ("extraction", {"latency_p95_seconds": 0.3}, "tiny-1.7B"),  # 100 tokens within 300 ms
        ("extraction", {"latency_p95_seconds": 5.0}, "mid-8B-instruct"),
        ("classification", {"latency_p95_seconds": 0.3, "output_tokens": 6}, "small-4B"),
        ("code", {}, "mid-8B-instruct"),
        ("reasoning", {}, "mid-8B-instruct"),
        ("generation", {"max_base_model_parameters": 4_000_000_000}, "small-4B"),
        ("generation", {"max_base_model_parameters": 3_999_999_999}, "tiny-1.7B"),
    ],
)
def test_size_follows_task_volume_latency_and_limit(task: TaskType, known: dict[str, Any], chosen: str) -> None:
    assert choose(facts(**known), task).spec.id == chosen


def test_on_a_device_the_base_model_is_small() -> None:
    assert choose(facts("on_device"), "generation").spec.id == "tiny-1.7B"


def test_larger_base_models_are_prompted_than_tuned() -> None:
    tuned, prompted = choose(task="generation"), choose(task="generation", to_prompt=True)
    assert prompted.spec.total_parameters > tuned.spec.total_parameters
    assert "prompting needs more" in prompted.because.text


def test_languages_that_authors_do_not_name_cost_and_are_said() -> None:
    finnish = base_model("finnish-8B", 8.0, quality_index=0.7, languages=("en", "fi"))
    catalogue = world((*BASE_MODELS, finnish))
    assert choose(catalogue=catalogue).spec.id == "mid-8B-instruct"
    assert choose(facts(languages=("fi",)), catalogue=catalogue).spec.id == "finnish-8B"
    alone = choose(facts(languages=("fi",)))
    assert "does not name" in alone.because.text or "do not name fi" in alone.because.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_position_embeddings": 1024}, "reads 1,024 tokens"),
        ({"commercial_use": False}, "does not allow commercial use"),
    ],
)
def test_hard_limits_exclude_and_are_said_when_nothing_else_is_there(change: dict[str, Any], said: str) -> None:
    bad = base_model("bad-8B", 8.0, quality_index=0.99, **change)
    assert choose(catalogue=world((*BASE_MODELS, bad))).spec.id == "mid-8B-instruct"
    alone = choose(catalogue=world((bad,)))
    assert alone.spec.id == "bad-8B"
    assert any(said in sentence for sentence in alone.misses)


def test_a_base_model_of_the_future_is_not_chosen() -> None:
    future = base_model("future-8B", 8.0, quality_index=0.99, released=date(2027, 1, 1))
    catalogue = world((*BASE_MODELS, future))
    assert choose(catalogue=catalogue).spec.id == "mid-8B-instruct"
    assert choose(catalogue=catalogue, as_of=date(2027, 1, 1)).spec.id == "future-8B"


def test_a_day_before_every_release_is_answered_with_a_warning() -> None:
    assert "No base model on record was released" in choose(as_of=date(1999, 1, 1)).misses[0]


def test_experts_vision_and_thinking_count_against_a_base_model_to_tune() -> None:
    usual = base_model("usual", 8.0)
    experts = base_model("experts", 8.0, architecture=replace(usual.architecture, num_experts=8, num_experts_per_tok=2))
    sees = base_model("sees", 8.0, architecture=replace(usual.architecture, has_vision_tower=True))
    thinks = base_model("thinks", 8.0, family="DeepSeek R1 distilled")
    for other in (experts, sees, thinks):
        assert choose(catalogue=world((other, usual))).spec.id == "usual"


def test_code_goes_to_what_was_made_for_code() -> None:
    coder = base_model("coder-7B", 7.0, family="Some-Coder", quality_index=0.65)
    catalogue = world((*BASE_MODELS, coder))
    assert choose(task="code", catalogue=catalogue).spec.id == "coder-7B"
    assert choose(task="qa", catalogue=catalogue).spec.id != "coder-7B"


def test_runners_up_differ_in_family_or_size_and_say_why() -> None:
    chosen = choose()
    assert [r.name for r in chosen.runners_up] == ["small-4B", "large-32B", "tiny-1.7B"]
    assert len(chosen.runners_up) == BOOK.candidates.runners_up
    assert any("times the size" in r.text for r in chosen.runners_up)
    assert any("less able" in r.text for r in chosen.runners_up)


def test_the_callers_base_model_wins_and_its_breaches_are_said() -> None:
    chosen = choose(facts(max_base_model_parameters=8e9), base_model="huge-70B")
    assert chosen.spec.id == "huge-70B"
    assert chosen.given
    assert "more than the 8.0B allowed" in chosen.misses[0]
    assert chosen.runners_up


def test_the_callers_architecture_wins_over_everything() -> None:
    chosen = choose(architecture=CONFIG, base_model="acme/own-1M")
    assert chosen.spec.id == "acme/own-1M"
    assert chosen.spec.max_position_embeddings == 8192
    assert chosen.spec.total_parameters == inventory(chosen.spec.architecture).total_parameters
    assert choose(architecture=CONFIG).spec.id == "own-llama"


def test_a_preferred_open_base_model_is_prompted() -> None:
    assert choose(to_prompt=True, prompted_model="small-4B").spec.id == "small-4B"
    assert choose(to_prompt=True, prompted_model="p/medium").spec.id != "p/medium"


def test_unknown_names_and_broken_architectures_are_refused_where_they_stand() -> None:
    with pytest.raises(UnknownNameError) as unknown:
        choose(base_model="mid-9B")
    assert unknown.value.problems[0].pointer == "/preferences/base_model"
    with pytest.raises(InputError) as broken:
        choose(architecture={**CONFIG, "hidden_size": 0})
    assert broken.value.problems[0].pointer.startswith("/preferences/architecture")
    with pytest.raises(UnknownNameError):
        base_model_named("mid-9B", WORLD, BOOK)
    assert base_model_named("MID-8b", WORLD, BOOK).spec.id == "mid-8B"
