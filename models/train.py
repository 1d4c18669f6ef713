"""Train the classifier on all rounds but the frozen one and write `classifier.json` and `manifest.json`.

`python -m models.train [--all]`: deterministic, the same bytes on the same inputs. Steps: fit all heads on all n-grams,
keep the strongest features, fit again on those alone, divide each head's scores by its temperature (found on rounds
left out), round. The rounded weights are the classifier; the tests rebuild scikit-learn's pipeline from them.
"""

import base64
import hashlib
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from app.kept import kept
from app.schemas.vocabulary import NEEDS
from app.scoring.classifier import FORMAT
from models.corpus import DATA, ROUNDS, Row, load_lexicon, load_statements, load_training
from models.heads import (
    Fitted,
    Floats,
    Settings,
    Vocabulary,
    build_vocabulary,
    fit,
    head_of,
    strongest,
    temperature,
)
from models.signals import signals_of

HERE = Path(__file__).resolve().parent
LARGEST_CODE = 127
"""A weight is stored as a signed byte, in steps of a column's largest weight; what is measured is what is stored."""
DECIMALS = 3
"""Of the weight of a signal."""
ABSTAIN_BELOW = {"task_type": 0.25, "domain": 0.2}
"""Top probability under which a label is not said; see results/README.md."""


def train(rows: Sequence[Row], settings: Settings) -> tuple[Vocabulary, Fitted]:
    """Vocabulary and uncalibrated weights from `rows` (and the statements, which belong to no round).

    On one thread: the order of additions stays the same, and the matrices are too small to gain from more.
    """
    rows = [*rows, *load_statements()] if settings.use_statements else rows
    texts = [row.text for row in rows]
    found = [signals_of(text) for text in texts]
    everything = build_vocabulary(texts, found, load_lexicon(), settings)
    with threadpool_limits(limits=1):
        first = fit(everything, everything.matrix(texts, found), rows, settings)
        vocabulary = everything.subset(strongest(first, everything, settings.kept_features))
        return vocabulary, fit(vocabulary, vocabulary.matrix(texts, found), rows, settings)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Uncalibrated scores of every row from a classifier that never saw the row's part (a round, a fold)."""

    columns: tuple[str, ...]
    scores: Floats

    def own(self, head: str) -> list[int]:
        """The columns of one head."""
        return [i for i, column in enumerate(self.columns) if head_of(column) == head]


def left_out(rows: Sequence[Row], parts: Sequence[object], settings: Settings) -> LeftOut:
    """Train once per part, without it; parts side by side on all cores."""
    named = np.array([str(part) for part in parts])

    def without(part: str) -> tuple[tuple[str, ...], Floats]:
        vocabulary, fitted = train([row for row, own in zip(rows, named, strict=True) if own != part], settings)
        texts = [row.text for row, own in zip(rows, named, strict=True) if own == part]
        return fitted.columns, fitted.scores(vocabulary.matrix(texts, [signals_of(text) for text in texts]))

    order = sorted(set(named))
    made = Parallel(n_jobs=-1)(delayed(without)(part) for part in order)
    scores = np.zeros((len(rows), made[0][1].shape[1]))
    for part, (_, own) in zip(order, made, strict=True):
        scores[named == part] = own
    return LeftOut(made[0][0], scores)


def rounds_left_out() -> LeftOut:
    """Every training row read without its round, by the settings that ship; made once per state of data and code."""
    rows = load_training()
    sources = [*(DATA / name for name in input_files()), *sorted(HERE.glob("*.py"))]
    return kept("left_out", sources, lambda: left_out(rows, [row.round for row in rows], Settings()))


def temperatures(found: LeftOut, rows: Sequence[Row]) -> dict[str, float]:
    """The temperature of each head, from scores of rounds left out."""
    made, scores = {}, found.scores
    for need in NEEDS:
        level = np.array([row.needs[need] for row in rows])
        below = level < 2
        high, medium = found.own(f"{need}.high"), found.own(f"{need}.medium")
        made[f"{need}.high"] = temperature(scores[:, high], (level == 2).astype(np.int64))
        made[f"{need}.medium"] = temperature(scores[below][:, medium], level[below].astype(np.int64))
    for head in ("task_type", "domain"):
        own = found.own(head)
        labels = [found.columns[i].partition(".")[2] for i in own]
        truth = np.array([labels.index(getattr(row, head)) for row in rows])
        made[head] = temperature(scores[:, own], truth)
    return made


def as_data(vocabulary: Vocabulary, fitted: Fitted) -> dict[str, object]:
    """The content of `classifier.json`: features with their scales, and one byte per feature and column."""
    ngrams = len(vocabulary.names)
    words, signals = fitted.weights[:, :ngrams], np.round(fitted.weights[:, ngrams:], DECIMALS) + 0.0
    steps = np.array([float(f"{value:.6g}") for value in np.abs(words).max(axis=1) / LARGEST_CODE])
    codes = np.round(words.T / np.where(steps > 0, steps, 1.0)).clip(-LARGEST_CODE, LARGEST_CODE).astype(np.int8)
    return {
        "format": FORMAT,
        "columns": list(fitted.columns),
        "intercepts": [float(value) for value in np.round(fitted.intercepts, DECIMALS)],
        "steps": [float(step) for step in steps],
        "abstain_below": ABSTAIN_BELOW,
        "lexicon": load_lexicon(),
        "features": list(vocabulary.names),
        "scales": [short(scale) for scale in vocabulary.scales],
        "codes": base64.b64encode(codes.tobytes()).decode(),
        "signals": {name: [short(weight) for weight in signals[:, i]] for i, name in enumerate(vocabulary.signals)},
    }


def short(value: float) -> float | int:
    """0 instead of 0.0 in the file."""
    return int(value) if value == int(value) else float(value)


def manifest(content: bytes, settings: Settings, found: dict[str, float]) -> dict[str, object]:
    """What the classifier was made from."""
    inputs = {name: _digest(DATA / name) for name in input_files()}
    return {
        "classifier_sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "inputs_sha256": inputs,
        "settings": {name: getattr(settings, name) for name in Settings.__slots__},
        "temperatures": found,
        "trained_with": {
            "python": ".".join(platform.python_version_tuple()[:2]),
            **{name: version(name) for name in ("scikit-learn", "numpy", "scipy")},
        },
    }


def input_files() -> list[str]:
    """What the classifier is made from, in models/data."""
    return [*(f"corpus/{name}.jsonl" for name in ROUNDS), "statements.jsonl", "settled_labels.jsonl", "lexicon.yaml"]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_classifier() -> None:
    """Train, calibrate, write."""
    rows, settings = load_training(), Settings()
    vocabulary, fitted = train(rows, settings)
    found = temperatures(rounds_left_out(), rows)
    content = json.dumps(as_data(vocabulary, fitted.tempered(found)), ensure_ascii=False, separators=(",", ":"))
    encoded = content.encode() + b"\n"
    (HERE / "classifier.json").write_bytes(encoded)
    described = json.dumps(manifest(encoded, settings, found), indent=2) + "\n"
    (HERE / "manifest.json").write_text(described, encoding="utf-8")
    print(f"classifier.json: {len(vocabulary.names)} features, {len(encoded) / 1e6:.2f} MB; temperatures {found}")


def main(arguments: Sequence[str]) -> None:
    """Train the classifier; with `--all`, fit anew what rests on its readings: the needs' scores and the decision."""
    write_classifier()
    if "--all" in arguments:
        from app.scoring import rules_readme  # these import this module
        from models import fit_decision, fit_needs

        fit_needs.main([])
        rules_readme.main()
        fit_decision.main()


if __name__ == "__main__":
    main(sys.argv[1:])
