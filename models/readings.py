"""Scores of a classifier as answers: levels, labels, probabilities, and all measures of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.schemas.vocabulary import NEEDS, Need
from models import metrics
from models.corpus import Row
from models.heads import LABEL_HEADS, Floats, head_of, label_probabilities, level_probabilities

Measures = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Readings:
    """What a classifier says of some texts: per need the three probabilities, per label head its labels'."""

    levels: dict[Need, Floats]
    labels: dict[str, tuple[tuple[str, ...], Floats]]

    @classmethod
    def of(cls, columns: Sequence[str], scores: Floats, temperatures: dict[str, float] | None = None) -> "Readings":
        """From the linear scores; `temperatures` when they are not calibrated yet."""
        if temperatures is not None:
            scores = scores / np.array([temperatures[head_of(column)] for column in columns])
        at = {column: i for i, column in enumerate(columns)}
        levels = {n: level_probabilities(scores[:, at[f"{n}.high"]], scores[:, at[f"{n}.medium"]]) for n in NEEDS}
        labels = {}
        for head in LABEL_HEADS:
            own = [i for i, column in enumerate(columns) if head_of(column) == head]
            names = tuple(columns[i].partition(".")[2] for i in own)
            labels[head] = (names, label_probabilities(scores[:, own]))
        return cls(levels, labels)

    def said(self, head: str) -> list[str]:
        """The likeliest label of each text, abstention aside."""
        names, probabilities = self.labels[head]
        return [names[i] for i in probabilities.argmax(axis=1)]

    def top(self, head: str) -> Floats:
        """The probability of that label."""
        best: Floats = self.labels[head][1].max(axis=1)
        return best


def truth_of(rows: Sequence[Row], need: Need) -> NDArray[np.int64]:
    """The labelled levels."""
    return np.array([row.needs[need] for row in rows])


def measure(rows: Sequence[Row], readings: Readings) -> Measures:
    """Every figure of the issue, by head."""
    found: Measures = {need: measure_levels(truth_of(rows, need), readings.levels[need]) for need in NEEDS}
    for head in LABEL_HEADS:
        truth = [getattr(row, head) for row in rows]
        said, top = readings.said(head), readings.top(head)
        right = np.array([a == b for a, b in zip(truth, said, strict=True)])
        found[head] = {
            "accuracy": metrics.accuracy(truth, said),
            "macro_f1": metrics.macro_f1(truth, said),
            "ece": metrics.calibration_error(top, right),
        }
    return found


def measure_levels(truth: NDArray[np.int64], levels: Floats) -> dict[str, float]:
    """Accuracy, macro-F1, AUC of 2 against 0 (by expected level) and calibration error of one need."""
    said = levels.argmax(axis=1)
    return {
        "accuracy": metrics.accuracy(truth, said),
        "macro_f1": metrics.macro_f1(truth, said),
        "auc": metrics.auc_high_low(truth, levels @ np.arange(3)),
        "ece": metrics.calibration_error(levels.max(axis=1), said == truth),
    }


def majority(learned: Sequence[Row], rows: Sequence[Row]) -> Measures:
    """Always the commonest answer among `learned`."""
    found: Measures = {}
    for head in (*NEEDS, *LABEL_HEADS):
        known = [str(row.needs[head] if head in NEEDS else getattr(row, head)) for row in learned]
        truth = [str(row.needs[head] if head in NEEDS else getattr(row, head)) for row in rows]
        said = [max(sorted(set(known)), key=known.count)] * len(rows)
        found[head] = {"accuracy": metrics.accuracy(truth, said), "macro_f1": metrics.macro_f1(truth, said)}
        if head in NEEDS:
            found[head]["auc"] = 0.5
    return found
