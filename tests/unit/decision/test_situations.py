"""Situations of many kinds, written by us with the approach that we would advise: most must come out so."""

import json
from pathlib import Path

from app.decision import DecisionBook
from models.evaluate_decision import SITUATIONS, own_situations

LEAST_RIGHT = 0.85
LEAST_RIGHT_UNAIDED = 0.78


def test_most_situations_come_out_as_we_would_advise(book: DecisionBook) -> None:
    now = own_situations(book)
    for part, share in now["now, task type given"].items():
        assert share >= LEAST_RIGHT, part
    unaided = now["now, description alone"]
    assert sum(unaided.values()) / len(unaided) >= LEAST_RIGHT_UNAIDED


def test_both_approaches_are_asked_for() -> None:
    rows = [json.loads(line) for line in Path(SITUATIONS).read_text(encoding="utf-8").splitlines()]
    tuned = sum(row["approach"] == "fine_tuning" for row in rows)
    assert 0.4 < tuned / len(rows) < 0.6
    assert len({row["text"] for row in rows}) == len(rows)
