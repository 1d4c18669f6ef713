"""Conditions as data: what holds, what does not, and what the unknown never does."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from app.decision.conditions import Condition, Growth, Situation, compiled, growing, names_in

SHARP: dict[str, Any] = {"fact": "labelled_examples", "at_least": 300.0}

HOLDS = [
    ("a signal that stands there", {"signal": ["a", "b"]}, ("b",), {}, True),
    ("a signal that does not", {"signal": ["a"]}, ("b",), {}, False),
    ("at the bound", SHARP, (), {"labelled_examples": 300}, True),
    ("under the bound", SHARP, (), {"labelled_examples": 299}, False),
    ("an unknown number", SHARP, (), {}, False),
    ("an excluded upper bound", {"fact": "labelled_examples", "below": 300.0}, (), {"labelled_examples": 300}, False),
    ("one of a vocabulary", {"fact": "task_type", "one_of": ["qa"]}, (), {"task_type": "qa"}, True),
    ("another of it", {"fact": "task_type", "one_of": ["qa"]}, (), {"task_type": "code"}, False),
    ("a truth", {"fact": "self_hosting_required", "one_of": [True]}, (), {"self_hosting_required": True}, True),
    ("an unknown truth", {"fact": "self_hosting_required", "one_of": [True]}, (), {}, False),
    ("unknown, as asked", {"unknown": "labelled_examples"}, (), {}, True),
    ("known, though asked to be unknown", {"unknown": "labelled_examples"}, (), {"labelled_examples": 1}, False),
    ("given", {"given": "labelled_examples"}, (), {"labelled_examples": 1}, True),
    ("all, one missing", {"all": [{"signal": ["a"]}, SHARP]}, ("a",), {}, False),
    ("any, one there", {"any": [{"signal": ["a"]}, SHARP]}, ("a",), {}, True),
    ("none, one there", {"none": [{"signal": ["a"]}, SHARP]}, ("a",), {}, False),
    ("a gap", {"derived": "quality_gap", "at_least": 0.02}, (), {"prompted_quality": 0.8, "target_quality": 0.9}, True),
    (
        "a gap of which one side is unknown",
        {"derived": "quality_gap", "at_least": 0.02},
        (),
        {"target_quality": 1},
        False,
    ),
    ("a figure of the options", {"option": "tune_latency_p95_seconds", "below": 1.0}, (), {}, True),
    ("a score that was not computed", {"score": "latency", "at_least": 0.0}, (), {}, False),
]


@pytest.mark.parametrize(("case", "condition", "signals", "known", "expected"), HOLDS, ids=[h[0] for h in HOLDS])
def test_holds(
    case: str,
    condition: dict[str, Any],
    signals: tuple[str, ...],
    known: dict[str, Any],
    expected: bool,
    situation: Callable[..., Situation],
) -> None:
    assert compiled(Condition.model_validate(condition))(situation(*signals, **known)) is expected


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "always holds"),
        ({"fact": "nonsense", "at_least": 1.0}, "no fact is called"),
        ({"option": "nonsense", "at_least": 1.0}, "no figure"),
        ({"fact": "labelled_examples"}, "need one_of"),
        ({"at_least": 1.0}, "need one_of"),
        ({"fact": "labelled_examples", "score": "latency", "at_least": 1.0}, "compare one of"),
        ({"signals": ["a"]}, "Extra inputs"),
    ],
)
def test_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Condition.model_validate(wrong)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 0.8), (50, 0.0), (100, 0.0), (1000, 0.5), (10_000, 1.0), (10**6, 1.0), (0, 0.0)]
)
def test_growth_is_logarithmic_and_bounded(
    value: float | None, expected: float, situation: Callable[..., Situation]
) -> None:
    grown = growing(Growth(fact="labelled_examples", start=100, full=10_000, unknown=0.8))
    known = {} if value is None else {"labelled_examples": value}
    assert grown(situation(**known)) == pytest.approx(expected)


def test_growth_can_fall(situation: Callable[..., Situation]) -> None:
    grown = growing(Growth(fact="labelled_examples", start=300, full=20))
    assert grown(situation(labelled_examples=300)) == 0
    assert grown(situation(labelled_examples=20)) == 1
    assert grown(situation(labelled_examples=0)) == 1


def test_names_under_none_are_consulted_and_no_evidence() -> None:
    names = names_in(
        Condition.model_validate(
            {"all": [{"fact": "task_type", "one_of": ["qa"]}, {"none": [{"signal": ["a"]}, SHARP]}]}
        )
    )
    assert names.facts == {"task_type"}
    assert names.consulted == {"labelled_examples"}
    assert not names.signals
