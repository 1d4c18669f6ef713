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
from models.corpus import STATEMENTS, Row

Floats = NDArray[np.float64]
LABEL_HEADS = ("task_type", "domain")
MOST_STEPS = 1_000
"""Of the solver, which takes some tens."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen on training rounds left out; see results/README.md for the alternatives."""

    min_texts: int = 2
    """Texts a feature must stand in to be looked at."""
    kept_features: int = 26_000
    """Features kept, by the size of their weights and how often they stand; the file has to stay under 2 MB."""
    rarity_power: float = 2.0
    """Power of the inverse document frequency that scales a feature."""
    group_scale: float = 1.4
    """How much more a group of the lexicon counts than a word as rare."""
    need_strength: float = 10.0
    """C of the needs' heads (inverse regularisation)."""
    label_strength: float = 10.0
    """C of task type and domain."""
    need_signal_scale: float = 0.2
    """Value of a present signal for the needs' heads: smaller is regularised more."""
    statement_weight: float = 0.5
    """How much a statement counts beside a whole description."""
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
    texts: NDArray[np.int64]
    """Training texts that each feature stands in."""
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
        return replace(self, names=tuple(self.names[i] for i in kept), scales=self.scales[kept], texts=self.texts[kept])


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
    scales = np.round(rarity * [settings.group_scale if name[0] == "=" else 1.0 for name in names], 2)
    known = sorted({name for found in signals for name in found}) if settings.use_signals else []
    return Vocabulary(lexicon, names, scales, counts, tuple(known))


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


def regression(
    matrix: csr_matrix, scales: Floats, truth: NDArray[np.generic], counts: Floats, strength: float
) -> LogisticRegression:
    """L2 logistic regression on `matrix` with its columns times `scales`; `coef_` is for the columns as they are."""
    made = LogisticRegression(C=strength, max_iter=MOST_STEPS)
    made.fit(csr_matrix(matrix @ diags(scales)), truth, sample_weight=counts)
    made.coef_ = made.coef_ * scales
    return made


def fit(vocabulary: Vocabulary, matrix: csr_matrix, rows: Sequence[Row], settings: Settings) -> Fitted:
    """Fit every head on the rows that are labelled for it.

    Per need level 2 against the rest, then 1 against 0 among the rest; then task type and domain, which go by words
    alone: signals, which are about needs, told them nothing and cost two points.
    """
    counts = np.array([settings.statement_weight if row.round == STATEMENTS else 1.0 for row in rows])
    columns: list[str] = []
    weights: list[Floats] = []
    intercepts: list[float] = []
    scales = vocabulary.with_signals(settings.need_signal_scale)
    for need in NEEDS:
        level = np.array([row.needs.get(need, -1) for row in rows])
        for name, inside, wanted in (("high", level >= 0, 2), ("medium", (level >= 0) & (level < 2), 1)):
            made = regression(matrix[inside], scales, level[inside] == wanted, counts[inside], settings.need_strength)
            columns.append(f"{need}.{name}")
            weights.append(made.coef_[0])
            intercepts.append(made.intercept_[0])
    scales = vocabulary.with_signals(0.0)
    for head in LABEL_HEADS:
        truth = np.array([getattr(row, head) for row in rows])
        made = regression(matrix, scales, truth, counts, settings.label_strength)
        columns += [f"{head}.{label}" for label in made.classes_]
        weights += list(made.coef_)
        intercepts += list(made.intercept_)
    return Fitted(tuple(columns), np.array(weights), np.array(intercepts))


def strongest(fitted: Fitted, vocabulary: Vocabulary, keep: int) -> NDArray[np.int64]:
    """Positions of the n-grams that move scores most: weights over all heads, times the root of the texts they are in.

    In alphabetical order of their names. By weights alone rare n-grams would crowd out those that new texts hold.
    """
    ngrams = fitted.weights[:, : len(vocabulary.names)] * vocabulary.scales
    size = np.sqrt((ngrams**2).sum(axis=0) * vocabulary.texts)
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
