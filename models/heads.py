"""The linear heads on the side of scikit-learn: vocabulary, scales, weights, calibration."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, diags, hstack
from scipy.special import expit, log_softmax, softmax
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from app.schemas.vocabulary import NEEDS
from app.scoring.ngrams import Lexicon, features
from models.corpus import Row

Floats = NDArray[np.float64]
LABEL_HEADS = ("task_type", "domain")


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen by leave-one-round-out on r1 to r4; see results/README.md for the alternatives."""

    min_texts: int = 3
    """Texts a feature must stand in to be looked at."""
    kept_features: int = 8_000
    """Features kept, by the size of their weights; the file has to stay under 2 MB."""
    rarity_power: float = 1.25
    """Power of the inverse document frequency that scales a feature."""
    group_scale: float = 1.4
    """How much more a group of the lexicon counts than a word as rare."""
    need_strength: float = 10.0
    """C of the needs' heads (inverse regularisation)."""
    label_strength: float = 10.0
    """C of task type and domain."""
    need_signal_scale: float = 0.2
    """Value of a present signal for the needs' heads: smaller is regularised more."""
    label_signal_scale: float = 0.15
    """The same for task type and domain."""
    use_ngrams: bool = True
    use_groups: bool = True
    use_signals: bool = True
    use_statements: bool = True


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Features and signals with the scale of each feature."""

    lexicon: Lexicon
    names: tuple[str, ...]
    scales: Floats
    signals: tuple[str, ...]

    def counter(self) -> CountVectorizer:
        """scikit-learn's view of the app's features."""
        index = {name: i for i, name in enumerate(self.names)}
        return CountVectorizer(analyzer=partial(features, lexicon=self.lexicon), lowercase=False, vocabulary=index)

    def matrix(self, texts: Sequence[str], signals: Sequence[frozenset[str]]) -> csr_matrix:
        """One row a text: n-grams (count * scale / norm of the text), then signals (1 or 0)."""
        counts = self.counter().transform(texts).astype(np.float64) if self.names else csr_matrix((len(texts), 0))
        norms = np.sqrt(counts @ self.scales**2)
        ngrams = diags(1 / np.where(norms > 0, norms, 1.0)) @ counts @ diags(self.scales)
        present = np.array([[name in found for name in self.signals] for found in signals], dtype=np.float64)
        return csr_matrix(hstack([ngrams, csr_matrix(present.reshape(len(texts), -1))]))

    def with_signals(self, scale: float) -> Floats:
        """A factor per column of `matrix`: 1 for n-grams, `scale` for signals."""
        return np.concatenate([np.ones(len(self.names)), np.full(len(self.signals), scale)])

    def subset(self, kept: NDArray[np.int64]) -> "Vocabulary":
        """The same with only the n-grams at `kept`."""
        return replace(self, names=tuple(self.names[i] for i in kept), scales=self.scales[kept])


def build_vocabulary(
    texts: Sequence[str], signals: Sequence[frozenset[str]], groups: dict[str, str], settings: Settings
) -> Vocabulary:
    """Every feature that stands in `min_texts` texts, scaled by a power of its (smoothed) inverse frequency."""
    lexicon = Lexicon.of(groups if settings.use_groups else {})
    seen = Counter(feature for text in texts for feature in set(features(text, lexicon)))
    names = tuple(
        sorted(
            name
            for name, count in seen.items()
            if count >= settings.min_texts and (settings.use_ngrams or name.startswith("="))
        )
    )
    counts = np.array([seen[name] for name in names])
    rarity = (np.log((len(texts) + 1) / (counts + 1)) + 1) ** settings.rarity_power
    scales = np.round(rarity * [settings.group_scale if name[0] == "=" else 1.0 for name in names], 3)
    known = sorted({name for found in signals for name in found}) if settings.use_signals else []
    return Vocabulary(lexicon, names, scales, tuple(known))


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights (columns x features) and intercepts of all heads; `head_of` tells the head of a column."""

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
    return head if head in LABEL_HEADS else f"{head}.{answer}"


class Turned:
    """A matrix turned into as many columns as it has rows.

    With an L2 penalty the best weights are a sum of the rows, so that fitting on the turned matrix finds the same
    weights in a tenth of the time. `scales` multiplies the columns before.
    """

    def __init__(self, matrix: csr_matrix, scales: Floats) -> None:
        self.scales = scales
        self.scaled = csr_matrix(matrix @ diags(scales))
        values, vectors = np.linalg.eigh((self.scaled @ self.scaled.T).toarray())
        kept = values > values.max() * 1e-10  # the rest is rounding
        self.back = vectors[:, kept] / np.sqrt(values[kept])
        self.rows: Floats = vectors[:, kept] * np.sqrt(values[kept])

    def fit(self, inside: NDArray[np.bool_], truth: NDArray[np.generic], strength: float) -> LogisticRegression:
        """L2 logistic regression on the rows `inside`, with `coef_` in the columns of the matrix as given."""
        made = LogisticRegression(C=strength, max_iter=1_000).fit(self.rows[inside], truth[inside])
        made.coef_ = (self.scaled.T @ (self.back @ made.coef_.T)).T * self.scales
        return made


def fit(vocabulary: Vocabulary, matrix: csr_matrix, rows: Sequence[Row], settings: Settings) -> Fitted:
    """Fit every head on the rows that are labelled for it.

    Per need level 2 against the rest, then 1 against 0 among the rest; then task type and domain.
    """
    columns: list[str] = []
    weights: list[Floats] = []
    intercepts: list[float] = []
    turned = Turned(matrix, vocabulary.with_signals(settings.need_signal_scale))
    for need in NEEDS:
        level = np.array([row.needs.get(need, -1) for row in rows])
        high = turned.fit(level >= 0, level == 2, settings.need_strength)
        medium = turned.fit((level >= 0) & (level < 2), level == 1, settings.need_strength)
        columns += [f"{need}.high", f"{need}.medium"]
        weights += [high.coef_[0], medium.coef_[0]]
        intercepts += [high.intercept_[0], medium.intercept_[0]]
    turned = Turned(matrix, vocabulary.with_signals(settings.label_signal_scale))
    for head in LABEL_HEADS:
        truth = np.array([getattr(row, head) for row in rows])
        labels = turned.fit(np.ones(len(rows), dtype=bool), truth, settings.label_strength)
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
