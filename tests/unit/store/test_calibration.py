"""Outcomes beside predictions: what is compared, the figures, and when a correction is offered."""

import math
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.catalogue import load_catalogue
from app.catalogue.entries import OverlayFile
from app.catalogue.strict_yaml import parse, validated
from app.schemas.stored import Correction, Deviation, OutcomeRequest
from app.schemas.world import AcceptedCorrection
from app.store import Store
from app.store.calibration import correction, t95, wilson
from app.store.outcomes import deviations_of
from tests.unit.store.samples import NOW, new, report_of

REPORT = report_of(new(1))


def outcome(approach: str = "fine_tuning", state: str = "done", **measured: Any) -> OutcomeRequest:
    return OutcomeRequest.model_validate({"approach": approach, "state": state, "measured": measured})


COMPARED = [
    ({"train_seconds": 4000.0}, "fine_tuning", {"train_seconds": (0.0, 1, "L40S", "axolotl")}),
    ({"train_seconds": 8000.0}, "fine_tuning", {"train_seconds": (math.log(2), 0, "L40S", "axolotl")}),
    ({"train_seconds": 4800.0}, "fine_tuning", {"train_seconds": (math.log(1.2), 1, "L40S", "axolotl")}),
    ({"peak_reserved_bytes": 10e9}, "fine_tuning", {"peak_reserved_bytes": (math.log(0.5), 0, "L40S", "axolotl")}),
    ({"train_seconds": 4000.0, "gpu": "L40S", "framework": "axolotl"}, "fine_tuning",
     {"train_seconds": (0.0, 1, "L40S", "axolotl")}),
    ({"train_seconds": 4000.0, "gpu": "T4"}, "fine_tuning", {}),
    ({"train_seconds": 4000.0, "framework": "unsloth"}, "fine_tuning", {}),
    ({"monthly_cost_usd": 500.0}, "fine_tuning", {"monthly_cost_usd": (0.0, 1, "", "")}),
    ({"monthly_cost_usd": 500.0}, "prompt_engineering", {}),
    ({"latency_p95_seconds": 1.0}, "prompt_engineering", {"latency_p95_seconds": (math.log(0.5), 0, "", "")}),
    ({"quality": 0.9}, "fine_tuning", {}),
]  # fmt: skip


@pytest.mark.parametrize(("measured", "approach", "rows"), COMPARED)
def test_what_is_compared(measured: dict[str, Any], approach: str, rows: dict[str, Any]) -> None:
    made = {
        row["quantity"]: (pytest.approx(row["log_ratio"]), row["inside"], row["gpu"], row["framework"])
        for row in deviations_of(REPORT, outcome(approach, **measured))
    }
    assert made == rows


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    made = Store(f"sqlite:///{tmp_path}/t.sqlite3").calibration(NOW.date())
    assert (made.stored, made.decisions.count, made.decisions.brier, made.corrections) == (0, 0, None, ())


def test_hit_rate_brier_and_reliability(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    rows = (
        (0.55, "fine_tuning", "done"),
        (0.95, "fine_tuning", "accepted"),
        (0.95, "prompt_engineering", "overridden"),
        (1.0, "fine_tuning", "done"),
        (0.7, "prompt_engineering", "open"),
    )
    for number, (confidence, done, state) in enumerate(rows):
        store.add(new(number, confidence=confidence))
        store.record(new(number).id, 1, outcome(done, state), NOW)
    store.add(new(99))
    made = store.calibration(NOW.date())
    assert (made.stored, made.decisions.count, made.decisions.overridden) == (6, 4, 1)
    assert made.decisions.hit_rate == pytest.approx(0.75)
    assert made.decisions.brier == pytest.approx((0.45**2 + 0.05**2 + 0.95**2 + 0.0) / 4)
    bins = [(b.low, b.high, b.count, round(b.hit_rate, 4)) for b in made.decisions.reliability]
    assert bins == [(0.5, 0.6, 1, 1.0), (0.9, 1.0, 3, 0.6667)]


def test_a_new_outcome_replaces_the_old_measurement(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    store.add(new(1))
    store.record(new(1).id, 1, outcome(train_seconds=8000.0), NOW)
    store.record(new(1).id, 2, outcome(train_seconds=2000.0), NOW)
    (only,) = store.calibration(NOW.date()).deviations
    assert only.count == 1
    assert only.factor == pytest.approx(0.5)


def test_deviations_by_gpu_and_a_correction(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    for number, seconds in enumerate((5000.0, 5200.0, 4900.0, 5100.0, 5050.0)):
        store.add(new(number))
        store.record(new(number).id, 1, outcome(train_seconds=seconds, monthly_cost_usd=500.0), NOW)
    made = store.calibration(NOW.date())
    by = {d.quantity: d for d in made.deviations}
    assert by["monthly_cost_usd"].gpu is None
    assert (by["train_seconds"].gpu, by["train_seconds"].framework) == ("L40S", "axolotl")
    assert by["train_seconds"].inside == 0.0
    (offered,) = made.corrections
    assert offered.quantity == "train_seconds"
    assert offered.factor_low < offered.factor < offered.factor_high
    assert offered.factor == pytest.approx(5049.0 / 4000.0, rel=1e-3)


def deviation(count: int, factor: float, spread: float) -> Deviation:
    return Deviation(
        quantity="train_seconds", gpu="L4", framework="trl", count=count, factor=factor, spread=spread, inside=0.5
    )


@pytest.mark.parametrize(
    ("count", "factor", "spread", "offered"),
    [(4, 2.0, 1.01, False), (5, 2.0, 1.01, True), (5, 1.1, 1.5, False), (100, 1.1, 1.5, True), (5, 0.5, 1.0, True)],
)
def test_when_a_correction_is_offered(count: int, factor: float, spread: float, offered: bool) -> None:
    assert (correction(deviation(count, factor, spread), NOW.date()) is not None) is offered


TIME = ("train_seconds", "L40S", "axolotl")
SLOWER = (5000.0, 5200.0, 4900.0, 5100.0, 5050.0)


def ran(store: Store, first: int, seconds: Iterable[float], **corrected: float) -> None:
    """Recommendations from number `first` on, each with its outcome."""
    for number, took in enumerate(seconds, first):
        store.add(new(number, corrected))
        store.record(new(number).id, 1, outcome(train_seconds=took), NOW)


def overlay_of(offered: Correction) -> AcceptedCorrection:
    """The offered YAML, as the catalogue reads it from a file."""
    assert offered.overlay
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ours.yaml"
        path.write_text(offered.overlay, encoding="utf-8")
        ((only,),) = load_catalogue(path).corrections.values()
    return only


def test_the_offered_yaml_is_what_the_catalogue_takes(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    ran(store, 0, SLOWER)
    (offered,) = store.calibration(NOW.date()).corrections
    taken = overlay_of(offered)
    assert (taken.quantity, taken.gpu, taken.framework, taken.count) == (*TIME, 5)
    assert (taken.factor_low, taken.factor, taken.factor_high) == pytest.approx(
        (offered.factor_low, offered.factor, offered.factor_high), rel=1e-3
    )
    assert (
        taken.source == "accepted in ours.yaml, 2026-11-24: GET /calibration, 5 measurements at 1.262 of the estimate"
    )
    assert "TUNEWISE_CATALOGUE_OVERLAY" in offered.action


def test_only_what_was_made_under_the_correction_in_force_is_compared(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    ran(store, 0, SLOWER)
    (first,) = store.calibration(NOW.date()).corrections
    factor = overlay_of(first).factor
    under = {TIME: factor}
    assert store.calibration(NOW.date(), under).deviations == ()
    ran(store, 10, SLOWER[:3], train_seconds=factor)
    (now,) = store.calibration(NOW.date(), under).deviations
    assert now.count == 3
    assert store.calibration(NOW.date(), {("train_seconds", "L40S", "unsloth"): 2.0}).deviations[0].count == 5
    assert store.calibration(NOW.date()).corrections == (first,)


def test_a_later_correction_is_the_product(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    ran(store, 0, SLOWER, train_seconds=1.5)
    (offered,) = store.calibration(NOW.date(), {TIME: 1.5}).corrections
    taken = overlay_of(offered)
    assert offered.factor == pytest.approx(5049.0 / 4000.0, rel=1e-3)
    assert (taken.factor_low, taken.factor, taken.factor_high) == pytest.approx(
        (1.5 * offered.factor_low, 1.5 * offered.factor, 1.5 * offered.factor_high), rel=1e-3
    )
    assert "replace the entry in force (1.5)" in offered.action
    assert "which had the factor 1.5" in taken.source


@pytest.mark.parametrize(
    ("quantity", "change"),
    [("latency_p95_seconds", "time_to_first_token_seconds"), ("monthly_cost_usd", "token_prices, gpu_prices")],
)
def test_what_takes_no_factor_says_what_to_change(quantity: str, change: str) -> None:
    found = replace(deviation(9, 2.0, 1.01), quantity=quantity, gpu=None, framework=None)  # type: ignore[arg-type]
    offered = correction(found, NOW.date())
    assert offered
    assert offered.overlay is None
    assert change in offered.action


@given(factor=st.floats(1e-9, 1e9), spread=st.floats(1.0, 1.0001), before=st.floats(0.01, 100))
def test_any_offer_can_be_pasted(factor: float, spread: float, before: float) -> None:
    assume(not 0.999 < factor < 1.001)
    found = replace(deviation(9, factor, spread), gpu="L4", framework="hf_peft")
    offered = correction(found, NOW.date(), before)
    assert offered
    assert offered.overlay
    read = validated(OverlayFile, {"sources": {}, **parse(offered.overlay, "ours.yaml")}, "ours.yaml")
    assert read.corrections[0].factor == pytest.approx(factor * before, rel=1e-3)


@pytest.mark.parametrize(("hits", "count", "low", "high"), [(8, 10, 0.49, 0.943), (0, 5, 0.0, 0.434), (5, 5, 0.566, 1)])
def test_wilson_against_published_values(hits: int, count: int, low: float, high: float) -> None:
    assert wilson(hits, count) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.parametrize(("degrees", "exact"), [(4, 2.776), (10, 2.228), (30, 2.042), (1000, 1.962)])
def test_student_quantiles(degrees: int, exact: float) -> None:
    assert t95(degrees) == pytest.approx(exact, rel=0.02)
