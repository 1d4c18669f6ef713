"""Fitting the decision's weights: logistic regression pulled toward the stated priors, signs held.

minimise  sum over views v and cases i of  w_i / 2 * log-loss(x_iv . b, y_i)  +  strength / 2 * |b - prior|^2

A case enters twice, once read from its description alone and once with its stated facts, at half weight each, because
both kinds of request arrive. Cases of one source share their weight: n rows of a source count as sqrt(n).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Matrix = NDArray[np.float64]
PRIOR_STRENGTH = 2.0
"""Pull toward the priors: a weight's prior has standard deviation 1 / sqrt(2) = 0.7. Chosen beforehand as the width in
which we would not be surprised; leave-one-source-out accuracy is flat from 1 to 8."""
WEAK_CASE = 0.6
"""Share of a strong case's weight that a case with weak evidence gets."""


@dataclass(frozen=True)
class Problem:
    """Cases as numbers. `views` are matrices (cases x reasons) of how strongly each reason holds, 0 to 1."""

    views: tuple[Matrix, ...]
    tuned: Matrix
    """1 where tuning won."""
    strong: Sequence[bool]
    groups: Sequence[str]
    prior: Matrix
    fitted: Sequence[bool]
    """False: the weight stays at its prior."""


def case_weights(problem: Problem, rows: Matrix) -> Matrix:
    """Weight of each case among `rows` (a mask); others get 0."""
    counts = Counter(g for g, used in zip(problem.groups, rows, strict=True) if used)
    shared = [counts[g] ** -0.5 if counts[g] else 0.0 for g in problem.groups]
    trust = np.where(np.array(problem.strong), 1.0, WEAK_CASE)
    made: Matrix = np.array(shared) * trust * rows
    return made


def fit(problem: Problem, rows: Matrix | None = None, strength: float = PRIOR_STRENGTH) -> Matrix:
    """Weights of the reasons, toward fine-tuning, from the cases of `rows` (all, when left out). Deterministic."""
    used = np.ones(len(problem.tuned)) if rows is None else rows
    weights = case_weights(problem, used) / len(problem.views)
    stacked = np.vstack(problem.views)
    target = np.tile(problem.tuned, len(problem.views))
    importance = np.tile(weights, len(problem.views))

    def loss(b: Matrix) -> tuple[float, Matrix]:
        odds = stacked @ b
        away = b - problem.prior
        value = float(importance @ (np.logaddexp(0.0, odds) - target * odds) + strength / 2 * away @ away)
        slope: Matrix = stacked.T @ (importance * (sigmoid(odds) - target)) + strength * away
        return value, slope

    made = minimize(loss, problem.prior, jac=True, bounds=_bounds(problem), method="L-BFGS-B", options={"ftol": 1e-12})
    found: Matrix = made.x
    return found


def sigmoid(odds: Matrix) -> Matrix:
    """Probabilities of log-odds, without overflow."""
    made: Matrix = np.exp(-np.logaddexp(0.0, -odds))
    return made


def _bounds(problem: Problem) -> list[tuple[float, float]]:
    """No weight may cross zero; unfitted ones may not move."""
    made = []
    for prior, free in zip(problem.prior, problem.fitted, strict=True):
        low, high = (0.0, np.inf) if prior >= 0 else (-np.inf, 0.0)
        made.append((low, high) if free else (float(prior), float(prior)))
    return made


def left_out(problem: Problem, strength: float = PRIOR_STRENGTH) -> tuple[Matrix, ...]:
    """Log-odds of every case, per view, from weights fitted without any case of its source."""
    groups = np.array(problem.groups)
    made = [np.zeros(len(problem.tuned)) for _ in problem.views]
    for group in sorted(set(problem.groups)):
        inside = groups == group
        weights = fit(problem, (~inside).astype(float), strength)
        for odds, view in zip(made, problem.views, strict=True):
            odds[inside] = view[inside] @ weights
    return tuple(made)
