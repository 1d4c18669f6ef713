"""Ten measured steps: the figures move to them, the ranges narrow, other machines stay as they were."""

from typing import Any

import pytest

from app.errors import InputError
from app.estimate.training import calibrate, estimate_training
from app.schemas.training import MeasuredSteps, TrainingEstimate, TrainingRequest
from tests.unit.estimate.training_cases import architecture, gpu, request

ASKED = request("lora", gradient_checkpointing=False)
STEPS = (9.8, 10.0, 10.2, 10.1, 9.9, 10.0, 10.0, 10.1, 9.9, 10.0)


def measured(**changes: Any) -> MeasuredSteps:
    return MeasuredSteps.model_validate({"run": ASKED.model_dump(), "step_seconds": STEPS} | changes)


def estimate(asked: TrainingRequest, steps: MeasuredSteps | None = None, card: str = "A100-80GB") -> TrainingEstimate:
    calibration = calibrate(steps, architecture(), gpu()) if steps else None
    return estimate_training(asked, architecture(), gpu(name=card), calibration=calibration)


def test_time_moves_to_the_measurement_and_narrows() -> None:
    plain, here = estimate(ASKED), estimate(ASKED, measured())
    assert here.step_seconds.expected == pytest.approx(10.0)
    assert here.step_seconds.high / here.step_seconds.low < 1.25
    assert here.step_seconds.high / here.step_seconds.low < plain.step_seconds.high / plain.step_seconds.low
    assert here.memory.peak_allocated_bytes == plain.memory.peak_allocated_bytes
    assert any(a.origin == "calibrated" for a in here.assumptions)


def test_unsteady_steps_leave_a_wider_range() -> None:
    here = estimate(ASKED, measured(step_seconds=(8.0, 10.0, 14.0)))
    assert here.step_seconds.high == pytest.approx(14.0)


def test_memory_moves_to_the_measurement_and_still_adds_up() -> None:
    here = estimate(ASKED, measured(peak_allocated_bytes=30 * 10**9, peak_device_bytes=36 * 10**9))
    memory = here.memory
    assert memory.peak_allocated_bytes.expected == pytest.approx(30e9, abs=2)
    assert sum(c.bytes for c in memory.components) == memory.peak_allocated_bytes.expected
    assert memory.device_bytes.expected == pytest.approx(36e9)
    assert memory.peak_allocated_bytes.low < 30e9 < memory.peak_allocated_bytes.high
    plain = estimate(ASKED).memory.device_bytes
    assert memory.device_bytes.high / memory.device_bytes.low < plain.high / plain.low


def test_another_batch_is_corrected_alike() -> None:
    steps = measured(peak_allocated_bytes=30 * 10**9)
    larger = request("lora", gradient_checkpointing=False, micro_batch_size=4)
    plain, here = estimate(larger), estimate(larger, steps)
    ratio = estimate(ASKED, steps).step_seconds.expected / estimate(ASKED).step_seconds.expected
    assert here.step_seconds.expected / plain.step_seconds.expected == pytest.approx(ratio)


def test_other_gpus_and_frameworks_stay_as_they_were() -> None:
    assert estimate(ASKED, measured(), "H100-80GB") == estimate(ASKED, card="H100-80GB")
    other = request("lora", framework="litgpt")
    assert estimate(other, measured()) == estimate(other)


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(InputError) as error:
        estimate(ASKED, measured(step_seconds=()))
    assert error.value.problems[0].pointer == "/step_seconds"
