"""Agreement of verdicts between wordings of one task, and what is told of the groups that disagree."""

import json
from collections import Counter

import pytest

from app.pipeline import World
from models.evaluate_stability import PARAPHRASES, Verdict, answered, as_text, differing, stability, unlike

TUNE, PROMPT = "fine_tuning", "prompt_engineering"
GROUPS, WORDINGS = 60, 4


def said(approaches: str, close: str = "") -> list[Verdict]:
    """Verdicts of wordings a, b, ...: T or P each; `close` names the wordings that are close calls."""
    return [
        Verdict(
            id=name, approach=TUNE if a == "T" else PROMPT, close_call=name in close, log_odds=1.0 if a == "T" else -1
        )
        for name, a in zip("abcd", approaches, strict=False)
    ]


@pytest.mark.parametrize(
    ("groups", "apart", "agree", "pairs"),
    [
        ([said("TTTT"), said("PPPP")], 0, 1.0, 1.0),
        ([said("TTTT"), said("TTTP")], 0, 0.5, 9 / 12),
        ([said("TTTT"), said("TTPP")], 0, 0.5, 8 / 12),
        ([said("TTTT"), said("TTPP", close="c")], 1, 1.0, 1.0),
        ([said("TTPP"), said("PPPP", close="a")], 1, 0.0, 2 / 6),
        ([said("TPTP", close="b")], 1, None, None),
    ],
)
def test_agreement(groups: list[list[Verdict]], apart: int, agree: float | None, pairs: float | None) -> None:
    """A group with a close call is reported apart; one wording that differs makes its group disagree."""
    made = stability({str(i): held for i, held in enumerate(groups)})
    clear = made["outside_close_calls"]
    assert (made["with_a_close_call"]["groups"], clear["groups_agree"]) == (apart, agree)
    assert clear["pairs_agree"] == (None if pairs is None else pytest.approx(pairs))


def test_pairs_leave_close_wordings_out() -> None:
    """Of a group with a close call, the pairs of the other wordings count."""
    made = stability({"g": said("TTPP", close="c")})
    assert made["pairs_without_a_close_call"] == pytest.approx(1 / 3)


def test_what_differs_is_told() -> None:
    """Reasons by how far they differ, facts by what each wording was read as; what is alike is left out."""
    held = [
        Verdict("a", TUNE, False, 2.0, {"SAME": 1.0, "WIDE": 1.5, "SMALL": 0.2}, {"labels": 30, "task": "qa"}),
        Verdict("b", PROMPT, False, -1.0, {"SAME": 1.0, "NEAR": -0.5}, {"task": "qa"}),
    ]
    assert list(differing(held)) == ["WIDE", "NEAR"]
    assert differing(held)["WIDE"] == {"a": 1.5, "b": 0.0}
    assert unlike(held) == {"labels": {"a": 30, "b": None}}
    told = stability({"g": held})
    assert told["requirements_read_unlike"] == {"labels": 1}
    assert told["mean_spread_log_odds"] == pytest.approx(3.0)
    text = as_text(told, {"a": "one way", "b": "another"})
    assert "* a: fine_tuning (+2.00). one way" in text
    assert "labels: a 30, b None" in text


def test_the_paraphrases_are_whole() -> None:
    """60 groups of 4, ids and texts unique."""
    rows = [json.loads(line) for line in PARAPHRASES.read_text(encoding="utf-8").splitlines()]
    assert set(Counter(row["group"] for row in rows).values()) == {WORDINGS}
    assert len({row["group"] for row in rows}) == GROUPS
    assert len({row["text"] for row in rows}) == len({row["id"] for row in rows}) == GROUPS * WORDINGS


def test_rows_are_answered_by_the_pipeline(world: World) -> None:
    """A row becomes a verdict whose reasons add up, with what was read from its words."""
    row = {"group": "g", "id": "g-a", "text": "Route 50,000 tickets a day to one of 12 queues within 300 ms."}
    (verdict,) = answered([row], world)["g"]
    assert sum(verdict.reasons.values()) == pytest.approx(verdict.log_odds)
    assert verdict.read["requests_per_day"] == 50_000
