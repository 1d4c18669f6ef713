"""Tuning plans: method and GPU by what fits, every field with its reason, and the estimate of exactly the plan."""

import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from app.catalogue import Catalogue
from app.errors import InputError, UnknownNameError
from app.planning import Chosen, PlannedTuning, plan_fine_tuning, plan_lora, training_request
from app.planning.setup import MOST_ATTEMPTS
from app.schemas.plan import Because, FineTuningPlan, LoraPlanRequest, RunnerUp
from app.schemas.recommend import Preferences
from app.schemas.training import TrainingRequest
from app.schemas.vocabulary import TaskType
from app.schemas.world import BaseModelSpec, GpuPrice
from tests.unit.planning.planning_cases import (
    BASE_MODELS,
    BOOK,
    GIB,
    GPUS,
    LLAMA,
    TARGETS,
    WORLD,
    Estimator,
    base_model,
    dated,
    facts,
    gpu,
    tools,
    workload,
    world,
)

TINY, SMALL, MID, LARGE, HUGE = BASE_MODELS
SHARED_FIELDS = (
    "micro_batch_size",
    "gradient_accumulation_steps",
    "max_seq_length",
    "mean_seq_length",
    "packing",
    "gradient_checkpointing",
    "attention",
    "optimizer",
    "precision",
    "examples",
    "num_epochs",
)
"""Fields of a plan's training that the estimate reads."""
WHY = Because(field="base_model", text="because", source="test")


def chosen(spec: BaseModelSpec, *misses: str) -> Chosen[BaseModelSpec]:
    return Chosen(spec, WHY, (RunnerUp(name="other", text="less able"),), misses=misses)


def plan(
    spec: BaseModelSpec = MID,
    task: TaskType = "extraction",
    catalogue: Catalogue = WORLD,
    estimator: Estimator | None = None,
    known: dict[str, Any] | None = None,
    **preferences: Any,
) -> PlannedTuning:
    made = facts(**(known or {}))
    estimator = estimator or Estimator(catalogue, spec)
    own = Preferences(**preferences)
    return plan_fine_tuning(made, workload(made, task), chosen(spec), catalogue, own, book=BOOK, tools=tools(estimator))


def lora(spec: BaseModelSpec = MID, task: TaskType = "extraction", **given: Any) -> PlannedTuning:
    request = LoraPlanRequest(base_model=spec.id, task_type=task, **given)
    return plan_lora(request, chosen(spec), WORLD, book=BOOK, tools=tools(Estimator(WORLD, spec)))


@pytest.mark.parametrize(
    ("spec", "method", "card", "count"),
    [
        (TINY, "lora", "G24", 1),
        (SMALL, "lora", "G24", 1),
        (MID, "lora", "G24", 1),
        (base_model("twelve", 12), "lora", "G48", 1),
        (LARGE, "lora", "G80", 1),
        (HUGE, "lora", "G180", 1),
        (base_model("giant", 200), "qlora", "G180", 1),
        (base_model("monster", 400), "lora", "G180", 8),
        (base_model("leviathan", 1500), "qlora", "G180", 8),
    ],
)
def test_method_and_gpu_by_what_fits(spec: BaseModelSpec, method: str, card: str, count: int) -> None:
    made = plan(spec).plan
    assert (made.method, made.hardware.gpu, made.hardware.gpu_count) == (method, card, count)
    assert made.quantization == ("nf4_double" if method == "qlora" else "none")
    assert made.hardware.sharding == ("fsdp" if count > 1 else "none")


def test_what_fits_nowhere_is_planned_and_said() -> None:
    made = plan(base_model("too much", 9000))
    assert not made.estimate.memory.fits
    assert any("not expected to fit" in limit for limit in made.plan.limits)
    assert "Nothing on record fits" in _why(made.plan, "hardware.gpu")


def test_one_gpu_in_4_bit_comes_before_several_in_16() -> None:
    made = plan(LARGE, gpu="G24").plan
    assert (made.method, made.hardware.gpu_count) == ("qlora", 1)
    assert "16-bit weights do not fit on one G24" in _why(made, "method")


def test_the_callers_gpu_method_and_price_win() -> None:
    made = plan(TINY, gpu="G180", method="full", usd_per_gpu_hour=2.5)
    assert (made.plan.hardware.gpu, made.plan.method) == ("G180", "full")
    assert made.plan.lora is None
    assert made.request.hardware.usd_per_gpu_hour == 2.5
    assert "Asked for by the caller" in _why(made.plan, "hardware.gpu")


def test_an_unknown_gpu_is_refused_where_it_stands() -> None:
    with pytest.raises(UnknownNameError) as caught:
        plan(gpu="G25")
    assert caught.value.problems[0].pointer == "/preferences/gpu"
    with pytest.raises(UnknownNameError) as caught:
        lora(gpu="G25")
    assert caught.value.problems[0].pointer == "/gpu"


def test_the_cheapest_run_wins_not_the_cheapest_hour() -> None:
    """Cost is price times hours plus set-up: a short run goes to the cheap card, a long one to the cheap FLOPs."""
    slow, fast = gpu("slow", 48, 1.0, 60), gpu("fast", 48, 4.0, 900, bandwidth_bytes_per_second=2e13)
    pair = world(gpus=(slow, fast))
    assert plan(catalogue=pair, known={"labelled_examples": 300}).plan.hardware.gpu == "slow"
    assert plan(catalogue=pair, known={"labelled_examples": 50_000}).plan.hardware.gpu == "fast"


def test_marketplaces_amd_and_cards_without_bf16_are_left_out_unless_named() -> None:
    price = dated(0.1)
    private = gpu("private", 48, 0.1, prices=(GpuPrice(provider="P", terms="marketplace", price=price),))
    amd = gpu("amd", 180, 0.1, compute_capability="gfx942")
    old = gpu("old", 48, 0.1, flops_per_second={"fp16": 6e13, "fp32": 8e12})
    unpriced = gpu("unpriced", 48, None)
    catalogue = world(gpus=(*GPUS, private, amd, old, unpriced))
    assert plan(catalogue=catalogue).plan.hardware.gpu == "G24"
    assert plan(catalogue=catalogue, gpu="private").plan.hardware.gpu == "private"
    named = plan(catalogue=catalogue, gpu="old").plan
    assert named.training.precision == "fp16"
    assert "no bf16" in _why(named, "training.precision")
    assert plan(catalogue=catalogue, gpu="unpriced").plan.sweep[0].cost_usd is None


def test_a_batch_that_does_not_fit_is_halved_to_one_sequence() -> None:
    estimator = Estimator(WORLD, TINY, extra_bytes=lambda r: (19 if r.training.micro_batch_size == 1 else 60) * GIB)
    made = plan(TINY, estimator=estimator, gpu="G24", known={"tokens_per_example": 200})
    assert made.estimate.memory.fits
    assert made.plan.training.micro_batch_size == 1
    assert [r.training.micro_batch_size for r in estimator.asked] == [8, 1]


def test_few_estimates_are_asked() -> None:
    for spec in BASE_MODELS:
        estimator = Estimator(WORLD, spec)
        plan(spec, estimator=estimator)
        assert len(estimator.asked) <= 2
    never = Estimator(WORLD, MID, extra_bytes=lambda _: 1e15)
    plan(estimator=never)
    assert len(never.asked) <= 4 * 2 * MOST_ATTEMPTS + 1


def test_a_run_of_days_goes_to_eight_gpus() -> None:
    made = lora(MID, "conversation", examples=3_000_000, tokens_per_example=2000).plan
    assert made.hardware.gpu_count == 8
    assert made.hardware.sharding == "ddp"
    assert "longer than a day" in _why(made, "hardware.gpu_count")


def test_a_budget_moves_to_4_bit_when_that_is_cheaper_and_is_said_when_it_does_not_suffice() -> None:
    pair = world(gpus=(gpu("cheap", 24, 0.1, 150), GPUS[2]))
    rich = plan(LARGE, catalogue=pair, known={"labelled_examples": 900})
    cost = rich.estimate.cost.total_usd
    assert cost is not None
    poor = plan(LARGE, catalogue=pair, known={"labelled_examples": 900, "training_budget_usd": cost.expected * 0.99})
    assert (rich.plan.method, poor.plan.method) == ("lora", "qlora")
    assert "more than the training budget" in _why(poor.plan, "method")
    dear = plan(LARGE, known={"labelled_examples": 900, "training_budget_usd": 0.0001})
    assert dear.plan.method == "lora"  # 4 bit on the slow card would cost more still
    broke = plan(LARGE, known={"labelled_examples": 900, "training_budget_usd": 0.0001})
    assert any("over the budget" in limit for limit in broke.plan.limits)


@pytest.mark.parametrize("spec", [TINY, LARGE, base_model("giant", 200)], ids=["lora", "lora80", "qlora"])
def test_the_request_is_exactly_the_plan(spec: BaseModelSpec) -> None:
    made = plan(spec, usd_per_gpu_hour=1.25)
    assert made.request == training_request(made.plan, usd_per_gpu_hour=1.25)
    again = TrainingRequest.model_validate_json(made.request.model_dump_json())
    assert again == made.request
    training, asked = made.plan.training, made.request.training
    for name in SHARED_FIELDS:
        assert getattr(asked, name) == getattr(training, name), name
    adapter, planned = made.request.lora, made.plan.lora
    assert adapter is not None
    assert planned is not None
    for name in ("r", "lora_alpha", "target_modules", "lora_dropout", "use_dora", "use_rslora"):
        assert getattr(adapter, name) == getattr(planned, name), name
    assert made.request.method == made.plan.method
    assert made.request.quantization == made.plan.quantization
    hardware = (made.request.hardware.gpu, made.request.hardware.gpu_count, made.request.hardware.sharding)
    assert hardware == (made.plan.hardware.gpu, made.plan.hardware.gpu_count, made.plan.hardware.sharding)


def test_the_estimate_in_the_plan_is_that_of_the_request() -> None:
    estimator = Estimator(WORLD, MID)
    made = plan(estimator=estimator)
    assert estimator.asked[-1] == made.request


@pytest.mark.parametrize(
    ("spec", "task", "given"),
    [
        (MID, "extraction", {}),
        (MID, "code", {"examples": 500}),
        (MID, "code", {"supervised_tokens": 50_000_000}),
        (MID, "conversation", {"examples": 20_000, "tokens_per_example": 100}),
        (MID, "generation", {"continued_pretraining": True, "supervised_tokens": 8_000_000_000}),
        (MID, "generation", {"continued_pretraining": True, "supervised_tokens": 8_000_000, "method": "lora"}),
        (MID, "reasoning", {"reinforcement_learning": True, "episodes": 10_000}),
        (MID, "extraction", {"target_modules": ("q_proj",), "gpu": "G24", "method": "qlora"}),
        (base_model("giant", 200), "qa", {}),
        (base_model("monster", 400), "qa", {}),
        (base_model("experts", 8, architecture=replace(LLAMA, num_experts=8, num_experts_per_tok=2)), "qa", {}),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_every_field_has_one_reason_with_its_source(spec: BaseModelSpec, task: TaskType, given: dict[str, Any]) -> None:
    made = lora(spec, task, **given).plan
    wanted = {"method", "base_model", "quantization"} | _leaves(made, ("lora", "training", "hardware"))
    reasons = [b.field for b in made.because]
    assert sorted(reasons) == sorted(wanted)
    for because in made.because:
        assert because.text
        assert because.source
        assert "{" not in because.text


def _leaves(made: FineTuningPlan, parts: tuple[str, ...]) -> set[str]:
    found = {part: getattr(made, part) for part in parts}
    return {f"{part}.{f.name}" for part, value in found.items() if is_dataclass(value) for f in fields(value)}


def test_sweep_moves_rate_rank_and_passes_with_their_cost() -> None:
    made = plan()
    cost = made.estimate.cost.total_usd
    assert cost is not None
    rate, rank, passes = made.plan.sweep
    assert rate.change == "learning_rate=0.00012"
    assert rate.cost_usd == cost
    assert rank.change == "r=32"
    assert rank.cost_usd is not None
    assert cost.expected < rank.cost_usd.expected < 1.1 * cost.expected
    assert passes.change == "num_epochs=2"
    assert passes.cost_usd is not None
    assert passes.cost_usd.expected == pytest.approx(cost.expected * 2 / 3)


def test_sweep_of_full_fine_tuning_has_no_rank() -> None:
    changes = [run.change.partition("=")[0] for run in plan(TINY, method="full").plan.sweep]
    assert changes == ["learning_rate", "learning_rate", "num_epochs"]


def test_a_rank_at_the_cap_is_swept_downward() -> None:
    made = lora(MID, "code", supervised_tokens=500_000_000).plan
    assert made.lora is not None
    assert made.lora.r == 256
    assert made.sweep[1].change == "r=64"
    assert any("Capacity alone would ask for rank 1,144" in limit for limit in made.limits)


@pytest.mark.parametrize(
    ("labels", "enough", "said"),
    [
        (None, None, "not stated"),
        (0, False, "no examples yet"),
        (300, False, "Collect 200 more"),
        (500, True, "enough to start"),
        (80_000, True, "a varied sample of 50,000"),
    ],
)
def test_data_readiness(labels: int | None, enough: bool | None, said: str) -> None:
    data = plan(known={"labelled_examples": labels}).plan.data
    assert data.enough is enough
    assert said in data.text
    assert data.needed_examples == 500
    assert data.source


def test_the_pilot_is_the_plan_in_small_with_set_up_time() -> None:
    made = plan(known={"labelled_examples": 1000})
    hours, data = made.estimate.gpu_hours, made.plan.data
    assert hours is not None
    assert data.pilot_examples == 100
    assert data.pilot_gpu_hours is not None
    assert data.pilot_gpu_hours.expected == pytest.approx(hours.expected / 9 + BOOK.training.setup_hours)
    assert data.pilot_cost_usd is not None
    assert data.pilot_cost_usd.expected == pytest.approx(data.pilot_gpu_hours.expected * 0.8)
    assert plan(known={"labelled_examples": 40}).plan.data.pilot_examples == 14


def test_misses_of_the_choice_become_limits() -> None:
    made = facts()
    missing = chosen(MID, "It breaks something.")
    own = Preferences()
    done = plan_fine_tuning(made, workload(made), missing, WORLD, own, book=BOOK, tools=tools(Estimator(WORLD, MID)))
    assert done.plan.limits[0] == "It breaks something."


def test_targets_the_callers_or_every_linear_layer_and_expert_tensors() -> None:
    given = lora(target_modules=("q_proj", "v_proj")).plan.lora
    assert given is not None
    assert given.target_modules == ("q_proj", "v_proj")
    everything = lora(target_modules="all-linear").plan.lora
    assert everything is not None
    assert everything.target_modules == TARGETS
    lent = replace(tools(Estimator(WORLD, MID)), expert_tensors=lambda _: (("mlp.experts.down_proj",), 1e6))
    request = LoraPlanRequest(base_model=MID.id, task_type="qa")
    made = plan_lora(request, chosen(MID), WORLD, book=BOOK, tools=lent)
    assert made.plan.lora is not None
    assert made.plan.lora.target_parameters == ("mlp.experts.down_proj",)
    assert made.request.lora is not None
    assert made.request.lora.target_parameters == ("mlp.experts.down_proj",)


def test_bad_targets_are_refused_at_the_top_of_the_request() -> None:
    def refuse(_: object, __: object) -> float:
        raise InputError.at("/lora/target_modules", "matches nothing", "hint")

    lent = replace(tools(Estimator(WORLD, MID)), parameters_per_rank=refuse)
    request = LoraPlanRequest(base_model=MID.id, task_type="qa", target_modules=("nope",))
    with pytest.raises(InputError) as caught:
        plan_lora(request, chosen(MID), WORLD, book=BOOK, tools=lent)
    assert caught.value.problems[0].pointer == "/target_modules"


def test_the_same_input_gives_the_same_plan() -> None:
    first, second = plan(), plan()
    assert first.plan == second.plan
    assert json.dumps(first.request.model_dump()) == json.dumps(second.request.model_dump())


def _why(made: FineTuningPlan, field: str) -> str:
    return next(b.text for b in made.because if b.field == field)
