"""Corrections of the overlay reach every training estimate: asked alone, planned, recommended."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from app.api.examples import RECOMMEND_EXAMPLES, TRAINING_EXAMPLES, body_of
from app.pipeline import World, advise, load_world, plan_lora, training_estimate
from app.schemas.plan import LoraPlanRequest
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report
from app.schemas.training import MeasuredSteps, TrainingEstimate, TrainingRequest
from app.schemas.validation import parse

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ENTRY = """
  - {{quantity: {quantity}, gpu: {gpu}, framework: {framework}, factor: {factor}, factor_low: {factor},
     factor_high: {factor}, count: 9, as_of: 2026-11-24, evidence: nine runs}}
"""


def corrected(folder: Path, gpu: str, framework: str, **factors: float) -> World:
    """The world with these factors of quantities accepted."""
    entries = (ENTRY.format(quantity=q, gpu=gpu, framework=framework, factor=f) for q, f in factors.items())
    path = folder / "ours.yaml"
    path.write_text("corrections:" + "".join(entries), encoding="utf-8")
    return load_world(path)


@cache
def asked() -> TrainingRequest:
    """The first example of the documentation."""
    return parse(TrainingRequest, next(iter(TRAINING_EXAMPLES.values()))["value"])


def framework_of(made: TrainingEstimate) -> str:
    return str(next(a.value for a in made.assumptions if a.name == "framework"))


def calibrated(made: TrainingEstimate) -> dict[str, object]:
    return {a.name: a.value for a in made.assumptions if a.origin == "calibrated"}


def test_an_estimate_by_name(world: World, tmp_path: Path) -> None:
    plain = training_estimate(asked(), world)
    ours = corrected(tmp_path, asked().hardware.gpu, framework_of(plain), train_seconds=1.3, peak_reserved_bytes=0.97)
    made = training_estimate(asked(), ours)
    assert made.step_seconds.expected == pytest.approx(1.3 * plain.step_seconds.expected)
    reserved = (each.memory.peak_reserved_bytes.expected for each in (made, plain))
    assert next(reserved) == pytest.approx(0.97 * next(reserved))
    assert calibrated(made) == {"train_seconds_correction": 1.3, "peak_reserved_bytes_correction": 0.97}
    assert calibrated(plain) == {}


def test_measured_steps_of_the_callers_own_win(world: World, tmp_path: Path) -> None:
    steps = MeasuredSteps(run=asked(), step_seconds=(3.0, 3.1, 2.9), peak_reserved_bytes=20 * 10**9)
    framework = framework_of(training_estimate(asked(), world))
    ours = corrected(tmp_path, asked().hardware.gpu, framework, train_seconds=1.3, peak_reserved_bytes=0.97)
    assert training_estimate(asked(), ours, steps) == training_estimate(asked(), world, steps)


def reports(world: World) -> Iterator[Report]:
    for example in RECOMMEND_EXAMPLES.values():
        request = parse(RecommendRequest, body_of(example))
        yield advise(request, world, NOW.date(), id="rec_1", created_at=NOW)


def test_a_recommendation(world: World, tmp_path: Path) -> None:
    plain = next(reports(world))
    gpu, before = plain.fine_tuning.hardware.gpu, plain.compute.training
    ours = next(reports(corrected(tmp_path, gpu, framework_of(before), train_seconds=1.3)))
    after = ours.compute.training
    assert ours.fine_tuning.hardware.gpu == gpu
    assert before.train_seconds
    assert after.train_seconds
    assert after.train_seconds.expected == pytest.approx(1.3 * before.train_seconds.expected)
    assert calibrated(after) == {"train_seconds_correction": 1.3}
    assert before.cost.total_usd
    assert after.cost.total_usd
    assert after.cost.total_usd.expected == pytest.approx(1.3 * before.cost.total_usd.expected)
    assert ours.provenance.catalogue_digest != plain.provenance.catalogue_digest


def test_a_plan(world: World, tmp_path: Path) -> None:
    request = LoraPlanRequest(base_model="Qwen/Qwen3-8B", task_type="extraction", examples=5000, gpu="L40S")
    plain = plan_lora(request, world)
    framework = framework_of(next(reports(world)).compute.training)
    ours = plan_lora(request, corrected(tmp_path, "L40S", framework, peak_reserved_bytes=3.0))
    assert (plain.method, plain.hardware.gpu) == ("lora", "L40S")
    assert ours.method == "qlora"
