"""The deployment search against trying everything."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalogue.engines import engine_profile
from app.errors import InputError
from app.estimate.deployment import NEAR_THE_QUICKEST, Deployment, Limits, plan_deployment
from app.estimate.queueing import capacity, rate_within
from app.estimate.serving import estimate_serving
from app.estimate.serving_steps import step_times
from app.schemas.world import GpuSpec
from tests.unit.estimate.serving_cases import architecture, gpu, usd

CARDS = ("T4", "L4", "A10G", "L40S", "A100-80GB", "H100-80GB", "H200-141GB", "B200-180GB")


def gpus() -> list[GpuSpec]:
    prices = (0.4, 0.7, 1.0, 1.6, 2.4, 3.5, 4.2, 7.0)
    return [gpu(card, price) for card, price in zip(CARDS, prices, strict=True)]


def plan(base_model: str = "Qwen/Qwen3-8B", offered: list[GpuSpec] | None = None, **changes: Any) -> Deployment:
    given_: dict[str, Any] = {
        "input_tokens": 900,
        "output_tokens": 60,
        "requests_per_day": 40_000,
        "peak_requests_per_second": 2.0,
        "limits": Limits(),
        **changes,
    }
    return plan_deployment(architecture(base_model), gpus() if offered is None else offered, **given_)


def hourly(made: Deployment) -> float:
    price = made.gpu.usd_per_hour
    assert price is not None
    return made.estimate.gpus * price.value


def by_trying_everything(base_model: str, peak: float, latency: float | None, output_tokens: int) -> float:
    """Dollars an hour of the cheapest, over all GPUs and widths, in fp8."""
    best = math.inf
    for spec in gpus():
        for size in (1, 2, 4, 8):
            steps = step_times(
                architecture(base_model),
                spec,
                engine_profile("vllm"),
                tensor_parallel=size,
                weights="fp8",
                kv_cache="bf16",
                adapter="merged",
                input_tokens=900,
                output_tokens=output_tokens,
            )
            within = rate_within(steps, 0.7, latency, None) if steps.max_concurrency >= 1 else 0.0
            if within > 0 and spec.usd_per_hour is not None:
                best = min(best, spec.usd_per_hour.value * size * max(1, math.ceil(peak / within - 1e-9)))
    return best


@settings(max_examples=250, deadline=None)
@given(
    base_model=st.sampled_from(["Qwen/Qwen3-0.6B", "Qwen/Qwen3-8B", "Qwen/Qwen3-32B", "Qwen/Qwen3-30B-A3B"]),
    peak=st.floats(0.001, 300.0),
    latency=st.none() | st.floats(0.3, 20.0),
    output_tokens=st.sampled_from([8, 60, 400]),
)
def test_the_search_finds_what_trying_everything_finds(
    base_model: str, peak: float, latency: float | None, output_tokens: int
) -> None:
    cheapest = by_trying_everything(base_model, peak, latency, output_tokens)
    made = plan(
        base_model,
        output_tokens=output_tokens,
        requests_per_day=peak * 86_400 / 4,
        peak_requests_per_second=peak,
        limits=Limits(latency_p95_seconds=latency),
        weights=("fp8",),
    )
    if math.isinf(cheapest):
        assert made.request.weights == "int4" or not made.meets_limits
    else:
        assert made.meets_limits
        assert hourly(made) == pytest.approx(cheapest, rel=0.021), "a rate is searched to two percent"


def test_a_wider_replica_where_one_gpu_is_too_slow() -> None:
    """Qwen3-32B in fp8: one H100 needs about 0.9 s for 60 tokens when idle, four need half of that."""
    made = plan("Qwen/Qwen3-32B", [gpu("H100-80GB", 3.5)], limits=Limits(latency_p95_seconds=0.8))
    assert made.meets_limits
    assert made.request.tensor_parallel > 1


def test_a_dearer_kind_wins_where_two_cheap_ones_would_cost_more() -> None:
    """Between what one L4 takes and two of them do, an L40S at less than twice the price is cheaper."""
    one = plan(offered=[gpu("L4", 1.0)], weights=("fp8",))
    rate = one.options[0].requests_per_second.expected * 1.2
    both = [gpu("L4", 1.0), gpu("L40S", 1.9)]
    made = plan(offered=both, peak_requests_per_second=rate, requests_per_day=rate * 86_400 / 4, weights=("fp8",))
    assert (made.gpu.id, made.estimate.replicas) == ("L40S", 1)


def test_it_is_what_the_endpoint_would_say() -> None:
    made = plan(limits=Limits(latency_p95_seconds=2.0))
    asked = made.request.model_validate(made.request.model_dump())
    said = estimate_serving(asked, architecture(), made.gpu)
    assert said.replicas == made.estimate.replicas
    assert said.latency_p95_seconds == made.estimate.latency_p95_seconds
    assert made.estimate.latency_p95_seconds.expected <= 2.0


def test_high_precision_where_it_costs_nothing() -> None:
    assert plan("Qwen/Qwen3-0.6B").request.weights == "bf16"
    busy = plan(peak_requests_per_second=60.0, requests_per_day=1_300_000)
    assert busy.request.weights == "fp8"


def test_four_bits_only_as_a_last_resort() -> None:
    small = [gpu("T4", 0.4)]
    made = plan("Qwen/Qwen3-14B", small, limits=Limits(latency_p95_seconds=60.0), input_tokens=200)
    assert made.request.weights == "fp8"
    one = plan("meta-llama/Llama-3.1-405B", [gpu("A100-40GB", 2.0)], limits=Limits(), input_tokens=200)
    assert one.request.weights == "int4"
    assert any("4 bits" in b for b in one.because)


def test_a_limit_that_nothing_meets_gives_what_comes_near_the_quickest_at_a_price_and_says_so() -> None:
    made = plan(limits=Limits(latency_p95_seconds=0.05))
    assert not made.meets_limits
    assert "no deployment meets the limits" in made.because[0]
    quickest = min(step_time(spec, size) for spec in gpus() for size in (1, 2, 4, 8))
    near = quickest * NEAR_THE_QUICKEST
    assert 0.05 < made.estimate.latency_p95_seconds.expected <= near * 1.05
    asked_for_it = plan(limits=Limits(latency_p95_seconds=near))
    assert (made.gpu.id, made.request.tensor_parallel) == (asked_for_it.gpu.id, asked_for_it.request.tensor_parallel)


def step_time(spec: GpuSpec, size: int) -> float:
    return step_times(
        architecture(),
        spec,
        engine_profile("vllm"),
        tensor_parallel=size,
        weights="int4",
        kv_cache="bf16",
        adapter="merged",
        input_tokens=900,
        output_tokens=60,
    ).answer_seconds(1.0)


def test_what_no_gpu_holds_is_said() -> None:
    made = plan("deepseek-ai/DeepSeek-V3-Base", [gpu("T4", 0.4)])
    assert not made.meets_limits
    assert not made.estimate.fits
    assert "no GPU holds it" in made.because[0]


def test_consumer_cards_only_when_nothing_else_is_offered() -> None:
    both = [gpu("RTX-4090", 0.3), gpu("L40S", 1.6)]
    assert plan(offered=both).gpu.id == "L40S"
    assert plan(offered=both[:1]).gpu.id == "RTX-4090"


def test_gpus_without_a_price_come_last() -> None:
    free = replace(gpu("B200-180GB"), usd_per_hour=None)
    assert plan(offered=[free, gpu("L40S", 1.6)]).gpu.id == "L40S"
    assert plan(offered=[free]).gpu.id == "B200-180GB"


def test_no_gpu_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        plan(offered=[])
    assert caught.value.problems[0].pointer == "/preferences/gpu"


def test_a_batch_takes_the_fewest_dollars_a_request() -> None:
    made = plan(limits=Limits(nobody_waits=True))
    costs = {}
    for spec in gpus():
        steps = step_times(
            architecture(),
            spec,
            engine_profile("vllm"),
            tensor_parallel=1,
            weights="fp8",
            kv_cache="bf16",
            adapter="merged",
            input_tokens=900,
            output_tokens=60,
        )
        if steps.max_concurrency >= 1 and spec.usd_per_hour is not None:
            costs[spec.id] = spec.usd_per_hour.value / capacity(steps)
    assert made.gpu.id == min(costs, key=lambda k: costs[k])


def test_other_volumes_read_the_same_menu() -> None:
    small = plan(requests_per_day=50, peak_requests_per_second=0.002, limits=Limits(latency_p95_seconds=2.0))
    large = plan(requests_per_day=4_000_000, peak_requests_per_second=200.0, limits=Limits(latency_p95_seconds=2.0))
    kinds = {(o.gpu.id, o.tensor_parallel) for o in small.options}
    assert (large.options[0].gpu.id, large.options[0].tensor_parallel) in kinds


@given(cheaper=st.floats(0.1, 1.0), index=st.integers(0, len(CARDS) - 1))
@settings(max_examples=30, deadline=None)
def test_a_cheaper_gpu_never_makes_the_deployment_dearer(cheaper: float, index: int) -> None:
    limits = Limits(latency_p95_seconds=1.5)
    dear = gpus()
    less = list(dear)
    price = less[index].usd_per_hour
    assert price is not None
    less[index] = replace(less[index], usd_per_hour=usd(price.value * cheaper))
    before, after = plan(offered=dear, limits=limits), plan(offered=less, limits=limits)
    assert hourly(after) <= hourly(before) * (1 + 1e-9)
