"""Fits the calibrated constants of frameworks.yaml to measured runs, with priors from reading the code.

    python bench/training_fit.py            # constants fitted on every source, beside what ships
    python bench/training.py --left-out     # errors of each source under constants fitted without it

Few constants, all physical: how many bytes the loss keeps, what the allocator cannot reuse, which share of the peak
products reach. A constant that only the left-out source knows falls back to its prior, as it would for a framework
that nobody has measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import least_squares

from app.catalogue.files import DATA
from app.catalogue.frameworks import FILE, FrameworkProfile, load_frameworks
from bench.training import MEMORY, Comparison, Row, compare, rows_of, source_of

MEMORY_SCALE = 0.05
"""Relative error of memory that counts as one."""
TIME_SCALE = 0.12
"""Relative error of time that counts as one."""
ROWS_OF_EQUAL_WEIGHT = 8
"""A source's rows together weigh as much as this many, so that no single sweep rules."""


@dataclass(frozen=True, slots=True)
class Constant:
    """One constant: where it stands, what one would assume unmeasured, how far that may be off (log scale)."""

    framework: str
    field: str
    prior: float
    spread: float = 0.5


CONSTANTS = (
    Constant("hf_peft", "fused_logit_bytes", 10.0, 0.3),
    Constant("hf_peft", "pool_overlap", 0.7),
    Constant("hf_peft", "packed_slack", 0.08),
    Constant("hf_peft", "varied_slack", 0.08),
    Constant("hf_peft", "context_bytes", 6e8, 0.3),
    Constant("hf_peft", "matmul_efficiency", 0.75, 0.15),
    Constant("hf_peft", "traffic_factor", 12.0),
    Constant("hf_peft", "fused_traffic_factor", 8.0),
    Constant("hf_peft", "layer_launch_seconds", 0.004, 0.3),
    Constant("hf_peft", "dequant_bytes", 5.0),
    Constant("hf_peft", "gptq_dequant_bytes", 10.0),
    Constant("litgpt", "eager_logit_bytes", 12.0, 0.3),
    Constant("litgpt", "quantized_input_bytes", 2.0, 0.5),
    Constant("ms_swift", "eager_logit_bytes", 14.0, 0.3),
    Constant("ms_swift", "varied_slack", 0.15, 1.0),
    Constant("fsdp_qlora", "link_efficiency", 0.4, 1.0),
    Constant("megatron", "traffic_factor", 12.0),
    Constant("megatron", "fused_traffic_factor", 12.0),
    Constant("megatron", "tensor_parallel_exposed", 0.4),
)


@lru_cache(maxsize=1)
def _stated() -> dict[str, set[str]]:
    """Fields that each framework states itself."""
    raw: dict[str, Any] = yaml.safe_load((DATA / FILE).read_text(encoding="utf-8"))
    return {name: set(entry["fields"]) for name, entry in raw["frameworks"].items()}


def profiles_with(values: Sequence[float]) -> dict[str, FrameworkProfile]:
    """Every profile under these constants, inherited where a framework does not state its own."""
    made: dict[str, FrameworkProfile] = {}
    for name, profile in load_frameworks().profiles.items():
        changes: dict[str, float] = {}
        for constant, value in zip(CONSTANTS, values, strict=True):
            inherits = constant.framework == "hf_peft" and constant.field not in _stated()[name]
            if constant.framework == name or inherits:
                changes[constant.field] = round(value) if constant.field == "context_bytes" else value
        made[name] = replace(profile, **changes)  # type: ignore[arg-type]
    return made


def fit(rows: list[Row]) -> list[float]:
    """Constants fitted on these rows and the priors; robust against single odd rows."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[source_of(row)] = counts.get(source_of(row), 0) + 1

    def residuals(logs: NDArray[np.float64]) -> NDArray[np.float64]:
        profiles = profiles_with([exp(x) for x in logs])
        found = list(compare(rows, lambda _, framework: profiles[framework]))
        misses = [_weighted(c, counts[c.source]) for c in found]
        away = [(x - log(c.prior)) / c.spread for x, c in zip(logs, CONSTANTS, strict=True)]
        return np.array(misses + away)

    start = np.array([log(c.prior) for c in CONSTANTS])
    found = least_squares(residuals, start, loss="soft_l1", diff_step=0.01, max_nfev=25)
    return [exp(x) for x in found.x]


def _weighted(c: Comparison, rows_of_source: int) -> float:
    scale = MEMORY_SCALE if c.figure in MEMORY else TIME_SCALE
    weight = min(1.0, ROWS_OF_EQUAL_WEIGHT / rows_of_source) ** 0.5
    return float(weight * log(c.estimated.expected / c.measured) / scale)


def main() -> None:
    """Prints each constant: shipped, fitted, prior."""
    shipped = load_frameworks().profiles
    print(f"{'':36s} {'shipped':>12s} {'fitted':>12s} {'prior':>12s}")
    for constant, value in zip(CONSTANTS, fit(rows_of()), strict=True):
        now = getattr(shipped[constant.framework], constant.field)  # type: ignore[index]
        print(f"{constant.framework + '.' + constant.field:36s} {now:12.4g} {value:12.4g} {constant.prior:12.4g}")


if __name__ == "__main__":
    main()
