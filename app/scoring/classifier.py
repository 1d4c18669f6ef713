"""The trained classifier: text in, needs, task type and domain out, with the exact share of every term.

All heads are linear in the same features, so one pass over the text serves them all. Weights, vocabulary and
calibration come from `models/classifier.json`, which `python -m models.train` writes.

A text's features count how many of its distinct terms contain them; the counts, times each feature's scale, are
divided by one norm of the text, the root of sum(count * scale^2). A signal adds its weight without the norm.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from math import exp, sqrt
from pathlib import Path
from typing import cast, get_args

from app.errors import CatalogueError
from app.schemas.facts import NeedReading, Reading, Span, TokenContribution
from app.schemas.vocabulary import NEEDS, Need, TaskType
from app.scoring.ngrams import features_of, first_spans, terms

FORMAT = 1
"""Layout of the file; another number is refused."""
TOP_CONTRIBUTIONS = 6
"""Terms named per need."""
CACHED_TERMS = 50_000
"""Terms whose summed weights are kept; the store is emptied when full."""

Row = tuple[float, ...]
"""First the squared scale (its share of the norm), then one weight per column."""


@dataclass(frozen=True, slots=True)
class Head:
    """One multinomial question: its answers, their columns, and the probability below which it abstains."""

    labels: tuple[str, ...]
    first_column: int
    abstain_below: float


@dataclass(frozen=True, slots=True)
class Classifier:
    """Linear heads over n-grams and signals, as trained; `read` is pure (the store of terms only saves time).

    The columns are: for each need, `high` (level 2 against the rest) and `medium` (level 1 against 0, given not 2);
    then one per task type and per domain.
    """

    digest: str
    intercepts: Row
    rows: Mapping[str, Row]
    signal_rows: Mapping[str, Row]
    task_type: Head
    domain: Head
    _known_terms: dict[str, Row | None] = field(default_factory=dict, repr=False, compare=False)

    def read(self, text: str, signals: Iterable[str] = ()) -> Reading:
        """Needs, task type and domain of `text`; `signals` are names found in it (unknown ones are ignored)."""
        found = self._found(text)
        extra = [(s, row) for s in sorted(set(signals)) if (row := self.signal_rows.get(s))]
        scores, norm = self._scores([row for _, row in found], [row for _, row in extra])
        spans = first_spans(text)
        needs = {need: self._need(spans, need, 2 * i, scores, found, extra, norm) for i, need in enumerate(NEEDS)}
        task_type, task_probability = _answer(self.task_type, scores)
        domain, domain_probability = _answer(self.domain, scores)
        return Reading(needs, cast("TaskType | None", task_type), task_probability, domain, domain_probability)

    def scores(self, text: str, signals: Iterable[str] = ()) -> Row:
        """The linear score of every column, for tests and training."""
        extra = [row for s in sorted(set(signals)) if (row := self.signal_rows.get(s))]
        return self._scores([row for _, row in self._found(text)], extra)[0]

    def _found(self, text: str) -> list[tuple[str, Row]]:
        known, found = self._known_terms, []
        for term in sorted(terms(text)):
            try:
                row = known[term]
            except KeyError:
                row = self._remember(term)
            if row is not None:
                found.append((term, row))
        return found

    def _remember(self, term: str) -> Row | None:
        """Sum the rows of a term's features and keep the sum; None when none is known."""
        rows = [row for feature in features_of(term) if (row := self.rows.get(feature))]
        total = tuple(map(sum, zip(*rows, strict=True))) if rows else None
        if len(self._known_terms) >= CACHED_TERMS:
            self._known_terms.clear()
        self._known_terms[term] = total
        return total

    def _scores(self, found: Sequence[Row], extra: Sequence[Row]) -> tuple[Row, float]:
        scores = self.intercepts
        norm = 1.0
        if found:
            squared, *sums = map(sum, zip(*found, strict=True))
            norm = sqrt(squared)
            scores = tuple([s / norm + b for s, b in zip(sums, scores, strict=True)])
        if extra:
            scores = tuple(map(sum, zip(scores, *[row[1:] for row in extra], strict=True)))
        return scores, norm

    def _need(
        self,
        spans: Mapping[str, Span],
        need: Need,
        column: int,
        scores: Row,
        found: Sequence[tuple[str, Row]],
        extra: Sequence[tuple[str, Row]],
        norm: float,
    ) -> NeedReading:
        high, medium = _sigmoid(scores[column]), _sigmoid(scores[column + 1])
        levels = ((1 - high) * (1 - medium), (1 - high) * medium, high)
        at = column + 1  # rows start with the share of the norm
        weighed = [(row[at] / norm, term) for term, row in found] + [(row[at], name) for name, row in extra]
        top = nlargest(TOP_CONTRIBUTIONS, weighed, key=lambda pair: (abs(pair[0]), pair[1]))
        because = tuple(TokenContribution(term, weight, spans.get(term)) for weight, term in top)
        return NeedReading(need, scores[column], levels, because)


def _answer(head: Head, scores: Row) -> tuple[str | None, float]:
    """The likeliest label and its probability; None instead of a label that is less likely than the limit."""
    own = scores[head.first_column : head.first_column + len(head.labels)]
    largest = max(own)
    total = sum([exp(score - largest) for score in own])
    probability = 1 / total
    label = head.labels[own.index(largest)] if probability >= head.abstain_below else None
    return label, probability


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else 1 - 1 / (1 + exp(x))


def load_classifier(path: Path) -> Classifier:
    """Read `classifier.json`. CatalogueError when it is missing, broken or of another format."""
    try:
        raw = path.read_bytes()
        data = json.loads(raw)
        if data["format"] != FORMAT:
            raise CatalogueError(path.name, "format", f"{data['format']!r} is not known.", f"{FORMAT}, by `make train`")
        return _from_data(data, hashlib.sha256(raw).hexdigest())
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CatalogueError(path.name, "/", f"is broken ({error!r}).", "the file that `make train` makes") from error


def _from_data(data: Mapping[str, object], digest: str) -> Classifier:
    columns = cast("list[str]", data["columns"])
    expected = [f"{need}.{part}" for need in NEEDS for part in ("high", "medium")]
    if columns[: len(expected)] != expected:
        raise ValueError("the columns do not start with the four needs")
    task_type = _head("task_type", columns, data)
    if not set(task_type.labels) <= set(get_args(TaskType)):
        raise ValueError("an unknown task type")
    return Classifier(
        digest=digest,
        intercepts=tuple(cast("list[float]", data["intercepts"])),
        rows=_rows(cast("dict[str, list[float]]", data["features"]), len(columns)),
        signal_rows=_rows(cast("dict[str, list[float]]", data["signals"]), len(columns)),
        task_type=task_type,
        domain=_head("domain", columns, data),
    )


def _head(name: str, columns: list[str], data: Mapping[str, object]) -> Head:
    own = [i for i, column in enumerate(columns) if column.startswith(f"{name}.")]
    limit = cast("dict[str, float]", data["abstain_below"])[name]
    return Head(tuple(columns[i].partition(".")[2] for i in own), own[0], limit)


def _rows(stored: Mapping[str, list[float]], columns: int) -> dict[str, Row]:
    """Stored rows hold the scale, then one weight per column, to be multiplied by it; last zeros may be left out."""
    rows = {}
    for name, (scale, *weights) in stored.items():
        full = [w * scale for w in weights] + [0.0] * (columns - len(weights))
        rows[name] = (scale * scale, *full)
    return rows
