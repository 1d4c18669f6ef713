"""From evidence to the four scores: prior + rules + classifier, all in log-odds.

A score's value is the sigmoid of the sum of its evidence's weights, so the evidence explains it to the last digit.
Rules and classifier read the same words; each side's log-odds is multiplied by a share (rules/thresholds.yaml),
fitted jointly, so that what both see is not counted twice.
"""

import math
from collections.abc import Mapping

from app.schemas.facts import NeedReading, Reading
from app.schemas.report import Evidence, Score
from app.schemas.vocabulary import NEEDS, Level, Need
from app.scoring.thresholds import NeedThresholds, Thresholds, level_of

LEVELS: tuple[Level, ...] = ("low", "medium", "high")
CLASSIFIER_SURE = 0.5
"""Probability of its likeliest level from which the classifier counts as pointing to a level."""
LOG_ODDS_MAX = 30.0
"""Beyond this the sigmoid is 0 or 1 to all digits shown; keeps exp() in range."""


def score(
    rule_evidence: Mapping[Need, tuple[Evidence, ...]], reading: Reading, thresholds: Thresholds
) -> dict[Need, Score]:
    """The score of each need; `rule_evidence` as from RuleBook.evaluate, weights in log-odds."""
    return {
        need: score_one(need, rule_evidence.get(need, ()), reading.needs.get(need), thresholds.needs[need])
        for need in NEEDS
    }


def score_one(
    need: Need, rules: tuple[Evidence, ...], reading: NeedReading | None, thresholds: NeedThresholds
) -> Score:
    """The score of one need; without a reading (no classifier) it rests on prior and rules alone."""
    evidence = [_prior(thresholds), *(_scaled(e, thresholds.rules_share) for e in rules)]
    if reading is not None:
        evidence += _from_classifier(reading, thresholds.classifier_share)
    evidence.sort(key=lambda e: (-abs(e.weight), e.kind, e.id))
    value = sigmoid(math.fsum(e.weight for e in evidence))
    level = level_of(value, thresholds)
    return Score(
        value=value,
        level=level,
        evidence=tuple(evidence),
        disagreement=_disagreement(need, rules, reading, thresholds, level),
    )


def sigmoid(log_odds: float) -> float:
    """Probability of `log_odds`."""
    return 1.0 / (1.0 + math.exp(-max(-LOG_ODDS_MAX, min(LOG_ODDS_MAX, log_odds))))


def _prior(thresholds: NeedThresholds) -> Evidence:
    text = "Where a task starts of which nothing is said"
    return Evidence(kind="quantity", id="prior", text=text, weight=thresholds.prior)


def _scaled(evidence: Evidence, share: float) -> Evidence:
    return Evidence(
        kind=evidence.kind, id=evidence.id, text=evidence.text, weight=evidence.weight * share, span=evidence.span
    )


def _from_classifier(reading: NeedReading, share: float) -> list[Evidence]:
    """The classifier's strongest n-grams, and all the rest in one piece, so that its whole log-odds is there."""
    shown = [
        Evidence(kind="classifier", id=c.text, text=f"The wording “{c.text}”", weight=c.weight * share, span=c.span)
        for c in reading.contributions
    ]
    rest = reading.log_odds - math.fsum(c.weight for c in reading.contributions)
    text = "All other wording, and the classifier's own starting point"
    return [*shown, Evidence(kind="classifier", id="other_wording", text=text, weight=rest * share)]


def _disagreement(
    need: Need, rules: tuple[Evidence, ...], reading: NeedReading | None, thresholds: NeedThresholds, level: Level
) -> str | None:
    """A sentence when rules that fired and a sure classifier point to different levels."""
    speaking = [e for e in rules if e.weight]
    if reading is None or not speaking:
        return None
    probability = max(reading.level_probabilities)
    by_classifier = LEVELS[reading.level_probabilities.index(probability)]
    by_rules = rules_level(speaking, thresholds)
    if by_rules == by_classifier or probability < CLASSIFIER_SURE:
        return None
    strongest = max(speaking, key=lambda e: abs(e.weight)).id
    name = need.replace("_", " ")
    return (
        f"The rules read {name} as {by_rules} ({strongest}), the classifier as {by_classifier} "
        f"({probability:.0%}); together they give {level}."
    )


def rules_level(rules: list[Evidence], thresholds: NeedThresholds) -> Level:
    """The level that prior and rules alone give."""
    return level_of(sigmoid(thresholds.prior + math.fsum(e.weight for e in rules)), thresholds)
