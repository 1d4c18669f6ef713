"""What is to be tuned, read from facts or from a bare request; contradictions refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InputError
from app.planning.tuning_task import TuningTask, split, task_from_facts, task_from_request
from app.schemas.plan import LoraPlanRequest
from app.schemas.recommend import Preferences
from app.schemas.vocabulary import TaskType
from tests.unit.planning.planning_cases import BOOK, WORLD, facts, workload


def requested(task: TaskType = "extraction", **given_fields: Any) -> TuningTask:
    request = LoraPlanRequest(base_model="x", task_type=task, **given_fields)
    return task_from_request(request, WORLD.task_defaults[task], BOOK)


def read(task: TaskType = "extraction", **known: Any) -> TuningTask:
    made = facts(**known)
    return task_from_facts(made, workload(made, task), Preferences(), BOOK)


@pytest.mark.parametrize(
    ("total", "train", "held"),
    [(1, 1, 1), (2, 1, 1), (10, 7, 3), (100, 70, 30), (200, 150, 50), (1000, 900, 100), (12_000, 11_000, 1000)],
)
def test_split(total: int, train: int, held: int) -> None:
    assert split(total, BOOK) == (train, held)


@pytest.mark.parametrize(
    ("task", "labels", "train", "sampled"),
    [
        ("extraction", None, 450, False),  # the 500 that are usually needed
        ("extraction", 0, 450, False),
        ("extraction", 19, 450, False),
        ("extraction", 20, 14, False),
        ("extraction", 50_000, 49_000, False),
        ("extraction", 50_001, 49_000, True),
        ("generation", 50_001, 49_001, False),
        ("generation", 10**11, 99_000, True),
    ],
)
def test_examples_that_exist_are_used_up_to_where_more_help_little(
    task: TaskType, labels: int | None, train: int, sampled: bool
) -> None:
    made = read(task, labelled_examples=labels)
    assert (made.train_examples, made.sampled, made.labelled_examples) == (train, sampled, labels)


def test_tokens_with_loss_are_those_of_the_answers() -> None:
    assert read(labelled_examples=1000, output_tokens=60).supervised_tokens == 900 * 60
    assert read(labelled_examples=1000, output_tokens=60, tokens_per_example=40).supervised_tokens == 900 * 40


def test_preferences_and_budget_come_along() -> None:
    own = Preferences(gpu="G48", method="full", usd_per_gpu_hour=1.5)
    known = facts(training_budget_usd=50.0)
    made = task_from_facts(known, workload(known), own, BOOK)
    assert (made.gpu, made.method, made.usd_per_gpu_hour, made.training_budget_usd) == ("G48", "full", 1.5, 50.0)
    assert made.gpu_pointer == "/preferences/gpu"


def test_a_bare_request_is_filled_in_from_the_task_type() -> None:
    made = requested()
    assert (made.train_examples, made.tokens_per_example, made.supervised_tokens) == (450, 1000, 450 * 100)


def test_supervised_tokens_count_as_given() -> None:
    assert requested("conversation", supervised_tokens=45_000_000).supervised_tokens == 45_000_000
    each = requested(examples=1000, supervised_tokens=500_000)
    assert (each.supervised_tokens, each.tokens_per_example) == (500_000, 1000)
    assert requested(examples=10, supervised_tokens=50_000).tokens_per_example == 5000


def test_running_text_has_loss_on_every_token() -> None:
    made = requested(continued_pretraining=True, examples=1000, tokens_per_example=2000)
    assert made.kind == "continued_pretraining"
    assert made.supervised_tokens == 900 * 2000


def test_reinforcement_learning_counts_episodes() -> None:
    assert requested(reinforcement_learning=True, episodes=320_000).supervised_tokens == 320_000
    assert requested(reinforcement_learning=True, examples=500).supervised_tokens == 500
    assert requested(reinforcement_learning=True).supervised_tokens == BOOK.readiness.default_episodes


@pytest.mark.parametrize(
    ("given_fields", "pointer"),
    [
        ({"continued_pretraining": True, "reinforcement_learning": True}, "/reinforcement_learning"),
        ({"episodes": 10}, "/episodes"),
        ({"supervised_tokens": 5001, "examples": 50, "tokens_per_example": 100}, "/supervised_tokens"),
        ({"supervised_tokens": 49, "examples": 50}, "/supervised_tokens"),
    ],
)
def test_contradictions_are_refused_where_they_stand(given_fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InputError) as caught:
        requested(**given_fields)
    assert caught.value.problems[0].pointer == pointer
    assert caught.value.problems[0].hint


@given(total=st.integers(1, 10**12))
def test_both_parts_of_a_split_are_there_and_add_up(total: int) -> None:
    train, held = split(total, BOOK)
    assert min(train, held) >= 1
    assert train + held == max(total, 2)
    assert held <= BOOK.readiness.most_eval
