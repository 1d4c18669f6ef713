"""What cannot be done is said, and ranks last; what is unknown stays unknown."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.decision import DecisionBook, OptionFigures, Verdict, options
from app.schemas.base import Range, exactly
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, FactSource

GATES: list[tuple[str, tuple[str, ...], dict[str, Any], dict[str, Any], set[str]]] = [
    ("no obstacle", (), {}, {}, set()),
    ("19 labels", (), {"labelled_examples": 19}, {}, {"GATE_NO_LABELS"}),
    ("20 labels", (), {"labelled_examples": 20}, {}, set()),
    ("none, but experts can label", ("experts_label",), {"labelled_examples": 0}, {}, set()),
    (
        "nothing fits, nobody offers",
        (),
        {},
        {"tune_fits_gpu": False, "tune_hosted_offered": False},
        {"GATE_TUNING_UNAVAILABLE"},
    ),
    ("nothing fits, somebody offers", (), {}, {"tune_fits_gpu": False}, set()),
    (
        "nothing fits, offers may not be used",
        (),
        {"self_hosting_required": True},
        {"tune_fits_gpu": False},
        {"GATE_TUNING_UNAVAILABLE"},
    ),
    ("prompt too slow", (), {"latency_p95_seconds": 0.5}, {}, {"GATE_PROMPT_TOO_SLOW"}),
    ("prompt within slack", (), {"latency_p95_seconds": 1.5}, {}, set()),
    ("both too slow", (), {"latency_p95_seconds": 0.01}, {}, set()),
    ("tuned too slow", (), {"latency_p95_seconds": 2.0}, {"tune_latency_p95_seconds": 9.0}, {"GATE_TUNED_TOO_SLOW"}),
    ("first token too late", (), {"time_to_first_token_p95_seconds": 0.2}, {}, {"GATE_PROMPT_TOO_SLOW"}),
    ("speed unknown", (), {"latency_p95_seconds": 0.5}, {"prompt_latency_p95_seconds": None}, set()),
    ("prompt too long", (), {}, {"prompt_fits_context": False}, {"GATE_PROMPT_TOO_LONG"}),
]


@pytest.mark.parametrize(("case", "signals", "known", "figures", "shut"), GATES, ids=[g[0] for g in GATES])
def test_gates(
    case: str,
    signals: tuple[str, ...],
    known: dict[str, Any],
    figures: dict[str, Any],
    shut: set[str],
    make_facts: Callable[..., Facts],
    make_figures: Callable[..., Comparison],
    verdict_of: Callable[..., Verdict],
) -> None:
    verdict = verdict_of(make_facts(*signals, **known), make_figures(**figures))
    assert {g.code for g in verdict.gates} == shut
    for gate in verdict.gates:
        assert (gate.weight > 0) == (gate.toward == "fine_tuning")


def test_a_small_number_read_beside_labelled_examples_shuts_no_gate(
    make_facts: Callable[..., Facts], verdict_of: Callable[..., Verdict]
) -> None:
    stated = make_facts("labels_at_hand", labelled_examples=3)
    read = replace(stated, sources={"labelled_examples": FactSource("inferred", "Three datasets")})
    assert verdict_of(stated).gates
    assert not verdict_of(read).gates


def usual(**changes: OptionFigures) -> dict[str, OptionFigures]:
    made = {
        "prompt_hosted": OptionFigures(monthly_cost_usd=exactly(300), latency_p95_seconds=exactly(2)),
        "prompt_self_hosted": OptionFigures(monthly_cost_usd=exactly(900)),
        "tune_self_hosted": OptionFigures(monthly_cost_usd=exactly(900), latency_p95_seconds=exactly(0.3)),
        "tune_hosted": OptionFigures(monthly_cost_usd=None, unknown=("No price is on record.",)),
    }
    return {**made, **changes}


def ranked(
    verdict: Verdict, facts: Facts, comparison: Comparison, book: DecisionBook, figures: dict[str, OptionFigures]
) -> list[tuple[str, bool]]:
    made = options(verdict, facts, comparison, book, figures)
    assert [o.rank for o in made] == [1, 2, 3, 4]
    feasible = [o.feasible for o in made]
    assert feasible == sorted(feasible, reverse=True), "what cannot be done comes last"
    return [(o.id, o.feasible) for o in made]


def test_options_follow_the_verdict_and_then_the_price(
    book: DecisionBook,
    make_facts: Callable[..., Facts],
    make_figures: Callable[..., Comparison],
    verdict_of: Callable[..., Verdict],
) -> None:
    prompt = make_facts(task_type="qa", knowledge_changes="fast")
    assert ranked(verdict_of(prompt), prompt, make_figures(), book, usual())[:2] == [
        ("prompt_hosted", True),
        ("prompt_self_hosted", True),
    ]
    tune = make_facts("house_convention", task_type="classification", labelled_examples=9000)
    assert [name for name, _ in ranked(verdict_of(tune), tune, make_figures(), book, usual())][:2] == [
        "tune_self_hosted",
        "tune_hosted",
    ]


def test_self_hosting_rules_out_what_is_hosted(
    book: DecisionBook,
    make_facts: Callable[..., Facts],
    make_figures: Callable[..., Comparison],
    verdict_of: Callable[..., Verdict],
) -> None:
    facts = make_facts(self_hosting_required=True, task_type="qa")
    figures = make_figures(prompt_hosted=False)
    feasible = dict(ranked(verdict_of(facts, figures), facts, figures, book, usual()))
    assert feasible == {
        "prompt_hosted": False,
        "prompt_self_hosted": True,
        "tune_self_hosted": True,
        "tune_hosted": False,
    }


@pytest.mark.parametrize(
    ("name", "known", "figures", "of_option", "said"),
    [
        ("prompt_hosted", {"latency_p95_seconds": 0.5}, {}, {}, "Too slow"),
        ("prompt_hosted", {}, {"prompt_fits_context": False}, {}, "longer than the context"),
        ("tune_self_hosted", {}, {"tune_fits_gpu": False}, {}, "fits no known GPU"),
        ("tune_hosted", {}, {}, {"offered": False}, "No provider offers"),
        ("tune_hosted", {"labelled_examples": 5}, {}, {}, "Too few labelled examples"),
        (
            "prompt_hosted",
            {"monthly_budget_usd": 100.0},
            {},
            {"monthly_cost_usd": Range(low=101, expected=200, high=300)},
            "over the budget",
        ),
    ],
)
def test_what_blocks_an_option_is_said(
    name: str,
    known: dict[str, Any],
    figures: dict[str, Any],
    of_option: dict[str, Any],
    said: str,
    book: DecisionBook,
    make_facts: Callable[..., Facts],
    make_figures: Callable[..., Comparison],
    verdict_of: Callable[..., Verdict],
) -> None:
    facts, comparison = make_facts(**known), make_figures(**figures)
    given = {**usual(), name: OptionFigures(**of_option)} if of_option else usual()
    option = next(o for o in options(verdict_of(facts), facts, comparison, book, given) if o.id == name)
    assert not option.feasible
    assert any(said in text for text in option.because)


def test_a_budget_in_reach_blocks_nothing(
    book: DecisionBook,
    make_facts: Callable[..., Facts],
    make_figures: Callable[..., Comparison],
    verdict_of: Callable[..., Verdict],
) -> None:
    facts = make_facts(monthly_budget_usd=100.0)
    figures = usual(prompt_hosted=OptionFigures(monthly_cost_usd=Range(low=100, expected=200, high=300)))
    option = next(
        o for o in options(verdict_of(facts), facts, make_figures(), book, figures) if o.id == "prompt_hosted"
    )
    assert option.feasible
    assert "Expected $200 a month, over the budget of $100" in option.because[0]


def test_unknown_stays_unknown_and_an_end_is_shown(
    book: DecisionBook,
    make_facts: Callable[..., Facts],
    make_figures: Callable[..., Comparison],
    verdict_of: Callable[..., Verdict],
) -> None:
    facts = make_facts()
    figures = {"tune_hosted": OptionFigures(ends=date(2027, 1, 6))}
    made = {o.id: o for o in options(verdict_of(facts), facts, make_figures(), book, figures)}
    assert made["tune_hosted"].ends == date(2027, 1, 6)
    assert any("2027-01-06" in text for text in made["tune_hosted"].because)
    assert made["prompt_hosted"].monthly_cost_usd is None
    assert any("not estimated" in text for text in made["prompt_hosted"].because)


def test_labels_that_are_lacking_cost_days_and_effort(
    book: DecisionBook,
    make_facts: Callable[..., Facts],
    make_figures: Callable[..., Comparison],
    verdict_of: Callable[..., Verdict],
) -> None:
    def tuned(facts: Facts) -> Any:
        made = options(verdict_of(facts), facts, make_figures(), book, usual())
        return next(o for o in made if o.id == "tune_self_hosted")

    with_labels, without = tuned(make_facts(labelled_examples=5000)), tuned(make_facts(labelled_examples=50))
    assert without.days_to_start.expected > with_labels.days_to_start.expected
    assert (with_labels.effort, without.effort) == ("medium", "high")
