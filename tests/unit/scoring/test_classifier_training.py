"""Training and measuring of the classifier: labels in order, copies grouped, measures by hand, the same bytes twice."""

import hashlib
import json
from collections import Counter
from typing import get_args

import numpy as np
import pytest

from app.schemas.vocabulary import NEEDS, TaskType
from models import metrics
from models.corpus import DATA, FROZEN, groups, load_lexicon, load_round, load_statements, load_training
from models.heads import Settings, temperature
from models.train import as_data, train

DOMAINS = {
    *("general", "legal", "medical", "finance", "insurance", "science", "engineering", "software", "security"),
    *("government", "education", "ecommerce", "media", "hr", "customer_support", "marketing", "other"),
}


def test_the_corpus_keeps_to_the_codebook() -> None:
    rows = [*load_training(), *load_round(FROZEN)]
    assert len(rows) >= 1_200
    assert len({row.id for row in rows}) == len(rows)
    assert len({row.text for row in rows}) == len(rows)
    for row in rows:
        assert set(row.needs) == set(NEEDS)
        assert set(row.needs.values()) <= {0, 1, 2}
    for row in (*rows, *load_statements()):
        assert row.domain in DOMAINS
        assert row.task_type in get_args(TaskType)


def test_statements_cover_every_domain_with_every_task_type() -> None:
    pairs = Counter((row.domain, row.task_type) for row in load_statements())
    assert len(pairs) == 17 * 11
    assert min(pairs.values()) >= 2


def test_copies_share_a_group() -> None:
    texts = [row.text for row in load_round("r1")[:20]]
    found = groups([*texts, texts[3].replace(".", " !", 1), "Something else entirely, said in other words."])
    assert found[20] == found[3]
    assert len(set(found)) == 21


def test_measures_by_hand() -> None:
    assert metrics.accuracy(["a", "b", "b"], ["a", "b", "a"]) == pytest.approx(2 / 3)
    assert metrics.macro_f1(["a", "b", "b"], ["a", "b", "a"]) == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert metrics.auc_high_low(np.array([0, 1, 2, 2]), np.array([0.2, 9.0, 0.1, 0.3])) == pytest.approx(0.5)
    sure = np.array([0.95, 0.95, 0.55, 0.55])
    assert metrics.calibration_error(sure, np.array([True, True, True, False])) == pytest.approx(0.05)
    assert metrics.kappa([0, 1, 0, 1], [0, 1, 1, 1]) == pytest.approx(0.5)


def test_temperature_mends_what_is_too_sure() -> None:
    """Scores of 4 that are right three times in four should have been ln 3."""
    scores = np.full((400, 1), 4.0)
    truth = np.array([1, 1, 1, 0] * 100)
    assert 4.0 / temperature(scores, truth) == pytest.approx(np.log(3), rel=0.01)


def test_training_gives_the_same_bytes_twice() -> None:
    rows = load_round("r1")
    settings = Settings(kept_features=200, use_statements=False)
    first, second = (json.dumps(as_data(*train(rows, settings))) for _ in range(2))
    assert first == second
    assert len(json.loads(first)["features"]) == 200


def test_the_manifest_names_the_files_as_they_are() -> None:
    manifest = json.loads((DATA.parent / "manifest.json").read_text(encoding="utf-8"))
    for name, digest in manifest["inputs_sha256"].items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, f"{name} changed: run `make train`"
    shipped = json.loads((DATA.parent / "classifier.json").read_text(encoding="utf-8"))
    assert shipped["lexicon"] == load_lexicon()
