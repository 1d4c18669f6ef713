"""A self-hosted deployment: what fits, how fast it answers, how many replicas a rate needs, what a token costs."""

import math
from functools import lru_cache

from app.catalogue.engines import EngineProfile, engine_profile
from app.errors import InputError
from app.estimate.kv_cache import kv_cache_bytes_per_token
from app.estimate.params import CACHED_ARCHITECTURES, inventory
from app.estimate.params_adapter import parameters_per_rank
from app.estimate.queueing import Load, capacity, load_at, rate_within
from app.estimate.serving_steps import StepTimes, step_times
from app.records import record
from app.schemas.architecture import Architecture
from app.schemas.base import Assumption, Range
from app.schemas.serving import ServingEstimate, ServingRequest
from app.schemas.world import GpuSpec
from app.units import MILLION, SECONDS_PER_HOUR, as_gib, as_seconds

TARGET_UTILIZATION = 0.7
"""Share of capacity that replicas are sized to at the given rate (catalogue: serving_target_utilization)."""
BURST_SHARE = 0.25
"""Of the prefills of all requests in flight, how many a new one waits for, as measured at concurrency 4 to 8
(aiconfigurator's time to first token): half when all arrive together, none when they arrive apart."""
ADAPTER_RANK = 16
"""Rank assumed of adapters that are held in memory unmerged."""
MAX_REPLICAS = 10**7
PARALLEL_SIZES = (1, 2, 4, 8, 16, 32, 64)

QUEUEING = Assumption(
    name="queueing",
    value="Poisson arrivals",
    origin="default",
    source="Prefill: one server, Allen-Cunneen. Decoding: Little's law, number in flight Poisson around its mean. Full "
    "cache: M/M/c by Sakasegawa. p95: exponential tail of the wait plus decoding among the 95th percentile in flight.",
)
TARGET = Assumption(
    name="target_utilization",
    value=TARGET_UTILIZATION,
    origin="default",
    source="Replicas are sized so that the given rate uses at most this share of their capacity: waiting grows as "
    "1 / (1 - utilization).",
)
CLOSED_LOOP = Assumption(
    name="arrivals",
    value="fixed concurrency",
    origin="default",
    source="The number in flight is kept constant, as in load tests; time to first token includes a quarter of the "
    "others' prefills (none at the low end, all at the high end). Give requests_per_second for random arrivals.",
)
FOUR_BIT = Assumption(
    name="int4_bytes_per_weight",
    value=0.5625,
    origin="default",
    source="4 bits and an 8-bit scale for every 16 weights of the blocks (NVFP4); the rest in 16 bits.",
)


@record
class Timing:
    """What one replica does under the load asked for; a Range each."""

    first_token: Range
    token: Range
    latency: Range
    latency_p95: Range
    throughput: Range
    running: float
    replicas: int
    utilization: float | None


def estimate_serving(
    request: ServingRequest, architecture: Architecture, gpu: GpuSpec, *, target_utilization: float = TARGET_UTILIZATION
) -> ServingEstimate:
    """Memory, speed and price of one deployment.

    Errors: InputError at /tensor_parallel when the attention heads cannot be divided so.
    """
    check_parallelism(architecture, request.tensor_parallel)
    engine = engine_profile(request.engine)
    steps = request_steps(request, architecture, gpu, engine)
    fits = steps.max_concurrency >= 1
    if request.requests_per_second is None or not fits:
        timing = closed_loop(steps, engine, request.concurrency or 1)
    else:
        timing = _open_loop(steps, engine, request, target_utilization)
    return serving_estimate(request, architecture, gpu, engine, steps, timing)


def request_steps(
    request: ServingRequest, architecture: Architecture, gpu: GpuSpec, engine: EngineProfile
) -> StepTimes:
    """The time coefficients of the deployment that a request describes."""
    return step_times(
        architecture,
        gpu,
        engine,
        tensor_parallel=request.tensor_parallel,
        weights=request.weights,
        kv_cache=request.kv_cache,
        adapter=request.adapter,
        input_tokens=request.input_tokens,
        output_tokens=request.output_tokens,
        adapter_bytes=_adapter_bytes(request, architecture),
    )


def check_parallelism(architecture: Architecture, tensor_parallel: int) -> None:
    """Raise InputError unless every GPU gets as many attention heads as the next."""
    heads = architecture.num_attention_heads
    if heads % tensor_parallel:
        sizes = ", ".join(str(n) for n in PARALLEL_SIZES if n <= heads and heads % n == 0)
        detail = f"{heads} attention heads cannot be divided over {tensor_parallel} GPUs."
        raise InputError.at("/tensor_parallel", detail, f"Use one of {sizes}.")


def _adapter_bytes(request: ServingRequest, architecture: Architecture) -> float:
    """16-bit unmerged adapters on one GPU: divided with the weights they belong to."""
    if request.adapter != "unmerged":
        return 0.0
    return _one_adapter_bytes(architecture) * request.adapters / request.tensor_parallel


@lru_cache(CACHED_ARCHITECTURES)
def _one_adapter_bytes(architecture: Architecture) -> float:
    return 2.0 * ADAPTER_RANK * parameters_per_rank(inventory(architecture))


def closed_loop(steps: StepTimes, engine: EngineProfile, concurrency: int) -> Timing:
    """Fixed concurrency; what exceeds the cache waits until another answer is complete."""
    running = max(1.0, min(float(concurrency), steps.slots)) if steps.slots >= 1 else 1.0
    token = _around(steps.token_seconds(running), engine)
    prefills = (running - 1.0) * steps.prefill
    idle = steps.idle_first_token
    written = steps.output_tokens - 1.0
    waiting = (concurrency / running - 1.0) * (idle + written * token.expected) if steps.slots >= 1 else 0.0
    first = Range(
        low=engine.low_factor * idle,
        expected=idle + BURST_SHARE * prefills + waiting,
        high=engine.high_factor * (idle + prefills + waiting),
    )
    latency = first.plus(token.scaled(written))
    last = idle + prefills + waiting + written * token.expected
    slowest = Range(low=latency.expected, expected=last, high=max(last, latency.high))
    return Timing(
        first_token=first,
        token=token,
        latency=latency,
        latency_p95=slowest,
        throughput=_inverse(token.scaled(written).plus(_around(idle, engine)), running * steps.output_tokens),
        running=running,
        replicas=1,
        utilization=None,
    )


def _open_loop(steps: StepTimes, engine: EngineProfile, request: ServingRequest, target: float) -> Timing:
    """Random arrivals at the given rate over as many replicas as target and limit ask for."""
    rate = request.requests_per_second or 0.0
    within = rate_within(steps, target, request.latency_p95_seconds, None) or target * capacity(steps)
    replicas = max(1, min(MAX_REPLICAS, math.ceil(rate / within - 1e-9)))
    return replica_timing(steps, engine, rate / replicas, replicas)


def replica_timing(steps: StepTimes, engine: EngineProfile, rate: float, replicas: int) -> Timing:
    """Each of `replicas` at `rate` requests a second."""
    low, load, high = (load_at(steps, rate, f) for f in (engine.low_factor, 1.0, engine.high_factor))
    running = 1.0 + load.others
    written = rate * steps.output_tokens
    sustained = capacity(steps) * steps.output_tokens
    throughput = Range(low=min(written, sustained / engine.high_factor), expected=min(written, sustained), high=written)
    return Timing(
        first_token=Range(low=low.first_token, expected=load.first_token, high=high.first_token_p95),
        token=Range(
            low=engine.low_factor * steps.token_seconds(1.0 + low.others),
            expected=steps.token_seconds(running),
            high=engine.high_factor * steps.token_seconds(1.0 + high.others),
        ),
        latency=_rising(low, load, high, "latency"),
        latency_p95=_rising(low, load, high, "latency_p95"),
        throughput=throughput,
        running=running,
        replicas=replicas,
        utilization=load.utilization,
    )


def _rising(low: Load, expected: Load, high: Load, field: str) -> Range:
    return Range(low=getattr(low, field), expected=getattr(expected, field), high=getattr(high, field))


def _around(expected: float, engine: EngineProfile) -> Range:
    return Range(low=engine.low_factor * expected, expected=expected, high=engine.high_factor * expected)


def _inverse(seconds: Range, amount: float) -> Range:
    """`amount` per second: slow is low."""
    return Range(low=amount / seconds.high, expected=amount / seconds.expected, high=amount / seconds.low)


def serving_estimate(
    request: ServingRequest,
    architecture: Architecture,
    gpu: GpuSpec,
    engine: EngineProfile,
    steps: StepTimes,
    timing: Timing,
) -> ServingEstimate:
    """The answer for a load that was worked out already."""
    tokens = request.input_tokens + request.output_tokens
    return ServingEstimate(
        kv_cache_bytes_per_token=kv_cache_bytes_per_token(architecture, request.kv_cache, tokens),
        weight_bytes=steps.weight_bytes,
        max_concurrency=steps.max_concurrency,
        concurrency=timing.running,
        time_to_first_token_seconds=timing.first_token,
        time_per_output_token_seconds=timing.token,
        latency_seconds=timing.latency,
        latency_p95_seconds=timing.latency_p95,
        output_tokens_per_second=timing.throughput,
        usd_per_million_output_tokens=_token_price(request, gpu, timing),
        replicas=timing.replicas,
        utilization=timing.utilization,
        gpus=timing.replicas * request.tensor_parallel,
        fits=steps.max_concurrency >= 1,
        assumptions=_assumptions(request, gpu, engine, timing),
        warnings=tuple(_warnings(request, architecture, gpu, engine, steps, timing)),
    )


def gpu_hour_usd(request: ServingRequest, gpu: GpuSpec) -> float | None:
    """The caller's price of a GPU-hour, else the catalogue's; None when neither is known."""
    if request.usd_per_gpu_hour is not None:
        return request.usd_per_gpu_hour
    return gpu.usd_per_hour.value if gpu.usd_per_hour is not None else None


def _token_price(request: ServingRequest, gpu: GpuSpec, timing: Timing) -> Range | None:
    """Dollars per million output tokens of one replica, all its hours paid."""
    hourly = gpu_hour_usd(request, gpu)
    if hourly is None or timing.throughput.low <= 0:
        return None
    return _inverse(timing.throughput, hourly * request.tensor_parallel * MILLION / SECONDS_PER_HOUR)


def _assumptions(
    request: ServingRequest, gpu: GpuSpec, engine: EngineProfile, timing: Timing
) -> tuple[Assumption, ...]:
    load = (CLOSED_LOOP,) if timing.utilization is None else (QUEUEING, TARGET)
    four_bit = (FOUR_BIT,) if request.weights == "int4" else ()
    return (*load, *_price_assumption(request, gpu), *four_bit, *engine.assumptions)


def _price_assumption(request: ServingRequest, gpu: GpuSpec) -> tuple[Assumption, ...]:
    if request.usd_per_gpu_hour is not None:
        given = request.usd_per_gpu_hour
        return (Assumption(name="usd_per_gpu_hour", value=given, origin="given", source="The request."),)
    price = gpu.usd_per_hour
    if price is None:
        return ()
    source = f"{price.source} ({price.as_of.isoformat()})"
    return (Assumption(name="usd_per_gpu_hour", value=price.value, origin="catalogue", source=source),)


def _warnings(
    request: ServingRequest,
    architecture: Architecture,
    gpu: GpuSpec,
    engine: EngineProfile,
    steps: StepTimes,
    timing: Timing,
) -> list[str]:
    said = [*_fit_warnings(request, gpu, engine, steps), *_precision_warnings(request, gpu)]
    if (request.concurrency or 1) > timing.running and timing.utilization is None and steps.max_concurrency:
        said.append(f"Only {timing.running:.0f} of {request.concurrency} requests run at once; the others wait.")
    limit = request.latency_p95_seconds
    if limit is not None and timing.latency_p95.expected > limit * 1.001:
        slow = as_seconds(timing.latency_p95.expected)
        said.append(f"The limit of {as_seconds(limit)} is missed: {slow} at the 95th percentile.")
    longest = architecture.max_position_embeddings
    if longest is not None and request.input_tokens + request.output_tokens > longest:
        said.append(f"Input and output exceed the context of {longest:,} tokens.")
    if timing.utilization is not None and timing.utilization * engine.high_factor >= 1:
        said.append("If steps are as slow as the upper end of their range, this load saturates the replicas.")
    if request.usd_per_gpu_hour is None and gpu.usd_per_hour is None:
        said.append(f"No price of {gpu.id} is on record: give usd_per_gpu_hour.")
    if not engine.calibrated:
        said.append("Engine not named: constants between those of the measured engines, wider ranges.")
    return said


def _fit_warnings(request: ServingRequest, gpu: GpuSpec, engine: EngineProfile, steps: StepTimes) -> list[str]:
    if steps.max_concurrency >= 1:
        return []
    usable = as_gib(gpu.memory_bytes * engine.memory_fraction * request.tensor_parallel)
    needed = f"{as_gib(steps.weight_bytes)} of weights and one request's cache"
    return [
        f"It does not fit: {needed} exceed the {usable} that the engine takes of {request.tensor_parallel} x {gpu.id}. "
        "Times are as if it did, one request at a time."
    ]


def _precision_warnings(request: ServingRequest, gpu: GpuSpec) -> list[str]:
    eight = "fp8" in gpu.flops_per_second
    said = []
    if request.weights in ("fp8", "int8") and not eight:
        said.append(f"{gpu.id} has no fp8 tensor cores: weights are stored in 8 bits and multiplied in 16.")
    if request.kv_cache == "fp8" and not eight:
        said.append(f"{gpu.id} has no fp8 arithmetic: not every engine offers an fp8 cache on it.")
    return said
