"""Judgements and weights: sources, signs, and what a wrong file says."""

import json
import shutil
from pathlib import Path

import pytest

from app.decision import DecisionBook, load_decision
from app.decision.book import WEIGHT_DECIMALS
from app.errors import CatalogueError
from app.facts.lexicon import load_lexicon
from app.shipped import shipped

RULES = shipped("rules") / "decision"
WEIGHTS = shipped("models/decision.json")


def test_no_weight_contradicts_its_reason(book: DecisionBook) -> None:
    for reason in book.reasons:
        assert reason.weight * (1 if reason.toward == "fine_tuning" else -1) >= 0, reason.code
        assert reason.sources, reason.code


def test_every_signal_that_a_reason_reads_is_declared(book: DecisionBook) -> None:
    declared = load_lexicon().signals.keys()
    for reason in book.reasons:
        assert reason.names.signals <= declared, (reason.code, reason.names.signals - declared)


def test_unfitted_reasons_keep_their_priors(book: DecisionBook) -> None:
    for reason in book.reasons:
        if not reason.fitted:
            assert reason.weight == round(reason.prior, WEIGHT_DECIMALS), reason.code


def test_priors_are_used_without_weights() -> None:
    priors = load_decision(RULES, None)
    assert all(r.weight == round(r.prior, WEIGHT_DECIMALS) for r in priors.reasons)
    assert priors.digest != load_decision(RULES, WEIGHTS).digest


def test_shares_of_answers_sum_to_one(book: DecisionBook) -> None:
    for question in book.questions:
        assert sum(a.share for a in question.answers) == pytest.approx(1), question.fact


def _copied(tmp_path: Path, old: str, new: str, file: str = "reasons.yaml") -> Path:
    folder = tmp_path / "decision"
    shutil.copytree(RULES, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("toward: prompt_engineering", "toward: prompting", "prompting"),
        ("code: TASK_LABELS", "code: TASK_EXTRACTION", "stands twice"),
        ("sources: [openai-accuracy, azure-when, google-tune]", "sources: [nobody]", "known sources"),
        ("sources: [openai-accuracy, azure-when, google-tune]", "sources: []", "known sources"),
        (
            "fact: task_type, one_of: [classification]",
            "fact: task, one_of: [classification]",
            "no fact is called 'task'",
        ),
        ("weight: 0.5", "weight: -0.5", "greater than or equal to 0"),
        ("weight: 0.5", "wieght: 0.5", "wieght"),
    ],
)
def test_a_wrong_reason_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="reasons") as caught:
        load_decision(_copied(tmp_path, old, new), None)
    assert said in str(caught.value)


def test_a_wrong_range_is_refused(tmp_path: Path) -> None:
    folder = _copied(tmp_path, "low: 1, high: 100000000", "low: 10, high: 1", "judgements.yaml")
    with pytest.raises(CatalogueError, match="needs either"):
        load_decision(folder, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"KNOWLEDGE_MOVES": 1.0}, "speaks against prompt_engineering"),
        ({"KNOWLEDGE_MOVES": None}, "no fitted weight"),
        ({"SOMETHING_ELSE": 1.0}, "without a reason"),
    ],
)
def test_weights_that_do_not_belong_are_refused(change: dict[str, float | None], said: str, tmp_path: Path) -> None:
    data = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    weights = {k: v for k, v in {**data["weights"], **change}.items() if v is not None}
    (tmp_path / "decision.json").write_text(json.dumps({"weights": weights}), encoding="utf-8")
    with pytest.raises(CatalogueError, match=said):
        load_decision(RULES, tmp_path / "decision.json")


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "decision.json").write_text("{", encoding="utf-8")
    with pytest.raises(CatalogueError, match="make train"):
        load_decision(RULES, tmp_path / "decision.json")
