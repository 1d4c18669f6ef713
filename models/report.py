"""results/README.md from the measured JSON files: one table per question, aims beside figures."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.schemas.vocabulary import NEEDS

AIMS = {"accuracy": 0.75, "auc": 0.90, "task_type": 0.85, "domain": 0.75, "ece": 0.08}
"""From the issue that asked for the reading of descriptions."""
SIDES = {
    "majority": "always the commonest",
    "rules": "rules alone",
    "classifier": "classifier alone",
    "both": "rules and classifier",
}
SPLITS = {
    "frozen": "Frozen round r9 (220 texts, nothing was chosen on it)",
    "rounds": "Rounds r1 to r8 and r10 to r12, each left out in turn (2,860 texts)",
}


def write_report(results: Path) -> str:
    """Write results/README.md and return its text."""
    reading = json.loads((results / "reading.json").read_text(encoding="utf-8"))
    parts = [
        "# How well task descriptions are read",
        "",
        "Written by `python -m models.evaluate` and `python -m models.compare`; figures: the JSON files here.",
        "The frozen round was written by the same kind of author (a language model, by a plan of its own) as the rounds"
        " that were learned from, and word patterns of the reader and the rules were written with r1 to r8 in sight:"
        " expect less on texts of other authors.",
        f"Aims: accuracy of a need {AIMS['accuracy']}, AUC {AIMS['auc']}, task type accuracy {AIMS['task_type']},"
        f" domain macro-F1 {AIMS['domain']}, ECE at most {AIMS['ece']}.",
        "",
    ]
    for split, title in SPLITS.items():
        parts += [f"## {title}", "", *needs_table(reading[split]), "", *labels_table(reading[split]), ""]
    parts += ["## Five folds by near-duplicate group", "", *needs_table(reading["grouped"]), ""]
    parts += [f"Near-duplicates found in all {reading['texts']:,} texts: {reading['near_duplicates']}.", ""]
    parts += ["## Abstention", "", *abstention_table(reading["abstention"]), ""]
    parts += ["## Agreement of two labellings (Cohen's kappa)", "", *kappa_table(reading["agreement"]), ""]
    parts += ["## Which features earn their place", "", *comparison_tables(results), ""]
    text = "\n".join(parts)
    (results / "README.md").write_text(text, encoding="utf-8")
    return text


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table."""
    names = list(head)
    return [f"| {' | '.join(names)} |", "|" + "---|" * len(names), *(f"| {' | '.join(row)} |" for row in rows)]


def figure(value: float | None) -> str:
    """Three places, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def needs_table(split: dict[str, Any]) -> list[str]:
    """Per need and side the measures."""
    rows = [
        [need, title, *(figure(split[side][need].get(m)) for m in ("accuracy", "macro_f1", "auc", "ece"))]
        for need in NEEDS
        for side, title in SIDES.items()
        if side in split
    ]
    return table(["need", "by", "accuracy", "macro-F1 of three levels", "AUC of 2 against 0", "ECE"], rows)


def labels_table(split: dict[str, Any]) -> list[str]:
    """Task type and domain."""
    rows = [
        [head, SIDES[side], *(figure(split[side][head].get(m)) for m in ("accuracy", "macro_f1", "ece"))]
        for head in ("task_type", "domain")
        for side in ("majority", "classifier")
    ]
    return table(["head", "by", "accuracy", "macro-F1", "ECE"], rows)


def abstention_table(found: dict[str, Any]) -> list[str]:
    """How often labels are not said."""
    rows = [
        [head, split, f"{own['silent']:.1%}", figure(own["accuracy_when_said"])]
        for split, heads in found.items()
        for head, own in heads.items()
    ]
    return table(["head", "split", "silent", "accuracy when it speaks"], rows)


def kappa_table(found: dict[str, Any]) -> list[str]:
    """Per round and head."""
    heads = (*NEEDS, "task_type", "domain")
    rows = [
        [name, str(own["rows"]["count"]), *(figure(own[head]["kappa"]) for head in heads)]
        for name, own in found.items()
    ]
    return table(["round", "texts", *heads], rows)


def comparison_tables(results: Path) -> list[str]:
    """The variants of `python -m models.compare` and the reference embedding."""
    variants = json.loads((results / "comparison.json").read_text(encoding="utf-8"))
    reference = json.loads((results / "embedding.json").read_text(encoding="utf-8"))
    lines: list[str] = []
    heads = (*NEEDS, "task_type", "domain")
    for split, title in (
        ("rounds", "Accuracy, a quarter of the rounds left out at a time"),
        ("frozen", "Accuracy on the frozen round"),
    ):
        rows = [
            [name, *(figure(own[split][head]["accuracy"]) for head in heads)]
            for name, own in {**variants, **reference["results"]}.items()
        ]
        lines += [f"**{title}**", "", *table(["features", *heads], rows), ""]
    return [*lines, reference["how"]]
