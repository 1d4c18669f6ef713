"""The store on PostgreSQL: what tests/unit/store asks of SQLite, and what only a server can do wrong."""

import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.errors import InputError, MissingError, StaleError
from app.schemas.stored import OutcomeRequest
from app.store import Store, migrate
from app.store.records import Repeat
from app.store.tables import metadata
from tests.ops.postgres import Postgres
from tests.unit.store.samples import NOW, new
from tests.unit.store.test_migrations import APPLIED, MOVED, OUTCOME, applied, corrected

THREADS = 8


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new_database()


def in_threads(work: list[threading.Thread]) -> None:
    for thread in work:
        thread.start()
    for thread in work:
        thread.join(60)


def test_scripts_and_tables_agree(postgres: Postgres) -> None:
    for prepare in (lambda store: migrate.upgrade(store.engine()), lambda store: store.prepare()):
        store = Store(postgres.new_database())
        prepare(store)
        with store.engine().connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert migrate.current(store.engine()) == migrate.HEAD
        store.close()


def test_migrations_back_and_forward_with_rows(url: str) -> None:
    store = Store(url)
    for number in range(3):
        store.add(new(number, title="a\0b"))
    store.record(new(0).id, 1, OUTCOME, NOW)
    store.record(new(1).id, 1, MOVED, NOW)
    before, figures = store.export(), store.calibration(NOW.date())
    assert figures.deviations
    migrate.downgrade(store.engine(), "0001")
    store.close()
    again = Store(url)
    assert again.export() == before
    assert again.calibration(NOW.date()) == figures
    migrate.downgrade(again.engine(), "base")
    again.close()
    with closing(Store(url)) as empty:
        assert empty.export() == []


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_accepted_corrections_survive_back_and_forward(url: str, revision: str) -> None:
    with closing(Store(url)) as store:
        for number in range(3):
            store.add(new(number))
        store.record(new(0).id, 1, OUTCOME, NOW)
        store.record(new(1).id, 1, MOVED, NOW)
        corrected(store)
        assert applied(store) == APPLIED
        in_force = {("train_seconds", "L40S", "axolotl"): 1.2622}
        figures = store.calibration(NOW.date(), in_force)
        assert {d.quantity: d.count for d in figures.deviations}["train_seconds"] == 2
        migrate.downgrade(store.engine(), revision)
    with closing(Store(url)) as again:
        again.prepare()
        assert applied(again) == APPLIED
        assert again.calibration(NOW.date(), in_force) == figures


def test_one_idempotency_key_from_many_connections(url: str) -> None:
    stores = [Store(url) for _ in range(THREADS)]
    stores[0].prepare()
    made: list[str] = []
    repeat = Repeat(caller="", key="k", request_digest="d")

    def store_once(number: int) -> None:
        before = stores[number].add(new(number), repeat)
        made.append(before.id if before else new(number).id)

    in_threads([threading.Thread(target=store_once, args=(number,)) for number in range(THREADS)])
    assert len(made) == THREADS
    assert len(set(made)) == 1
    assert len(stores[0].page(9, None, None, None).items) == 1
    with pytest.raises(InputError):
        stores[0].add(new(99), Repeat(caller="", key="k", request_digest="other"))
    for store in stores:
        store.close()


def test_of_many_writers_over_one_revision_one_wins(url: str) -> None:
    stores = [Store(url) for _ in range(THREADS)]
    stores[0].add(new(1))
    outcome, won, lost = OutcomeRequest(approach="fine_tuning", state="done"), [], []

    def write(store: Store) -> None:
        try:
            won.append(store.record(new(1).id, 1, outcome, NOW).revision)
        except StaleError:
            lost.append(1)

    in_threads([threading.Thread(target=write, args=(store,)) for store in stores])
    assert (won, len(lost)) == ([2], THREADS - 1)
    stores[0].remove(new(1).id, 2)
    with pytest.raises(MissingError):
        stores[1].get(new(1).id)
    for store in stores:
        store.close()


def test_writers_at_the_same_time_all_get_through(url: str, tmp_path: Path) -> None:
    for target in (url, f"sqlite:///{tmp_path}/t.sqlite3"):
        stores = [Store(target) for _ in range(THREADS)]
        stores[0].prepare()

        def fill(number: int, stores: list[Store] = stores) -> None:
            for row in range(25):
                stores[number].add(new(number * 100 + row))

        in_threads([threading.Thread(target=fill, args=(number,)) for number in range(THREADS)])
        rows, after = 0, 0
        while found := stores[0].export(after):
            rows, after = rows + len(found), found[-1][0]
        assert rows == THREADS * 25
        for store in stores:
            store.close()


def test_pages_and_rates(url: str) -> None:
    store = Store(url)
    for number in range(5):
        store.add(new(number))
    first = store.page(3, None, None, None)
    store.add(new(50))
    rest = store.page(3, first.next_cursor, None, None)
    ids = [item.id for item in (*first.items, *rest.items)]
    assert ids == [new(number).id for number in (4, 3, 2, 1, 0)]
    assert store.exchange({"a": (2, NOW)}) == {"a": 2}
    with closing(Store(url)) as other:
        assert other.exchange({"a": (3, NOW)}) == {"a": 5}
    store.close()
