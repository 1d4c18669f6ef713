"""Train the classifier on rounds r1 to r4 and write `classifier.json` and `manifest.json`.

`python -m models.train [--all]`: deterministic, the same bytes on the same inputs. Steps: fit all heads on all n-grams,
keep the strongest features, fit again on those alone, divide each head's scores by its temperature (found on rounds
left out), round. The rounded weights are the classifier; the tests rebuild scikit-learn's pipeline from them.
"""

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

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
    strongest,
    temperature,
)
from models.signals import signals_of

HERE = Path(__file__).resolve().parent
DECIMALS = 2
"""Of a weight; the file stays small, and what is measured is the rounded classifier."""
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


def left_out_scores(
    rows: Sequence[Row], parts: Sequence[object], learn: Callable[[Sequence[Row]], tuple[Vocabulary, Fitted]]
) -> Floats:
    """Scores of every row from a classifier that never saw the row's part (a round, a fold)."""
    scores: Floats | None = None
    for part in sorted(set(map(str, parts))):
        inside = np.array([str(p) == part for p in parts])
        vocabulary, fitted = learn([row for row, held in zip(rows, inside, strict=True) if not held])
        texts = [row.text for row, held in zip(rows, inside, strict=True) if held]
        own = fitted.scores(vocabulary.matrix(texts, [signals_of(text) for text in texts]))
        scores = np.zeros((len(rows), own.shape[1])) if scores is None else scores
        scores[inside] = own
    assert scores is not None
    return scores


def temperatures(fitted: Fitted, rows: Sequence[Row], scores: Floats) -> dict[str, float]:
    """The temperature of each head, from scores of rounds left out."""
    found = {}
    for need in NEEDS:
        level = np.array([row.needs[need] for row in rows])
        below = level < 2
        high, medium = fitted.own(f"{need}.high"), fitted.own(f"{need}.medium")
        found[f"{need}.high"] = temperature(scores[:, high], (level == 2).astype(np.int64))
        found[f"{need}.medium"] = temperature(scores[below][:, medium], level[below].astype(np.int64))
    for head in ("task_type", "domain"):
        own = fitted.own(head)
        labels = [fitted.columns[i].partition(".")[2] for i in own]
        truth = np.array([labels.index(getattr(row, head)) for row in rows])
        found[head] = temperature(scores[:, own], truth)
    return found


def as_data(vocabulary: Vocabulary, fitted: Fitted) -> dict[str, object]:
    """The content of `classifier.json`: per feature its scale, then a weight per column, zeros at the end left out."""
    weights = np.round(fitted.weights, DECIMALS) + 0.0
    ngrams = len(vocabulary.names)
    return {
        "format": FORMAT,
        "columns": list(fitted.columns),
        "intercepts": [float(value) for value in np.round(fitted.intercepts, DECIMALS)],
        "abstain_below": ABSTAIN_BELOW,
        "lexicon": load_lexicon(),
        "features": {
            name: [float(scale), *map(short, weights[:, i])]
            for i, (name, scale) in enumerate(zip(vocabulary.names, vocabulary.scales, strict=True))
        },
        "signals": {name: [1, *map(short, weights[:, ngrams + i])] for i, name in enumerate(vocabulary.signals)},
    }


def short(value: float) -> float | int:
    """0 instead of 0.0 in the file."""
    return int(value) if value == int(value) else float(value)


def manifest(content: bytes, settings: Settings, found: dict[str, float]) -> dict[str, object]:
    """What the classifier was made from."""
    files = [*(f"corpus/{name}.jsonl" for name in ROUNDS), "statements.jsonl", "lexicon.yaml"]
    inputs = {name: _digest(DATA / name) for name in files}
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


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_classifier() -> None:
    """Train, calibrate, write."""
    rows, settings = load_training(), Settings()
    vocabulary, fitted = train(rows, settings)
    scores = left_out_scores(rows, [row.round for row in rows], lambda some: train(some, settings))
    found = temperatures(fitted, rows, scores)
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
