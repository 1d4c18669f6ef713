"""Fitting: signs held, priors kept where nothing is known, sources left out as a whole, the same bytes each time."""

import json

import numpy as np
import pytest

from app.decision import load_decision
from app.shipped import shipped
from models.decision_cases import load_cases, request_of
from models.decision_fit import Problem, case_weights, fit, left_out, sigmoid
from models.fit_decision import WEIGHTS, document, fitted_weights, problem_of


def toy(tuned: list[float], values: list[list[float]], prior: list[float], groups: list[str] | None = None) -> Problem:
    return Problem(
        views=(np.array(values, dtype=float),),
        tuned=np.array(tuned),
        strong=[True] * len(tuned),
        groups=groups or [str(i) for i in range(len(tuned))],
        prior=np.array(prior),
        fitted=[True] * len(prior),
    )


def test_a_weight_stops_at_zero_when_the_cases_say_the_opposite() -> None:
    found = fit(toy([0.0] * 40, [[1.0]] * 40, [0.5]))
    assert found[0] == pytest.approx(0, abs=1e-9)


def test_a_reason_that_never_holds_keeps_its_prior() -> None:
    found = fit(toy([1.0, 0.0], [[1.0, 0.0], [0.5, 0.0]], [0.4, -0.7]))
    assert found[1] == pytest.approx(-0.7, abs=1e-6)


def test_cases_move_a_weight_toward_what_they_show() -> None:
    few = fit(toy([1.0] * 2, [[1.0]] * 2, [0.5]))[0]
    many = fit(toy([1.0] * 40, [[1.0]] * 40, [0.5]))[0]
    assert 0.5 < few < many


def test_rows_of_one_source_share_their_weight() -> None:
    one = toy([1.0] * 9, [[1.0]] * 9, [0.5], groups=["a"] * 9)
    assert case_weights(one, np.ones(9)).sum() == pytest.approx(3)


def test_leaving_out_a_source_leaves_out_all_of_it() -> None:
    problem = toy([1.0, 1.0, 0.0], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.1, -0.1], groups=["a", "a", "b"])
    odds = left_out(problem)[0]
    assert odds[0] == odds[1] == pytest.approx(0.1, abs=1e-6)  # nothing else holds reason 0: its prior


def test_sigmoid_does_not_overflow() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_only_description_and_requirements_reach_the_reader() -> None:
    for case in load_cases():
        request = request_of(case, with_facts=False)
        assert request.description == case.description
        assert request.title is None
        assert not request.requirements.model_fields_set


def test_no_case_states_its_outcome_in_its_requirements() -> None:
    allowed = {
        "task_type",
        "domain",
        "requests_per_day",
        "latency_p95_seconds",
        "labelled_examples",
        "input_tokens",
        "output_tokens",
        "knowledge_changes",
        "output_format",
        "prompted_quality",
        "target_quality",
        "self_hosting_required",
        "data_sensitivity",
        "max_base_model_parameters",
    }
    for case in load_cases():
        assert set(case.requirements) <= allowed


def test_weights_on_file_are_those_that_fitting_gives() -> None:
    """`make train` was run after the last change to reasons, signals, classifier or cases."""
    book = load_decision(shipped("rules") / "decision", None)
    cases = load_cases()
    fresh = document(cases, fitted_weights(book, fit(problem_of(cases, book))))
    stored = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    assert stored["cases_digest"] == fresh["cases_digest"]
    assert stored["weights"].keys() == fresh["weights"].keys()
    for code, weight in fresh["weights"].items():
        assert stored["weights"][code] == pytest.approx(weight, abs=0.1), code
