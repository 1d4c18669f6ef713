"""Rules alone, and rules and classifier together, measured as the classifier alone is."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from app.catalogue import load_catalogue
from app.schemas.facts import Reading
from app.schemas.vocabulary import NEEDS, Need
from app.scoring.needs import expectation, likeliest, rules_alone, score_one
from app.scoring.rules import load_rules
from app.scoring.thresholds import NeedThresholds, load_thresholds
from app.shipped import shipped
from models import metrics
from models.corpus import Row
from models.fit_needs import features, fit_need, rule_evidence
from models.heads import Floats
from models.readings import Measures, truth_of

LEVELS = ("low", "medium", "high")
SIDES = ("rules", "both")


def measure_sides(rows: Sequence[Row], readings: Sequence[Reading], by_round: bool) -> dict[str, Measures]:
    """Measures of `rules` and of `both`; `by_round` fits the combination on the other rounds, else the shipped one."""
    evidence = rule_evidence([row.text for row in rows], readings, load_rules(shipped("rules")), load_catalogue())
    found: dict[str, Measures] = {side: {} for side in SIDES}
    for need in NEEDS:
        truth = truth_of(rows, need)
        made = features(need, evidence, readings)
        said = {side: np.zeros(len(rows), dtype=np.int64) for side in SIDES}
        value = {side: np.zeros(len(rows)) for side in SIDES}
        for inside in _parts(rows, by_round):
            thresholds = _thresholds(made[~inside], truth[~inside]) if by_round else _shipped(need)
            for i in map(int, np.flatnonzero(inside)):
                alone = rules_alone(evidence[i][need], thresholds)
                both = score_one(need, evidence[i][need], readings[i].needs[need], thresholds)
                said["rules"][i], value["rules"][i] = LEVELS.index(likeliest(alone)), expectation(alone)
                said["both"][i], value["both"][i] = LEVELS.index(both.level), both.value
        for side in SIDES:
            found[side][need] = {
                "accuracy": metrics.accuracy(truth, said[side]),
                "macro_f1": metrics.macro_f1(truth, said[side]),
                "auc": metrics.auc_high_low(truth, value[side]),
            }
    return found


def _parts(rows: Sequence[Row], by_round: bool) -> list[NDArray[np.bool_]]:
    rounds = np.array([row.round for row in rows])
    return [rounds == one for one in sorted(set(rounds))] if by_round else [np.ones(len(rows), dtype=bool)]


def _thresholds(made: Floats, truth: NDArray[np.int64]) -> NeedThresholds:
    return NeedThresholds.model_validate({name: asdict(a) for name, a in fit_need(made, truth).items()})


def _shipped(need: Need) -> NeedThresholds:
    return load_thresholds(shipped("rules")).needs[need]
