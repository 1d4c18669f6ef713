"""The cheapest self-hosted deployment that meets the limits at the peak rate, why it is that one, and other volumes."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from app.catalogue.engines import EngineProfile, engine_profile
from app.errors import InputError
from app.estimate.deployment_search import (
    Gpus,
    Limits,
    Replica,
    Search,
    fastest,
    in_higher_precision,
    known_times,
    list_price,
    menu,
    replicas_for,
)
from app.estimate.serving import TARGET_UTILIZATION, closed_loop, replica_timing, serving_estimate
from app.estimate.serving_weights import served_weights
from app.records import record
from app.schemas.architecture import Architecture
from app.schemas.base import Range
from app.schemas.serving import ServingEstimate, ServingRequest
from app.schemas.vocabulary import AdapterServing, Engine, KvCachePrecision, ServingWeights
from app.schemas.world import GpuSpec
from app.units import SECONDS_PER_DAY, as_seconds, as_usd

USUAL_WEIGHTS: tuple[ServingWeights, ...] = ("bf16", "fp8")
"""Precisions that lose next to no quality (fp8 within noise of bf16: arXiv 2411.02355), highest first; int4 is the last
resort."""
GEFORCE = "GeForce"
"""NVIDIA's licence of the GeForce driver does not allow data centres: such cards only when nothing else is offered."""
NEAR_THE_QUICKEST = 1.5
"""Where nothing meets the limits: a p95 within this factor of the quickest idle answer comes near it."""
CACHED_PLANS = 2048

__all__ = ["Deployment", "HostingOption", "Limits", "plan_deployment"]


@record(kw_only=True)
class HostingOption:
    """A kind of replica that some volume is served best with."""

    gpu: GpuSpec
    tensor_parallel: int
    requests_per_second: Range
    """What one replica takes within limits and target utilisation."""


@record(kw_only=True)
class Deployment:
    """A chosen deployment, its estimate at the peak rate, and what would serve other volumes."""

    request: ServingRequest
    """What POST /estimate/serving would be asked for the same."""
    estimate: ServingEstimate
    gpu: GpuSpec
    meets_limits: bool
    """False when no deployment does; this is then the fastest one."""
    because: tuple[str, ...]
    options: tuple[HostingOption, ...]
    """The chosen kind of replica first, then those that are cheaper at other volumes."""
    peak_factor: float
    """Peak rate over the mean rate of the day."""
    nobody_waits: bool


def plan_deployment(
    architecture: Architecture,
    gpus: Sequence[GpuSpec],
    *,
    input_tokens: float,
    output_tokens: float,
    requests_per_day: float,
    peak_requests_per_second: float,
    limits: Limits,
    base_model: str | None = None,
    adapter: AdapterServing = "merged",
    engine: Engine = "vllm",
    weights: tuple[ServingWeights, ...] = USUAL_WEIGHTS,
    kv_cache: KvCachePrecision = "bf16",
    usd_per_gpu_hour: float | None = None,
    target_utilization: float = TARGET_UTILIZATION,
) -> Deployment:
    """The cheapest deployment by list prices (cached); the caller's own price is then applied to it.

    `weights` are precisions to consider, highest first. GPUs without a list price come last, GeForce cards only when
    nothing else is offered. Errors: InputError at /preferences/gpu without any GPU.
    """
    if not gpus:
        raise InputError.at("/preferences/gpu", "No GPU to deploy on.", "Name one of GET /catalogue/gpus.")
    profile = engine_profile(engine)
    read, written = max(1, round(input_tokens)), max(1, round(output_tokens))
    search = Search(
        architecture=architecture,
        weighed=served_weights(architecture),
        engine=profile,
        kv_cache=kv_cache,
        adapter=adapter,
        input_tokens=read,
        output_tokens=written,
        limits=limits,
        target=target_utilization,
        known=known_times(architecture, profile, kv_cache, adapter, read, written),
    )
    allowed = tuple(g for g in gpus if GEFORCE not in g.name) or tuple(gpus)
    mean = requests_per_day / SECONDS_PER_DAY
    peak = max(peak_requests_per_second, mean)
    return _planned(
        search, Gpus(allowed), weights, peak, peak / mean if mean > 0 else 1.0, base_model, usd_per_gpu_hour
    )


@lru_cache(CACHED_PLANS)
def _planned(
    search: Search,
    offered: Gpus,
    weights: tuple[ServingWeights, ...],
    peak: float,
    peak_factor: float,
    base_model: str | None,
    usd_per_gpu_hour: float | None,
) -> Deployment:
    found = menu(search, offered, weights)
    meets = bool(found)
    if not meets:
        quickest = fastest(search, offered, weights)
        search = _relaxed(search, quickest)
        found = menu(search, offered, weights)
    chosen = _cheapest(search, found, peak) if found else quickest
    served = in_higher_precision(search, chosen, weights, peak) if found else chosen
    batch = search.limits.nobody_waits
    replicas = 1 if batch else replicas_for(peak, served.within)
    full = max(1, int(served.steps.slots)) if batch else None
    request = _request(search, served, None if batch else peak, full, base_model, usd_per_gpu_hour)
    if full is not None:
        timing = closed_loop(served.steps, search.engine, full)
    else:
        timing = replica_timing(served.steps, search.engine, peak / replicas, replicas)
    return Deployment(
        request=request,
        estimate=serving_estimate(request, search.architecture, served.gpu, search.engine, served.steps, timing),
        gpu=served.gpu,
        meets_limits=meets,
        because=_because(search, served, peak, replicas, len(offered.all))
        if meets
        else _out_of_reach(served, quickest),
        options=_options(chosen, found, search.engine, usd_per_gpu_hour is not None),
        peak_factor=peak_factor,
        nobody_waits=batch,
    )


def _relaxed(search: Search, quickest: Replica) -> Search:
    """The search where no replica meets the limits: for what comes near the quickest, not for that at any price."""
    near = quickest.steps.answer_seconds(1.0) * NEAR_THE_QUICKEST
    first = quickest.steps.idle_first_token * NEAR_THE_QUICKEST
    limits = search.limits
    asked = limits.time_to_first_token_p95_seconds
    return replace(
        search,
        limits=replace(
            limits,
            latency_p95_seconds=max(near, limits.latency_p95_seconds or 0.0),
            time_to_first_token_p95_seconds=None if asked is None else max(first, asked),
        ),
    )


def _cheapest(search: Search, found: Sequence[Replica], peak: float) -> Replica:
    """The kind of replica that serves the peak for the fewest dollars an hour; a batch: for the fewest a request."""
    if search.limits.nobody_waits:
        return min(found, key=lambda r: r.usd_per_hour / r.within)
    return min(found, key=lambda r: r.usd_per_hour * replicas_for(peak, r.within))


def _options(
    chosen: Replica, found: Sequence[Replica], engine: EngineProfile, own_price: bool
) -> tuple[HostingOption, ...]:
    """The chosen kind and those of the menu, cheapest first, that take more for their money than all before.

    The caller's own price is one of the chosen GPU, so that other GPUs are then left out.
    """
    kept, best = [chosen], math.inf
    for one in found:
        dollars = one.usd_per_hour / one.within
        if dollars < best and (not own_price or one.gpu.id == chosen.gpu.id):
            best = dollars
            if one is not chosen:
                kept.append(one)
    return tuple(
        HostingOption(gpu=r.gpu, tensor_parallel=r.tensor_parallel, requests_per_second=_spread(r.within, engine))
        for r in kept
    )


def _spread(within: float, engine: EngineProfile) -> Range:
    return Range(low=within / engine.high_factor, expected=within, high=within / engine.low_factor)


def _request(
    search: Search,
    served: Replica,
    rate: float | None,
    concurrency: int | None,
    base_model: str | None,
    usd_per_gpu_hour: float | None,
) -> ServingRequest:
    """What POST /estimate/serving would be asked for the same; its values are ours, so that none is checked again."""
    return ServingRequest.model_construct(
        base_model=base_model,
        gpu=served.gpu.id,
        tensor_parallel=served.tensor_parallel,
        weights=served.weights,
        kv_cache=search.kv_cache,
        engine=search.engine.id,
        adapter=search.adapter,
        input_tokens=search.input_tokens,
        output_tokens=search.output_tokens,
        concurrency=concurrency,
        requests_per_second=rate or None,
        latency_p95_seconds=search.limits.latency_p95_seconds,
        usd_per_gpu_hour=usd_per_gpu_hour,
    )


def _replicas(served: Replica, replicas: int) -> str:
    """The GPUs of a deployment: `2 x L40S`, or `2 replicas of 4 x L40S`, with the weights' format."""
    gpus = f"{served.tensor_parallel} x {served.gpu.id}"
    several = f"{replicas} replicas of {gpus}" if served.tensor_parallel > 1 else f"{replicas} x {served.gpu.id}"
    return f"{several if replicas > 1 else gpus}, weights in {served.weights}"


def _out_of_reach(served: Replica, quickest: Replica) -> tuple[str, ...]:
    what = _replicas(served, 1)
    if quickest.steps.max_concurrency < 1:
        return (f"{what}: no GPU holds it.",)
    best = as_seconds(quickest.steps.answer_seconds(1.0))
    return (
        f"{what}: no deployment meets the limits. {quickest.tensor_parallel} {quickest.gpu.id} would be the quickest "
        f"with {best} an answer when idle; this is the cheapest that comes near it.",
    )


def _because(search: Search, served: Replica, peak: float, replicas: int, looked_at: int) -> tuple[str, ...]:
    limits, gpu = search.limits, served.gpu
    what = _replicas(served, replicas)
    price = "" if math.isinf(list_price(gpu)) else f" at {as_usd(list_price(gpu))} a GPU-hour"
    if limits.nobody_waits:
        return (f"{what}{price}: the fewest dollars a request at full load, since nobody waits.",)
    late = f" within {as_seconds(limits.latency_p95_seconds)}" if limits.latency_p95_seconds is not None else ""
    rate = f"the peak of {peak:.3g} requests a second{late}"
    which = f"the cheapest of {looked_at} kinds of GPU that serves" if looked_at > 1 else "the GPU asked for serves"
    first = f"{what}{price}: {which} {rate}; one replica takes {served.within:.3g}."
    if served.weights != "int4":
        return (first,)
    return (first, "Weights in 4 bits, because nothing meets the limits in 8; check the quality.")
