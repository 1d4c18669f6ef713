"""Three replicas behind a proxy with one PostgreSQL: any of them answers anything, one may die."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.store import Store
from app.store.access_keys import mint
from tests.ops.postgres import Postgres
from tests.ops.services import PROGRAM, TASKS, Clients, Service, ask, free_port, running
from tests.ops.test_durability import stored_ids

REPLICAS = 3
PROXY = """
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  option redispatch 1
  retries 3
  retry-on conn-failure
frontend front
  bind 127.0.0.1:{port}
  default_backend replicas
backend replicas
  balance roundrobin
  option httpchk GET /readyz
  default-server check inter 200ms fall 1 rise 1
{servers}
"""


@contextmanager
def replicas(folder: Path, url: str, **environment: str) -> Iterator[list[Service]]:
    """Three services on one database."""
    made = [Service(folder, database_url=url, **environment) for _ in range(REPLICAS)]
    try:
        for service in made:
            service.start(wait=False)
        for service in made:
            service.wait()
        yield made
    finally:
        for service in made:
            service.kill()


@contextmanager
def proxy(folder: Path, services: list[Service]) -> Iterator[int]:
    """haproxy before them, by the rules of deploy/haproxy.cfg; its port."""
    port = free_port()
    servers = "\n".join(f"  server s{s.port} 127.0.0.1:{s.port}" for s in services)
    file = folder / "haproxy.cfg"
    file.write_text(PROXY.format(port=port, servers=servers))
    process = subprocess.Popen(["haproxy", "-db", "-f", str(file)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1.0)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_one_replica_dies_under_load_and_nothing_accepted_is_lost(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    with replicas(tmp_path, url, drain_seconds="1.5") as services, proxy(tmp_path, services) as port:
        with Clients(port, 8) as clients:
            clients.wait_for(40)
            services[0].kill()
            clients.wait_for(40)
            services[1].stop()
            clients.wait_for(40)
            services[0].start()
            clients.wait_for(20)
        assert set(clients.seen.acknowledged.values()) <= stored_ids(url)
        assert set(clients.seen.statuses) <= {201, 502, 503}, clients.seen.statuses
        assert clients.seen.refused == 0
        shown = clients.seen.statuses
        print(f"\n{len(clients.seen.acknowledged)} acknowledged, 0 lost; answers {shown}")


def test_any_replica_answers_anything(postgres: Postgres, tmp_path: Path) -> None:
    """They start together on an empty database, which one of them migrates."""
    url = postgres.new_database()
    with replicas(tmp_path, url) as (first, second, third):
        _, made, _ = first.ask("POST", "/recommendations", TASKS[0], Idempotency_Key="k")
        assert second.ask("POST", "/recommendations", TASKS[0], Idempotency_Key="k")[1] == made
        place = f"/recommendations/{made['id']}"
        assert third.ask("GET", place)[1] == made
        outcome = {"approach": "fine_tuning", "state": "done"}
        assert second.ask("PUT", f"{place}/outcome", outcome, If_Match='"1"')[0] == 200
        assert third.ask("PUT", f"{place}/outcome", outcome, If_Match='"1"')[0] == 412
        assert first.ask("GET", place)[2]["ETag"] == '"2"'


def test_keys_and_rates_hold_over_all_replicas(postgres: Postgres, tmp_path: Path) -> None:
    url, limit = postgres.new_database(), 60
    key, text = mint("ci", ["read"], datetime.now(UTC))
    store = Store(url)
    store.add_key(key)
    head = {"Authorization": f"Bearer {text}"}
    with replicas(tmp_path, url, rate_per_key=f"{limit}/day", key_refresh_seconds="0.5") as services:
        assert [s.ask("GET", "/rules")[0] for s in services] == [401] * REPLICAS
        allowed = 0
        for _ in range(limit):
            allowed += sum(s.ask("GET", "/rules", **head)[0] == 200 for s in services)
            time.sleep(0.02)
        assert limit <= allowed <= 2.5 * limit, allowed  # each replica is told of the others every second
        assert [s.ask("GET", "/rules", **head)[0] for s in services] == [429] * REPLICAS
        store.expire_key(key.id, datetime.now(UTC))
        store.close()
        time.sleep(1.5)
        assert [s.ask("GET", "/rules", **head)[0] for s in services] == [401] * REPLICAS


def test_two_workers_tell_of_both(postgres: Postgres, tmp_path: Path) -> None:
    with running(tmp_path, database_url=postgres.new_database(), workers="2") as service:
        for _ in range(40):
            assert ask(service.port, "POST", "/recommend", TASKS[0])[0] == 200
        time.sleep(6)  # tallies are passed on every five seconds
        counted = [
            sum(float(line.split()[-1]) for line in service.ask("GET", "/metrics")[1].splitlines()
                if line.startswith('tunewise_http_requests_total{method="POST",route="/recommend"'))
            for _ in range(4)
        ]  # fmt: skip
        assert counted == [40.0] * 4
        assert service.stop() in (0, -15)


def test_the_cli_uses_the_same_database(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    environment = {"TUNEWISE_DATABASE_URL": url, "PATH": "/usr/bin"}
    for words in (["migrate"], ["keys", "add", "ci"], ["migrate", "--back-to", "0001"], ["migrate"], ["keys", "list"]):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words], env=environment, capture_output=True, text=True, check=True
        )
        told = json.loads(done.stdout)
    assert told["name"] == "ci"
