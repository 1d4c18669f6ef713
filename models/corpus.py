"""The labelled descriptions: rounds to learn from, one frozen round to measure on, and near-duplicates grouped."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

from app.catalogue import strict_yaml
from app.schemas.vocabulary import NEEDS, Need

SPECIALIZATION: Need = "domain_specialization"
DATA = Path(__file__).resolve().parent / "data"
ROUNDS = ("r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r10", "r11", "r12")
"""Written under different plans; the only rows that choices may be made on."""
FROZEN = "r9_frozen"
"""Measured at the end, never learned from."""
STATEMENTS = "statements"
"""The round that statements are told by."""
SHINGLE = 5
"""Characters per piece when two texts are compared."""
NEAR = 0.4
"""Jaccard similarity of the pieces from which on two texts count as copies; unrelated texts of one plan reach 0.21."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled description; `needs` holds the levels that it is labelled with."""

    id: str
    round: str
    text: str
    needs: dict[Need, int]
    task_type: str
    domain: str


def load_round(name: str, settle: bool = True) -> list[Row]:
    """The rows of one round, in file order, with the labels that count; without `settle`, as first labelled."""
    settled = _settled() if settle else {}
    return [_row(raw | settled.get(raw["id"], {})) for raw in _lines(f"corpus/{name}.jsonl")]


def load_second_labels(name: str) -> dict[str, dict[str, Any]]:
    """The labels given without sight of the first ones, by id."""
    return {label["id"]: label for label in _lines(f"second_labels/{name}.jsonl")}


@cache
def _settled() -> dict[str, dict[str, Any]]:
    """By id: the labels that were decided where the two labellings differed; flat, a need by its own name."""
    made: dict[str, dict[str, Any]] = {}
    for line in _lines("settled_labels.jsonl"):
        made.setdefault(line["id"], {})[line["field"]] = line["label"]
    return made


def _lines(name: str) -> Iterator[dict[str, Any]]:
    text = (DATA / name).read_text(encoding="utf-8")
    return (json.loads(line) for line in text.splitlines() if line.strip())


def load_training() -> list[Row]:
    """All fully labelled rows that may be learned from."""
    return [row for name in ROUNDS for row in load_round(name)]


def load_statements() -> list[Row]:
    """Tasks in one to four sentences, of all domains and task types, without a word on latency, cost or consistency.

    They teach words, so they count only for the heads that they are labelled for.
    """
    return [
        Row(s["id"], STATEMENTS, s["text"], {SPECIALIZATION: s[SPECIALIZATION]}, s["task_type"], s["domain"])
        for s in _lines("statements.jsonl")
    ]


def load_lexicon() -> dict[str, str]:
    """Words per group, as they go into the classifier."""
    groups = strict_yaml.read(DATA / "lexicon.yaml")["groups"]
    return {str(name): " ".join(str(entries).split()) for name, entries in groups.items()}


def _row(raw: dict[str, Any]) -> Row:
    needs: dict[Need, int] = {need: int(raw.get(need, raw["labels"][need])) for need in NEEDS}
    return Row(str(raw["id"]), str(raw["round"]), str(raw["text"]), needs, str(raw["task_type"]), str(raw["domain"]))


def near_duplicates(texts: list[str]) -> list[tuple[int, int, float]]:
    """Pairs of texts (by index) whose character pieces overlap by `NEAR` or more, with the overlap."""
    pieces: csr_matrix = CountVectorizer(analyzer="char_wb", ngram_range=(SHINGLE, SHINGLE), binary=True).fit_transform(
        texts
    )
    shared = (pieces @ pieces.T).tocoo()
    sizes = np.asarray(pieces.sum(axis=1)).ravel()
    overlap = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)
    found = (shared.row < shared.col) & (overlap >= NEAR)
    pairs = zip(shared.row[found], shared.col[found], overlap[found], strict=True)
    return sorted((int(a), int(b), float(j)) for a, b, j in pairs)


def groups(texts: list[str]) -> NDArray[np.int64]:
    """A group number per text; near-duplicates share one, so that no fold learns what another is measured on."""
    pairs = near_duplicates(texts)
    links = csr_matrix(
        (np.ones(len(pairs)), ([a for a, _, _ in pairs], [b for _, b, _ in pairs])), shape=(len(texts),) * 2
    )
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)
