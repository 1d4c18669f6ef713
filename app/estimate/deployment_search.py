"""The search behind `plan_deployment`: which GPU, how many a replica, which precision.

It makes a menu of replicas that meet the limits, with the rate that each takes. The menu does not depend on the
volume, so that it is made once and read at every volume of a curve. Sparing: GPUs that another beats at no higher
price are left out, a GPU whose widest replica misses the limits when idle is not looked at again, and a wider replica
is only tried where one half as wide is bound by latency or memory, since two of that take at least as much otherwise.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import field
from functools import lru_cache
from typing import NamedTuple

from app.catalogue.engines import EngineProfile
from app.estimate.queueing import capacity, rate_within, takes
from app.estimate.serving_steps import StepTimes, step_times
from app.estimate.serving_weights import ServedWeights, stored_bytes
from app.records import record
from app.schemas.architecture import Architecture
from app.schemas.vocabulary import AdapterServing, KvCachePrecision, Precision, ServingWeights
from app.schemas.world import GpuSpec

PARALLEL_SIZES = (1, 2, 4, 8)
"""GPUs of one machine that share a copy: eight at most in the machines that clouds rent out."""
LAST_RESORT: ServingWeights = "int4"
"""Tried only when nothing meets the limits at higher precision."""
ROOMY = 64
"""Sequences from which on a replica is not short of memory for its cache."""
MAX_REPLICAS = 10**7
ROUNDING = 1e-9
"""Replicas are rounded up only beyond this, so that a rate of exactly n replicas takes n."""
TENSOR_PRECISIONS: tuple[Precision, ...] = ("bf16", "fp16", "fp8")
CACHED_MENUS = 2048


@record(kw_only=True)
class Limits:
    """What a deployment must do for each request."""

    latency_p95_seconds: float | None = None
    time_to_first_token_p95_seconds: float | None = None
    nobody_waits: bool = False
    """A batch: GPUs run only while there is work, at full load, and no latency limit holds."""

    def holds(self, latency: float, first_token: float) -> bool:
        """Whether these times are within the limits."""
        if self.nobody_waits:
            return True
        most, first = self.latency_p95_seconds, self.time_to_first_token_p95_seconds
        return (most is None or latency <= most) and (first is None or first_token <= first)


Known = dict[tuple[int, int, ServingWeights], tuple[GpuSpec, StepTimes]]
"""Times of replicas by the GPU's identity (kept alive beside them), width and precision."""


@lru_cache(512)
def known_times(*_of: Hashable) -> Known:
    """The place for the times of one base model, engine and request shape: limits move more often than these do."""
    return {}


class Replica(NamedTuple):
    """One copy of the weights on its GPUs."""

    gpu: GpuSpec
    tensor_parallel: int
    weights: ServingWeights
    steps: StepTimes
    within: float
    """Requests a second that it takes within limits and target utilisation."""

    @property
    def usd_per_hour(self) -> float:
        """At list prices; infinite when unknown."""
        return list_price(self.gpu) * self.tensor_parallel


@record(kw_only=True)
class Search:
    """What all replicas share."""

    architecture: Architecture
    weighed: ServedWeights = field(compare=False)
    engine: EngineProfile
    kv_cache: KvCachePrecision
    adapter: AdapterServing
    input_tokens: int
    output_tokens: int
    limits: Limits
    target: float
    known: Known = field(compare=False)
    """Times worked out already for these tokens, whatever the limits."""

    def steps(self, gpu: GpuSpec, size: int, weights: ServingWeights) -> StepTimes:
        """The times of one replica."""
        key = (id(gpu), size, weights)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = (gpu, self._steps(gpu, size, weights))
        return found[1]

    def _steps(self, gpu: GpuSpec, size: int, weights: ServingWeights) -> StepTimes:
        return step_times(
            self.architecture,
            gpu,
            self.engine,
            tensor_parallel=size,
            weights=weights,
            kv_cache=self.kv_cache,
            adapter=self.adapter,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            weighed=self.weighed,
        )

    def fits(self, gpu: GpuSpec, size: int, weights: ServingWeights) -> bool:
        """Whether the weights fit, caches aside."""
        usable = gpu.memory_bytes * self.engine.memory_fraction - self.engine.workspace_bytes
        return stored_bytes(self.weighed, weights) < usable * size

    def sizes(self) -> list[int]:
        """Parallel sizes that divide the attention heads."""
        return [n for n in PARALLEL_SIZES if self.architecture.num_attention_heads % n == 0]

    def held(self, gpu: GpuSpec, size: int, weights: ServingWeights) -> StepTimes | None:
        """The times of a replica; None when it does not fit."""
        if not self.fits(gpu, size, weights):
            return None
        steps = self.steps(gpu, size, weights)
        return steps if steps.max_concurrency >= 1 else None

    def within(self, steps: StepTimes) -> float:
        """Requests a second that a replica takes; 0 when even an idle one is late."""
        limits = self.limits
        if limits.nobody_waits:
            return capacity(steps)
        return rate_within(steps, self.target, limits.latency_p95_seconds, limits.time_to_first_token_p95_seconds)

    def top(self, steps: StepTimes) -> float:
        """What a replica takes when no limit binds."""
        return capacity(steps) if self.limits.nobody_waits else self.target * capacity(steps)

    def takes(self, steps: StepTimes, rate: float) -> bool:
        """Whether a replica takes a rate within the limits."""
        limits = self.limits
        if limits.nobody_waits:
            return True
        return takes(steps, rate, limits.latency_p95_seconds, limits.time_to_first_token_p95_seconds)

    def holds_idle(self, steps: StepTimes) -> bool:
        """Whether an idle replica meets the limits."""
        return self.limits.holds(steps.answer_seconds(1.0), steps.idle_first_token)


class Gpus:
    """GPUs as a cache key: by what tells them apart, since their specs hold dictionaries."""

    __slots__ = ("all", "key")

    def __init__(self, gpus: tuple[GpuSpec, ...]) -> None:
        self.all = gpus
        self.key = tuple((g.id, list_price(g), g.memory_bytes, g.bandwidth_bytes_per_second) for g in gpus)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gpus) and self.key == other.key


def list_price(gpu: GpuSpec) -> float:
    """Dollars an hour; infinite when unknown, so that such a GPU is taken last."""
    return gpu.usd_per_hour.value if gpu.usd_per_hour is not None else math.inf


def _for_the_same_money(usd: float, known: Sequence[Replica]) -> float:
    """The most that replicas of one known kind take for these dollars an hour; 0 when nothing is known or priced."""
    if math.isinf(usd) or not known:
        return 0.0
    if known[0].usd_per_hour <= 0:
        return math.inf
    return max(usd // one.usd_per_hour * one.within for one in known)


def replicas_for(rate: float, within: float) -> int:
    """Replicas that a rate takes, at least one."""
    return min(MAX_REPLICAS, max(1, math.ceil(rate / within - ROUNDING))) if within > 0 else 1


@lru_cache(CACHED_MENUS)
def menu(search: Search, offered: Gpus, weights: tuple[ServingWeights, ...]) -> tuple[Replica, ...]:
    """Replicas that meet the limits, cheapest an hour first; empty when none does.

    They are in the last of `weights`, the cheapest to serve; `in_higher_precision` goes back where that costs nothing.
    """
    lowest = weights[-1]
    made = _menu(search, offered, lowest)
    if not made and lowest != LAST_RESORT and not _out_of_reach(search, offered):
        made = _menu(search, offered, LAST_RESORT)
    return made


def _menu(search: Search, offered: Gpus, weights: ServingWeights) -> tuple[Replica, ...]:
    made: list[Replica] = []
    done: set[str] = set()
    hopeful: set[str] = set()
    widest = search.sizes()[-1]
    for gpu, size in _by_price(offered, tuple(search.sizes())):
        if gpu.id in done or (steps := search.held(gpu, size, weights)) is None:
            continue
        if not search.holds_idle(steps):
            if gpu.id not in hopeful:
                (hopeful if search.holds_idle(search.steps(gpu, widest, weights)) else done).add(gpu.id)
            continue
        top = search.top(steps)
        same_money = _for_the_same_money(list_price(gpu) * size, made)
        within = 0.0 if same_money >= top or not search.takes(steps, same_money) else search.within(steps)
        if within > same_money:
            made.append(Replica(gpu, size, weights, steps, within))
        if steps.slots >= ROOMY and (same_money >= top or within >= top * (1 - ROUNDING)):
            done.add(gpu.id)
    return tuple(made)


def in_higher_precision(search: Search, chosen: Replica, weights: Sequence[ServingWeights], rate: float) -> Replica:
    """The same GPUs at the highest precision that serves the rate with as many replicas."""
    if chosen.weights not in weights or search.limits.nobody_waits:
        return chosen
    needed = replicas_for(rate, chosen.within)
    for precision in weights:
        if precision == chosen.weights:
            break
        steps = search.held(chosen.gpu, chosen.tensor_parallel, precision)
        if steps is None or not search.holds_idle(steps) or not search.takes(steps, rate / needed):
            continue
        if rate / needed <= search.top(steps):
            within = max(rate / needed, search.within(steps))
            return Replica(chosen.gpu, chosen.tensor_parallel, precision, steps, within)
    return chosen


@lru_cache(256)
def frontier(offered: Gpus, by_price: bool) -> tuple[GpuSpec, ...]:
    """GPUs that no other one beats in everything that serving uses (at no higher price), cheapest first."""
    ordered = sorted(offered.all, key=lambda g: (list_price(g), g.id))
    kept: list[GpuSpec] = []
    for i, gpu in enumerate(ordered):
        others = ordered[:i] if by_price else [g for g in ordered if g.id != gpu.id]
        if not any(_beats(other, gpu) for other in others):
            kept.append(gpu)
    return tuple(kept)


def _beats(one: GpuSpec, other: GpuSpec) -> bool:
    return (
        one.memory_bytes >= other.memory_bytes
        and one.bandwidth_bytes_per_second >= other.bandwidth_bytes_per_second
        and one.link_bytes_per_second >= other.link_bytes_per_second
        and all(one.flops_per_second.get(p, 0.0) >= other.flops_per_second.get(p, 0.0) for p in TENSOR_PRECISIONS)
    )


@lru_cache(256)
def _by_price(offered: Gpus, sizes: tuple[int, ...]) -> tuple[tuple[GpuSpec, int], ...]:
    """GPUs worth looking at and parallel sizes, by the price of one replica."""
    pairs = ((list_price(g) * n, i, g, n) for i, g in enumerate(frontier(offered, True)) for n in sizes)
    return tuple((gpu, size) for _, _, gpu, size in sorted(pairs, key=lambda p: (p[0], p[1], p[3])))


def _out_of_reach(search: Search, offered: Gpus) -> bool:
    """Whether even the strongest GPUs at their widest and in 4 bits miss the limits when idle."""
    widest = search.sizes()[-1]
    return not any(search.holds_idle(search.steps(g, widest, LAST_RESORT)) for g in frontier(offered, False))


def fastest(search: Search, offered: Gpus, weights: Sequence[ServingWeights]) -> Replica:
    """The replica that answers soonest when idle; one that fits before one that does not."""
    precisions = (*weights, LAST_RESORT) if LAST_RESORT not in weights else tuple(weights)
    strongest, sizes = frontier(offered, False), search.sizes()
    tried = [(g, n, w, search.steps(g, n, w)) for g in strongest for n in sizes for w in precisions]
    gpu, size, precision, steps = min(tried, key=lambda t: (t[3].max_concurrency < 1, t[3].answer_seconds(1.0)))
    return Replica(gpu, size, precision, steps, search.target * capacity(steps))
