"""Measures of a reading: accuracy, macro-F1, ranking, calibration, agreement. Plain numpy, each checked by a test."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

Floats = NDArray[np.float64]
Levels = NDArray[np.int64]
BINS = 10
"""Equal-width bins of the calibration error, as in Guo et al. 2017 (arXiv 1706.04599) with 10 instead of 15."""


def accuracy(truth: Sequence[object] | NDArray[np.generic], said: Sequence[object] | NDArray[np.generic]) -> float:
    """Share of right answers."""
    return float(np.mean([a == b for a, b in zip(truth, said, strict=True)]))


def macro_f1(truth: Sequence[object] | NDArray[np.generic], said: Sequence[object] | NDArray[np.generic]) -> float:
    """Mean F1 over the labels that occur in the truth."""
    labels = sorted({str(t) for t in truth})
    return float(
        f1_score([str(t) for t in truth], [str(s) for s in said], labels=labels, average="macro", zero_division=0)
    )


def auc_high_low(levels: Levels, scores: Floats) -> float:
    """Chance that a text of level 2 scores above one of level 0; level 1 is left out."""
    ends = levels != 1
    return float(roc_auc_score(levels[ends] == 2, scores[ends]))


def calibration_error(probabilities: Floats, right: NDArray[np.bool_]) -> float:
    """Expected calibration error of the top probability: mean gap of confidence and accuracy, weighted by bin size."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    total = 0.0
    for b in range(BINS):
        inside = bins == b
        if inside.any():
            total += inside.mean() * abs(probabilities[inside].mean() - right[inside].mean())
    return float(total)


def kappa(first: Sequence[object], second: Sequence[object], weights: str | None = None) -> float:
    """Cohen's kappa; `weights="linear"` for levels."""
    return float(cohen_kappa_score(list(first), list(second), weights=weights))
