"""Text, classifier and requirements joined: the given value wins, every fact tells where it comes from."""

from typing import Any

import pytest

from app.catalogue import Catalogue, load_catalogue
from app.facts import domain_named, effective_requirements, read_facts, workload
from app.facts.scope import mark
from app.facts.signals import led_task
from app.schemas.facts import Facts, Reading
from app.schemas.recommend import RecommendRequest
from app.units import SECONDS_PER_DAY

ABSTAINS = Reading(needs={}, task_type=None, task_type_probability=0.0, domain=None, domain_probability=0.0)
LETTERS = (
    "Extract ICD-10 codes from discharge letters as strict JSON. 40,000 letters a day, the ward system gives up after "
    "300 ms. 12,000 letters are already coded by hand."
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def facts_of(catalogue: Catalogue, text: str, reading: Reading = ABSTAINS, **requirements: Any) -> Facts:
    request = RecommendRequest.model_validate({"description": text, "requirements": requirements})
    return read_facts(request, reading, catalogue)


def test_the_issue_s_example_is_read(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, LETTERS)
    assert (facts.requests_per_day, facts.latency_p95_seconds, facts.labelled_examples) == (40000, 0.3, 12000)
    assert (facts.output_format, facts.task_type, facts.domain) == ("json", "extraction", "medical")
    assert facts.conflicts == ()


def test_every_known_fact_has_a_source_and_a_true_span(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, LETTERS, target_quality=0.9)
    for name, source in facts.sources.items():
        assert getattr(facts, name) is not None
        assert source.origin == ("given" if name == "target_quality" else "inferred")
        if source.span is not None:
            assert source.evidence
            assert LETTERS[slice(*source.span)].startswith(source.evidence[:10])


def test_the_given_value_wins_and_the_conflict_is_told(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, LETTERS, requests_per_day=500, latency_p95_seconds=0.3)
    assert facts.requests_per_day == 500
    assert facts.sources["requests_per_day"].origin == "given"
    (conflict,) = facts.conflicts
    assert "40,000" in conflict
    assert "500" in conflict
    assert "“40,000 letters a day”" in conflict


def test_rounding_is_no_conflict(catalogue: Catalogue) -> None:
    assert facts_of(catalogue, LETTERS, requests_per_day=39500).conflicts == ()


def test_a_given_zero_against_stated_examples_is_a_conflict(catalogue: Catalogue) -> None:
    assert len(facts_of(catalogue, LETTERS, labelled_examples=0).conflicts) == 1


def test_self_hosting_said_and_denied_is_a_conflict(catalogue: Catalogue) -> None:
    text = "Summarise the ward notes; patient data must not leave our network."
    assert facts_of(catalogue, text).self_hosting_required is True
    denied = facts_of(catalogue, text, self_hosting_required=False)
    assert denied.self_hosting_required is False
    assert "own machines" in denied.conflicts[0]


def test_money_is_converted_at_the_catalogue_s_dated_rate(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, "Sort the mails of our shop. The budget is 1,000 euros a month.")
    assert facts.monthly_budget_usd == pytest.approx(1000 * catalogue.currencies["EUR"].value)
    assert "USD" in (facts.sources["monthly_budget_usd"].evidence or "")


def test_pages_become_tokens_by_the_catalogue_s_assumption(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, "Summarise contracts of up to 12 pages for the partners.")
    assert facts.input_tokens == round(12 * catalogue.assumptions["tokens_per_page"].value)
    assert "tokens" in (facts.sources["input_tokens"].evidence or "")


def test_the_classifier_s_answer_is_used_unless_it_abstains(catalogue: Catalogue) -> None:
    sure = Reading(needs={}, task_type="ranking", task_type_probability=0.8, domain="legal", domain_probability=0.7)
    facts = facts_of(catalogue, LETTERS, sure)
    assert (facts.task_type, facts.domain) == ("ranking", "legal")
    assert "0.80" in (facts.sources["task_type"].evidence or "")


@pytest.mark.parametrize(("probability", "read"), [(0.59, "extraction"), (0.6, "ranking")])
def test_clear_words_win_over_an_unsure_classifier(catalogue: Catalogue, probability: float, read: str) -> None:
    unsure = Reading(
        needs={}, task_type="ranking", task_type_probability=probability, domain=None, domain_probability=0.0
    )
    facts = facts_of(catalogue, LETTERS, unsure)
    assert facts.task_type == read
    assert (facts.sources["task_type"].evidence == "Extract") == (read == "extraction")


def test_an_unsure_classifier_stays_where_words_are_not_clear(catalogue: Catalogue) -> None:
    unsure = Reading(needs={}, task_type="qa", task_type_probability=0.3, domain=None, domain_probability=0.0)
    assert facts_of(catalogue, "Something for letters, 40 a day.", unsure).task_type == "qa"


LED = [
    ("Extract the diagnosis from letters.", "extraction"),
    ("Translate letters into Dutch.", "translation"),
    ("Translate questions into SQL.", "code"),
    ("Letters come in all day. Summarise each for the file.", "summarization"),
    ("Answer questions of tenants about their lease.", "qa"),
    ("Draft a reply to each complaint.", "generation"),
    ("Order the hits by relevance.", "ranking"),
    ("Label printers stand in the hall.", None),
    ('They call it "Classify". Nothing else is known.', None),
    ("Classify the intent; translate the rest.", None),
]


@pytest.mark.parametrize(("text", "task"), LED)
def test_a_plain_main_verb_tells_the_task_type(text: str, task: str | None) -> None:
    led = led_task(mark(text))
    assert (led and led[0]) == task


def test_unclear_words_leave_task_type_and_domain_unknown(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, "We would like something helpful with our things, please.")
    assert facts.task_type is None
    assert facts.domain is None


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("Return one of our 12 intent labels for each ticket.", "output_format", "label"),
        ("Translate a question into a SQL query for the warehouse.", "output_format", "code"),
        ("Write playful product texts, prose in any form.", "output_format", "free_text"),
        ("Answer from the price list, which changes daily.", "knowledge_changes", "fast"),
        ("The code list has been stable for years, it rarely changes.", "knowledge_changes", "static"),
        ("The list changes every January.", "knowledge_changes", "slow"),
        ("Our interface is changed yearly.", "knowledge_changes", "slow"),
        ("The policy is revised about once a year.", "knowledge_changes", "slow"),
        ("There is a new handbook every year.", "knowledge_changes", "slow"),
        ("Policies change quarterly.", "knowledge_changes", "slow"),
        ("The catalogue of departments is stable.", "knowledge_changes", "static"),
        ("Transmission to third parties is not permitted.", "self_hosting_required", True),
        ("All letters stay in our building.", "self_hosting_required", True),
        ("Patient records are summarised under HIPAA.", "data_sensitivity", "regulated"),
        ("These are confidential contracts of our clients.", "data_sensitivity", "confidential"),
        ("Only public documents from the register are used.", "data_sensitivity", "public"),
        ("The system must run air-gapped in the bunker.", "self_hosting_required", True),
        ("It runs on premises, nothing goes to the cloud.", "self_hosting_required", True),
        ("This is a proof of concept for the board.", "stage", "prototype"),
        ("We go live nationwide with it in spring.", "stage", "production"),
        ("A few-shot prompt got us this far.", "prompting_effort", "few_shot"),
        ("We spent weeks on the prompt already.", "prompting_effort", "optimized"),
        ("A zero-shot prompt was all we had time for.", "prompting_effort", "single_prompt"),
        ("At most 0.1 % of the outputs may be invalid JSON.", "max_invalid_output_rate", 0.001),
        ("The base model must have at most 8B parameters.", "max_base_model_parameters", 8e9),
        ("Only a model of no more than 3 billion parameters fits.", "max_base_model_parameters", 3e9),
        ("Costs are compared over a horizon of two years.", "horizon_months", 24),
        ("Letters come in German and Polish.", "languages", ("de", "pl")),
    ],
)
def test_a_worded_fact_is_read(catalogue: Catalogue, text: str, name: str, value: object) -> None:
    assert getattr(facts_of(catalogue, text), name) == value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("There is no need for JSON, a note will do for us.", "output_format"),
        ("We tried a 70B model with eight GPUs in 2024.", "max_base_model_parameters"),
        ("Nobody asks for on-premises hosting of this one.", "self_hosting_required"),
    ],
)
def test_what_is_denied_stays_unknown(catalogue: Catalogue, text: str, name: str) -> None:
    assert getattr(facts_of(catalogue, text), name) is None


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("medical", "medical"),
        ("Biomedical", "medical"),
        ("health-care", "medical"),
        ("e-commerce", "ecommerce"),
        ("trust_safety", "security"),
        ("Customer Service", "customer_support"),
        ("fin-tech startup finance", "finance"),
        ("law firm", "legal"),
        ("software engineering", "software"),
        ("alchemy", "other"),
        ("human resources / recruiting", "hr"),
        ("gaming", "general"),
    ],
)
def test_a_free_text_domain_becomes_one_of_the_codebook_s(name: str, domain: str) -> None:
    assert domain_named(name) == domain


def test_the_workload_lacks_nothing_and_names_its_defaults(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, LETTERS)
    load = workload(facts, catalogue)
    defaults = catalogue.task_defaults["extraction"]
    assert (load.requests_per_day, load.labelled_examples) == (40000, 12000)
    assert load.input_tokens == defaults.input_tokens
    assert load.output_tokens < defaults.output_tokens, "codes of a list are shorter than copied passages"
    assert load.tokens_per_example == load.input_tokens + load.output_tokens
    factor = catalogue.assumptions["peak_factor"].value
    assert load.peak_requests_per_second == pytest.approx(factor * 40000 / SECONDS_PER_DAY)
    assert set(load.defaulted) == {
        "input_tokens",
        "output_tokens",
        "prompt_tokens",
        "peak_requests_per_second",
        "tokens_per_example",
        "horizon_months",
    }
    assert all(load.defaulted.values())


def test_a_translation_is_as_long_as_its_input(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, "Translate rulings of 12 pages into English for the archive.")
    load = workload(facts, catalogue)
    assert load.output_tokens == load.input_tokens == facts.input_tokens
    assert "input" in load.defaulted["output_tokens"]
    usual = workload(facts_of(catalogue, "Translate rulings into English for the archive."), catalogue)
    assert usual.output_tokens == catalogue.task_defaults["translation"].output_tokens
    stated = facts_of(catalogue, "Translate rulings of 12 pages into English; a translation has 900 tokens.")
    assert workload(stated, catalogue).output_tokens == 900


def test_a_completion_while_typing_is_short(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, "Code completion in the editor as the developer types.")
    assert facts.task_type == "code"
    assert workload(facts, catalogue).output_tokens < 50 < catalogue.task_defaults["code"].output_tokens


STEPS = [
    ("A coding agent repairs 30 bugs a day.", {}, 360, True),
    ("An autonomous agent plans trips, 500 a day.", {}, 6000, True),
    ("A coding agent makes 30 requests a day.", {}, 30, False),
    ("A coding agent repairs 30 bugs a day, 20 steps per bug.", {}, 600, False),
    ("Answer 30 questions a day.", {}, 30, False),
    ("A coding agent repairs 30 bugs a day.", {"requests_per_day": 30}, 30, False),
]


@pytest.mark.parametrize(("text", "given", "requests", "told"), STEPS)
def test_each_step_of_an_agent_is_a_request(
    catalogue: Catalogue, text: str, given: dict[str, Any], requests: float, told: bool
) -> None:
    facts = facts_of(catalogue, text, **given)
    assert facts.requests_per_day == requests
    assert ("steps of an agent" in (facts.sources["requests_per_day"].evidence or "")) == told
    assert facts.conflicts == ()


def test_an_unknown_task_type_is_other_and_says_so(catalogue: Catalogue) -> None:
    load = workload(facts_of(catalogue, "We would like something helpful with our things."), catalogue)
    assert load.task_type == "other"
    assert "task_type" in load.defaulted


def test_given_zeros_are_values_and_no_gaps(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, "Sort our mails into a few folders, please.", requests_per_day=0, labelled_examples=0)
    load = workload(facts, catalogue)
    assert (load.requests_per_day, load.labelled_examples, load.peak_requests_per_second) == (0, 0, 0)
    assert not {"requests_per_day", "labelled_examples"} & set(load.defaulted)


def test_effective_requirements_tell_each_origin(catalogue: Catalogue) -> None:
    facts = facts_of(catalogue, LETTERS, horizon_months=6)
    used = effective_requirements(facts, workload(facts, catalogue))
    assert used["horizon_months"].origin == "given"
    assert used["requests_per_day"].origin == "inferred"
    assert used["requests_per_day"].span is not None
    assert used["output_tokens"].origin == "default"
    assert used["output_tokens"].evidence
    assert "training_budget_usd" not in used
