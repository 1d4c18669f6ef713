"""The store on SQLite: what is added is read back, second writers are told, keys repeat, pages do not shift."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.errors import InputError, MissingError, StaleError, StoreAwayError
from app.schemas.stored import OutcomeRequest
from app.store import Store
from app.store.records import New, Repeat
from tests.unit.store.samples import NOW, new, report_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/deep/er/tunewise.sqlite3")


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/deep/tunewise.sqlite3")
    assert not store.exists()
    assert list(tmp_path.iterdir()) == []
    store.add(new(1))
    assert store.exists()


def test_what_is_added_is_read_back(store: Store) -> None:
    made = new(1, title="Åska \U0001f600 \0")
    assert store.add(made) is None
    found = store.get(made.id)
    assert (found.id, found.created_at, found.title) == (made.id, made.created_at, "Åska \U0001f600 \ufffd")
    assert (found.request, found.report, found.outcome) == (made.request, made.report, None)
    assert (found.state, found.revision) == ("open", 1)


def test_committed_rows_survive_another_process(store: Store) -> None:
    store.add(new(1))
    with sqlite3.connect(str(store.url.database)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert other.execute("SELECT count(*) FROM recommendations").fetchone() == (1,)
    other.close()


def test_an_idempotency_key_gives_the_first_answer_again(store: Store) -> None:
    repeat = Repeat(caller="a", key="once", request_digest="same")
    assert store.add(new(1), repeat) is None
    again = store.add(new(2), repeat)
    assert again is not None
    assert again.id == new(1).id
    assert store.add(new(3), Repeat(caller="b", key="once", request_digest="same")) is None
    with pytest.raises(InputError) as refused:
        store.add(new(4), Repeat(caller="a", key="once", request_digest="other"))
    assert refused.value.code == "idempotency_key_reused"
    assert len(store.page(10, None, None, None).items) == 2


def test_one_key_from_many_threads_stores_once(store: Store) -> None:
    store.prepare()
    repeat = Repeat(caller="", key="k", request_digest="d")
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: made.append((store.add(new(n), repeat) or store.get(new(n).id)).id))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert len(store.page(10, None, None, None).items) == 1


def test_the_second_of_two_writers_is_told(store: Store) -> None:
    store.add(new(1))
    outcome = OutcomeRequest(approach="fine_tuning", state="accepted")
    assert store.record(new(1).id, 1, outcome, NOW).revision == 2
    with pytest.raises(StaleError, match="revision 2"):
        store.record(new(1).id, 1, outcome, NOW)
    assert store.record(new(1).id, None, outcome, NOW).revision == 3
    with pytest.raises(MissingError):
        store.record(new(9).id, 1, outcome, NOW)


def test_deleting_takes_everything_along(store: Store) -> None:
    repeat = Repeat(caller="", key="k", request_digest="d")
    store.add(new(1), repeat)
    store.record(new(1).id, 1, OutcomeRequest.model_validate(OUTCOME), NOW)
    with pytest.raises(StaleError):
        store.remove(new(1).id, 1)
    store.remove(new(1).id, 2)
    with pytest.raises(MissingError):
        store.get(new(1).id)
    with pytest.raises(MissingError):
        store.remove(new(1).id, None)
    with sqlite3.connect(str(store.url.database)) as raw:
        for table in ("documents", "idempotency", "deviations"):
            assert raw.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table  # noqa: S608
    raw.close()
    assert store.add(new(2), repeat) is None


OUTCOME = {"approach": "fine_tuning", "state": "done", "measured": {"train_seconds": 5000.0}}


def test_pages_do_not_shift_and_end(store: Store) -> None:
    for number in range(7):
        store.add(new(number, approach="fine_tuning" if number % 2 else "prompt_engineering"))
    first = store.page(3, None, None, None)
    store.add(new(100))
    second = store.page(3, first.next_cursor, None, None)
    third = store.page(3, second.next_cursor, None, None)
    ids = [item.id for part in (first, second, third) for item in part.items]
    assert ids == [new(number).id for number in reversed(range(7))]
    assert third.next_cursor is None
    assert {item.approach for item in store.page(9, None, "fine_tuning", None).items} == {"fine_tuning"}
    assert store.page(9, None, None, "done").items == ()


@pytest.mark.parametrize("cursor", ["", "x", "YmVmb3JlOjA", "YmVmb3JlOi01", "é", "YmVmb3JlOjEuNQ", "YWZ0ZXI6NQ", "==="])
def test_cursors_that_are_none(store: Store, cursor: str) -> None:
    with pytest.raises(InputError):
        store.page(3, cursor, None, None)


def test_export_is_whole_and_in_order(store: Store) -> None:
    for number in range(5):
        store.add(new(number))
    rows = store.export()
    assert [stored.id for _, stored in rows] == [new(number).id for number in range(5)]
    assert store.export(rows[-1][0]) == []


def test_retention_deletes_what_is_older(store: Store) -> None:
    store.add(new(1, created_at=NOW - timedelta(days=40)))
    store.add(new(2, created_at=NOW - timedelta(days=20)))
    assert store.remove_before(NOW - timedelta(days=30)) == 1
    assert [item.id for item in store.page(9, None, None, None).items] == [new(2).id]


def test_a_place_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for url in (f"sqlite:///{tmp_path}/file/deeper/t.sqlite3", f"sqlite:///{tmp_path}/file/t.sqlite3"):
        with pytest.raises(StoreAwayError):
            Store(url).add(new(1))


def test_a_database_that_is_none_is_away(tmp_path: Path) -> None:
    (tmp_path / "t.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreAwayError):
        Store(f"sqlite:///{tmp_path}/t.sqlite3").keys()


def test_a_postgresql_that_is_not_there_is_away() -> None:
    with pytest.raises(StoreAwayError):
        Store("postgresql://nobody:secret@127.0.0.1:9/none").keys()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "", "oracle://a"])
def test_other_databases_are_refused(url: str) -> None:
    if url:
        with pytest.raises(InputError, match="database"):
            Store(url)


def test_operations_are_observed(tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []
    store = Store(f"sqlite:///{tmp_path}/t.sqlite3", observe=lambda name, _, good: seen.append((name, good)))
    store.add(new(1))
    with pytest.raises(MissingError):
        store.get("rec_none")
    broken = Store("postgresql://127.0.0.1:9/none", observe=lambda name, _, good: seen.append((name, good)))
    with pytest.raises(StoreAwayError):
        broken.keys()
    assert seen == [("add", True), ("get", True), ("keys", False)]


def test_hits_of_replicas_add_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.sqlite3"
    first, second, ends = Store(url), Store(url), NOW + timedelta(minutes=1)
    assert first.exchange({"a": (3, ends), "b": (1, ends)}) == {"a": 3, "b": 1}
    assert second.exchange({"a": (4, ends)}) == {"a": 7}
    second.remove_before(ends + timedelta(seconds=1))
    assert first.exchange({"a": (1, ends)}) == {"a": 1}


def test_a_sample_is_what_it_says() -> None:
    made = new(3)
    assert isinstance(made, New)
    assert made.created_at.tzinfo is UTC
    assert report_of(made)["fine_tuning"]["hardware"]["gpu"] == "L40S"
    assert isinstance(NOW, datetime)
