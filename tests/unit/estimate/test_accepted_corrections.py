"""Corrections that an organisation accepted: figures move by the factor, ranges follow what its runs showed."""

import math
import random
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

import pytest

from app.estimate.training import calibrate, estimate_training
from app.estimate.training_calibration import REMAINING_SPREAD, Calibrations, accepted, runs_spread
from app.schemas.base import Range
from app.schemas.training import MeasuredSteps, TrainingEstimate, TrainingRequest
from app.schemas.vocabulary import Framework, TrainedQuantity
from app.schemas.world import AcceptedCorrection
from tests.unit.estimate.training_cases import architecture, gpu, request

ASKED = request("lora", gradient_checkpointing=False, total_tokens=10_000_000)
ROOMY = 400 * 10**9
T95_19_DEGREES = 2.093


def correction(factor: float, quantity: TrainedQuantity = "train_seconds", **changes: Any) -> AcceptedCorrection:
    """One on the GPU and framework of `ASKED`, with an interval of 5 % to each side."""
    made = AcceptedCorrection(
        quantity=quantity,
        gpu="A100-80GB",
        framework="hf_peft",
        factor=factor,
        factor_low=factor / 1.05,
        factor_high=factor * 1.05,
        count=8,
        source="accepted in ours.yaml, 2026-11-24: eight runs",
    )
    return replace(made, **changes)


def placed(*corrections: AcceptedCorrection) -> Calibrations:
    """As the pipeline hands them over."""
    by: dict[tuple[str, Framework], tuple[AcceptedCorrection, ...]] = {}
    for found in corrections:
        place = (found.gpu, found.framework)
        by[place] = (*by.get(place, ()), found)
    return accepted(by)


def estimate(
    *corrections: AcceptedCorrection,
    asked: TrainingRequest = ASKED,
    memory: int = ROOMY,
    steps: MeasuredSteps | None = None,
) -> TrainingEstimate:
    own = calibrate(steps, architecture(), gpu(memory)) if steps else None
    return estimate_training(asked, architecture(), gpu(memory), calibration=own, accepted=placed(*corrections))


def width(found: Range) -> float:
    return found.high / found.low


@pytest.mark.parametrize("factor", [0.8, 1.25, 3.0])
def test_time_is_multiplied_and_said(factor: float) -> None:
    plain, ours = estimate(), estimate(correction(factor))
    assert plain.train_seconds
    assert ours.train_seconds
    assert ours.train_seconds.expected == pytest.approx(factor * plain.train_seconds.expected)
    assert ours.step_seconds.expected == pytest.approx(factor * plain.step_seconds.expected)
    assert ours.memory == plain.memory
    assert width(ours.train_seconds) == pytest.approx(max(REMAINING_SPREAD, runs_spread(correction(factor))) ** 2)
    told = [a for a in ours.assumptions if a.origin == "calibrated"]
    assert [(a.name, a.value) for a in told] == [("train_seconds_correction", factor)]
    assert told[0].source == "accepted in ours.yaml, 2026-11-24: eight runs"


@pytest.mark.parametrize("factor", [0.9, 1.1, 1.6])
def test_all_that_is_reserved_is_multiplied_and_parts_still_add_up(factor: float) -> None:
    plain, ours = estimate().memory, estimate(correction(factor, "peak_reserved_bytes"))
    memory = ours.memory
    assert memory.peak_reserved_bytes.expected == pytest.approx(factor * plain.peak_reserved_bytes.expected)
    assert sum(c.bytes for c in memory.components) == memory.peak_allocated_bytes.expected
    assert memory.peak_allocated_bytes.expected < memory.peak_reserved_bytes.expected < memory.device_bytes.expected
    for found in (memory.peak_allocated_bytes, memory.peak_reserved_bytes, memory.device_bytes):
        assert found.low < found.expected < found.high
    assert ours.step_seconds == estimate().step_seconds
    assert [a.name for a in ours.assumptions if a.origin == "calibrated"] == ["peak_reserved_bytes_correction"]


def test_what_is_counted_stays() -> None:
    plain = {c.name: c.bytes for c in estimate().memory.components}
    ours = {c.name: c.bytes for c in estimate(correction(0.5, "peak_reserved_bytes")).memory.components}
    for name in ("base_weights", "adapter_weights", "optimizer_states"):
        assert ours[name] == plain[name]
    least = estimate(correction(0.01, "peak_reserved_bytes")).memory.peak_reserved_bytes
    assert least.low > 0.98 * (plain["base_weights"] + plain["adapter_weights"] + plain["optimizer_states"])


def test_memory_ranges_are_as_wide_as_the_runs_showed() -> None:
    sure = correction(1.1, "peak_reserved_bytes", factor_low=1.099, factor_high=1.101)
    doubtful = correction(1.1, "peak_reserved_bytes", factor_low=0.9, factor_high=1.344)
    plain, narrow, wide = (estimate(*c).memory.peak_reserved_bytes for c in ((), (sure,), (doubtful,)))
    assert width(narrow) < width(plain) < width(wide)
    assert wide.high == pytest.approx(wide.expected * runs_spread(doubtful))


def test_it_decides_what_fits_and_what_would() -> None:
    held = estimate().memory.device_bytes.expected
    memory = int(1.15 * held)
    assert estimate(memory=memory).memory.fits
    full = estimate(correction(1.5, "peak_reserved_bytes"), memory=memory).memory
    assert not full.fits
    assert full.would_fit_with
    for change in full.would_fit_with:
        assert change.device_bytes.expected <= memory


def test_another_card_is_proposed_by_what_is_known_of_it() -> None:
    small, large = gpu(20 * 10**9), gpu(200 * 10**9, "H100-80GB")
    there = correction(0.5, gpu="H100-80GB")

    def change(*corrections: AcceptedCorrection) -> tuple[float, float]:
        made = estimate_training(ASKED, architecture(), small, other_gpus=[large], accepted=placed(*corrections))
        (found,) = (c for c in made.memory.would_fit_with if c.change == "hardware.gpu=H100-80GB")
        return found.time_factor, found.device_bytes.expected

    plain = change()
    assert change(there) == pytest.approx((0.5 * plain[0], plain[1]))
    assert change(there, correction(2.0)) == pytest.approx((0.25 * plain[0], plain[1]))
    assert change(correction(1.5, "peak_reserved_bytes")) == pytest.approx(plain)
    assert change(correction(1.5, "peak_reserved_bytes", gpu="H100-80GB"))[1] > 1.4 * plain[1]


@pytest.mark.parametrize("other", [{"gpu": "L40S"}, {"framework": "axolotl"}])
def test_other_places_stay_as_they_were(other: dict[str, Any]) -> None:
    assert estimate(correction(2.0, **other), correction(2.0, "peak_reserved_bytes", **other)) == estimate()


def measured(**changes: Any) -> MeasuredSteps:
    return MeasuredSteps.model_validate({"run": ASKED.model_dump()} | changes)


def test_the_callers_own_measurements_win() -> None:
    both = (correction(2.0), correction(2.0, "peak_reserved_bytes"))
    everything = measured(step_seconds=(10.0, 10.1, 9.9), peak_reserved_bytes=30 * 10**9)
    assert estimate(*both, steps=everything) == estimate(steps=everything)


def test_what_the_caller_did_not_measure_is_corrected_as_accepted() -> None:
    both = (correction(2.0), correction(1.2, "peak_reserved_bytes"))
    timed = measured(step_seconds=(10.0, 10.1, 9.9))
    ours = estimate(*both, steps=timed)
    assert ours.step_seconds == estimate(steps=timed).step_seconds
    assert ours.memory == estimate(both[1]).memory
    assert {a.name for a in ours.assumptions if a.origin == "calibrated"} == {
        "time_factor",
        "peak_reserved_bytes_correction",
    }
    remembered = measured(peak_reserved_bytes=30 * 10**9)
    ours = estimate(*both, steps=remembered)
    assert ours.step_seconds == estimate(both[0]).step_seconds
    assert ours.memory == estimate(steps=remembered).memory
    assert [a.name for a in ours.assumptions if a.origin == "calibrated"] == ["train_seconds_correction"]


def test_a_framework_without_measured_runs_has_some_then() -> None:
    asked = request("lora", framework="unsloth")
    said = "No measured runs of unsloth"
    assert any(said in text for text in estimate(asked=asked).warnings)
    assert not any(said in text for text in estimate(correction(1.2, framework="unsloth"), asked=asked).warnings)


def test_four_further_runs_in_five_lie_in_the_spread() -> None:
    chance = random.Random(7)  # noqa: S311
    inside = total = 0
    for _ in range(300):
        logs = [chance.gauss(0.3, 0.2) for _ in range(20)]
        half = T95_19_DEGREES * stdev(logs) / math.sqrt(len(logs))
        middle = math.exp(fmean(logs))
        found = correction(
            middle, factor_low=middle * math.exp(-half), factor_high=middle * math.exp(half), count=len(logs)
        )
        bound = math.log(runs_spread(found))
        runs = [chance.gauss(0.3, 0.2) for _ in range(20)]
        inside += sum(abs(run - fmean(logs)) <= bound for run in runs)
        total += len(runs)
    assert 0.78 < inside / total < 0.84
