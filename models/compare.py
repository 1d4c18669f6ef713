"""Which features are worth their place: variants of the classifier on the same rows; writes results/comparison.json.

`python -m models.compare`. Each variant is measured on a quarter of the rounds at a time (trained on the others) and,
trained on all of them, on the frozen round. Choices were made on the first figure only.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.corpus import FROZEN, ROUNDS, Row, load_round, load_training
from models.heads import Settings
from models.readings import Measures, Readings, majority, measure
from models.signals import signals_of
from models.train import LeftOut, left_out, temperatures, train

RESULTS = Path(__file__).resolve().parent / "results"
PARTS = 4
"""Rounds are left out in so many parts, each of two or three rounds: seven variants are measured."""
PLAIN = replace(Settings(), use_groups=False, use_signals=False, use_statements=False)
VARIANTS = {
    "n-grams alone": PLAIN,
    "signals and quantities alone": replace(PLAIN, use_ngrams=False, use_signals=True),
    "n-grams and signals": replace(PLAIN, use_signals=True),
    "all but the lexicon's groups": replace(Settings(), use_groups=False),
    "all but the statements": replace(Settings(), use_statements=False),
    "groups and signals, no n-grams": replace(Settings(), use_ngrams=False),
    "all (shipped)": Settings(),
}


def calibrated(found: LeftOut, rows: Sequence[Row]) -> tuple[Readings, dict[str, float]]:
    """Readings of rows left out, and the temperatures that calibrate them."""
    made = temperatures(found, rows)
    return Readings.of(found.columns, found.scores, made), made


def on_frozen(rows: Sequence[Row], frozen: Sequence[Row], settings: Settings, found: dict[str, float]) -> Measures:
    """Measures on the frozen round of a classifier trained on all rows."""
    vocabulary, fitted = train(rows, settings)
    texts = [row.text for row in frozen]
    scores = fitted.scores(vocabulary.matrix(texts, [signals_of(text) for text in texts]))
    return measure(frozen, Readings.of(fitted.columns, scores, found))


def main() -> None:
    """Measure and write."""
    rows, frozen = load_training(), load_round(FROZEN)
    results = {"majority": {"rounds": majority(rows, rows), "frozen": majority(rows, frozen)}}
    for name, settings in VARIANTS.items():
        readings, found = calibrated(left_out(rows, [ROUNDS.index(row.round) % PARTS for row in rows], settings), rows)
        results[name] = {"rounds": measure(rows, readings), "frozen": on_frozen(rows, frozen, settings, found)}
        print(name, {head: round(m["accuracy"], 3) for head, m in results[name]["rounds"].items()}, flush=True)
    (RESULTS / "comparison.json").write_text(json.dumps(rounded(results), indent=1) + "\n", encoding="utf-8")


def rounded(value: object) -> object:
    """All figures to four places, so that the file says no more than it knows."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
