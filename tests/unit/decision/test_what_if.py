"""Sensitivity and missing facts: every threshold holds on both sides, and reasoning never contradicts evaluation."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.decision import DecisionBook, Verdict, decide, missing, needs_read_by, sensitivity
from app.decision.conditions import Situation
from app.decision.reach import changed, reach_of
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, Workload

Builders = tuple[Callable[..., Facts], Callable[..., Comparison]]
TASKS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    ((), {"task_type": "classification", "labelled_examples": 5000}),
    ((), {"task_type": "extraction", "labelled_examples": 40, "requests_per_day": 20_000}),
    (("hard_reasoning",), {"task_type": "qa", "requests_per_day": 300_000, "latency_p95_seconds": 4}),
    (("facts_move",), {"task_type": "classification", "labelled_examples": 90_000}),
    (("house_convention",), {"task_type": "generation", "knowledge_changes": "static", "prompted_quality": 0.65}),
    (("agentic",), {"task_type": "tool_use", "self_hosting_required": True}),
    ((), {"task_type": "classification", "prompted_quality": 0.85, "target_quality": 0.9, "input_tokens": 900}),
]


def served(facts: Facts, make_figures: Callable[..., Comparison]) -> Comparison:
    """Figures that depend on the facts as those of the pipeline do: price on volume, gates on limits."""
    volume = facts.requests_per_day or 1000
    return make_figures(
        prompt_total_usd=volume * 0.5,
        tune_total_usd=20_000 + volume * 0.02,
        prompt_latency_p95_seconds=2.0,
        tune_latency_p95_seconds=0.3,
        prompt_fits_context=(facts.input_tokens or 0) < 100_000,
    )


def evaluator(
    book: DecisionBook, work: Workload, make_figures: Callable[..., Comparison]
) -> Callable[[Facts], Verdict]:
    return lambda facts: decide({}, facts, work, served(facts, make_figures), book)


@pytest.mark.parametrize("task", TASKS, ids=[str(i) for i in range(len(TASKS))])
def test_thresholds_hold_on_both_sides(
    task: tuple[tuple[str, ...], dict[str, Any]], book: DecisionBook, work_session: Workload, builders: Builders
) -> None:
    make_facts, make_figures = builders
    facts, evaluate = make_facts(*task[0], **task[1]), evaluator(book, work_session, make_figures)
    verdict = evaluate(facts)
    for found in sensitivity(facts, work_session, verdict, book, evaluate):
        assert found.approach_beyond != verdict.approach
        assert evaluate(changed(facts, found.requirement, found.threshold)).approach == found.approach_beyond, found
        if isinstance(found.threshold, float):
            entry = next(r for r in book.ranges if r.fact == found.requirement)
            step = 1 + 2.5 * entry.ratio if found.threshold > found.current else 1 / (1 + 2.5 * entry.ratio)
            nearer = found.threshold / step
            if min(nearer, found.current) < max(nearer, found.current) and entry.bounds[0] <= nearer <= entry.bounds[1]:
                inside = (
                    max(nearer, found.current)
                    if found.threshold < found.current
                    else min(nearer, max(nearer, found.current))
                )
                if (inside - found.current) * (found.threshold - found.current) > 0:
                    assert evaluate(changed(facts, found.requirement, inside)).approach == verdict.approach, found


def test_a_flip_is_found(book: DecisionBook, work_session: Workload, builders: Builders) -> None:
    make_facts, make_figures = builders
    facts = make_facts(task_type="classification", labelled_examples=5000, knowledge_changes="static")
    evaluate = evaluator(book, work_session, make_figures)
    found = {s.requirement: s for s in sensitivity(facts, work_session, evaluate(facts), book, evaluate)}
    assert 20 < found["labelled_examples"].threshold < 5000
    assert " labelled examples (now 5,000), the advice becomes prompting." in found["labelled_examples"].text
    assert found["knowledge_changes"].threshold == "fast"


def test_a_firm_verdict_asks_nothing(book: DecisionBook, work_session: Workload, builders: Builders) -> None:
    make_facts, make_figures = builders
    facts = make_facts(
        "house_convention",
        "cost_decides",
        "volume_high",
        "answer_awaited",
        "on_own_machines",
        "labels_at_hand",
        "prompt_falls_short",
        task_type="classification",
    )
    calls = []
    evaluate = evaluator(book, work_session, make_figures)
    verdict = evaluate(facts)

    def counted(moved: Facts) -> Verdict:
        calls.append(moved)
        return evaluate(moved)

    assert sensitivity(facts, work_session, verdict, book, counted) == ()
    assert not any(m.could_change_approach for m in missing(facts, verdict, book, counted))
    assert len(calls) <= 2


@pytest.mark.parametrize("task", TASKS, ids=[str(i) for i in range(len(TASKS))])
def test_missing_facts_are_valued_by_the_answers_that_flip(
    task: tuple[tuple[str, ...], dict[str, Any]], book: DecisionBook, work_session: Workload, builders: Builders
) -> None:
    make_facts, make_figures = builders
    facts, evaluate = make_facts(*task[0], **task[1]), evaluator(book, work_session, make_figures)
    verdict = evaluate(facts)
    found = missing(facts, verdict, book, evaluate)
    assert [m.value for m in found] == sorted((m.value for m in found), reverse=True)
    assert not {m.requirement for m in found} & task[1].keys()
    for one in found:
        answers = next(q.answers for q in book.questions if q.fact == one.requirement)
        share = sum(
            a.share for a in answers if evaluate(changed(facts, one.requirement, a.value)).approach != verdict.approach
        )
        assert one.value == pytest.approx(share, abs=1e-4), one.requirement
        assert one.could_change_approach == (one.value > 0)


@settings(max_examples=150, deadline=None)
@given(
    number=st.integers(0, len(TASKS) - 1),
    move=st.sampled_from(
        [
            ("labelled_examples", [0, 19, 299, 300, 5000]),
            ("requests_per_day", [1, 2000, 30_000, 10**7]),
            ("latency_p95_seconds", [0.05, 0.5, 1.9, 30]),
            ("input_tokens", [10, 150_000]),
            ("knowledge_changes", ["static", "slow", "fast"]),
            ("self_hosting_required", [True, False]),
            ("prompted_quality", [0.1, 0.69, 0.7, 0.9, 1.0]),
            ("target_quality", [0.1, 0.86, 1.0]),
            ("max_base_model_parameters", [1e9, 1e12]),
        ]
    ),
    pick=st.integers(0, 4),
)
def test_certain_reasoning_agrees_with_evaluation(
    number: int, move: tuple[str, list[Any]], pick: int, book: DecisionBook, work_session: Workload, builders: Builders
) -> None:
    make_facts, make_figures = builders
    fact, values = move
    value = values[pick % len(values)]
    facts, evaluate = make_facts(*TASKS[number][0], **TASKS[number][1]), evaluator(book, work_session, make_figures)
    verdict = evaluate(facts)
    moved = changed(facts, fact, value)
    flips = evaluate(moved).approach != verdict.approach
    reach = reach_of(fact, facts, verdict, book)
    seen = reach.outlook(Situation(moved, {}, served(facts, make_figures)), book)
    if seen.certain:
        assert seen.flips == flips
    if not reach.may_flip():
        assert not flips


def test_scores_are_moved_by_what_their_rules_read() -> None:
    read = needs_read_by([("latency", "facts", "stage"), ("cost", "options", "cost_ratio"), ("cost", "signals", "x")])
    assert read["stage"] == {"latency", "cost"}
    assert read["requests_per_day"] == {"cost"}
    assert "x" not in read
