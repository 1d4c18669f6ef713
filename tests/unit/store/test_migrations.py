"""Migrations: the scripts make what the code expects, forward and back, on a database with rows."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.errors import StoreAwayError
from app.schemas.stored import OutcomeRequest
from app.store import Store, migrate
from app.store.tables import metadata
from tests.unit.store.samples import NOW, new

OUTCOME = OutcomeRequest.model_validate({
    "approach": "fine_tuning", "state": "done",
    "measured": {"train_seconds": 5000.0, "peak_reserved_bytes": 19e9, "monthly_cost_usd": 600.0},
})  # fmt: skip
MOVED = OutcomeRequest.model_validate({
    "approach": "prompt_engineering", "state": "overridden",
    "measured": {"train_seconds": 5000.0, "gpu": "T4", "latency_p95_seconds": 2.5},
})  # fmt: skip


def test_a_new_database_is_at_the_head_at_once(tmp_path: Path) -> None:
    store = filled(tmp_path)
    assert migrate.current(store.engine()) == migrate.HEAD
    with store.engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.close()


def filled(folder: Path) -> Store:
    store = Store(f"sqlite:///{folder}/t.sqlite3")
    for number in range(3):
        store.add(new(number))
    store.record(new(0).id, 1, OUTCOME, NOW)
    store.record(new(1).id, 1, MOVED, NOW)
    return store


def corrected(store: Store) -> None:
    """Three more rows, two of them made under accepted corrections."""
    store.add(new(10, {"train_seconds": 1.2622}))
    store.add(new(11, {"train_seconds": 1.2622, "peak_reserved_bytes": 0.1 + 0.2}))
    store.add(new(12))
    for number in (10, 11, 12):
        store.record(new(number).id, 1, OUTCOME, NOW)


def applied(store: Store) -> dict[tuple[str, str], float]:
    """The factor beside each deviation, by recommendation and quantity."""
    asked = text("SELECT id, quantity, applied_factor FROM deviations JOIN recommendations USING (number)")
    with store.engine().connect() as connection:
        return {(row.id[-2:], row.quantity): row.applied_factor for row in connection.execute(asked)}


EVERY = ("monthly_cost_usd", "peak_reserved_bytes", "train_seconds")
APPLIED = {
    **{(number, quantity): 1.0 for number in ("00", "0a", "0b", "0c") for quantity in EVERY},
    ("01", "latency_p95_seconds"): 1.0,
    ("0a", "train_seconds"): 1.2622,
    ("0b", "train_seconds"): 1.2622,
    ("0b", "peak_reserved_bytes"): 0.1 + 0.2,
}
"""What `filled` and `corrected` leave."""


def test_head_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_the_scripts_make_the_tables_of_the_code(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    migrate.upgrade(store.engine())
    assert migrate.current(store.engine()) == migrate.HEAD
    with store.engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.close()


def test_back_and_forward_again_loses_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path)
    before, figures = store.export(), store.calibration(NOW.date())
    assert figures.deviations
    migrate.downgrade(store.engine(), "0001")
    assert migrate.current(store.engine()) == "0001"
    store.close()
    again = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    assert again.export() == before
    assert again.calibration(NOW.date()) == figures


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_accepted_corrections_survive_back_and_forward(tmp_path: Path, revision: str) -> None:
    store = filled(tmp_path)
    corrected(store)
    assert applied(store) == APPLIED
    in_force = {("train_seconds", "L40S", "axolotl"): 1.2622}
    figures = store.calibration(NOW.date(), in_force)
    assert {d.quantity: d.count for d in figures.deviations}["train_seconds"] == 2
    migrate.downgrade(store.engine(), revision)
    store.close()
    again = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    again.prepare()
    assert applied(again) == APPLIED
    assert again.calibration(NOW.date(), in_force) == figures
    with again.engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    again.close()


def test_back_to_nothing_and_anew(tmp_path: Path) -> None:
    store = filled(tmp_path)
    migrate.downgrade(store.engine(), "base")
    store.close()
    assert Store(f"sqlite:///{tmp_path}/t.sqlite3").export() == []


def test_without_leave_the_schema_is_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.sqlite3"
    store = filled(tmp_path)
    migrate.downgrade(store.engine(), "0001")
    store.close()
    careful = Store(url, schema="manual")
    with pytest.raises(StoreAwayError, match="tunewise migrate"):
        careful.export()
    Store(url).prepare()
    assert len(careful.export()) == 3


def test_a_failed_migration_leaves_the_schema_before_it(tmp_path: Path) -> None:
    store = filled(tmp_path)
    migrate.downgrade(store.engine(), "0001")
    store.close()
    with sqlite3.connect(tmp_path / "t.sqlite3") as raw:
        raw.execute("CREATE TABLE rate_counts (x)")
        raw.commit()
    raw.close()
    broken = Store(f"sqlite:///{tmp_path}/t.sqlite3")
    with pytest.raises(StoreAwayError):
        broken.export()
    with sqlite3.connect(tmp_path / "t.sqlite3") as raw:
        tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        raw.execute("DROP TABLE rate_counts")
        raw.commit()
    raw.close()
    assert "deviations" not in tables
    assert len(broken.export()) == 3
