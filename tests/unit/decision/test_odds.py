"""The verdict: mechanisms one at a time, sums, close calls, language."""

from collections.abc import Callable
from math import fsum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.decision import DecisionBook, Verdict, decide, recommendation
from app.decision.conditions import Situation
from app.decision.odds import holding, probability
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, Workload

TUNE, PROMPT = "fine_tuning", "prompt_engineering"
MECHANISMS = [
    (
        "labels for a convention",
        ("house_convention",),
        {"task_type": "classification", "labelled_examples": 5000},
        TUNE,
    ),
    (
        "exam questions, whatever the labels",
        ("hard_reasoning",),
        {"task_type": "reasoning", "labelled_examples": 99000},
        PROMPT,
    ),
    (
        "code with 75,000 pairs",
        (),
        {"task_type": "code", "labelled_examples": 75000, "max_base_model_parameters": 8e9},
        PROMPT,
    ),
    ("facts that change weekly", (), {"task_type": "qa", "knowledge_changes": "fast"}, PROMPT),
    (
        "facts that change weekly, with labels",
        (),
        {"task_type": "extraction", "knowledge_changes": "fast", "labelled_examples": 500},
        PROMPT,
    ),
    (
        "a limit of 50 ms",
        (),
        {"task_type": "classification", "latency_p95_seconds": 0.05, "labelled_examples": 2000},
        TUNE,
    ),
    ("on own machines", (), {"task_type": "generation", "self_hosting_required": True}, TUNE),
    ("a handful of labels", (), {"task_type": "classification", "labelled_examples": 10}, PROMPT),
    (
        "parity at lower price",
        ("large_model_suffices", "cost_decides"),
        {"task_type": "extraction", "requests_per_day": 2e6},
        TUNE,
    ),
    ("variety wanted", ("invention_wanted",), {"task_type": "generation"}, PROMPT),
    ("nothing known", (), {}, PROMPT),
    (
        "good enough already",
        (),
        {"task_type": "classification", "prompted_quality": 0.97, "target_quality": 0.9, "requests_per_day": 200},
        PROMPT,
    ),
    (
        "optimised prompt falls short",
        (),
        {
            "task_type": "classification",
            "prompted_quality": 0.8,
            "target_quality": 0.95,
            "prompting_effort": "optimized",
        },
        TUNE,
    ),
]


@pytest.mark.parametrize(("case", "signals", "known", "approach"), MECHANISMS, ids=[m[0] for m in MECHANISMS])
def test_mechanisms(
    case: str,
    signals: tuple[str, ...],
    known: dict[str, Any],
    approach: str,
    make_facts: Callable[..., Facts],
    make_figures: Callable[..., Comparison],
    verdict_of: Callable[..., Verdict],
) -> None:
    quick = make_figures(prompt_latency_p95_seconds=None, tune_latency_p95_seconds=None)
    assert verdict_of(make_facts(*signals, **known), quick).approach == approach


def test_a_first_try_at_prompting_weighs_less_than_an_optimised_one(
    make_facts: Callable[..., Facts], verdict_of: Callable[..., Verdict]
) -> None:
    def odds(effort: str) -> float:
        known = {"prompted_quality": 0.8, "target_quality": 0.9, "prompting_effort": effort}
        return verdict_of(make_facts(task_type="classification", **known)).log_odds

    assert odds("single_prompt") < odds("few_shot") < odds("optimized")


@st.composite
def tasks(draw: st.DrawFn) -> tuple[tuple[str, ...], dict[str, Any]]:
    signals = draw(
        st.lists(
            st.sampled_from(
                ["house_convention", "facts_move", "labels_at_hand", "labels_lacking", "cost_decides", "agentic"]
            ),
            unique=True,
        )
    )
    known: dict[str, Any] = {}
    plausible: dict[str, list[Any]] = {
        "task_type": ["qa", "classification", "code", "generation"],
        "labelled_examples": [0, 50, 400, 10**6],
        "requests_per_day": [0, 10, 50_000, 10**8],
        "latency_p95_seconds": [0.01, 1, 600],
        "prompted_quality": [0.0, 0.5, 1.0],
        "target_quality": [0.0, 0.9],
        "knowledge_changes": ["static", "fast"],
        "self_hosting_required": [True, False],
        "language": ["en", "de"],
    }
    for name, values in plausible.items():
        if draw(st.booleans()):
            known[name] = draw(st.sampled_from(values))
    return tuple(signals), known


@given(task=tasks())
def test_weights_add_up_and_confidence_follows(
    task: tuple[tuple[str, ...], dict[str, Any]],
    book: DecisionBook,
    work_session: Workload,
    builders: tuple[Callable[..., Facts], Callable[..., Comparison]],
) -> None:
    make_facts, make_figures = builders
    facts = make_facts(*task[0], **task[1])
    verdict = decide({}, facts, work_session, make_figures(), book)
    told = recommendation(verdict, facts, work_session, make_figures(), {}, book)
    assert round(fsum(r.weight for r in told.reasons), 9) == told.log_odds
    assert 0.5 <= told.confidence <= 1
    band = book.settings.close_call_log_odds
    trusted = verdict.log_odds * (1 if facts.language == "en" else book.settings.foreign_language_trust)
    assert told.close_call == (abs(trusted) <= band)
    assert told.approach == (TUNE if trusted > band else PROMPT)
    if told.close_call:
        assert told.approach == PROMPT
    assert told.headline.endswith(".")
    assert told.next_steps
    assert [abs(r.weight) for r in told.reasons] == sorted((abs(r.weight) for r in told.reasons), reverse=True)
    for reason in told.reasons:
        assert (reason.weight > 0) == (reason.toward == TUNE)


@given(task=tasks())
def test_the_index_finds_every_reason_that_holds(
    task: tuple[tuple[str, ...], dict[str, Any]],
    book: DecisionBook,
    builders: tuple[Callable[..., Facts], Callable[..., Comparison]],
) -> None:
    make_facts, make_figures = builders
    situation = Situation(make_facts(*task[0], **task[1]), {}, make_figures())
    plainly = {r.code for r in book.reasons if r.value(situation) > 0}
    assert {r.code for r, _ in holding(situation, book)} == plainly


def test_more_labels_never_speak_against_tuning(
    make_facts: Callable[..., Facts], verdict_of: Callable[..., Verdict]
) -> None:
    odds = [
        verdict_of(make_facts(task_type="extraction", labelled_examples=n)).log_odds
        for n in (0, 19, 20, 100, 300, 1000, 10**4, 10**6)
    ]
    assert odds == sorted(odds)


def test_a_shorter_limit_never_speaks_against_tuning(
    make_facts: Callable[..., Facts], verdict_of: Callable[..., Verdict]
) -> None:
    odds = [
        verdict_of(make_facts(task_type="extraction", latency_p95_seconds=s)).log_odds for s in (600, 10, 5, 2, 1, 0.4)
    ]
    assert odds == sorted(odds)


def test_another_language_lowers_confidence_and_not_the_odds(
    make_facts: Callable[..., Facts], verdict_of: Callable[..., Verdict]
) -> None:
    known = {"task_type": "qa", "knowledge_changes": "fast"}
    english, german = verdict_of(make_facts(**known)), verdict_of(make_facts(language="de", **known))
    assert german.log_odds == english.log_odds
    assert german.confidence < english.confidence


@given(st.floats(min_value=-1000, max_value=1000))
def test_probability_stays_between_zero_and_one(log_odds: float) -> None:
    assert 0 <= probability(log_odds) <= 1
    assert probability(log_odds) + probability(-log_odds) == pytest.approx(1)
