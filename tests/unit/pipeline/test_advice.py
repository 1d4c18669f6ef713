"""The pipeline as a whole: the short way equals the long way, answers hang together, nothing leaks from the clock."""

from dataclasses import replace
from datetime import date

import pytest
from pydantic import TypeAdapter

from app.api.examples import RECOMMEND_EXAMPLES, body_of
from app.facts import read_facts
from app.pipeline import World, advise
from app.pipeline.case import Inputs, judge, work_out
from app.pipeline.reading import read_text
from app.schemas.facts import Facts
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report
from app.schemas.validation import parse

DAY = date(2026, 11, 24)
NAMES = list(RECOMMEND_EXAMPLES)
as_json = TypeAdapter(Report).dump_json


def asked(name: str) -> RecommendRequest:
    return parse(RecommendRequest, body_of(RECOMMEND_EXAMPLES[name]))


def prepared(name: str, world: World) -> tuple[Facts, Inputs]:
    request = asked(name)
    reading = read_text(request.description, world.classifier)
    inputs = Inputs(reading=reading, preferences=request.preferences, as_of=DAY, world=world)
    return read_facts(request, reading, world.catalogue), inputs


MOVES = [
    {},
    {"requests_per_day": 10.0},
    {"requests_per_day": 3_000_000.0},
    {"latency_p95_seconds": 0.2},
    {"latency_p95_seconds": 30.0},
    {"labelled_examples": 0.0},
    {"labelled_examples": 200_000.0},
    {"knowledge_changes": "fast"},
    {"self_hosting_required": True},
    {"target_quality": 0.99, "prompted_quality": 0.6},
]


@pytest.mark.parametrize("name", NAMES)
def test_the_short_way_to_the_verdict_equals_the_long_one(name: str, world: World) -> None:
    facts, inputs = prepared(name, world)
    for move in MOVES:
        moved = replace(facts, **move)  # type: ignore[arg-type]
        fresh = replace(inputs, planned={})
        long, short = work_out(moved, fresh).verdict, judge(moved, inputs)
        assert (short.log_odds, short.approach, short.close_call) == (long.log_odds, long.approach, long.close_call), (
            move
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_same_request_gives_the_same_bytes(name: str, world: World) -> None:
    assert as_json(advise(asked(name), world, DAY)) == as_json(advise(asked(name), world, DAY))


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_hangs_together(name: str, world: World) -> None:
    report = advise(asked(name), world, DAY)
    verdict = report.recommendation
    assert sum(r.weight for r in verdict.reasons) == pytest.approx(verdict.log_odds, abs=1e-9)
    assert 0.5 <= verdict.confidence <= 1
    assert [o.rank for o in report.options] == [1, 2, 3, 4]
    best = report.options[0]
    assert best.approach == verdict.approach or not any(
        o.feasible for o in report.options if o.approach == verdict.approach
    )
    training = report.compute.training
    assert sum(c.bytes for c in training.memory.components) == training.memory.peak_allocated_bytes.expected
    if report.fine_tuning.lora:
        assert training.trainable_parameters < training.total_parameters
    assert {b.field for b in report.fine_tuning.because} >= {"base_model", "method"}
    assert any(not p.agrees for p in report.precedents)


@pytest.mark.parametrize("name", NAMES)
def test_thresholds_flip_the_verdict_when_given_as_requirements(name: str, world: World) -> None:
    request = asked(name)
    report = advise(request, world, DAY)
    for found in report.sensitivity:
        needs = {**request.requirements.model_dump(exclude_none=True), found.requirement: found.threshold}
        body = {**request.model_dump(exclude_none=True, mode="json"), "requirements": needs}
        moved = advise(parse(RecommendRequest, body), world, DAY)
        assert moved.recommendation.approach == found.approach_beyond, found
        assert moved.recommendation.approach != report.recommendation.approach


def test_a_base_model_that_fits_nowhere_is_an_answer_without_a_price(world: World) -> None:
    body = {
        **body_of(RECOMMEND_EXAMPLES["icd10_coding"]),
        "preferences": {"base_model": "meta-llama/Llama-3.1-405B", "gpu": "T4"},
    }
    for extra in ({}, {"description": "Label all our archived letters overnight in one batch, nobody waits for it."}):
        report = advise(parse(RecommendRequest, {**body, **extra}), world, DAY)
        tuned = next(o for o in report.options if o.id == "tune_self_hosted")
        assert tuned.monthly_cost_usd is None
        assert not report.compute.training.memory.fits


def test_the_plan_is_estimated_as_planned(world: World) -> None:
    for name in NAMES:
        report = advise(asked(name), world, DAY)
        plan, training = report.fine_tuning, report.compute.training
        steps = plan.training
        assert training.total_tokens is not None
        expected = steps.examples * steps.num_epochs * steps.mean_seq_length
        assert training.total_tokens == pytest.approx(expected, rel=0.01)
