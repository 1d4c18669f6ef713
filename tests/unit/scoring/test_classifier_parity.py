"""What serving computes is what scikit-learn would compute from the same weights, to 1e-9."""

import numpy as np
import pytest

from app.pipeline.reading import marks_of
from app.schemas.vocabulary import NEEDS
from app.scoring.classifier import load_classifier
from app.shipped import shipped
from models.corpus import load_round
from models.parity import pipelines

FILE = shipped("models/classifier.json")
ODD = (
    "",
    "§§§ …",
    "x" * 3_000,
    "İstanbul’s ﬁrst ẞ — 12,000/day → {a_b}?",
    "Zażółć gęślą jaźń 東京 ",
    "THE " * 400,
)
TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def items() -> list[tuple[str, list[str]]]:
    texts = [*ODD, *[row.text for row in load_round("r2")[:60]]]
    return [(text, list(marks_of(text))) for text in texts]


def test_parity_with_scikit_learn(items: list[tuple[str, list[str]]]) -> None:
    ours = load_classifier(FILE)
    theirs = {head: made.predict_proba(items) for head, made in pipelines(FILE).items()}
    for i, (text, signals) in enumerate(items):
        reading = ours.read(text, marks_of(text))
        scores = ours.scores(text, signals)
        for need in NEEDS:
            high, medium = theirs[f"{need}.high"][i, 1], theirs[f"{need}.medium"][i, 1]
            levels = ((1 - high) * (1 - medium), (1 - high) * medium, high)
            assert reading.needs[need].level_probabilities == pytest.approx(levels, abs=TOLERANCE)
        for head, at in (("task_type", ours.task_type), ("domain", ours.domain)):
            own = np.array(scores[at.first_column : at.first_column + len(at.labels)])
            odds = np.exp(own - own.max())
            assert odds / odds.sum() == pytest.approx(theirs[head][i], abs=TOLERANCE)
        assert reading.domain_probability == pytest.approx(theirs["domain"][i].max(), abs=TOLERANCE)
        assert reading.task_type_probability == pytest.approx(theirs["task_type"][i].max(), abs=TOLERANCE)
