"""Planning beside the real catalogue and training estimate: plans fit, are valid, and are about the cheapest."""

import pytest

from app.catalogue import load_catalogue
from app.estimate.params import default_targets, inventory, parameters_per_rank
from app.estimate.training import estimate_training
from app.planning import (
    PlannedTuning,
    TuningTools,
    base_model_named,
    choose_base_model,
    expert_tensors,
    plan_fine_tuning,
    plan_lora,
)
from app.planning.setup import ordinary_gpus
from app.schemas.architecture import Architecture
from app.schemas.plan import LoraPlanRequest
from app.schemas.recommend import Preferences
from app.schemas.training import TrainingRequest
from app.schemas.vocabulary import TaskType
from tests.unit.planning.planning_cases import BOOK, TODAY, facts, workload

CATALOGUE = load_catalogue()
ABOUT_THE_CHEAPEST = 1.3
"""The order in which GPUs are asked is rough on purpose: two estimates at most instead of twelve."""


def lent(architecture: Architecture) -> TuningTools:
    return TuningTools(
        estimate=lambda r: estimate_training(r, architecture, CATALOGUE.gpu(r.hardware.gpu)),
        parameters_per_rank=lambda shape, targets: parameters_per_rank(inventory(shape), targets),
        default_targets=lambda shape: default_targets(inventory(shape)),
        expert_tensors=lambda shape: expert_tensors(inventory(shape)),
    )


def plan(base_model: str, task: TaskType, labels: int, tokens: int, **own: str) -> PlannedTuning:
    known = facts(labelled_examples=labels, input_tokens=tokens, output_tokens=50, requests_per_day=1000.0)
    load, preferences = workload(known, task), Preferences(base_model=base_model, **own)  # type: ignore[arg-type]
    chosen = choose_base_model(known, load, CATALOGUE, preferences, TODAY, book=BOOK, inventory=inventory)
    tools = lent(chosen.spec.architecture)
    return plan_fine_tuning(known, load, chosen, CATALOGUE, preferences, book=BOOK, tools=tools)


@pytest.mark.parametrize("base_model", sorted(CATALOGUE.base_models))
def test_every_base_model_of_the_catalogue_gets_a_plan_that_fits(base_model: str) -> None:
    made = plan(base_model, "extraction", 2000, 800)
    assert made.estimate.memory.fits
    assert TrainingRequest.model_validate_json(made.request.model_dump_json()) == made.request
    assert made.plan.lora is not None
    assert made.estimate.trainable_parameters > 0


@pytest.mark.parametrize(
    ("base_model", "task", "labels", "tokens"),
    [
        ("Qwen/Qwen3-1.7B", "classification", 5000, 200),
        ("Qwen/Qwen3-8B", "extraction", 12_000, 900),
        ("microsoft/phi-4", "qa", 50_000, 2500),
        ("meta-llama/Llama-3.3-70B-Instruct", "generation", 2000, 500),
    ],
)
def test_about_the_cheapest_gpu_is_found(base_model: str, task: TaskType, labels: int, tokens: int) -> None:
    def bill(made: PlannedTuning) -> float:
        total, price = made.estimate.cost.total_usd, CATALOGUE.gpu(made.plan.hardware.gpu).usd_per_hour
        assert total is not None
        assert price is not None
        return total.expected + price.value * BOOK.training.setup_hours * made.plan.hardware.gpu_count

    found = plan(base_model, task, labels, tokens)
    others = [plan(base_model, task, labels, tokens, gpu=g.id) for g in ordinary_gpus(CATALOGUE)]
    rivals = [
        bill(o)
        for o in others
        if o.estimate.memory.fits and o.plan.hardware.gpu_count == 1 and o.plan.method == found.plan.method
    ]
    assert bill(found) <= ABOUT_THE_CHEAPEST * min(rivals)


def test_experts_that_no_name_reaches_are_adapted() -> None:
    """gpt-oss: the attention alone holds half a million parameters per rank, the experts eleven million."""
    chosen = base_model_named("openai/gpt-oss-20b", CATALOGUE, BOOK)
    request = LoraPlanRequest(base_model="openai/gpt-oss-20b", task_type="conversation", supervised_tokens=45_000_000)
    made = plan_lora(request, chosen, CATALOGUE, book=BOOK, tools=lent(chosen.spec.architecture))
    assert made.plan.lora is not None
    assert made.plan.lora.target_parameters == ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")
    assert made.plan.lora.r == 16
    assert made.estimate.trainable_parameters == 184_909_824  # PEFT 0.21 on meta tensors, r = 16


def test_experts_count_by_the_share_of_tokens_that_they_see() -> None:
    """gpt-oss-20b: 24 blocks of 32 experts, 4 a token; gate_up 2880 to 5760 and down 2880 to 2880."""
    _, per_rank = expert_tensors(inventory(CATALOGUE.base_models["openai/gpt-oss-20b"].architecture))
    assert per_rank == pytest.approx(24 * 32 * (2880 + 5760 + 2880 + 2880) * (4 / 32) ** 0.5)


def test_no_tensors_are_named_where_names_reach_the_experts() -> None:
    for name in ("Qwen/Qwen3-30B-A3B", "mistralai/Mixtral-8x7B-v0.1", "Qwen/Qwen3-8B"):
        assert expert_tensors(inventory(CATALOGUE.base_models[name].architecture)) == ((), 0.0)


def test_a_vision_tower_is_said() -> None:
    assert any("vision tower" in limit for limit in plan("google/gemma-3-4b-pt", "extraction", 2000, 800).plan.limits)
