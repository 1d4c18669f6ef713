"""The classifier as it is served: exact shares, abstention, bounds, and files that it refuses."""

import gc
import json
import math
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import CatalogueError
from app.schemas.vocabulary import NEEDS
from app.scoring.classifier import TOP_CONTRIBUTIONS, load_classifier
from app.shipped import shipped

SHIPPED = load_classifier(shipped("models/classifier.json"))
COLUMNS = [f"{need}.{part}" for need in NEEDS for part in ("high", "medium")]
WEIGHTS: dict[str, tuple[float, list[int]]] = {
    "clause": (2, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0]),
    "nda": (1, [-1, *[0] * 11]),
    "=court": (1, [2, *[0] * 11]),
    "clause nda": (1, [0, 0, 4, *[0] * 9]),
}
"""Scale and weights; stored in halves, so that the steps count."""
HALF = 0.5
SMALL: dict[str, Any] = {
    "format": 3,
    "columns": [*COLUMNS, "task_type.qa", "task_type.code", "domain.legal", "domain.general"],
    "intercepts": [0.5, *[0] * 11],
    "abstain_below": {"task_type": 0.6, "domain": 0.9},
    "lexicon": {"court": "court* judge"},
    "steps": [HALF] * 12,
    "features": list(WEIGHTS),
    "scales": [scale for scale, _ in WEIGHTS.values()],
    "codes": b64encode(bytes(int(w / HALF) % 256 for _, weights in WEIGHTS.values() for w in weights)).decode(),
    "signals": {"audit": [0, 0, 0, 0, 0, 0, 1.5, *[0] * 5]},
}


def small(tmp_path: Path, **changes: object) -> Path:
    file = tmp_path / "classifier.json"
    file.write_text(json.dumps({**SMALL, **changes}), encoding="utf-8")
    return file


def test_scores_by_hand(tmp_path: Path) -> None:
    """Terms: `clause` (scale 2, weight 1), `nda`, and their pair; the norm is the root of 4 + 1 + 1."""
    made = load_classifier(small(tmp_path))
    scores = made.scores("Clause, NDA")
    norm = math.sqrt(6)
    assert scores[0] == pytest.approx((2 * 1 - 1) / norm + 0.5)
    assert scores[2] == pytest.approx(4 / norm)
    assert scores[10] == pytest.approx(2 * 3 / norm)
    assert made.scores("Clause, NDA", ["audit", "never heard of"])[6] == pytest.approx(1.5)
    assert made.scores("nothing of that") == tuple(SMALL["intercepts"])


def test_a_term_counts_once_and_stems_count_for_their_group(tmp_path: Path) -> None:
    made = load_classifier(small(tmp_path))
    assert made.scores("nda") == made.scores("NDA nda; nda")
    assert made.scores("courtroom")[0] == pytest.approx(2 + 0.5)
    assert made.scores("judges")[0] == pytest.approx(2 + 0.5), "a plural is its singular"
    assert made.scores("judgement")[0] == pytest.approx(0.5)


def test_contributions_are_exact_and_point_into_the_text(tmp_path: Path) -> None:
    made = load_classifier(small(tmp_path))
    text = "An NDA, or a clause. Audited."
    reading = made.read(text, {"audit": ((21, 28),)})
    specialization = reading.needs["domain_specialization"]
    assert sum(c.weight for c in specialization.contributions) == pytest.approx(specialization.log_odds - 0.5)
    assert [(c.text, c.span) for c in specialization.contributions[:2]] == [("clause", (13, 19)), ("nda", (3, 6))]
    consistency = reading.needs["consistency"]
    assert (consistency.contributions[0].text, consistency.contributions[0].weight) == ("Audited", 1.5)
    assert consistency.contributions[0].span == (21, 28)


def test_abstains_below_its_limit(tmp_path: Path) -> None:
    made = load_classifier(small(tmp_path))
    unsure = made.read("nothing of that")
    assert (unsure.task_type, unsure.task_type_probability) == (None, 0.5)
    assert (unsure.domain, unsure.domain_probability) == (None, 0.5)
    sure = made.read("clause")
    assert sure.domain == "legal"
    assert sure.domain_probability == pytest.approx(1 / (1 + math.exp(-3)))


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_gives_probabilities(text: str) -> None:
    reading = SHIPPED.read(text)
    for need in NEEDS:
        found = reading.needs[need]
        assert sum(found.level_probabilities) == pytest.approx(1)
        assert all(0 <= p <= 1 for p in found.level_probabilities)
        assert len(found.contributions) <= TOP_CONTRIBUTIONS
        for c in found.contributions:
            assert c.span is None or 0 <= c.span[0] < c.span[1] <= len(text)
    assert 0 < reading.task_type_probability <= 1


def test_reads_the_same_again_and_in_any_state_of_its_store() -> None:
    text = "Route 40,000 claims a day to the right adjuster within 300 ms; the mainframe only takes our codes."
    first = SHIPPED.read(text)
    for i in range(200):
        SHIPPED.read(f"other words {i} " + "filler" * (i % 7))
    assert SHIPPED.read(text) == first
    assert load_classifier(shipped("models/classifier.json")).read(text) == first


@pytest.mark.parametrize("piece", ["a", "ab ", "1,", "'", "a'", "é’", "A_b->{", "\n\n", "aaaa " * 3])
def test_hostile_texts_are_quick(piece: str) -> None:
    text = (piece * 20_000)[:20_000]
    gc.collect()  # the garbage of other tests is not this one's time
    start = time.process_time()
    SHIPPED.read(text)
    assert time.process_time() - start < 0.2


def test_obvious_tasks() -> None:
    """A sentinel, not a measure: if one of these fails, training went wrong."""
    coding = SHIPPED.read(
        "Extract ICD-10 codes from discharge letters of our hospital as strict JSON for the ward system."
    )
    assert (coding.domain, coding.task_type) == ("medical", "extraction")
    assert SHIPPED.read("Translate contracts and court rulings from French into English.").task_type == "translation"
    assert SHIPPED.read("Translate contracts and court rulings from French into English.").domain == "legal"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 1},
        {"columns": ["latency.high"]},
        {"intercepts": None},
        {"features": {"a": ["x"]}},
        {"abstain_below": {}},
        {"columns": [*COLUMNS, "task_type.dancing", "domain.legal"]},
    ],
)
def test_refuses_a_broken_file(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(CatalogueError, match=r"classifier\.json"):
        load_classifier(small(tmp_path, **changes))


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="make train"):
        load_classifier(tmp_path / "classifier.json")


def test_file_size_and_digest() -> None:
    file = shipped("models/classifier.json")
    manifest = json.loads((file.parent / "manifest.json").read_text(encoding="utf-8"))
    assert file.stat().st_size < 2_000_000
    assert manifest["classifier_sha256"] == SHIPPED.digest
