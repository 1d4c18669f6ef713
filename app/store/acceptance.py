"""How an operator accepts a correction: the entry for the catalogue overlay, or what to change instead."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, get_args

import yaml

from app.schemas.stored import Deviation
from app.schemas.vocabulary import TrainedQuantity

Place = tuple[str, str, str]
"""Quantity, GPU, framework."""
InForce = Mapping[Place, float]
"""The factors that training estimates are corrected by now."""
NONE_IN_FORCE: InForce = MappingProxyType({})
TRAINED: tuple[str, ...] = get_args(TrainedQuantity)
"""Quantities that depend on the GPU and the framework of the training run; estimates of them take a factor."""
DIGITS = 4
"""Significant digits of an offered factor; its interval is seldom narrower than the second."""
WIDTH = 1000
"""Characters of a YAML line: each value stays on its own."""
OTHERWISE = {
    "latency_p95_seconds": (
        "Latency takes no factor, since it is made of parts: in TUNEWISE_CATALOGUE_OVERLAY change "
        "time_to_first_token_seconds and output_tokens_per_second of the entry of hosted_models that you measured, or "
        "the bandwidth and flops of the entry of gpus where you serve on your own."
    ),
    "monthly_cost_usd": (
        "Cost takes no factor, since it is made of lines: compare your bill with cost.items and change the price "
        "(token_prices, gpu_prices) or the assumption (assumptions) in TUNEWISE_CATALOGUE_OVERLAY that is off."
    ),
}
"""What to do where an estimate takes no factor."""


def place_of(found: Deviation) -> Place:
    """Where it was measured."""
    return found.quantity, found.gpu or "", found.framework or ""


def action(found: Deviation, before: float | None) -> str:
    """What an operator does about it, in words; `before` is the factor in force, if any."""
    if found.quantity not in TRAINED:
        return OTHERWISE[found.quantity]
    if before is None:
        return (
            "Put `overlay` into the file that TUNEWISE_CATALOGUE_OVERLAY names (under its `corrections:`, if it has "
            "some), reviewed like a price, and restart: training estimates there are multiplied by it."
        )
    return (
        f"In the file that TUNEWISE_CATALOGUE_OVERLAY names, replace the entry in force ({before:g}) by the one in "
        "`overlay`, which is the product of both, and restart."
    )


def overlay_entry(found: Deviation, interval: tuple[float, float], before: float | None, today: date) -> str | None:
    """The `corrections:` of a catalogue overlay that accepts it, as YAML; None where estimates take no factor."""
    if found.quantity not in TRAINED:
        return None
    base = 1.0 if before is None else before
    low, factor, high = (rounded(base * each) for each in (interval[0], found.factor, interval[1]))
    entry: dict[str, Any] = {
        "quantity": found.quantity,
        "gpu": found.gpu,
        "framework": found.framework,
        "factor": factor,
        "factor_low": low,
        "factor_high": high,
        "count": found.count,
        "as_of": today,
        "evidence": _evidence(found, before),
    }
    return yaml.safe_dump({"corrections": [entry]}, sort_keys=False, width=WIDTH, allow_unicode=True)


def rounded(factor: float) -> float:
    """To the digits that are offered; a larger factor never becomes the smaller one."""
    return float(f"{factor:.{DIGITS}g}")


def _evidence(found: Deviation, before: float | None) -> str:
    told = f"GET /calibration, {found.count} measurements at {found.factor:.{DIGITS}g} of the estimate"
    return told if before is None else f"{told}, which had the factor {before:g}"
