"""Fit how rules and classifier are combined into the needs' scores, and write rules/thresholds.yaml.

`python -m models.fit_needs`, after `python -m models.train`. Every description is read by a classifier that never
saw its round, so that the classifier counts for what it is worth on texts of unseen authors. Each of the two
questions of a need (high or not; if not, medium or low) is a logistic regression on two numbers, the rules' sum and
the classifier's log-odds, with shares that have a least value. Deterministic.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from app.catalogue import Catalogue, load_catalogue
from app.catalogue.strict_yaml import read
from app.facts import read_facts
from app.schemas.comparison import Comparison
from app.schemas.facts import NeedReading, Reading
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Evidence
from app.schemas.vocabulary import NEEDS, Need
from app.scoring.needs import probabilities
from app.scoring.rules import RuleBook, RuleEvidence, load_rules
from app.scoring.thresholds import FILE
from app.shipped import shipped
from models.corpus import Row, load_training
from models.heads import Floats, head_of
from models.train import ABSTAIN_BELOW, rounds_left_out, temperatures

TEXT_ALONE = Comparison(**dict.fromkeys((f.name for f in fields(Comparison)), cast("Any", None)))
"""Nothing is known of the options' estimates: the labels are given from the text alone."""
TOWARD = 0.5
"""Share toward which both sides are pulled: as if each saw half of what the other sees."""
PULL = 0.5
"""Strength of the pull; small beside a thousand texts."""
LEAST_SHARE = 0.25
"""Each side keeps at least this much of its word: the classifier knows the signals that the rules read, and would else
silence the argued ones, an organisation's own among them."""
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Answer:
    """One fitted question; names as in `Question` of app/scoring/thresholds.py."""

    prior: float
    rules: float
    classifier: float
    rules_alone: float


def readings_of(columns: Sequence[str], scores: Floats) -> list[Reading]:
    """What a classifier with these (calibrated) scores says of each text; n-grams are not named."""
    return [_reading(columns, row) for row in scores]


def _reading(columns: Sequence[str], row: NDArray[np.float64]) -> Reading:
    at = {column: i for i, column in enumerate(columns)}
    needs: dict[Need, NeedReading] = {}
    for need in NEEDS:
        high, medium = float(row[at[f"{need}.high"]]), float(row[at[f"{need}.medium"]])
        needs[need] = NeedReading(need, high, probabilities(high, medium), ())
    task_type, task_probability = _label("task_type", columns, row)
    domain, domain_probability = _label("domain", columns, row)
    return Reading(needs, cast("Any", task_type), task_probability, domain, domain_probability)


def _label(head: str, columns: Sequence[str], row: NDArray[np.float64]) -> tuple[str | None, float]:
    own = [i for i, column in enumerate(columns) if head_of(column) == head]
    odds = np.exp(row[own] - row[own].max())
    best = int(odds.argmax())
    probability = float(odds[best] / odds.sum())
    label = columns[own[best]].partition(".")[2]
    return (label if probability >= ABSTAIN_BELOW[head] else None), probability


def left_out_readings(rows: Sequence[Row]) -> list[Reading]:
    """Each training row read by a classifier that was trained without the row's round, calibrated."""
    found = rounds_left_out()
    divisors = temperatures(found, rows)
    return readings_of(found.columns, found.scores / np.array([divisors[head_of(column)] for column in found.columns]))


def rule_evidence(
    texts: Sequence[str], readings: Sequence[Reading], book: RuleBook, catalogue: Catalogue
) -> list[dict[Need, tuple[Evidence, ...]]]:
    """What the rules say of each text, read as the service reads it."""
    found = []
    for text, reading in zip(texts, readings, strict=True):
        facts = read_facts(RecommendRequest(description=text), reading, catalogue)
        found.append(book.evaluate(facts, TEXT_ALONE))
    return found


def features(need: Need, evidence: Sequence[dict[Need, tuple[Evidence, ...]]], readings: Sequence[Reading]) -> Floats:
    """Per text: rules on high, classifier on high, rules on medium, classifier on medium; all log-odds."""
    made = []
    for found, reading in zip(evidence, readings, strict=True):
        own, view = found[need], reading.needs[need]
        low, middle, _ = view.level_probabilities
        medium = sum(e.medium for e in own if isinstance(e, RuleEvidence))
        between = float(np.log(max(middle, TINY) / max(low, TINY)))
        made.append([sum(e.weight for e in own), view.log_odds, medium, between])
    return np.array(made)


def fit_need(made: Floats, levels: NDArray[np.int64]) -> dict[str, Answer]:
    """Both questions of a need, from its `features` and its labels."""
    below = levels < 2
    return {
        "high": fit_question(made[:, :2], levels == 2),
        "medium": fit_question(made[below][:, 2:], levels[below] == 1),
    }


def fit_question(sides: Floats, truth: NDArray[np.bool_]) -> Answer:
    """Logistic regression of a yes-no question on the rules' and the classifier's log-odds."""
    sign = np.where(truth, 1.0, -1.0)

    def surprise(p: NDArray[np.float64], columns: Floats) -> float:
        pull = PULL * float(((p[1:] - TOWARD) ** 2).sum())
        return float(np.logaddexp(0, -sign * (p[0] + columns @ p[1:])).sum()) + pull

    bounds = [(None, None), (LEAST_SHARE, None), (LEAST_SHARE, None)]
    both = minimize(surprise, np.array([0.0, TOWARD, TOWARD]), args=(sides,), bounds=bounds, method="L-BFGS-B").x
    alone = minimize(lambda p: surprise(np.array([p[0], 1.0]), sides[:, :1]), np.zeros(1), method="L-BFGS-B").x
    return Answer(*(round(float(value), 2) + 0.0 for value in (*both, *alone)))


def written(answers: dict[Need, dict[str, Answer]], texts: int, day: date) -> str:
    """The content of rules/thresholds.yaml."""
    lines = [
        "# Written by `python -m models.fit_needs`: how rules and classifier add up, see app/scoring/thresholds.py.",
        f"source: logistic regressions on {texts} labelled descriptions of models/data/corpus, each read by a"
        " classifier trained without its round",
        f"fitted: {day.isoformat()}",
        "needs:",
    ]
    for need, questions in answers.items():
        lines.append(f"  {need}:")
        for name, a in questions.items():
            values = ", ".join(f"{f.name}: {getattr(a, f.name)}" for f in fields(a))
            lines.append(f"    {name}: {{{values}}}")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Fit and write; the day is the first argument, or stays as it was."""
    rows = load_training()
    readings = left_out_readings(rows)
    folder = shipped("rules")
    evidence = rule_evidence([row.text for row in rows], readings, load_rules(folder), load_catalogue())
    answers = {
        need: fit_need(features(need, evidence, readings), np.array([row.needs[need] for row in rows]))
        for need in NEEDS
    }
    day = date.fromisoformat(arguments[0]) if arguments else read(folder / FILE)["fitted"]
    (folder / FILE).write_text(written(answers, len(rows), day), encoding="utf-8")
    for need, questions in answers.items():
        print(need, questions)


if __name__ == "__main__":
    main(sys.argv[1:])
