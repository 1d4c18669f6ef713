"""The trained classifier: text in, needs, task type and domain out, with the exact share of every term.

All heads are linear in the same features, so one pass over the text serves them all. Weights, vocabulary and
calibration come from `models/classifier.json`, which `python -m models.train` writes.

A text's features count how many of its distinct terms contain them; the counts, times each feature's scale, are
divided by one norm of the text, the root of sum(count * scale^2). A signal adds its weight without the norm.
"""

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from math import exp, sqrt
from pathlib import Path
from struct import pack, unpack
from typing import cast, get_args

from app.errors import CatalogueError
from app.kept import kept
from app.records import record
from app.schemas.facts import NeedReading, Reading, Span, TokenContribution
from app.schemas.vocabulary import NEEDS, Need, TaskType
from app.scoring.ngrams import Lexicon, Terms, features_of

FORMAT = 3
"""Layout of the file; another number is refused."""
TOP_CONTRIBUTIONS = 4
"""Terms named per need."""
CACHED_TERMS = 50_000
"""Terms whose summed weights are kept; the store is emptied when full."""

Row = tuple[float, ...]
"""First the squared scale (its share of the norm), then one weight per column."""
Packed = bytes
"""A feature as it lies in memory: its scale (a double), then one signed byte per column, to be multiplied by steps."""


@record
class Head:
    """One multinomial question: its answers, their columns, and the probability below which it abstains."""

    labels: tuple[str, ...]
    first_column: int
    abstain_below: float


@record
class Classifier:
    """Linear heads over n-grams and signals, as trained; `read` is pure (the store of terms only saves time).

    The columns are: for each need, `high` (level 2 against the rest) and `medium` (level 1 against 0, given not 2);
    then one per task type and per domain.
    """

    digest: str
    intercepts: Row
    lexicon: Lexicon
    rows: Mapping[str, Packed]
    steps: Row
    """What one unit of a packed byte weighs, by column."""
    signal_rows: Mapping[str, Row]
    task_type: Head
    domain: Head
    _known_terms: dict[str, Row | None] = field(default_factory=dict, repr=False, compare=False)

    def read(self, text: str, signals: Mapping[str, Sequence[Span]] | None = None) -> Reading:
        """Needs, task type and domain of `text`.

        `signals` are the names found in the text, each with its places; names unknown at training say nothing.
        """
        found = self._find(Terms(text), signals or {})
        scores = self._scores(found)
        name = _Names(text, found, signals or {})
        needs: dict[Need, NeedReading] = {}
        for i, need in enumerate(NEEDS):
            high, medium = _sigmoid(scores[2 * i]), _sigmoid(scores[2 * i + 1])
            levels = ((1 - high) * (1 - medium), (1 - high) * medium, high)
            needs[need] = NeedReading(need, scores[2 * i], levels, name.strongest(2 * i + 1))  # rows start with a norm
        task_type, task_probability = _answer(self.task_type, scores)
        domain, domain_probability = _answer(self.domain, scores)
        return Reading(needs, cast("TaskType | None", task_type), task_probability, domain, domain_probability)

    def scores(self, text: str, signals: Iterable[str] = ()) -> Row:
        """The linear score of every column, in their order."""
        return self._scores(self._find(Terms(text), signals))

    def _find(self, terms: Terms, signals: Iterable[str]) -> "_Found":
        """The terms of the text and the signals that weigh anything, with their rows."""
        known, names, rows = self._known_terms, [], []
        for term in terms:
            try:
                row = known[term]
            except KeyError:
                row = self._remember(term)
            if row is not None:
                names.append(term)
                rows.append(row)
        columns = tuple(zip(*rows, strict=True)) or ((),) * (len(self.intercepts) + 1)
        extra = [(s, row) for s in sorted(signals) if (row := self.signal_rows.get(s))]
        return _Found(terms, names, columns, sqrt(sum(columns[0])) or 1.0, extra)

    def _remember(self, term: str) -> Row | None:
        """Sum the rows of a term's features and keep the sum; None when none is known."""
        packed = [row for feature in features_of(term, self.lexicon) if (row := self.rows.get(feature))]
        total = self._total(packed) if packed else None
        if len(self._known_terms) >= CACHED_TERMS:
            self._known_terms.clear()
        self._known_terms[term] = total
        return total

    def _total(self, packed: Sequence[Packed]) -> Row:
        """The sum of the rows of some features."""
        layout = f"d{len(self.steps)}b"
        rows = [unpack(layout, row) for row in packed]
        weighed = [[scale * code for code in codes] for scale, *codes in rows]
        sums = map(sum, zip(*weighed, strict=True))
        squares = sum([row[0] * row[0] for row in rows])
        return (squares, *[total * step for total, step in zip(sums, self.steps, strict=True)])

    def _scores(self, found: "_Found") -> Row:
        norm = found.norm
        scores = tuple([sum(c) / norm + b for c, b in zip(found.columns[1:], self.intercepts, strict=True)])
        if not found.extra:
            return scores
        return tuple(map(sum, zip(scores, *[row[1:] for _, row in found.extra], strict=True)))


@record
class _Found:
    """What of a text is known: terms in its order, the columns of their rows, the norm; signals with their rows."""

    terms: Terms
    names: list[str]
    columns: tuple[Row, ...]
    norm: float
    extra: list[tuple[str, Row]]


class _Names:
    """Names the terms and signals that weigh most in a column, with their places in the text."""

    def __init__(self, text: str, found: _Found, signals: Mapping[str, Sequence[Span]]) -> None:
        self.text, self.found, self.signals = text, found, signals

    def strongest(self, at: int) -> tuple[TokenContribution, ...]:
        """Those with the largest weights at position `at` of their rows, largest first."""
        found = self.found
        weights = [*found.columns[at], *[row[at] * found.norm for _, row in found.extra]]
        ordered = sorted(weights)
        ends = {*ordered[:TOP_CONTRIBUTIONS], *ordered[-TOP_CONTRIBUTIONS:]}
        largest = sorted(ends, key=lambda w: (-abs(w), w))[:TOP_CONTRIBUTIONS]
        places = [i for weight in largest for i in _places(weights, weight)]
        return tuple([self._named(i, weights[i] / found.norm) for i in places[:TOP_CONTRIBUTIONS]])

    def _named(self, i: int, weight: float) -> TokenContribution:
        names = self.found.names
        if i < len(names):
            return TokenContribution(names[i], weight, self.found.terms.span(names[i]))
        name = self.found.extra[i - len(names)][0]
        span = next(iter(self.signals[name]), None)
        return TokenContribution(self.text[slice(*span)] if span else name, weight, span)


def _places(weights: list[float], weight: float) -> Iterator[int]:
    """Where `weight` stands in `weights`, at most as often as terms are named."""
    at = -1
    for _ in range(min(weights.count(weight), TOP_CONTRIBUTIONS)):
        at = weights.index(weight, at + 1)
        yield at


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
    return kept("classifier", [path], lambda: _read(path))


def _read(path: Path) -> Classifier:
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
        lexicon=Lexicon.of(cast("dict[str, str]", data["lexicon"])),
        rows=_packed(data, len(columns)),
        steps=tuple(cast("list[float]", data["steps"])),
        signal_rows=_signal_rows(cast("dict[str, list[float]]", data["signals"])),
        task_type=task_type,
        domain=_head("domain", columns, data),
    )


def _head(name: str, columns: list[str], data: Mapping[str, object]) -> Head:
    own = [i for i, column in enumerate(columns) if column.startswith(f"{name}.")]
    limit = cast("dict[str, float]", data["abstain_below"])[name]
    return Head(tuple(columns[i].partition(".")[2] for i in own), own[0], limit)


def _packed(data: Mapping[str, object], columns: int) -> dict[str, Packed]:
    """Features by name; `codes` holds a signed byte per feature and column, in base 64."""
    names, scales = cast("list[str]", data["features"]), cast("list[float]", data["scales"])
    codes = b64decode(cast("str", data["codes"]), validate=True)
    if len(codes) != len(names) * columns:
        raise ValueError("the codes do not match the features and columns")
    return {
        name: pack("d", scale) + codes[i * columns : (i + 1) * columns]
        for i, (name, scale) in enumerate(zip(names, scales, strict=True))
    }


def _signal_rows(stored: Mapping[str, list[float]]) -> dict[str, Row]:
    """Signals by name, each with one weight per column; they have no share of the norm."""
    return {name: (0.0, *weights) for name, weights in stored.items()}
