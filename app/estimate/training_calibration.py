"""How far the formulas are off on a GPU and framework, and how much is left unknown.

Ten measured steps of one's own give a factor on step time and one on the moving part of memory. What an organisation
accepted from its outcomes gives factors on step time and on the whole of what is reserved, which is what runs report.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import median

from app.records import record
from app.schemas.base import Assumption
from app.schemas.training import MeasuredSteps
from app.schemas.vocabulary import Framework
from app.schemas.world import AcceptedCorrection, correction_name

REMAINING_SPREAD = 1.10
"""High over expected step time after calibration: another length or batch on the same machine (within this on the
fms and Qwen sweeps once their first point is known)."""
REMAINING_MEMORY_SPREAD = 0.05
"""The same for what moves in memory, as a share."""
LARGEST_FACTOR = 10.0
"""A larger correction means that another run was measured than the one described."""
RUNS_SHARE = 0.654
"""Two-sided 80 % over 95 % point of the normal distribution (1.2816 over 1.9600); Student's share is smaller, so that
ranges from few measurements come out rather too wide."""


@record(kw_only=True)
class Calibration:
    """Corrections for one GPU and framework."""

    gpu: str
    framework: Framework
    time_factor: float
    """Measured over predicted step time; 1 when no time was measured."""
    time_spread: float | None
    """High over expected after the correction; None when no time was measured."""
    allocated_factor: float | None
    """Measured over predicted moving bytes allocated; None when not measured."""
    reserved_factor: float | None
    device_factor: float | None
    whole_factor: float = 1.0
    """Accepted factor on all that is reserved; what is counted stays, the rest makes up for it."""
    whole_spread: float | None = None
    """High over expected that measurements of the whole leave; None when no such factor was accepted."""
    time_stated: Assumption | None = None
    """What the estimate says of its factor on time,"""
    memory_stated: Assumption | None = None
    """and of that on memory."""

    def applies(self, gpu: str, framework: Framework) -> bool:
        """Whether it was measured on this GPU with this framework."""
        return self.gpu == gpu and self.framework == framework

    @property
    def remembers(self) -> bool:
        """Whether any memory was measured."""
        return any(f is not None for f in (self.allocated_factor, self.reserved_factor, self.device_factor))


Calibrations = Mapping[tuple[str, Framework], Calibration]
"""By GPU and framework."""


def accepted(corrections: Mapping[tuple[str, Framework], Iterable[AcceptedCorrection]]) -> Calibrations:
    """What an organisation accepted, as estimates apply it."""
    return {place: _accepted(place, found) for place, found in corrections.items()}


def _accepted(place: tuple[str, Framework], found: Iterable[AcceptedCorrection]) -> Calibration:
    by = {correction.quantity: correction for correction in found}
    time, memory = by.get("train_seconds"), by.get("peak_reserved_bytes")
    return Calibration(
        gpu=place[0],
        framework=place[1],
        time_factor=time.factor if time else 1.0,
        time_spread=max(REMAINING_SPREAD, runs_spread(time)) if time else None,
        allocated_factor=None,
        reserved_factor=None,
        device_factor=None,
        whole_factor=memory.factor if memory else 1.0,
        whole_spread=runs_spread(memory) if memory else None,
        time_stated=_told(time) if time else None,
        memory_stated=_told(memory) if memory else None,
    )


def _told(correction: AcceptedCorrection) -> Assumption:
    name = correction_name(correction.quantity)
    return Assumption(name=name, value=correction.factor, origin="calibrated", source=correction.source)


def runs_spread(correction: AcceptedCorrection) -> float:
    """High over expected of one further run (four in five lie within), from the 95 % interval of the factor.

    The interval of a mean of n is t s / sqrt(n) wide to each side, that of one further run t s sqrt(1 + 1/n).
    """
    low, middle, high = (math.log(f) for f in (correction.factor_low, correction.factor, correction.factor_high))
    return math.exp(RUNS_SHARE * max(high - middle, middle - low) * math.sqrt(correction.count + 1))


def over(own: Calibration | None, shared: Calibration | None) -> Calibration | None:
    """The caller's own measurements over what the organisation accepted, for time and memory each."""
    if own is None or shared is None:
        return own or shared
    if own.time_spread is None:
        stated = shared.time_stated or own.time_stated
        own = replace(own, time_factor=shared.time_factor, time_spread=shared.time_spread, time_stated=stated)
    if own.remembers:
        return own
    return replace(
        own,
        whole_factor=shared.whole_factor,
        whole_spread=shared.whole_spread,
        memory_stated=shared.memory_stated,
    )


def time_factor(measured: MeasuredSteps, predicted_seconds: float) -> tuple[float, float | None]:
    """Median measured step over the predicted one, and what spread remains (at least what the steps show)."""
    steps = measured.step_seconds
    if not steps:
        return 1.0, None
    middle = median(steps)
    shown = max(steps) / middle if len(steps) > 1 else 1.0
    spread = max(REMAINING_SPREAD, min(shown, LARGEST_FACTOR))
    return middle / predicted_seconds, spread


def moving_factor(measured: float | None, predicted: float, resident: float) -> float | None:
    """Measured over predicted bytes beyond what is resident; None when not measured."""
    if measured is None:
        return None
    moving = max(predicted - resident, 1.0)
    return max(0.0, measured - resident) / moving
