"""From evidence to the four scores: prior + rules + classifier, all in log-odds.

A need is low, medium or high (0, 1, 2 in the codebook). Two questions, each additive in log-odds, give the three
probabilities: high or not, and if not, medium or low. The level is the likeliest of the three; the value is
P(high) + P(medium) / 2, the expected level on a scale from 0 to 1.

Every piece of evidence carries what it adds to the log-odds of the value, and the pieces add up to it exactly. What
the middle level adds on top of P(high) is shared out among the pieces that speak for a middle level.
"""

import math
from collections.abc import Mapping, Sequence

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
NOTHING = 1e-9
"""Log-odds below which nothing speaks for a middle level."""
Probabilities = tuple[float, float, float]


_Piece = tuple[str, str, str, Span | None, float, float]
"""Evidence: kind, id, text, span, and what it adds to each question. A plain tuple: a score has ten of them."""


def score(
    rule_evidence: Mapping[Need, tuple[Evidence, ...]], reading: Reading, thresholds: Thresholds
) -> dict[Need, Score]:
    """The score of each need; `rule_evidence` as from RuleBook.evaluate."""
    return {
        need: score_one(need, rule_evidence.get(need, ()), reading.needs.get(need), thresholds.needs[need])
        for need in NEEDS
    }


def score_unexplained(
    rule_evidence: Mapping[Need, tuple[Evidence, ...]], reading: Reading, thresholds: Thresholds
) -> dict[Need, Score]:
    """The same values and levels without evidence, a tenth of the work: for searches that score many variants."""
    made = {}
    for need in NEEDS:
        found, view = rule_evidence.get(need, ()), reading.needs.get(need)
        levels = probabilities(*_both_questions(found, view, thresholds.needs[need]))
        value = sigmoid(log_odds(expectation(levels)))
        made[need] = Score(value=value, level=likeliest(levels), evidence=())
    return made


def score_one(need: Need, rules: Sequence[Evidence], reading: NeedReading | None, thresholds: NeedThresholds) -> Score:
    """The score of one need; without a reading (no classifier) it rests on the rules alone."""
    high, medium = _both_questions(rules, reading, thresholds)
    levels = probabilities(high, medium)
    middle = max(0.0, log_odds(expectation(levels)) - high)
    evidence = _weighed(_pieces(rules, reading, thresholds), middle)
    level = likeliest(levels)
    return Score(
        value=sigmoid(math.fsum([e.weight for e in evidence])),
        level=level,
        evidence=tuple(evidence),
        disagreement=_disagreement(need, rules, reading, thresholds, level),
    )


def _both_questions(
    rules: Sequence[Evidence], reading: NeedReading | None, thresholds: NeedThresholds
) -> tuple[float, float]:
    """Log-odds of high, and of medium rather than low."""
    high, medium = thresholds.high, thresholds.medium
    on_high = sum([e.weight for e in rules])
    on_medium = sum([e.medium for e in rules if isinstance(e, RuleEvidence)])
    if reading is None:
        return high.rules_alone + on_high, medium.rules_alone + on_medium
    return (
        high.prior + high.rules * on_high + high.classifier * reading.log_odds,
        medium.prior + medium.rules * on_medium + medium.classifier * _between(reading),
    )


def _between(reading: NeedReading) -> float:
    """The classifier's log-odds of medium rather than low."""
    low, middle, _ = reading.level_probabilities
    return log_odds(middle / (low + middle)) if low + middle else 0.0


def _pieces(rules: Sequence[Evidence], reading: NeedReading | None, thresholds: NeedThresholds) -> list[_Piece]:
    """Prior, rules and classifier, each with its log-odds on both questions."""
    high, medium = thresholds.high, thresholds.medium
    if reading is None:
        return [_prior(high.rules_alone, medium.rules_alone), *(_from_rule(e, 1.0, 1.0) for e in rules)]
    made = [_prior(high.prior, medium.prior), *[_from_rule(e, high.rules, medium.rules) for e in rules]]
    rest, share = reading.log_odds, high.classifier
    for c in reading.contributions:
        rest -= c.weight
        made.append(("classifier", c.text, f"The wording “{c.text}”", c.span, c.weight * share, 0.0))
    text = "All other wording, and the classifier's own starting point"
    made.append(("classifier", "other_wording", text, None, rest * share, _between(reading) * medium.classifier))
    return made


def _prior(high: float, medium: float) -> _Piece:
    return ("quantity", "prior", "Where a task starts of which nothing is said", None, high, medium)


def _from_rule(e: Evidence, high: float, medium: float) -> _Piece:
    own = e.medium if isinstance(e, RuleEvidence) else 0.0
    return (e.kind, e.id, e.text, e.span, e.weight * high, own * medium)


def _weighed(pieces: list[_Piece], middle: float) -> list[Evidence]:
    """Evidence sorted by strength, `middle` shared out in proportion to what speaks for a middle level.

    Where nothing speaks for one, the starting point (the first piece) takes it.
    """
    total = sum([p[5] for p in pieces if p[5] > 0])
    if total < NOTHING:
        kind, id_, text, span, high, _ = pieces[0]
        pieces[0], total = (kind, id_, text, span, high, 1.0), 1.0
    factor = middle / total
    made = [
        Evidence(kind=kind, id=id_, text=text, weight=high + factor * medium if medium > 0 else high, span=span)
        for kind, id_, text, span, high, medium in pieces
    ]
    made.sort(key=_by_strength)
    return made


def _by_strength(evidence: Evidence) -> tuple[float, str]:
    return -abs(evidence.weight), evidence.id


def expectation(levels: Probabilities) -> float:
    """The expected level on a scale from 0 (low) to 1 (high)."""
    return levels[2] + MIDDLE * levels[1]


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
    return probabilities(*_both_questions(rules, None, thresholds))


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
