"""Fitting the combination: made-up log-odds whose right shares are known."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

from app.schemas.vocabulary import NEEDS
from app.scoring.thresholds import load_thresholds
from models.fit_needs import LEAST_SHARE, Answer, fit_question, written

TEXTS = 4000


def made_up(prior: float, rules: float, classifier: float) -> Answer:
    """The fit on texts whose truth was drawn with these shares."""
    draw = np.random.default_rng(7)
    sides = draw.normal(0, 2, (TEXTS, 2))
    chance = 1 / (1 + np.exp(-(prior + sides @ np.array([rules, classifier]))))
    return fit_question(sides, draw.random(TEXTS) < chance)


@pytest.mark.parametrize(("prior", "rules", "classifier"), [(-1.0, 1.0, 0.5), (0.5, 0.4, 1.2), (0.0, 0.3, 0.8)])
def test_the_shares_that_made_the_truth_are_found(prior: float, rules: float, classifier: float) -> None:
    found = made_up(prior, rules, classifier)
    assert found.prior == pytest.approx(prior, abs=0.15)
    assert found.rules == pytest.approx(rules, abs=0.1)
    assert found.classifier == pytest.approx(classifier, abs=0.1)


@pytest.mark.parametrize("rules", [-1.0, 0.0])
def test_each_side_keeps_the_least_share(rules: float) -> None:
    assert made_up(0.0, rules, 1.0).rules == LEAST_SHARE
    assert made_up(0.0, 1.0, rules).classifier == LEAST_SHARE


def test_what_is_written_loads(tmp_path: Path) -> None:
    answers = {need: {"high": Answer(-1.0, 0.9, 0.8, -1.5), "medium": Answer(0.0, 1.0, 0.5, 0.1)} for need in NEEDS}
    content = written(answers, 1080, date(2026, 11, 24))
    (tmp_path / "thresholds.yaml").write_text(content, encoding="utf-8")
    assert load_thresholds(tmp_path).needs["cost"].high.rules == 0.9
    assert yaml.safe_load(content)["fitted"] == date(2026, 11, 24)
