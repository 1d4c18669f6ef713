"""Scores: evidence that adds up to the last digit, levels at their thresholds, disagreement said."""

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
from app.schemas.vocabulary import NEEDS
from app.scoring.needs import score, score_one, sigmoid
from app.scoring.thresholds import NeedThresholds, level_of, load_thresholds
from app.settings import shipped

SHIPPED = load_thresholds(shipped("rules"))
PLAIN = NeedThresholds(prior=-2.0, rules_share=0.5, classifier_share=0.8, medium_from=0.3, high_from=0.6)
SILENT = Reading({}, None, 0.0, None, 0.0)
weights = st.floats(-5, 5, allow_nan=False)


def rule(weight: float) -> Evidence:
    """Evidence of a rule."""
    return Evidence(kind="rule", id="LATENCY-TEST", text="A rule", weight=weight)


def read(log_odds: float, probabilities: tuple[float, float, float], *contributions: float) -> NeedReading:
    """A classifier's reading of latency."""
    return NeedReading(
        "latency",
        log_odds,
        probabilities,
        tuple(TokenContribution(f"w{i}", w, None) for i, w in enumerate(contributions)),
    )


@given(st.lists(weights, max_size=8), weights, st.lists(weights, max_size=6))
def test_evidence_adds_up_to_the_log_odds_of_the_value(rules: list[float], log_odds: float, words: list[float]) -> None:
    made = score_one("latency", tuple(rule(w) for w in rules), read(log_odds, (0.4, 0.3, 0.3), *words), PLAIN)
    total = math.fsum(e.weight for e in made.evidence)
    assert made.value == sigmoid(total)
    expected = PLAIN.prior + PLAIN.rules_share * math.fsum(rules) + PLAIN.classifier_share * log_odds
    assert total == pytest.approx(expected, abs=1e-9)


def test_the_starting_point_is_evidence_of_its_own() -> None:
    (prior,) = score_one("latency", (), None, PLAIN).evidence
    assert (prior.kind, prior.id, prior.weight) == ("quantity", "prior", -2.0)


@given(st.lists(weights, max_size=8))
def test_evidence_is_sorted_by_strength(rules: list[float]) -> None:
    made = score_one("latency", tuple(rule(w) for w in rules), read(1.0, (0.4, 0.3, 0.3), 0.2, -0.7), PLAIN)
    strengths = [abs(e.weight) for e in made.evidence]
    assert strengths == sorted(strengths, reverse=True)


@given(weights, st.floats(0.001, 3))
def test_more_evidence_never_lowers_the_value(base: float, more: float) -> None:
    assert (
        score_one("cost", (rule(base), rule(more)), None, PLAIN).value
        >= score_one("cost", (rule(base),), None, PLAIN).value
    )


@pytest.mark.parametrize(
    ("value", "level"),
    [(0.0, "low"), (0.2999, "low"), (0.3, "medium"), (0.5999, "medium"), (0.6, "high"), (1.0, "high")],
)
def test_levels_begin_at_their_thresholds(value: float, level: str) -> None:
    assert level_of(value, PLAIN) == level


def test_a_disagreement_is_said_with_both_views() -> None:
    said = score_one("latency", (rule(5.0),), read(-3.0, (0.85, 0.1, 0.05)), PLAIN).disagreement
    assert said is not None
    assert "The rules read latency as high (LATENCY-TEST), the classifier as low (85%)" in said


@pytest.mark.parametrize(
    ("rules", "reading"),
    [
        ((), read(3.0, (0.05, 0.1, 0.85))),  # no rule fired: nothing to disagree with
        ((rule(0.0),), read(3.0, (0.05, 0.1, 0.85))),  # a rule on trial, or one that failed
        ((rule(5.0),), read(3.0, (0.05, 0.1, 0.85))),  # of one mind
        ((rule(5.0),), read(0.0, (0.4, 0.3, 0.3))),  # the classifier is not sure of anything
        ((rule(5.0),), None),
    ],
)
def test_no_disagreement_is_made_up(rules: tuple[Evidence, ...], reading: NeedReading | None) -> None:
    assert score_one("latency", rules, reading, PLAIN).disagreement is None


def test_every_need_gets_a_score_even_when_nothing_is_known() -> None:
    made = score({}, SILENT, SHIPPED)
    assert tuple(made) == NEEDS
    assert {need: s.level for need, s in made.items()} == dict.fromkeys(NEEDS, "low")


def test_extreme_evidence_stays_a_probability() -> None:
    assert 0.0 < score_one("cost", tuple(rule(-5.0) for _ in range(2000)), None, PLAIN).value < 1e-9
    assert score_one("cost", tuple(rule(5.0) for _ in range(2000)), None, PLAIN).value <= 1.0


BROKEN: list[tuple[str, Any, str]] = [
    ("needs.cost", None, "cost"),
    ("needs.cost.prior", "low", "prior"),
    ("needs.cost.rules_share", -0.1, "rules_share"),
    ("needs.cost.medium_from", 0.99, "Not below high_from"),
    ("needs.cost.bonus", 1.0, "Unknown key 'bonus'"),
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
