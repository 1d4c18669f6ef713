"""The rule book: shipped rules and their own examples, what evaluation gives, and what loading refuses."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from app.errors import CatalogueError, UnknownNameError
from app.facts.lexicon import load_lexicon
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, FactSource
from app.schemas.vocabulary import NEEDS
from app.scoring.cel import cel
from app.scoring.conditions import OUTCOMES_KEPT, compile_condition, known_names
from app.scoring.rules import Rule, RuleBook, explain, load_rules, run_examples
from app.shipped import shipped

ROOT = Path(__file__).resolve().parents[3]
RULES = shipped("rules")
BOOK = load_rules(RULES)
UNKNOWN = Comparison(**dict.fromkeys((f.name for f in fields(Comparison)), cast("Any", None)))
RULE = """\
rules:
- id: LATENCY-TEST
  title: A limit of a second
  status: stable
  need: latency
  when: 'facts.latency_p95_seconds != null && facts.latency_p95_seconds <= 1.0'
  weight: 1.5
  because: It says so.
  known_limits: None known.
  reference: [{title: A page, href: 'https://example.org/page'}]
  examples: [{given: {latency_p95_seconds: 0.3}, fires: true}, {given: {latency_p95_seconds: 5.0}, fires: false}]
"""
"""A file that loads; the tests below break it in one place each."""
WHEN = "facts.latency_p95_seconds != null && facts.latency_p95_seconds <= 1.0"


def folder_with(tmp_path: Path, latency: str) -> Path:
    """The shipped rules with another latency.yaml."""
    for file in RULES.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "latency.yaml").write_text(latency, encoding="utf-8")
    return tmp_path


def fired(facts: Facts, comparison: Comparison = UNKNOWN, book: RuleBook = BOOK) -> set[str]:
    """Ids of the rules that fire."""
    return {e.id for evidence in book.evaluate(facts, comparison).values() for e in evidence}


def test_there_are_enough_rules_for_every_need() -> None:
    counts = {need: sum(rule.need == need and rule.status == "stable" for rule in BOOK.rules) for need in NEEDS}
    assert min(counts.values()) >= 7
    assert sum(counts.values()) >= 32


def test_every_need_has_rules_that_speak_against_it() -> None:
    assert {rule.need for rule in BOOK.rules if rule.weight < 0} == set(NEEDS)


def test_all_examples_come_out_as_they_say() -> None:
    assert run_examples(BOOK) == ()


def test_a_wrong_example_is_reported_with_its_rule(tmp_path: Path) -> None:
    wrong = RULE.replace("{latency_p95_seconds: 5.0}, fires: false", "{latency_p95_seconds: 0.5}, fires: false")
    (failure,) = run_examples(load_rules(folder_with(tmp_path, wrong)))
    assert failure.startswith("LATENCY-TEST: should be quiet")


@pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.id)
def test_every_number_in_a_rule_is_tried_under_at_and_over(rule: Rule) -> None:
    """Each threshold on a fact has examples on both sides of it, or at it."""
    for name, limit in re.findall(r"facts\.(\w+) [<>]=? ([\d.]+)", rule.when.source):
        tried = [example.given[name] for example in rule.examples if name in example.given]
        assert any(value <= float(limit) for value in tried), f"no example of {name} at or under {limit}"
        assert any(value >= float(limit) for value in tried), f"no example of {name} at or over {limit}"


CASES: list[tuple[dict[str, Any], set[str], set[str]]] = [
    ({"latency_p95_seconds": 1.0}, {"LATENCY-SUBSECOND"}, {"LATENCY-SECONDS"}),
    ({"latency_p95_seconds": 1.001}, {"LATENCY-SECONDS"}, {"LATENCY-SUBSECOND"}),
    ({"latency_p95_seconds": 10.0}, {"LATENCY-SECONDS"}, {"LATENCY-RELAXED-LIMIT"}),
    ({"latency_p95_seconds": 10.001}, {"LATENCY-RELAXED-LIMIT"}, {"LATENCY-SECONDS"}),
    ({"requests_per_day": 9_999.9}, {"COST-VOLUME-LOW"}, {"COST-VOLUME-MEDIUM"}),
    ({"requests_per_day": 10_000.0}, {"COST-VOLUME-MEDIUM"}, {"COST-VOLUME-LOW"}),
    ({"requests_per_day": 99_999.9}, {"COST-VOLUME-MEDIUM"}, {"COST-VOLUME-HIGH"}),
    ({"requests_per_day": 100_000.0}, {"COST-VOLUME-HIGH"}, {"COST-VOLUME-MEDIUM"}),
    ({"output_format": "json"}, {"CONSISTENCY-SCHEMA"}, {"CONSISTENCY-LABELS"}),
    ({"domain": "general"}, {"DOMAIN-GENERAL"}, {"DOMAIN-PROFESSION"}),
    ({}, set(), {rule.id for rule in BOOK.rules}),
]


@pytest.mark.parametrize(("known", "wanted", "unwanted"), CASES)
def test_which_rules_fire(known: dict[str, Any], wanted: set[str], unwanted: set[str]) -> None:
    found = fired(Facts(text="", **known))
    assert wanted <= found
    assert not unwanted & found


def test_options_are_read() -> None:
    slow = replace(UNKNOWN, prompt_latency_p95_seconds=2.5)
    assert "LATENCY-PROMPT-TOO-SLOW" in fired(Facts(text="", latency_p95_seconds=2.0), slow)
    assert "LATENCY-PROMPT-TOO-SLOW" not in fired(Facts(text="", latency_p95_seconds=3.0), slow)
    dear = replace(UNKNOWN, prompt_total_usd=1000.0, tune_total_usd=100.0)
    assert "COST-TUNING-CHEAPER" in fired(Facts(text="", requests_per_day=5.0), dear)


def test_evidence_quotes_where_a_fact_was_read() -> None:
    text = "The ward system gives up after 300 ms."
    span = (text.index("after"), len(text) - 1)
    sources = {"latency_p95_seconds": FactSource("inferred", "after 300 ms", span)}
    (found,) = BOOK.evaluate(Facts(text=text, latency_p95_seconds=0.3, sources=sources), UNKNOWN)["latency"]
    assert found.span == span
    assert found.text.endswith("(“after 300 ms”)")
    assert found.weight == BOOK["LATENCY-SUBSECOND"].weight
    assert found.kind == "rule"


def test_evidence_quotes_where_a_signal_stands() -> None:
    facts = Facts(text="Suggestions as they type, please.", signals={"as_you_type": ((12, 24),)})
    (found,) = BOOK.evaluate(facts, UNKNOWN)["latency"]
    assert found.span == (12, 24)
    assert "“as they type”" in found.text


def test_a_given_fact_has_no_span() -> None:
    facts = Facts(text="", latency_p95_seconds=0.3, sources={"latency_p95_seconds": FactSource("given")})
    assert BOOK.evaluate(facts, UNKNOWN)["latency"][0].span is None


def test_a_rule_on_trial_is_shown_and_counts_nothing(tmp_path: Path) -> None:
    book = load_rules(folder_with(tmp_path, RULE.replace("stable", "experimental")))
    (found,) = book.evaluate(Facts(text="", latency_p95_seconds=0.3), UNKNOWN)["latency"]
    assert (found.id, found.weight) == ("LATENCY-TEST", 0.0)


def test_a_retired_rule_is_silent_but_can_be_explained(tmp_path: Path) -> None:
    book = load_rules(folder_with(tmp_path, RULE.replace("stable", "retired")))
    assert book.evaluate(Facts(text="", latency_p95_seconds=0.3), UNKNOWN)["latency"] == ()
    assert "retired: not used" in explain(book, "LATENCY-TEST")


def test_a_rule_that_fails_is_reported_as_not_evaluated(tmp_path: Path) -> None:
    book = load_rules(folder_with(tmp_path, RULE))
    broken: Any = replace(UNKNOWN)
    (found,) = book.evaluate(Facts(text="", latency_p95_seconds="fast"), broken)["latency"]  # type: ignore[arg-type]
    assert found.weight == 0.0
    assert found.text.startswith("Not evaluated: A limit of a second")


def test_explain_tells_all_there_is() -> None:
    text = explain(BOOK, "latency-subsecond")
    for part in (
        "LATENCY-SUBSECOND",
        "toward it by",
        "When: facts.",
        "Because:",
        "Known limits:",
        "https://",
        "fires on",
    ):
        assert part in text


def test_an_unknown_rule_names_its_neighbours() -> None:
    with pytest.raises(UnknownNameError) as caught:
        explain(BOOK, "LATENCY-SUBSECONDS")
    assert "LATENCY-SUBSECOND" in caught.value.near


def test_the_digest_follows_content_and_not_layout(tmp_path: Path) -> None:
    first = load_rules(folder_with(tmp_path, RULE)).digest
    assert load_rules(folder_with(tmp_path, "# a comment\n" + RULE)).digest == first
    assert load_rules(folder_with(tmp_path, RULE.replace("1.5", "1.6"))).digest != first


REFUSED = yaml.safe_load((ROOT / "tests" / "broken" / "rules.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["by"][:40])
def test_a_broken_file_is_refused_with_file_key_and_remedy(tmp_path: Path, case: dict[str, str]) -> None:
    assert case["replace"] in RULE
    with pytest.raises(CatalogueError) as caught:
        load_rules(folder_with(tmp_path, RULE.replace(case["replace"], case["by"])))
    assert caught.value.file == "latency.yaml"
    assert case["key"] in caught.value.key
    assert case["says"] in str(caught.value)


def test_a_duplicate_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="Duplicate id LATENCY-TEST"):
        load_rules(folder_with(tmp_path, RULE + RULE.removeprefix("rules:\n")))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"domain_specialization\.yaml"):
        load_rules(tmp_path)


def test_declared_signals_hold_rules_to_them(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, RULE.replace(WHEN, "signals.as_you_tipe"))
    with pytest.raises(CatalogueError, match=r"signals\.as_you_type"):
        load_rules(folder, known_signals=BOOK.signal_names)


def test_no_name_of_a_rule_escapes_the_check() -> None:
    """CEL's own list of variables and the names that were found are the same for every rule."""
    for rule in BOOK.rules:
        read = set(cel.compile(rule.when.flattened).variables())
        assert read == {f"{group}_{name}" for group, name in rule.when.names}


def test_names_inside_of_text_are_text() -> None:
    condition = compile_condition('facts.language == "signals.x"', known_names(), "f", "k")
    assert condition.names == (("facts", "language"),)
    assert condition.outcome({"facts_language": "signals.x"}) is True
    assert condition.outcome({"facts_language": "en"}) is False


def test_evaluation_does_not_depend_on_what_came_before() -> None:
    facts = Facts(text="", requests_per_day=2e5, signals={"hard_budget": ((0, 0),)})
    first = BOOK.evaluate(facts, UNKNOWN)
    BOOK.evaluate(Facts(text=""), UNKNOWN)
    assert BOOK.evaluate(facts, UNKNOWN) == first


def test_rules_name_only_signals_that_are_declared() -> None:
    declared = load_lexicon().signals
    assert load_rules(RULES, known_signals=declared).digest == BOOK.digest


def test_a_whole_number_is_read_as_a_floating_point_number(tmp_path: Path) -> None:
    when = "facts.labelled_examples != null && facts.labelled_examples * 2.0 > 10.0"
    rule = RULE.replace(WHEN, when).replace("latency_p95_seconds: 0.3", "labelled_examples: 6.0")
    book = load_rules(folder_with(tmp_path, rule.replace("latency_p95_seconds: 5.0", "labelled_examples: 5.0")))
    (found,) = book.evaluate(Facts(text="", labelled_examples=7), UNKNOWN)["latency"]
    assert found.weight == 1.5


def test_outcomes_are_remembered_but_not_without_bound() -> None:
    condition = compile_condition("facts.output_tokens != null && facts.output_tokens > 3.0", known_names(), "f", "k")
    for i in range(3 * OUTCOMES_KEPT):
        assert condition.outcome({"facts_output_tokens": float(i)}) is (i > 3)
    assert len(condition.known) <= OUTCOMES_KEPT
