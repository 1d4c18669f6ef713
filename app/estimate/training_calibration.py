"""Ten measured steps of one's own: how far the formulas are off on that machine, and how much is left unknown.

The correction is a factor on step time and one on the moving part of memory, for the same GPU and framework only.
"""

from statistics import median

from app.records import record
from app.schemas.training import MeasuredSteps
from app.schemas.vocabulary import Framework

REMAINING_SPREAD = 1.10
"""High over expected step time after calibration: another length or batch on the same machine (within this on the
fms and Qwen sweeps once their first point is known)."""
REMAINING_MEMORY_SPREAD = 0.05
"""The same for what moves in memory, as a share."""
LARGEST_FACTOR = 10.0
"""A larger correction means that another run was measured than the one described."""


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

    def applies(self, gpu: str, framework: Framework) -> bool:
        """Whether it was measured on this GPU with this framework."""
        return self.gpu == gpu and self.framework == framework


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
