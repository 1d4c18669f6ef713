"""Architectures, GPUs, prices and requests that tests of serving and cost share; prices are fixed here, not the catalogue's."""

from dataclasses import replace
from datetime import date
from typing import Any

from app.catalogue import load_catalogue
from app.schemas.architecture import Architecture
from app.schemas.report import HorizonCost
from app.schemas.serving import ServingRequest
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
