"""Architectures, GPUs, prices and requests that tests of serving and cost share; prices are fixed here."""

from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any

from app.catalogue import load_catalogue
from app.estimate.training import estimate_training
from app.schemas.architecture import Architecture
from app.schemas.base import Range
from app.schemas.report import HorizonCost
from app.schemas.serving import ServingRequest
from app.schemas.training import CostEstimate, CostItem, TrainingEstimate, TrainingRequest
from app.schemas.world import DatedValue, GpuSpec, HostedModelSpec, TokenPrices

DAY = date(2026, 11, 1)
SOURCE = "price list of the test"


def architecture(base_model: str = "Qwen/Qwen3-8B") -> Architecture:
    return load_catalogue().base_model(base_model).architecture


def usd(value: float) -> DatedValue:
    return DatedValue(value=value, unit="USD/hour", as_of=DAY, source=SOURCE, checked=DAY)


def gpu(name: str = "L40S", price: float | None = None) -> GpuSpec:
    spec = load_catalogue().gpu(name)
    return spec if price is None else replace(spec, usd_per_hour=usd(price))


def hosted(
    input_usd: float | None = 0.25,
    cached_usd: float | None = 0.025,
    output_usd: float | None = 2.0,
    batch_factor: float | None = 0.5,
    cache_min_tokens: int | None = 1024,
) -> HostedModelSpec:
    spec = load_catalogue().hosted_models["openai/gpt-6-luna"]
    prices = TokenPrices(
        input_usd=input_usd,
        cached_input_usd=cached_usd,
        output_usd=output_usd,
        batch_factor=batch_factor,
        as_of=DAY,
        source=SOURCE,
        checked=DAY,
    )
    return replace(
        spec,
        prices=prices,
        cache_min_tokens=cache_min_tokens,
        time_to_first_token_seconds=(0.4, 0.8, 2.0),
        output_tokens_per_second=(50.0, 100.0, 200.0),
        context_tokens=128_000,
    )


def request(**changes: Any) -> ServingRequest:
    given = {"gpu": "L40S", "engine": "vllm", "input_tokens": 900, "output_tokens": 120, **changes}
    return ServingRequest.model_validate(given)


def line(cost: HorizonCost, name: str) -> tuple[float, float | None, float | None]:
    """Quantity, unit price and cost of the line whose name begins so."""
    items = [i for i in (*cost.upfront.items, *cost.monthly.items) if i.name.startswith(name)]
    assert len(items) == 1, f"{name}: {[i.name for i in items]}"
    return items[0].quantity, items[0].unit_price_usd, items[0].cost_usd


@lru_cache(maxsize=1)
def _some_training() -> TrainingEstimate:
    asked = TrainingRequest.model_validate(
        {"base_model": "Qwen/Qwen3-8B", "method": "lora", "lora": {"r": 16}, "hardware": {"gpu": "L40S"}}
    )
    return estimate_training(asked, architecture(), gpu())


def training(hours: float | None = 2.0, usd_per_hour: float | None = 1.5) -> TrainingEstimate:
    """A training estimate with these GPU-hours (half to one and a half times) at this price."""
    if hours is None:
        return replace(_some_training(), gpu_hours=None, cost=CostEstimate(items=(), total_usd=None))
    item = CostItem(
        name="training",
        quantity=hours,
        unit="GPU-hour",
        unit_price_usd=usd_per_hour,
        cost_usd=None if usd_per_hour is None else hours * usd_per_hour,
        source=SOURCE if usd_per_hour is not None else "no price on record",
        as_of=DAY.isoformat(),
    )
    held = Range(low=hours / 2, expected=hours, high=hours * 1.5)
    return replace(_some_training(), gpu_hours=held, cost=CostEstimate(items=(item,), total_usd=None))


ASSUMED = {
    "engineer_usd_per_hour": 100.0,
    "prompt_engineering_hours": 20.0,
    "tuning_engineering_hours": 50.0,
    "prompt_maintenance_hours_per_month": 2.0,
    "tuned_maintenance_hours_per_month": 4.0,
    "self_hosting_hours_per_month": 5.0,
    "retraining_engineering_hours": 6.0,
    "relabelled_share": 0.1,
    "evaluation_examples": 300.0,
    "training_attempts": 4.0,
    "retrainings_per_year_static": 1.0,
    "retrainings_per_year_slow": 4.0,
    "retrainings_per_year_fast": 26.0,
    "label_cost_label": 0.1,
    "label_cost_structured": 0.5,
    "label_cost_text": 4.0,
    "expert_label_factor": 5.0,
}
"""Round figures in the place of the catalogue's, so that bills can be checked in the head."""


def assumptions(**changes: float) -> dict[str, DatedValue]:
    return {
        name: DatedValue(value=value, unit="", as_of=DAY, source=f"assumed {name}", checked=DAY)
        for name, value in {**ASSUMED, **changes}.items()
    }
