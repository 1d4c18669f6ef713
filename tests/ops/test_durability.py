"""Nothing that was acknowledged is lost: kill -9 under load, SIGTERM under load, a database that goes away."""

import signal
import time
from pathlib import Path

from app.store import Store
from tests.ops.postgres import Postgres
from tests.ops.services import TASKS, Clients, running

KILLS = 10
CLIENTS = 8


def stored_ids(url: str) -> set[str]:
    """Every id in the database, each read with both of its documents."""
    store, ids, after = Store(url), set(), 0
    while rows := store.export(after):
        ids |= {stored.id for _, stored in rows if stored.report.startswith(b"{") and stored.request}
        after = rows[-1][0]
    store.close()
    return ids


def test_killed_ten_times_nothing_acknowledged_is_lost(database_url: str, tmp_path: Path) -> None:
    with running(tmp_path, database_url=database_url) as service, Clients(service.port, CLIENTS) as clients:
        for _ in range(KILLS):
            clients.wait_for(20)
            service.kill()
            service.start()
        clients.wait_for(20)
        kept = dict(clients.seen.acknowledged)
        found = stored_ids(database_url)
        assert set(kept.values()) <= found
        assert set(clients.seen.statuses) <= {201, 503}, clients.seen.statuses
        assert clients.seen.broken >= KILLS
    left = stored_ids(database_url)
    assert set(clients.seen.acknowledged.values()) <= left
    # A key was never acknowledged twice with two ids, so at most one row stands for each request that got no answer.
    assert len(left) - len(clients.seen.acknowledged) <= clients.seen.broken
    print(f"\n{KILLS} kills, {len(clients.seen.acknowledged)} acknowledged, {clients.seen.broken} cut off, 0 lost")


def test_stopped_under_load_every_taken_request_is_answered(database_url: str, tmp_path: Path) -> None:
    with running(tmp_path, database_url=database_url, drain_seconds="1.5", max_wait_seconds="30") as service:
        with Clients(service.port, CLIENTS) as clients:
            clients.wait_for(50)
            assert service.stop() in (0, -signal.SIGTERM)  # uvicorn ends by the signal once all is answered
            time.sleep(0.2)
        assert clients.seen.broken == 0
        assert set(clients.seen.statuses) == {201}
    assert set(clients.seen.acknowledged.values()) == stored_ids(database_url)


def test_advice_goes_on_while_the_database_is_away(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    with (
        running(tmp_path, database_url=url) as service,
        Clients(service.port, 4, "/recommend") as asking,
        Clients(service.port, 4) as storing,
    ):
        storing.wait_for(20)
        for _ in range(2):
            postgres.crash()
            asking.wait_for(50)
            assert service.ask("POST", "/recommend", TASKS[0])[0] == 200
            status, told, headers = service.ask("POST", "/recommendations", TASKS[0])
            assert (status, told["code"]) == (503, "store_unavailable")
            assert headers["Retry-After"]
            assert service.ask("GET", "/readyz")[0] == 200
            postgres.start()
            storing.wait_for(20)
    assert set(asking.seen.statuses) == {200}
    assert asking.seen.broken == 0
    assert set(storing.seen.statuses) == {201, 503}
    found = stored_ids(url)
    assert set(storing.seen.acknowledged.values()) <= found
    assert len(found) - len(storing.seen.acknowledged) <= storing.seen.statuses[503]
