"""Headline, caveats and next steps: true, in order, and with the task's figures."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from app.decision import DecisionBook, Verdict, recommendation
from app.decision.next_steps import IN_THE_PROMPT
from app.decision.words import RESIDENCY, caveats
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, Workload
from app.schemas.report import Recommendation
from app.shipped import shipped

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


def test_a_region_that_data_may_not_leave_is_a_caveat_unless_everything_is_ones_own(
    tell: Tell, make_facts: Callable[..., Facts]
) -> None:
    asked = make_facts("data_residency", task_type="extraction")
    assert RESIDENCY in tell(asked).caveats
    assert RESIDENCY not in tell(replace(asked, self_hosting_required=True)).caveats
    assert RESIDENCY not in tell(make_facts(task_type="extraction")).caveats


def test_evidence_quotes_text_facts_and_sources(tell: Tell) -> None:
    text = "Answers follow our house style."
    made = tell(Facts(text=text, signals={"house_convention": ((19, 30),)}, task_type="generation"))
    reason = next(r for r in made.reasons if r.code == "HOUSE_CONVENTION")
    assert "text: 'house style'" in reason.evidence
    assert any(e.startswith("source: ") for e in reason.evidence)


def test_every_technique_has_words_or_changes_no_prompt() -> None:
    """A technique that planning adds must be named in sentences, or be known to leave the prompt as it is."""
    named = yaml.safe_load((shipped("rules") / "planning" / "techniques.yaml").read_text(encoding="utf-8"))[
        "techniques"
    ]
    entries = {name for name in named if not name.endswith(("_self_hosted", "_shortened", "_citations"))}
    leaves = {"self_hosted_open_model", "evaluation_set", "prompt_caching", "prefix_caching", "batch"}
    assert entries - leaves == set(IN_THE_PROMPT)


def test_tuning_for_speed_or_price_is_said_only_where_the_figures_bear_it_out(
    tell: Tell, make_facts: Callable[..., Facts]
) -> None:
    facts = make_facts(
        "house_convention", task_type="classification", labelled_examples=12_000, latency_p95_seconds=1.0
    )
    slow = {"prompt_latency_p95_seconds": 1.4, "tune_latency_p95_seconds": 0.4}
    quick = {"prompt_latency_p95_seconds": 0.4, "tune_latency_p95_seconds": 0.4}
    dear = {"prompt_total_usd": 24_000.0, "tune_total_usd": 12_000.0}
    cheap = {"prompt_total_usd": 12_000.0, "tune_total_usd": 24_000.0}
    assert "expected to take 1.4 s where 1 s are allowed" in tell(facts, **slow, **cheap).next_steps[2]
    assert "expected to save $1,000 a month" in tell(facts, **quick, **dear).next_steps[2]
    assert "stop: prompting is enough" in tell(facts, **quick, **cheap).next_steps[2]
    assert "or matches" not in tell(facts, **quick, **cheap).next_steps[3]


def test_a_limit_that_the_advised_plan_misses_is_told_and_is_no_argument_for_it(
    tell: Tell, make_facts: Callable[..., Facts]
) -> None:
    facts = make_facts(
        "house_convention", task_type="classification", labelled_examples=12_000, latency_p95_seconds=0.25
    )
    late = tell(facts, prompt_latency_p95_seconds=2.6, tune_latency_p95_seconds=1.1)
    assert late.approach == "fine_tuning"
    assert "1.1 s where 250 ms are allowed; the other plan too (2.6 s)" in late.caveats[0]
    assert "250 ms" not in late.headline
    met = tell(facts, prompt_latency_p95_seconds=0.3, tune_latency_p95_seconds=0.2)
    assert "250 ms" in met.headline
    assert not any("miss the latency limit" in c for c in met.caveats)


def test_the_evaluation_set_is_large_enough_for_the_gap(tell: Tell, make_facts: Callable[..., Facts]) -> None:
    """Four points at 86 % take 4 x 0.86 x 0.14 / 0.04^2 = 301 examples; a fifth of 900 labels is less, and said so."""
    known = {"task_type": "classification", "prompted_quality": 0.86, "target_quality": 0.9}
    assert "301" in tell(make_facts(**known, labelled_examples=20_000)).next_steps[0]
    few = tell(make_facts(**known, labelled_examples=900))
    assert "180" in few.next_steps[0]
    assert "the 4 points in question takes about 301" in few.next_steps[2]


def test_no_labels_are_said_once_and_never_counted_as_a_reason_to_return(
    tell: Tell, make_facts: Callable[..., Facts]
) -> None:
    none = tell(make_facts("hard_reasoning", task_type="reasoning", labelled_examples=0))
    assert "only 0" not in none.headline
    assert none.headline.count("examples") <= 1
    some = tell(make_facts(task_type="qa", knowledge_changes="fast", labelled_examples=5_000))
    assert "5,000 labelled examples exist" not in some.next_steps[-1]


def test_assumed_tokens_are_a_caveat(
    book: DecisionBook,
    work: Workload,
    make_facts: Callable[..., Facts],
    verdict_of: Callable[..., Verdict],
) -> None:
    facts, assumed = make_facts("agentic", task_type="tool_use"), replace(work, defaulted={"output_tokens": "usual"})
    made = [" ".join(caveats(verdict_of(facts), facts, load, book)) for load in (assumed, replace(work, defaulted={}))]
    assert f"Tokens of a request were assumed ({work.output_tokens:,.0f} of answer)" in made[0]
    assert "Each step of an agent is such a request" in made[0]
    assert "assumed" not in made[1]


def test_the_bills_stand_beside_the_reason_that_rests_on_them(tell: Tell, make_facts: Callable[..., Facts]) -> None:
    made = tell(make_facts(task_type="qa", requests_per_day=50), prompt_total_usd=6_000.0, tune_total_usd=48_000.0)
    assert "$4,000 a month for tuning, $500 for prompting" in made.headline


def test_price_is_no_argument_for_tuning_where_prompting_costs_less(
    tell: Tell, make_facts: Callable[..., Facts]
) -> None:
    facts = make_facts("house_convention", task_type="classification", requests_per_day=300_000.0)
    dear = tell(facts, prompt_total_usd=6_000.0, tune_total_usd=48_000.0)
    told = " ".join((dear.headline, *dear.caveats, dear.next_steps[-1]))
    assert "the price of each call counts" not in told
    cheap = tell(facts, prompt_total_usd=480_000.0, tune_total_usd=48_000.0)
    assert "the price of each call counts" in cheap.headline
