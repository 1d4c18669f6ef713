"""Headline, caveats and next steps: true, in order, and with the task's figures."""

from collections.abc import Callable

import pytest

from app.decision import DecisionBook, Verdict, recommendation
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, Workload
from app.schemas.report import Recommendation

Tell = Callable[..., Recommendation]


@pytest.fixture
def tell(
    book: DecisionBook, work: Workload, make_figures: Callable[..., Comparison], verdict_of: Callable[..., Verdict]
) -> Tell:
    def told(facts: Facts, **figures: object) -> Recommendation:
        comparison = make_figures(**figures)
        return recommendation(verdict_of(facts, comparison), facts, work, comparison, {}, book)

    return told


def test_the_headline_names_the_strongest_reasons_with_their_figures(
    tell: Tell, make_facts: Callable[..., Facts]
) -> None:
    made = tell(make_facts("house_convention", task_type="classification", labelled_examples=12_000))
    assert made.headline.startswith("Fine-tune a base model: 12,000 labelled examples exist and ")
    made = tell(make_facts(task_type="qa", knowledge_changes="fast"))
    assert made.headline.startswith("Prompt a base model, do not fine-tune: the facts behind right answers change")


def test_a_close_call_says_so_and_prompts(tell: Tell, make_facts: Callable[..., Facts]) -> None:
    made = tell(make_facts(task_type="classification"))
    assert made.close_call
    assert made.headline.startswith("Too close to call, so start with prompting")
    assert made.caveats[0].startswith("The odds are near even")


def test_prompting_is_measured_before_money_is_spent_on_tuning(tell: Tell, make_facts: Callable[..., Facts]) -> None:
    made = tell(
        make_facts("house_convention", task_type="classification", labelled_examples=12_000),
        prompt_usd_per_request=0.002,
    )
    order = [
        next(i for i, step in enumerate(made.next_steps) if step.startswith(word))
        for word in ("Set 200", "Prompt", "If it", "Tune", "Serve")
    ]
    assert order == sorted(order)
    assert "about $0.40 in tokens" in made.next_steps[order[1]]


def test_no_cost_is_made_up(tell: Tell, make_facts: Callable[..., Facts]) -> None:
    made = tell(make_facts(task_type="qa"))
    assert "$" not in next(step for step in made.next_steps if step.startswith("Prompt"))


@pytest.mark.parametrize(("labels", "examples"), [(None, 200), (50, 30), (400, 80), (100_000, 200)])
def test_a_fifth_of_the_labels_is_kept_for_evaluation(
    labels: int | None, examples: int, tell: Tell, make_facts: Callable[..., Facts]
) -> None:
    known = {} if labels is None else {"labelled_examples": labels}
    assert str(examples) in tell(make_facts(task_type="qa", **known)).next_steps[0]


def test_caveats_tell_what_speaks_against_it_and_what_is_unknown(tell: Tell, make_facts: Callable[..., Facts]) -> None:
    made = tell(make_facts("house_convention", "hard_reasoning", "labels_at_hand", task_type="classification"))
    assert made.approach == "fine_tuning"
    said = " ".join(made.caveats)
    assert "What speaks against it: " in said
    assert "several steps of thought" in said
    assert "No measured quality of a prompt" in said
    assert "number of labelled examples was not stated" in said
    assert "The volume was not stated; costs are for 1,000 requests a day." in said
    assert "2022 to 2025" in made.caveats[-1]


def test_conflicts_and_another_language_are_caveats(tell: Tell, make_facts: Callable[..., Facts]) -> None:
    made = tell(make_facts(task_type="qa", language="de", conflicts=("The text says 5, the requirement 7.",)))
    said = " ".join(made.caveats)
    assert "The text says 5, the requirement 7." in said
    assert "not English (de)" in said


def test_evidence_quotes_text_facts_and_sources(tell: Tell) -> None:
    text = "Answers follow our house style."
    made = tell(Facts(text=text, signals={"house_convention": ((19, 30),)}, task_type="generation"))
    reason = next(r for r in made.reasons if r.code == "HOUSE_CONVENTION")
    assert "text: 'house style'" in reason.evidence
    assert any(e.startswith("source: ") for e in reason.evidence)
