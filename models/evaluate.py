"""Measure the reading of task descriptions, and print it beside the aims and the baselines.

`python -m models.evaluate`: the shipped classifier on the frozen round through the path that serves; every training
round by a classifier that never saw it; grouped cross-validation; rules alone and both together; agreement of the two
labellings; ten texts that are read wrongly. Writes results/reading.json and results/README.md. `--decision` goes on
with the decision.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.pipeline.reading import marks_of, read_text
from app.schemas.vocabulary import NEEDS
from app.scoring.classifier import Classifier, load_classifier
from app.shipped import shipped
from models import metrics
from models.compare import calibrated, rounded
from models.corpus import FROZEN, ROUNDS, Row, groups, load_round, load_second_labels, load_training, near_duplicates
from models.fit_needs import left_out_readings
from models.heads import LABEL_HEADS, Settings
from models.readings import Readings, majority, measure, truth_of
from models.report import write_report
from models.sides import measure_sides
from models.train import left_out, rounds_left_out

RESULTS = Path(__file__).resolve().parent / "results"
FOLDS = 5
WRONGLY_READ = 10


def shipped_readings(classifier: Classifier, rows: Sequence[Row]) -> Readings:
    """What the shipped classifier says, by the code that serves."""
    scores = np.array([classifier.scores(row.text, marks_of(row.text)) for row in rows])
    columns = json.loads(shipped("models/classifier.json").read_text(encoding="utf-8"))["columns"]
    return Readings.of(columns, scores)


def agreement() -> dict[str, dict[str, dict[str, float]]]:
    """Cohen's kappa of the two labellings by round and head; linear weights for the levels beside it."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in (*ROUNDS, FROZEN):
        first, second = load_round(name, settle=False), load_second_labels(name)
        rows = [(row, second[row.id]) for row in first if row.id in second]
        found[name] = {"rows": {"count": len(rows)}}
        for need in NEEDS:
            pair = [row.needs[need] for row, _ in rows], [other["labels"][need] for _, other in rows]
            found[name][need] = {"kappa": metrics.kappa(*pair), "weighted": metrics.kappa(*pair, weights="linear")}
        for head in LABEL_HEADS:
            found[name][head] = {
                "kappa": metrics.kappa([getattr(row, head) for row, _ in rows], [other[head] for _, other in rows])
            }
    return found


def abstention(rows: Sequence[Row], readings: Readings, classifier: Classifier) -> dict[str, dict[str, float]]:
    """How often the label heads keep silent, and how right they are when they speak."""
    found = {}
    for head, own in (("task_type", classifier.task_type), ("domain", classifier.domain)):
        speaks = readings.top(head) >= own.abstain_below
        right = np.array([getattr(row, head) == said for row, said in zip(rows, readings.said(head), strict=True)])
        found[head] = {"silent": float(1 - speaks.mean()), "accuracy_when_said": float(right[speaks].mean())}
    return found


def wrongly_read(rows: Sequence[Row], readings: Readings) -> list[dict[str, object]]:
    """The texts with the surest wrong answers: of each head in turn, a text only once."""
    queues = [_mistakes(rows, readings, head) for head in (*NEEDS, *LABEL_HEADS)]
    chosen: dict[object, dict[str, object]] = {}
    while any(queues) and len(chosen) < WRONGLY_READ:
        for queue in queues:
            while queue and queue[0]["id"] in chosen:
                queue.pop(0)
            if queue and len(chosen) < WRONGLY_READ:
                chosen[queue[0]["id"]] = queue.pop(0)
    return list(chosen.values())


def _mistakes(rows: Sequence[Row], readings: Readings, head: str) -> list[dict[str, object]]:
    """Wrong answers of one head, the surest first."""
    if head in NEEDS:
        levels = readings.levels[head]
        said, top = [str(k) for k in levels.argmax(axis=1)], levels.max(axis=1)
        truth = [str(k) for k in truth_of(rows, head)]
    else:
        said, top = readings.said(head), readings.top(head)
        truth = [str(getattr(row, head)) for row in rows]
    wrong = [
        {"id": row.id, "head": head, "said": s, "labelled": t, "probability": float(p)}
        for row, s, t, p in zip(rows, said, truth, top, strict=True)
        if s != t
    ]
    return sorted(wrong, key=lambda w: (-float(str(w["probability"])), str(w["id"])))


def evaluate() -> dict[str, object]:
    """All figures."""
    rows, frozen = load_training(), load_round(FROZEN)
    texts = [row.text for row in (*rows, *frozen)]
    classifier = load_classifier(shipped("models/classifier.json"))
    on_frozen = shipped_readings(classifier, frozen)
    by_round, _ = calibrated(rounds_left_out(), rows)
    parts = groups([row.text for row in rows]) % FOLDS
    by_group, _ = calibrated(left_out(rows, list(parts), Settings()), rows)
    served = [read_text(row.text, classifier) for row in frozen]
    return {
        "classifier_digest": classifier.digest,
        "frozen": {
            "majority": majority(rows, frozen),
            **measure_sides(frozen, served, by_round=False),
            "classifier": measure(frozen, on_frozen),
        },
        "rounds": {
            "majority": majority(rows, rows),
            **measure_sides(rows, left_out_readings(rows), by_round=True),
            "classifier": measure(rows, by_round),
        },
        "grouped": {"classifier": measure(rows, by_group)},
        "abstention": {
            "frozen": abstention(frozen, on_frozen, classifier),
            "rounds": abstention(rows, by_round, classifier),
        },
        "agreement": agreement(),
        "texts": len(texts),
        "near_duplicates": len(near_duplicates(texts)),
        "wrongly_read": wrongly_read(frozen, on_frozen),
    }


def main(arguments: Sequence[str]) -> None:
    """Measure, write, print."""
    found = rounded(evaluate())
    (RESULTS / "reading.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(write_report(RESULTS))
    if "--decision" in arguments:
        from models.evaluate_decision import main as evaluate_decision  # its imports take seconds

        evaluate_decision()


if __name__ == "__main__":
    main(sys.argv[1:])
