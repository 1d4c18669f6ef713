"""Time per output token on measured points: the estimator beside a pure roofline and the 0.8 / 0.5 rule of thumb.

`python -m bench.serving` prints errors by base model, GPU, engine and quantisation, with the shipped constants and with
each base model left out of a fit of the same constants. Needs the `train` extra (SciPy). Takes about half a minute.
"""

from __future__ import annotations

import gzip
import json
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.catalogue import load_catalogue
from app.catalogue.engines import EngineProfile, load_engines
from app.estimate.kv_cache import kv_cache_bytes_per_token
from app.estimate.serving_steps import StepTimes, step_times
from app.estimate.serving_weights import BLOCK_WEIGHT_BYTES, served_weights
from app.schemas.architecture import Architecture
from app.schemas.vocabulary import Engine, KvCachePrecision, ServingWeights
from app.schemas.world import GpuSpec

POINTS = Path(__file__).parents[1] / "tests" / "cases" / "serving_points.jsonl.gz"
WEIGHTS: dict[str, ServingWeights] = {"bf16": "bf16", "fp16": "bf16", "fp8": "fp8", "fp8_block": "fp8", "nvfp4": "int4"}
KV_CACHE: dict[str, KvCachePrecision] = {"nvfp4": "fp8"}
"""NVIDIA's FP4 checkpoints name an fp8 cache in their quantisation config; the others are taken as bf16."""
ENGINES: dict[str, Engine] = {"vllm": "vllm", "sglang": "sglang", "trtllm": "trtllm", "trtllm-static": "trtllm"}

MEASURED: tuple[Engine, ...] = ("vllm", "sglang", "trtllm")

# Priors of the fit: where a constant should lie before any point is seen, and by what factor it may differ (one
# standard deviation of its logarithm). Tight ones are physics: nothing reads faster than the memory's peak.
SHARED: dict[str, tuple[float, float]] = {
    "bandwidth_efficiency": (0.9, 0.04),
    "kv_bandwidth_efficiency": (0.9, 0.03),
    "decode_efficiency": (0.6, 0.2),
    "prefill_efficiency": (0.65, 0.1),
    "eight_bit_efficiency": (0.8, 0.15),
    "four_bit_efficiency": (0.65, 0.2),
    "link_efficiency": (0.6, 0.3),
    "layer_seconds": (45e-6, 0.3),
    "norm_seconds": (3e-6, 0.5),
    "quantized_layer_seconds": (5e-6, 0.5),
    "expert_layer_seconds": (30e-6, 0.5),
    "allreduce_seconds": (5e-6, 0.4),
    "step_seconds": (0.3e-3, 0.7),
    "sequence_seconds": (10e-6, 0.7),
    "prefill_share": (1.0, 0.1),
}
OWN: dict[tuple[str, str], tuple[float, float]] = {
    ("vllm", "layer_seconds"): (1.3, 0.2),
    ("vllm", "bandwidth_efficiency"): (1.0, 0.05),
    ("sglang", "layer_seconds"): (1.2, 0.2),
    ("sglang", "prefill_share"): (0.9, 0.2),
}
"""Factors on the shared value."""
SOFT = 0.1
"""Logarithmic error from which a point counts by its size rather than its square: some setups were not as stated."""
PRIOR_WEIGHT = 1.5
PER_SETUP = 0.25
"""A setup with n rows weighs as n to the power 1 - 2 * 0.25: repeated sweeps are not independent."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement and what it was measured on."""

    base_model: str
    gpu_id: str
    engine: str
    quantization: str
    metric: str
    concurrency: int
    tensor_parallel: int
    input_tokens: int
    output_tokens: int
    measured: float
    architecture: Architecture
    gpu: GpuSpec

    @property
    def setup(self) -> tuple[str, str, str, str]:
        return self.base_model, self.gpu_id, self.engine, self.quantization


def read_points(metric: str = "TPOT_ms") -> list[Point]:
    """The measured points of one metric."""
    catalogue = load_catalogue()
    with gzip.open(POINTS, "rt", encoding="utf-8") as lines:
        columns = json.loads(next(lines))["columns"]
        rows = [dict(zip(columns, json.loads(line), strict=True)) for line in lines]
    return [_point(r, catalogue) for r in rows if r["metric"] == metric]


def _point(row: Mapping[str, Any], catalogue: Any) -> Point:
    return Point(
        base_model=row["base_model"],
        gpu_id=row["gpu"],
        engine=row["engine"],
        quantization=row["quantization"],
        metric=row["metric"],
        concurrency=row["concurrency"],
        tensor_parallel=row["tensor_parallel"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        measured=row["measured"],
        architecture=catalogue.base_model(row["base_model"]).architecture,
        gpu=catalogue.gpu(row["gpu"]),
    )


def point_steps(point: Point, engine: EngineProfile, kv_cache: KvCachePrecision | None = None) -> StepTimes:
    """The estimator's coefficients for a point."""
    return step_times(
        point.architecture,
        point.gpu,
        engine,
        tensor_parallel=point.tensor_parallel,
        weights=WEIGHTS[point.quantization],
        kv_cache=kv_cache or KV_CACHE.get(point.quantization, "bf16"),
        adapter="none",
        input_tokens=point.input_tokens,
        output_tokens=point.output_tokens,
    )


def predicted(point: Point, engines: Mapping[Engine, EngineProfile], kv_cache: KvCachePrecision | None = None) -> float:
    """Milliseconds between two tokens; what does not fit in memory waits."""
    steps = point_steps(point, engines[ENGINES[point.engine]], kv_cache)
    running = min(point.concurrency, steps.slots) if steps.slots >= 1 else point.concurrency
    return 1000 * steps.token_seconds(max(1.0, running))


def roofline(point: Point, bandwidth_share: float = 1.0, compute_share: float = 1.0, prefills: bool = False) -> float:
    """Milliseconds of reading weights and cache or of multiplying, whichever is longer; others' prefills on demand."""
    held = served_weights(point.architecture)
    weights = WEIGHTS[point.quantization]
    peaks = point.gpu.flops_per_second
    peak = peaks.get("fp8", peaks["bf16"]) if weights != "bf16" else peaks["bf16"]
    batch = point.concurrency
    touched = 1 - (1 - held.experts_per_token / held.experts) ** batch if held.experts else 0.0
    active = held.dense + held.head + (held.expert * held.experts_per_token / held.experts if held.experts else 0)
    read = (held.dense + held.expert * touched) * BLOCK_WEIGHT_BYTES[weights] + held.head * 2
    kv = kv_cache_bytes_per_token(point.architecture)
    cached = batch * (point.input_tokens + point.output_tokens / 2) * kv
    gpus = point.tensor_parallel
    reading = (read + cached) / (gpus * point.gpu.bandwidth_bytes_per_second * bandwidth_share)
    per_token = 2 * active / (gpus * peak * compute_share)
    stolen = (batch - 1) * per_token * point.input_tokens / point.output_tokens if prefills else 0.0
    return 1000 * (max(reading, per_token * batch) + stolen)


# ---- the fit


def constants(values: Sequence[float]) -> dict[Engine, EngineProfile]:
    """Engine profiles with the given constants, in the order of SHARED and OWN."""
    held = load_engines()
    shared = dict(zip(SHARED, values[: len(SHARED)], strict=True))
    own = dict(zip(OWN, values[len(SHARED) :], strict=True))
    made: dict[Engine, EngineProfile] = {}
    for name in MEASURED:
        mine = {f: shared[f] * factor for (engine, f), factor in own.items() if engine == name}
        fitted: dict[str, Any] = {**shared, **mine}
        made[name] = replace(held[name], **fitted)
    return made


def fit(points: Sequence[Point], kv_cache: KvCachePrecision | None = None) -> dict[Engine, EngineProfile]:
    """The constants that explain the points best, pulled toward their priors."""
    from scipy.optimize import least_squares

    priors = [*SHARED.values(), *OWN.values()]
    counts: dict[Any, int] = {}
    for p in points:
        counts[p.setup] = counts.get(p.setup, 0) + 1
    mean = statistics.fmean(counts.values())
    weights = [(counts[p.setup] / mean) ** -PER_SETUP for p in points]

    def at(z: Sequence[float]) -> dict[Engine, EngineProfile]:
        return constants([m * math.exp(s * v) for (m, s), v in zip(priors, z, strict=True)])

    def residuals(z: Sequence[float]) -> list[float]:
        engines = at(z)
        found = [predicted(p, engines, kv_cache) for p in points]
        errors = [w * math.log(f / p.measured) for f, p, w in zip(found, points, weights, strict=True)]
        return [_softened(e) for e in errors] + [PRIOR_WEIGHT * SOFT * v for v in z]

    return at(least_squares(residuals, [0.0] * len(priors), diff_step=1e-3, xtol=1e-4, ftol=1e-5).x)


def _softened(error: float) -> float:
    size = SOFT * math.sqrt(2 * (math.sqrt(1 + (error / SOFT) ** 2) - 1))
    return math.copysign(size, error)


# ---- the report


def report(title: str, points: Sequence[Point], values: Sequence[float]) -> None:
    """One line: rows, median and 90th percentile of the error, bias."""
    errors = sorted(abs(v / p.measured - 1) for p, v in zip(points, values, strict=True))
    bias = statistics.median(math.log(v / p.measured) for p, v in zip(points, values, strict=True))
    tenth = errors[int(0.9 * (len(errors) - 1))]
    print(f"  {title:44s} {len(points):5d}  {statistics.median(errors):6.1%}  {tenth:6.1%}  {bias:+.3f}")


def by(key: Callable[[Point], str], points: Sequence[Point], values: Sequence[float]) -> None:
    """The report by a property of the points."""
    for name in sorted({key(p) for p in points}):
        chosen = [(p, v) for p, v in zip(points, values, strict=True) if key(p) == name]
        report(name, [p for p, _ in chosen], [v for _, v in chosen])


def coverage(points: Sequence[Point], values: Sequence[float]) -> tuple[float, float]:
    """Share of points inside the shipped range around `values`, and the median of high over low."""
    engines = load_engines()
    inside, widths = 0, []
    for p, v in zip(points, values, strict=True):
        engine = engines[ENGINES[p.engine]]
        inside += engine.low_factor * v <= p.measured <= engine.high_factor * v
        widths.append(engine.high_factor / engine.low_factor)
    return inside / len(points), statistics.median(widths)


def left_out(points: Sequence[Point]) -> list[float]:
    """Predictions of each point by constants that were fitted without its base model."""
    made = [0.0] * len(points)
    for name in sorted({p.base_model for p in points}):
        engines = fit([p for p in points if p.base_model != name])
        for i, p in enumerate(points):
            if p.base_model == name:
                made[i] = predicted(p, engines)
    return made


def main() -> None:
    """Print the tables; with `fit`, the constants of a fresh fit as well."""
    points = read_points()
    shipped: Mapping[Engine, EngineProfile] = dict(load_engines())
    values = [predicted(p, shipped) for p in points]
    print(f"{'':46s}  rows  median     p90  bias (log)")
    report("shipped constants", points, values)
    report("shipped, cache taken as bf16 everywhere", points, [predicted(p, shipped, "bf16") for p in points])
    generic = dict.fromkeys(shipped, shipped["generic"])
    report("shipped, generic engine", points, [predicted(p, generic) for p in points])
    report("pure roofline", points, [roofline(p) for p in points])
    report("roofline with 0.8 of bandwidth, 0.5 of FLOPs", points, [roofline(p, 0.8, 0.5) for p in points])
    report("the same, with others' prefills added", points, [roofline(p, 0.8, 0.5, True) for p in points])
    for title, key in KEYS.items():
        print(title)
        by(key, points, values)
    inside, width = coverage(points, values)
    print(f"range: {inside:.1%} of points inside, high over low {width:.2f} (median)")
    if "fit" in sys.argv:
        for name, engine in fit(points).items():
            print(name, {f: float(f"{getattr(engine, f):.3g}") for f in SHARED})
    values = left_out(points)
    print("each base model left out of the fit")
    report("all", points, values)
    by(KEYS["by base model"], points, values)
    inside, width = coverage(points, values)
    print(f"range: {inside:.1%} of points inside, high over low {width:.2f} (median)")


KEYS: dict[str, Callable[[Point], str]] = {
    "by base model": lambda p: p.base_model,
    "by GPU": lambda p: p.gpu_id,
    "by engine": lambda p: p.engine,
    "by quantisation": lambda p: p.quantization,
    "by setup": lambda p: " ".join(p.setup),
}

if __name__ == "__main__":
    main()
