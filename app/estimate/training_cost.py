"""Hours, energy and money of a run, as line items: quantity apart from price."""

from app.estimate.training_settings import MEAN_OVER_MAX_LENGTH
from app.schemas.base import Assumption, Range
from app.schemas.training import CostEstimate, CostItem, TrainingRequest
from app.schemas.world import GpuSpec
from app.units import SECONDS_PER_HOUR

POWER_SHARE = Range(low=0.65, expected=0.85, high=1.0)
"""Drawn over board power while training: our reading of nvidia-smi logs; the board's limit is the upper end."""
WATTS_PER_KILOWATT = 1000


def total_tokens(request: TrainingRequest, mean_length: float, assumed: list[Assumption]) -> int | None:
    """Tokens trained on in all, padding left out; None when neither tokens nor examples are known."""
    t = request.training
    if t.total_tokens is not None:
        return t.total_tokens
    if t.examples is None:
        return None
    if t.num_epochs is None:
        source = "one pass; Transformers' own default is 3"
        assumed.append(Assumption(name="num_epochs", value=1.0, origin="default", source=source))
    per_example = t.mean_seq_length
    if per_example is None and t.packing:
        per_example = MEAN_OVER_MAX_LENGTH * t.max_seq_length
        source = "tunewise's convention: examples before packing are half of max_seq_length"
        assumed.append(Assumption(name="mean_seq_length", value=per_example, origin="default", source=source))
    return max(1, round(t.examples * (t.num_epochs or 1.0) * (per_example or mean_length)))


def energy_kwh(gpu_hours: Range, gpu: GpuSpec) -> Range:
    """Energy of the GPUs alone, from board power."""
    kilowatts = gpu.board_power_watts / WATTS_PER_KILOWATT
    return Range(
        low=gpu_hours.low * kilowatts * POWER_SHARE.low,
        expected=gpu_hours.expected * kilowatts * POWER_SHARE.expected,
        high=gpu_hours.high * kilowatts * POWER_SHARE.high,
    )


def training_cost(gpu_hours: Range | None, gpu: GpuSpec, asked_price: float | None) -> CostEstimate:
    """GPU-hours times their price: no line without hours, and a line with a reason where no price is known."""
    price, source, as_of = _price(gpu, asked_price)
    if gpu_hours is None:
        return CostEstimate(items=(), total_usd=None)
    item = CostItem(
        name=f"{gpu.name} training",
        quantity=gpu_hours.expected,
        unit="GPU-hour",
        unit_price_usd=price,
        cost_usd=gpu_hours.expected * price if price is not None else None,
        source=source,
        as_of=as_of,
    )
    return CostEstimate(items=(item,), total_usd=gpu_hours.scaled(price) if price is not None else None)


def _price(gpu: GpuSpec, asked: float | None) -> tuple[float | None, str, str | None]:
    if asked is not None:
        return asked, "given in the request", None
    listed = gpu.usd_per_hour
    if listed is None:
        return None, f"no price of {gpu.name} on record; give usd_per_gpu_hour", None
    return listed.value, listed.source, listed.as_of.isoformat()


def gpu_hours(train_seconds: Range, gpu_count: int) -> Range:
    """GPU-hours paid for."""
    return train_seconds.scaled(gpu_count / SECONDS_PER_HOUR)
