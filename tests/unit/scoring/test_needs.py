"""Scores: evidence that adds up to the last digit, the likeliest level, disagreement said."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CatalogueError
from app.schemas.facts import NeedReading, Reading, TokenContribution
from app.schemas.report import Evidence
from app.schemas.vocabulary import NEEDS, Need
from app.scoring.needs import log_odds, probabilities, rules_alone, score, score_one, score_unexplained, sigmoid
from app.scoring.rules import RuleEvidence
from app.scoring.thresholds import NeedThresholds, Question, load_thresholds
from app.shipped import shipped

SHIPPED = load_thresholds(shipped("rules"))
PLAIN = NeedThresholds(
    high=Question(prior=-2.0, rules=0.5, classifier=0.8, rules_alone=-2.5),
    medium=Question(prior=-1.0, rules=0.6, classifier=0.7, rules_alone=-1.5),
)
SILENT = Reading({}, None, 0.0, None, 0.0)
weights = st.floats(-5, 5, allow_nan=False)
shares = st.floats(0.01, 0.98)


def rule(weight: float, medium: float = 0.0) -> RuleEvidence:
    """Evidence of a rule."""
    return RuleEvidence(kind="rule", id="LATENCY-TEST", text="A rule", weight=weight, medium=medium)


def read(log_odds: float, levels: tuple[float, float, float], *contributions: float) -> NeedReading:
    """A classifier's reading of latency."""
    named = tuple(TokenContribution(f"w{i}", w, None) for i, w in enumerate(contributions))
    return NeedReading("latency", log_odds, levels, named)


rules = st.lists(st.builds(rule, weights, weights), max_size=8)


@given(rules, weights, st.lists(weights, max_size=6), st.tuples(shares, shares, shares))
def test_evidence_adds_up_to_the_log_odds_of_the_value(
    fired: list[RuleEvidence], log_odds: float, words: list[float], levels: tuple[float, float, float]
) -> None:
    made = score_one("latency", fired, read(log_odds, levels, *words), PLAIN)
    assert made.value == sigmoid(math.fsum(e.weight for e in made.evidence))
    high = -2.0 + 0.5 * math.fsum(e.weight for e in fired) + 0.8 * log_odds
    between = math.log(levels[1] / levels[0])
    medium = -1.0 + 0.6 * math.fsum(e.medium for e in fired) + 0.7 * between
    _, middle, top = probabilities(high, medium)
    assert made.value == pytest.approx(top + middle / 2, abs=1e-9)


@given(rules)
def test_the_level_is_the_likeliest_and_the_value_its_expectation(fired: list[RuleEvidence]) -> None:
    made = score_one("latency", fired, None, PLAIN)
    levels = rules_alone(fired, PLAIN)
    assert sum(levels) == pytest.approx(1.0)
    assert made.level == ("low", "medium", "high")[levels.index(max(levels))]
    assert made.value == pytest.approx(levels[2] + levels[1] / 2, abs=1e-9)


def test_the_starting_point_is_evidence_of_its_own() -> None:
    made = score_one("latency", (), None, PLAIN)
    (prior,) = made.evidence
    assert (prior.kind, prior.id) == ("quantity", "prior")
    assert prior.weight == pytest.approx(log_odds(made.value))


def test_what_speaks_for_a_middle_level_carries_it() -> None:
    made = score_one("latency", (rule(-2.0, 5.0), rule(0.4)), None, PLAIN)
    by_weight = {e.weight: e for e in made.evidence}
    assert made.level == "medium"
    assert max(by_weight) > 2.0, "the rule for a middle level raises the value, though it speaks against a high one"
    assert by_weight[0.4].id == "LATENCY-TEST"


@given(rules)
def test_evidence_is_sorted_by_strength(fired: list[RuleEvidence]) -> None:
    made = score_one("latency", fired, read(1.0, (0.4, 0.3, 0.3), 0.2, -0.7), PLAIN)
    strengths = [abs(e.weight) for e in made.evidence]
    assert strengths == sorted(strengths, reverse=True)


@given(weights, weights, st.floats(0.001, 3), st.floats(0.001, 3))
def test_more_evidence_never_lowers_the_value(base: float, middle: float, more: float, more_middle: float) -> None:
    before = score_one("cost", (rule(base, middle),), None, PLAIN).value
    assert score_one("cost", (rule(base, middle), rule(more, more_middle)), None, PLAIN).value >= before


def test_a_disagreement_is_said_with_both_views() -> None:
    said = score_one("latency", (rule(5.0),), read(-3.0, (0.85, 0.1, 0.05)), PLAIN).disagreement
    assert said is not None
    assert said.startswith("The rules read latency as high (LATENCY-TEST, 92%), the classifier as low (85%)")
    assert said.endswith("together they give low.")


@pytest.mark.parametrize(
    ("fired", "reading"),
    [
        ((), read(3.0, (0.05, 0.1, 0.85))),  # no rule fired: nothing to disagree with
        ((rule(0.0),), read(3.0, (0.05, 0.1, 0.85))),  # a rule on trial, or one that failed
        ((rule(5.0),), read(3.0, (0.05, 0.1, 0.85))),  # of one mind
        ((rule(5.0),), read(0.0, (0.4, 0.3, 0.3))),  # the classifier is not sure of anything
        ((rule(2.4, 0.5),), read(-3.0, (0.85, 0.1, 0.05))),  # the rules are not sure of anything
        ((rule(5.0),), None),
    ],
)
def test_no_disagreement_is_made_up(fired: tuple[Evidence, ...], reading: NeedReading | None) -> None:
    assert score_one("latency", fired, reading, PLAIN).disagreement is None


def test_every_need_gets_a_score_even_when_nothing_is_known() -> None:
    made = score({}, SILENT, SHIPPED)
    assert tuple(made) == NEEDS
    assert {need: s.level for need, s in made.items()} == dict.fromkeys(NEEDS, "low")


@given(rules, weights, st.tuples(shares, shares, shares))
def test_scores_without_evidence_are_the_same(
    fired: list[RuleEvidence], log_odds: float, levels: tuple[float, float, float]
) -> None:
    found: dict[Need, tuple[Evidence, ...]] = {"latency": tuple(fired)}
    reading = Reading({"latency": read(log_odds, levels, 0.4)}, None, 0.0, None, 0.0)
    full, bare = score(found, reading, SHIPPED), score_unexplained(found, reading, SHIPPED)
    for need in NEEDS:
        assert bare[need].value == pytest.approx(full[need].value, abs=1e-9)
        assert bare[need].level == full[need].level


def test_extreme_evidence_stays_a_probability() -> None:
    assert 0.0 < score_one("cost", [rule(-5.0, -5.0)] * 2000, None, PLAIN).value < 1e-9
    assert score_one("cost", [rule(5.0, 5.0)] * 2000, None, PLAIN).value <= 1.0
    assert log_odds(0.0) == -log_odds(1.0)


BROKEN: list[tuple[str, Any, str]] = [
    ("needs.cost", None, "cost"),
    ("needs.cost.high", None, "high"),
    ("needs.cost.high.prior", "low", "prior"),
    ("needs.cost.high.rules", -0.1, "rules"),
    ("needs.cost.medium.bonus", 1.0, "Unknown key 'bonus'"),
    ("source", None, "source"),
]


@pytest.mark.parametrize(("key", "value", "says"), BROKEN)
def test_broken_thresholds_are_refused(tmp_path: Path, key: str, value: Any, says: str) -> None:
    data = yaml.safe_load((shipped("rules") / "thresholds.yaml").read_text(encoding="utf-8"))
    *path, last = key.split(".")
    here = data
    for part in path:
        here = here[part]
    if value is None:
        del here[last]
    else:
        here[last] = value
    (tmp_path / "thresholds.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(CatalogueError, match=says):
        load_thresholds(tmp_path)
