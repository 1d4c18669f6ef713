"""Prompting plans: when each technique is proposed, and the tokens that follow."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.planning import Chosen, plan_prompting
from app.schemas.facts import Facts
from app.schemas.plan import Because, PromptingPlan
from app.schemas.vocabulary import TaskType
from app.schemas.world import BaseModelSpec, HostedModelSpec
from tests.unit.planning.planning_cases import BASE_MODELS, BOOK, HOSTED, facts, hosted, workload

MEDIUM, OPEN = HOSTED[1], BASE_MODELS[2]
WHY = Because(field="model", text="because", source="test")


def plan(
    known: Facts, task: TaskType = "extraction", spec: HostedModelSpec | BaseModelSpec = MEDIUM, rate: float = 0.8
) -> PromptingPlan:
    chosen: Any = Chosen(spec, WHY, ())
    return plan_prompting(
        known, workload(known, task), chosen, book=BOOK, cache_hit_rate=rate, cache_lifetime_seconds=300
    )


def names(made: PromptingPlan) -> list[str]:
    return [t.name for t in made.techniques]


@pytest.mark.parametrize(
    ("task", "known", "proposed"),
    [
        ("qa", facts(), {"retrieval"}),
        ("qa", facts("cite_sources", knowledge_changes="static"), {"retrieval"}),
        ("classification", facts(knowledge_changes="fast"), {"retrieval", "closed_labels"}),
        ("generation", facts("documents_change"), {"retrieval"}),
        ("extraction", facts(output_format="json"), {"structured_output", "output_validation"}),
        ("extraction", facts(), {"structured_output"}),
        ("generation", facts("tone_of_voice"), {"style_guide"}),
        ("generation", facts("creative"), {"style_guide", "several_candidates"}),
        ("classification", facts(output_format="label"), {"closed_labels", "structured_output"}),
        ("reasoning", facts(), {"chain_of_thought", "decomposition"}),
        ("qa", facts("multi_step_reasoning"), {"chain_of_thought", "decomposition"}),
        ("classification", facts("multi_step_reasoning"), {"chain_of_thought"}),
        ("code", facts(), {"decomposition"}),
        ("tool_use", facts(), {"tool_calling"}),
        ("generation", facts("batch_offline"), {"batch"}),
        ("extraction", facts(prompt_tokens=2000, requests_per_day=300.0), {"prompt_caching", "few_shot"}),
        ("extraction", facts(prompt_tokens=4000, labelled_examples=100), {"dynamic_examples"}),
        ("extraction", facts(prompt_tokens=4000, labelled_examples=99), {"few_shot"}),
        ("generation", facts(), {"evaluation_set"}),
        ("generation", facts(prompted_quality=0.7, prompting_effort="single_prompt"), {"prompt_optimization"}),
        ("generation", facts(max_invalid_output_rate=0.001), {"output_validation"}),
    ],
)
def test_proposed(task: TaskType, known: Facts, proposed: set[str]) -> None:
    assert proposed <= set(names(plan(known, task)))


@pytest.mark.parametrize(
    ("task", "known", "absent"),
    [
        ("qa", facts(knowledge_changes="static"), "retrieval"),
        ("generation", facts(), "structured_output"),
        ("reasoning", facts(latency_p95_seconds=1.0), "chain_of_thought"),
        ("reasoning", facts(), "few_shot"),
        ("qa", facts(), "few_shot"),
        ("generation", facts("tone_of_voice"), "several_candidates"),
        ("generation", facts("creative"), "few_shot"),
        ("generation", facts("batch_offline", latency_p95_seconds=60.0), "batch"),
        ("generation", facts("batch_offline", "user_waits"), "batch"),
        ("generation", facts(), "batch"),
        ("extraction", facts(prompt_tokens=1000), "prompt_caching"),  # under the provider's 1,024
        ("extraction", facts(prompt_tokens=2000, requests_per_day=287.0), "prompt_caching"),  # 288 keep it warm
        ("generation", facts(prompted_quality=0.7, prompting_effort="optimized"), "evaluation_set"),
        ("generation", facts(prompted_quality=0.7, prompting_effort="optimized"), "prompt_optimization"),
        ("extraction", facts(prompt_tokens=0), "few_shot"),
    ],
)
def test_not_proposed(task: TaskType, known: Facts, absent: str) -> None:
    assert absent not in names(plan(known, task))


def test_cached_tokens_are_the_fixed_part_by_the_hit_rate() -> None:
    assert plan(facts(prompt_tokens=2000)).cached_prompt_tokens == 1600
    assert plan(facts(prompt_tokens=2000), rate=0.5).cached_prompt_tokens == 1000
    chosen = plan(facts(prompt_tokens=4000, labelled_examples=500))  # two of 1,000 tokens differ by request
    assert chosen.cached_prompt_tokens == 1600
    short = plan(facts(prompt_tokens=1700, labelled_examples=500))  # 700 fixed tokens are under the minimum
    assert short.cached_prompt_tokens == 0
    assert "700 tokens are the same" in _why(short, "cached_prompt_tokens")


def test_a_provider_without_cache_price_caches_nothing() -> None:
    none = hosted("none", "small", 0.1, 0.4, cache_min_tokens=None)
    made = plan(facts(prompt_tokens=5000), spec=none)
    assert made.cached_prompt_tokens == 0
    assert "no price of cached input" in _why(made, "cached_prompt_tokens")


def test_passages_are_taken_from_an_assumed_input_and_added_to_a_stated_one() -> None:
    assumed = plan(facts(), "qa")
    assert (assumed.input_tokens, assumed.retrieval_tokens) == (100, 800)
    stated = plan(facts(input_tokens=60), "qa")
    assert (stated.input_tokens, stated.retrieval_tokens) == (60, 2000)


def test_steps_lengthen_a_short_answer_only() -> None:
    assert plan(facts(output_tokens=5), "reasoning").output_tokens == 305
    assert plan(facts(output_tokens=800), "reasoning").output_tokens == 800


def test_examples_fit_or_are_shortened() -> None:
    fit = next(t for t in plan(facts(prompt_tokens=5000, tokens_per_example=1000)).techniques if t.name == "few_shot")
    assert fit.because.startswith("3 fixed examples of about 1,000 tokens")
    cut = next(t for t in plan(facts(prompt_tokens=500, tokens_per_example=1000)).techniques if t.name == "few_shot")
    assert "shortened to the decisive lines (about 100 tokens each" in cut.because


def test_own_gpus_prompt_an_open_base_model() -> None:
    made = plan(facts("batch_offline", self_hosting_required=True, output_format="json", prompt_tokens=500), spec=OPEN)
    assert made.deployment == "self_hosted"
    assert made.model == OPEN.id
    assert names(made)[0] == "self_hosted_open_model"
    assert made.cached_prompt_tokens == 400  # engines cache prefixes of any length
    assert not made.batch
    assert "grammar" in next(t.because for t in made.techniques if t.name == "structured_output")


def test_without_time_there_is_no_second_attempt() -> None:
    def said(limit: float) -> str:
        made = plan(facts(output_format="json", latency_p95_seconds=limit))
        return next(t.because for t in made.techniques if t.name == "output_validation")

    assert "no time for a second attempt" in said(1.9)
    assert "ask once more" in said(2.0)


FIELDS = {
    "model", "deployment", "prompt_tokens", "cached_prompt_tokens", "input_tokens", "output_tokens", "retrieval_tokens",
    "batch",
}  # fmt: skip


@given(
    task=st.sampled_from(sorted(BOOK.needed)),
    prompt=st.none() | st.integers(0, 50_000),
    given_input=st.none() | st.integers(0, 50_000),
    output=st.none() | st.integers(1, 10_000),
    labels=st.none() | st.integers(0, 10**9),
    requests=st.none() | st.floats(0, 1e9),
    signals=st.sets(st.sampled_from(["batch_offline", "cite_sources", "creative", "strict_schema", "no_labels"])),
)
def test_every_plan_adds_up_and_gives_its_reasons(
    task: TaskType, prompt: int, given_input: int, output: int, labels: int, requests: float, signals: set[str]
) -> None:
    known = facts(
        *signals,
        prompt_tokens=prompt,
        input_tokens=given_input,
        output_tokens=output,
        labelled_examples=labels,
        requests_per_day=requests,
    )
    made = plan(known, task)
    assert 0 <= made.cached_prompt_tokens <= made.prompt_tokens
    assert min(made.input_tokens, made.retrieval_tokens) >= 0
    assert made.output_tokens >= 1
    assert {b.field for b in made.because} == FIELDS
    assert all(b.text and b.source for b in made.because)
    assert len(names(made)) == len(set(names(made)))
    assert all("{" not in t.because and t.source for t in made.techniques)


def _why(made: PromptingPlan, field: str) -> str:
    return next(b.text for b in made.because if b.field == field)
