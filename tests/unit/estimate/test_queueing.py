"""Waiting times against formulas that are known exactly."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.engines import engine_profile
from app.estimate.queueing import capacity, load_at, others_at, rate_within, waiting, waiting_quantile
from app.estimate.serving_steps import StepTimes, step_times
from tests.unit.estimate.serving_cases import architecture, gpu


def steps(base_model: str = "Qwen/Qwen3-8B", card: str = "L40S", output_tokens: float = 120) -> StepTimes:
    return step_times(
        architecture(base_model),
        gpu(card),
        engine_profile("vllm"),
        tensor_parallel=1,
        weights="fp8",
        kv_cache="bf16",
        adapter="none",
        input_tokens=900,
        output_tokens=output_tokens,
    )


def erlang_c(servers: int, offered: float) -> float:
    """Share that waits in M/M/c, from its definition."""
    inverse = sum(offered**k / math.factorial(k) for k in range(servers))
    last = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return last / (inverse + last)


@pytest.mark.parametrize("utilization", [0.05, 0.3, 0.5, 0.8, 0.95])
def test_one_server_is_exact(utilization: float) -> None:
    assert waiting(utilization, 2.0) == pytest.approx(2.0 * utilization / (1 - utilization))
    constant = waiting(utilization, 2.0, variability=0.0)
    assert constant == pytest.approx(utilization / (1 - utilization)), "Pollaczek-Khinchine, M/D/1"


@pytest.mark.parametrize("utilization", [0.3, 0.5, 0.8, 0.95])
def test_the_tail_of_one_server_is_exact(utilization: float) -> None:
    wait = waiting_quantile(utilization, 1.0)
    assert utilization * math.exp(-wait * (1 - utilization)) == pytest.approx(0.05)


def test_nobody_waits_at_the_percentile_when_few_wait_at_all() -> None:
    assert waiting_quantile(0.04, 1.0) == 0.0


@pytest.mark.parametrize(("servers", "utilization"), [(2, 0.5), (5, 0.7), (10, 0.8), (32, 0.9), (64, 0.95)])
def test_many_servers_are_near_erlang_c(servers: int, utilization: float) -> None:
    exact = erlang_c(servers, servers * utilization) / (servers * (1 - utilization))
    assert waiting(utilization, 1.0, servers) == pytest.approx(exact, rel=0.15)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("base_model", ["Qwen/Qwen3-8B", "Qwen/Qwen3-0.6B"])
def test_littles_law_holds(base_model: str, share: float) -> None:
    held = steps(base_model)
    rate = share * capacity(held)
    others = others_at(held, rate)
    assert others == pytest.approx(rate * held.answer_seconds(1 + others), rel=2e-3)


def test_an_idle_replica_answers_in_its_own_time() -> None:
    held = steps()
    load = load_at(held, 1e-9)
    assert load.latency == pytest.approx(held.answer_seconds(1.0), rel=1e-6)
    assert load.latency_p95 == pytest.approx(load.latency, rel=1e-3)


def test_percentiles_rise_with_the_rate() -> None:
    held = steps()
    loads = [load_at(held, capacity(held) * k / 20) for k in range(1, 20)]
    assert all(a.latency_p95 < b.latency_p95 and a.latency < b.latency for a, b in pairwise(loads))
    assert all(load.latency <= load.latency_p95 for load in loads)


def test_twice_as_slow_is_half_the_rate_at_twice_the_time() -> None:
    held = steps()
    slow, plain = load_at(held, 2.0, 2.0), load_at(held, 4.0)
    assert slow.latency_p95 == pytest.approx(2 * plain.latency_p95)
    assert slow.utilization == pytest.approx(plain.utilization)


@given(limit=st.floats(0.5, 30.0), first=st.floats(0.02, 5.0))
def test_the_rate_within_limits_is_within_them_and_not_far_below(limit: float, first: float) -> None:
    held = steps()
    rate = rate_within(held, 0.7, limit, first)
    if rate == 0:
        return
    load = load_at(held, rate)
    assert load.latency_p95 <= limit * 1.002
    assert load.first_token_p95 <= first * 1.002
    assert load.utilization <= 0.7 * 1.002
    more = load_at(held, rate * 1.3)
    bound = more.latency_p95 > limit or more.first_token_p95 > first or more.utilization > 0.7
    assert bound or others_at(held, rate) < 1


def test_no_rate_when_even_an_idle_replica_is_late() -> None:
    held = steps()
    assert rate_within(held, 0.7, held.answer_seconds(1.0) * 0.99, None) == 0.0


def test_a_simulated_replica_agrees() -> None:
    """Processor sharing with the estimator's own speeds, 20,000 requests: the queueing formulas against events."""
    held = steps(output_tokens=60)
    rate = 0.5 * capacity(held)
    times = _simulate(held, rate, 20_000, random.Random(7))  # noqa: S311 - a simulation
    load = load_at(held, rate)
    mean = sum(times) / len(times)
    assert load.latency == pytest.approx(mean, rel=0.15)
    measured = sorted(times)[int(0.95 * len(times))]
    assert measured * 0.9 <= load.latency_p95 <= measured * 1.3, "careful, not reckless"


def _simulate(held: StepTimes, rate: float, count: int, chance: random.Random) -> list[float]:
    """Requests share the replica: each advances by 1 / T(n) of itself a second while n run."""
    now, arriving, served = 0.0, chance.expovariate(rate), 0.0
    running: list[tuple[float, float]] = []  # (work done by one request when this one ends, arrival)
    times: list[float] = []
    while len(times) < count:
        speed = 1.0 / held.answer_seconds(max(1.0, float(len(running))))
        ends = now + (running[0][0] - served) / speed if running else math.inf
        if arriving < ends:
            served += (arriving - now) * speed if running else 0.0
            now = arriving
            running.append((served + 1.0, now))
            running.sort()
            arriving = now + chance.expovariate(rate)
        else:
            served, now = running[0][0], ends
            times.append(now - running.pop(0)[1])
    return times
