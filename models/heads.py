"""The linear heads on the side of scikit-learn: vocabulary, scales, weights, calibration."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, diags, hstack
from scipy.special import expit, log_softmax, softmax
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from app.schemas.vocabulary import NEEDS
from app.scoring.ngrams import features
from models.corpus import Row

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen by leave-one-round-out on r1 to r4; see results/README.md for the alternatives."""

    min_texts: int = 3
    """Texts a feature must stand in to be looked at."""
    kept_features: int = 6_000
    """Features kept, by the size of their weights; the file has to stay under 2 MB."""
    need_strength: float = 10.0
    """C of the needs' heads (inverse regularisation)."""
    label_strength: float = 10.0
    """C of task type and domain."""
    signal_scale: float = 0.3
    """Value of a present signal: smaller is regularised more."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Features and signals with the scale of each."""

    names: tuple[str, ...]
    scales: Floats
    signals: tuple[str, ...]
    signal_scale: float

    def matrix(self, texts: Sequence[str], signals: Sequence[frozenset[str]]) -> csr_matrix:
        """One row a text: n-grams (count * scale / norm), then signals (scale or 0)."""
        counter = CountVectorizer(analyzer=features, vocabulary={name: i for i, name in enumerate(self.names)})
        counts = counter.transform(texts).astype(np.float64)
        norms = np.sqrt(counts @ self.scales**2)
        ngrams = diags(1 / np.where(norms > 0, norms, 1.0)) @ counts @ diags(self.scales)
        present = np.array([[name in found for name in self.signals] for found in signals], dtype=np.float64)
        return csr_matrix(hstack([ngrams, csr_matrix(present.reshape(len(texts), -1) * self.signal_scale)]))

    def subset(self, kept: NDArray[np.int64]) -> "Vocabulary":
        """The same with only the n-grams at `kept`."""
        return replace(self, names=tuple(self.names[i] for i in kept), scales=self.scales[kept])


def build_vocabulary(texts: Sequence[str], signals: Sequence[frozenset[str]], settings: Settings) -> Vocabulary:
    """Every n-gram that stands in `min_texts` texts, scaled by inverse document frequency (smoothed, plus one)."""
    seen = Counter(feature for text in texts for feature in set(features(text)))
    names = tuple(sorted(name for name, count in seen.items() if count >= settings.min_texts))
    counts = np.array([seen[name] for name in names])
    scales = np.round(np.log((len(texts) + 1) / (counts + 1)) + 1, 3)
    known = tuple(sorted({name for found in signals for name in found}))
    return Vocabulary(names, scales, known, settings.signal_scale)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights (columns x features) and intercepts of all heads; columns as `column_names` names them."""

    columns: tuple[str, ...]
    weights: Floats
    intercepts: Floats

    def scores(self, matrix: csr_matrix) -> Floats:
        """Linear scores, one row a text."""
        return np.asarray(matrix @ self.weights.T + self.intercepts)

    def tempered(self, temperatures: dict[str, float]) -> "Fitted":
        """All scores of a head divided by its temperature."""
        divide = np.array([temperatures[head_of(column)] for column in self.columns])
        return replace(self, weights=self.weights / divide[:, None], intercepts=self.intercepts / divide)

    def own(self, head: str) -> list[int]:
        """The columns of one head."""
        return [i for i, column in enumerate(self.columns) if head_of(column) == head]


def head_of(column: str) -> str:
    """The head that a column belongs to; the two questions about a need are calibrated apart."""
    head, _, answer = column.partition(".")
    return head if head in ("task_type", "domain") else f"{head}.{answer}"


def binary(matrix: csr_matrix, truth: NDArray[np.bool_], strength: float) -> LogisticRegression:
    """L2 logistic regression of a yes-no question."""
    return LogisticRegression(C=strength, solver="liblinear", random_state=0).fit(matrix, truth)


def multinomial(matrix: csr_matrix, truth: Sequence[str], strength: float) -> LogisticRegression:
    """L2 multinomial logistic regression over labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LogisticRegression(C=strength, max_iter=400, tol=1e-5).fit(matrix, truth)


def fit(matrix: csr_matrix, rows: Sequence[Row], settings: Settings) -> Fitted:
    """Fit every head: per need level 2 against the rest, then 1 against 0 among the rest; task type; domain."""
    columns, weights, intercepts = [], [], []
    for need in NEEDS:
        level = np.array([row.needs[need] for row in rows])
        high = binary(matrix, level == 2, settings.need_strength)
        below = level < 2
        medium = binary(matrix[below], level[below] == 1, settings.need_strength)
        columns += [f"{need}.high", f"{need}.medium"]
        weights += [high.coef_[0], medium.coef_[0]]
        intercepts += [high.intercept_[0], medium.intercept_[0]]
    for head in ("task_type", "domain"):
        labels = multinomial(matrix, [getattr(row, head) for row in rows], settings.label_strength)
        columns += [f"{head}.{label}" for label in labels.classes_]
        weights += list(labels.coef_)
        intercepts += list(labels.intercept_)
    return Fitted(tuple(columns), np.array(weights), np.array(intercepts))


def strongest(fitted: Fitted, vocabulary: Vocabulary, keep: int) -> NDArray[np.int64]:
    """Positions of the n-grams with the largest weights over all heads, in alphabetical order of their names."""
    ngrams = fitted.weights[:, : len(vocabulary.names)] * vocabulary.scales
    size = np.sqrt((ngrams**2).sum(axis=0))
    return np.sort(np.argsort(-size, kind="stable")[:keep])


def level_probabilities(high: Floats, medium: Floats) -> Floats:
    """Probabilities of the levels 0, 1, 2 from the two scores of a need."""
    p_high, p_medium = expit(high), expit(medium)
    return np.stack([(1 - p_high) * (1 - p_medium), (1 - p_high) * p_medium, p_high], axis=1)


def label_probabilities(scores: Floats) -> Floats:
    """Probabilities of the labels from their scores."""
    return np.asarray(softmax(scores, axis=1))


def temperature(scores: Floats, truth: NDArray[np.int64]) -> float:
    """The divisor of the scores that makes the held-out truth likeliest. One column: yes-no; more: labels."""

    def surprise(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        if scaled.shape[1] == 1:
            scaled = np.hstack([np.zeros_like(scaled), scaled])
        return float(-log_softmax(scaled, axis=1)[np.arange(len(truth)), truth].mean())

    best = minimize_scalar(surprise, bounds=(-3.0, 3.0), method="bounded")
    return round(float(np.exp(best.x)), 3)
