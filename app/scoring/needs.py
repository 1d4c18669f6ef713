"""From evidence to the four scores: prior + rules + classifier, all in log-odds.

A need is low, medium or high (0, 1, 2 in the codebook). Two questions, each additive in log-odds, give the three
probabilities: high or not, and if not, medium or low. The level is the likeliest of the three; the value is
P(high) + P(medium) / 2, the expected level on a scale from 0 to 1.

Every piece of evidence carries what it adds to the log-odds of the value, and the pieces add up to it exactly. What
the middle level adds on top of P(high) is shared out among the pieces that speak for a middle level.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.schemas.facts import NeedReading, Reading, Span
from app.schemas.report import Evidence, Score
from app.schemas.vocabulary import NEEDS, Level, Need
from app.scoring.rules import RuleEvidence
from app.scoring.thresholds import NeedThresholds, Thresholds

LEVELS: tuple[Level, ...] = ("low", "medium", "high")
SURE = 0.5
"""Probability of its likeliest level from which one side counts as pointing to that level."""
LOG_ODDS_MAX = 30.0
"""Beyond this a probability is 0 or 1 to all digits shown; keeps exp() in range."""
MIDDLE = 0.5
"""Where the middle level lies between low (0) and high (1)."""
Probabilities = tuple[float, float, float]


class _Piece(NamedTuple):
    """Evidence with what it adds to each question."""

    kind: str
    id: str
    text: str
    span: Span | None
    high: float
    medium: float


def score(
    rule_evidence: Mapping[Need, tuple[Evidence, ...]], reading: Reading, thresholds: Thresholds
) -> dict[Need, Score]:
    """The score of each need; `rule_evidence` as from RuleBook.evaluate."""
    return {
        need: score_one(need, rule_evidence.get(need, ()), reading.needs.get(need), thresholds.needs[need])
        for need in NEEDS
    }


def score_one(need: Need, rules: Sequence[Evidence], reading: NeedReading | None, thresholds: NeedThresholds) -> Score:
    """The score of one need; without a reading (no classifier) it rests on the rules alone."""
    pieces = _pieces(rules, reading, thresholds)
    high, medium = math.fsum(p.high for p in pieces), math.fsum(p.medium for p in pieces)
    levels = probabilities(high, medium)
    evidence = _weighed(pieces, max(0.0, log_odds(levels[2] + MIDDLE * levels[1]) - high))
    level = likeliest(levels)
    return Score(
        value=sigmoid(math.fsum(e.weight for e in evidence)),
        level=level,
        evidence=tuple(evidence),
        disagreement=_disagreement(need, rules, reading, thresholds, level),
    )


def _pieces(rules: Sequence[Evidence], reading: NeedReading | None, thresholds: NeedThresholds) -> list[_Piece]:
    high, medium = thresholds.high, thresholds.medium
    if reading is None:
        made = [_prior(high.rules_alone, medium.rules_alone)]
        return made + [_from_rule(e, 1.0, 1.0) for e in rules]
    made = [_prior(high.prior, medium.prior)]
    made += [_from_rule(e, high.rules, medium.rules) for e in rules]
    return made + _from_classifier(reading, high.classifier, medium.classifier)


def _prior(high: float, medium: float) -> _Piece:
    return _Piece("quantity", "prior", "Where a task starts of which nothing is said", None, high, medium)


def _from_rule(evidence: Evidence, high: float, medium: float) -> _Piece:
    own = evidence.medium if isinstance(evidence, RuleEvidence) else 0.0
    return _Piece(evidence.kind, evidence.id, evidence.text, evidence.span, evidence.weight * high, own * medium)


def _from_classifier(reading: NeedReading, high: float, medium: float) -> list[_Piece]:
    """The classifier's strongest n-grams, and all the rest in one piece, so that its whole log-odds is there."""
    named = [
        _Piece("classifier", c.text, f"The wording “{c.text}”", c.span, c.weight * high, 0.0)
        for c in reading.contributions
    ]
    rest = reading.log_odds - math.fsum(c.weight for c in reading.contributions)
    low, middle, _ = reading.level_probabilities
    between = log_odds(middle / (low + middle)) if low + middle else 0.0
    text = "All other wording, and the classifier's own starting point"
    return [*named, _Piece("classifier", "other_wording", text, None, rest * high, between * medium)]


def _weighed(pieces: list[_Piece], middle: float) -> list[Evidence]:
    """Evidence sorted by strength, `middle` shared out in proportion to what speaks for a middle level.

    Where nothing speaks for one, the starting point (the first piece) takes it.
    """
    total = math.fsum(p.medium for p in pieces if p.medium > 0)
    shares = [max(p.medium, 0.0) / total if total > 0 else float(i == 0) for i, p in enumerate(pieces)]
    made = [
        Evidence(kind=p.kind, id=p.id, text=p.text, weight=p.high + share * middle, span=p.span)
        for p, share in zip(pieces, shares, strict=True)
    ]
    made.sort(key=lambda e: (-abs(e.weight), e.kind, e.id))
    return made


def probabilities(high: float, medium: float) -> Probabilities:
    """Probabilities of low, medium and high from the log-odds of the two questions."""
    p_high, p_medium = sigmoid(high), sigmoid(medium)
    return (1 - p_high) * (1 - p_medium), (1 - p_high) * p_medium, p_high


def likeliest(levels: Probabilities) -> Level:
    """The likeliest level; of equals the lower one."""
    return LEVELS[levels.index(max(levels))]


def sigmoid(value: float) -> float:
    """Probability of log-odds."""
    return 1.0 / (1.0 + math.exp(-max(-LOG_ODDS_MAX, min(LOG_ODDS_MAX, value))))


def log_odds(probability: float) -> float:
    """Log-odds of a probability, kept within ±LOG_ODDS_MAX."""
    if probability <= 0.0 or probability >= 1.0:
        return math.copysign(LOG_ODDS_MAX, probability - MIDDLE)
    return max(-LOG_ODDS_MAX, min(LOG_ODDS_MAX, math.log(probability / (1 - probability))))


def rules_alone(rules: Sequence[Evidence], thresholds: NeedThresholds) -> Probabilities:
    """The level probabilities that the rules give without the classifier."""
    pieces = _pieces(rules, None, thresholds)
    return probabilities(math.fsum(p.high for p in pieces), math.fsum(p.medium for p in pieces))


def _disagreement(
    need: Need, rules: Sequence[Evidence], reading: NeedReading | None, thresholds: NeedThresholds, level: Level
) -> str | None:
    """A sentence when rules that fired and the classifier are each sure of another level."""
    speaking = [e for e in rules if e.weight]
    if reading is None or not speaking:
        return None
    by_rules = rules_alone(speaking, thresholds)
    ours, theirs = likeliest(by_rules), likeliest(reading.level_probabilities)
    if ours == theirs or min(max(by_rules), max(reading.level_probabilities)) < SURE:
        return None
    strongest = max(speaking, key=lambda e: abs(e.weight)).id
    return (
        f"The rules read {need.replace('_', ' ')} as {ours} ({strongest}, {max(by_rules):.0%}), the classifier as "
        f"{theirs} ({max(reading.level_probabilities):.0%}); together they give {level}."
    )
