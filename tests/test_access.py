"""Who gets in, how much, how fast and what is told about it: keys, scopes, rates, load, logs, start and stop."""

import asyncio
import base64
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app.api.keys import needed_scope
from app.api.load import TICK_SECONDS, Load
from app.api.logs import JsonLines
from app.api.rates import Rates
from app.cli.main import app as cli
from app.errors import InputError, StoreAwayError
from app.service import create_app
from app.settings import Settings, settings
from app.store import Store
from app.store.access_keys import mint, read_entries, split
from tests.test_api import TASK, assert_problem
from tests.test_cli import tunewise
from tests.test_store_api import client_of, serving

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)
READER, READER_TEXT = mint("reader", ["read"], NOW)
WRITER, WRITER_TEXT = mint("writer", ["write"], NOW)
ADMIN, ADMIN_TEXT = mint("admin", ["admin"], NOW)
GONE, GONE_TEXT = mint("gone", ["admin"], NOW, days=0)
ENTRIES = ",".join(key.entry() for key in (READER, WRITER, ADMIN, GONE))
ELSEWHERE = {"TUNEWISE_KEYS": "", "TUNEWISE_DATABASE_URL": "sqlite:////nonexistent/t.sqlite3"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def keyed(tmp_path: Path, **changes: Any) -> Settings:
    return Settings(**{"database_url": f"sqlite:///{tmp_path}/t.sqlite3", "keys": ENTRIES, **changes})


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(keyed(tmp_path)) as made:
        yield made


ASKED = [
    ("POST", "/recommend", "read"), ("POST", "/estimate/training", "read"), ("GET", "/rules", "read"),
    ("GET", "/", "read"), ("GET", "/metrics", "read"), ("GET", "/calibration", "read"),
    ("GET", "/recommendations", "read"), ("GET", "/recommendations/rec_1", "read"),
    ("POST", "/recommendations", "write"), ("PUT", "/recommendations/rec_1/outcome", "write"),
    ("DELETE", "/recommendations/rec_1", "admin"), ("GET", "/recommendations.jsonl", "admin"),
    ("GET", "/healthz", None), ("GET", "/readyz", None), ("GET", "/docs", None), ("GET", "/openapi.json", None),
    ("GET", "/static/page.css", None), ("GET", "//recommendations.jsonl", "read"), ("GET", "/healthz/", "read"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "scope"), ASKED)
def test_what_needs_which_scope(method: str, path: str, scope: str | None) -> None:
    assert needed_scope(method, path) == scope


def test_every_documented_operation_needs_a_key_but_health() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    free = {path for path, told in paths.items() for method in told if needed_scope(method.upper(), path) is None}
    assert free == {"/healthz", "/readyz"}


async def test_without_a_key_only_health_and_documents(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert (await client.get(path)).status_code == 200
    for answer in (await client.post("/recommend", json=TASK), await client.get("/recommendations.jsonl")):
        assert_problem(answer, 401, "key_required")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "text",
    ["", "x", "tw_", f"tw_{READER.id}_", READER_TEXT[:-1], READER_TEXT + "x", READER_TEXT.upper(), GONE_TEXT, "é",
     READER.digest, f"tw_{READER.id}_{WRITER_TEXT.split('_', 2)[2]}", "tw_unknown_" + "x" * 43, "x" * 5000],
)  # fmt: skip
async def test_keys_that_are_none(client: httpx.AsyncClient, text: str) -> None:
    answer = await client.post("/recommend", json=TASK, headers=[(b"authorization", b"Bearer " + text.encode())])
    assert_problem(answer, 401, "key_unknown")


async def test_scopes(client: httpx.AsyncClient) -> None:
    reader, writer, admin = (bearer(text) for text in (READER_TEXT, WRITER_TEXT, ADMIN_TEXT))
    assert (await client.post("/recommend", json=TASK, headers=reader)).status_code == 200
    assert_problem(await client.post("/recommendations", json=TASK, headers=reader), 403, "scope_missing")
    made = await client.post("/recommendations", json=TASK, headers=writer)
    assert made.status_code == 201
    place = made.headers["location"]
    assert (await client.get(place, headers=reader)).status_code == 200
    assert_problem(await client.delete(place, headers=writer), 403, "scope_missing")
    assert_problem(await client.get("/recommendations.jsonl", headers=writer), 403, "scope_missing")
    assert len((await client.get("/recommendations.jsonl", headers=admin)).text.splitlines()) == 1
    assert (await client.delete(place, headers=admin)).status_code == 204


async def test_a_browser_is_asked_for_a_password_which_is_a_key(client: httpx.AsyncClient) -> None:
    asked = await client.get("/", headers={"Accept": "text/html"})
    assert asked.status_code == 401
    assert asked.headers["www-authenticate"].startswith("Basic")
    password = base64.b64encode(f"anybody:{READER_TEXT}".encode()).decode()
    assert (await client.get("/", headers={"Authorization": f"Basic {password}"})).status_code == 200
    for wrong in ("é", "a:b", "====", base64.b64encode(b"\xff:x").decode()):
        head = [(b"authorization", b"Basic " + wrong.encode())]
        assert (await client.get("/", headers=head)).status_code == 401


async def test_an_idempotency_key_belongs_to_its_caller(client: httpx.AsyncClient) -> None:
    made = [
        await client.post("/recommendations", json=TASK, headers={**bearer(text), "Idempotency-Key": "same"})
        for text in (WRITER_TEXT, ADMIN_TEXT)
    ]
    assert made[0].json()["id"] != made[1].json()["id"]


async def test_keys_come_and_go_while_it_runs(tmp_path: Path) -> None:
    config = keyed(tmp_path, key_refresh_seconds=0.05)
    async with serving(config) as client:
        store = Store(config.database_url)
        added, text = mint("new", ["read"], NOW)
        store.add_key(added)
        await asyncio.sleep(1.1)  # an unknown key makes it look, though no more often than each second
        assert (await client.get("/rules", headers=bearer(text))).status_code == 200
        store.expire_key(added.id, NOW)
        await asyncio.sleep(0.3)
        assert_problem(await client.get("/rules", headers=bearer(text)), 401, "key_unknown")


async def test_without_keys_only_this_machine(tmp_path: Path) -> None:
    app = create_app(keyed(tmp_path, keys=""))
    transport = httpx.ASGITransport(app)
    async with client_of(app):
        for host, status in (("127.0.0.1", 200), ("[::1]", 200), ("10.1.2.3", 403), ("[2001:db8::1]", 403)):
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8000") as client:
                assert (await client.post("/recommend", json=TASK)).status_code == status, host
                assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org"])
def test_it_refuses_to_listen_without_keys(host: str) -> None:
    done = tunewise("serve", "--host", host, "--port", "1", **ELSEWHERE)
    assert done.returncode == 2
    assert "tunewise keys add" in done.stderr
    assert done.stdout == ""


async def test_rates_per_key(tmp_path: Path) -> None:
    async with serving(keyed(tmp_path, rate_per_key="3/hour")) as client:
        answers = [await client.get("/rules", headers=bearer(READER_TEXT)) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert_problem(answers[-1], 429, "too_many_requests")
        assert 0 < int(answers[-1].headers["retry-after"]) <= 3600
        assert (await client.get("/rules", headers=bearer(WRITER_TEXT))).status_code == 200
        assert (await client.get("/healthz")).status_code == 200


async def test_rates_per_address_and_wrong_keys(tmp_path: Path) -> None:
    async with serving(keyed(tmp_path, rate_per_address="9/hour", rate_failed_keys="3/hour")) as client:
        wrong = [(await client.get("/rules", headers=bearer("tw_a_b"))).status_code for _ in range(4)]
        assert wrong == [401, 401, 401, 429]
        assert (await client.get("/rules", headers=bearer(READER_TEXT))).status_code == 429
        for _ in range(4):
            await client.get("/rules")
        assert (await client.get("/rules")).status_code == 429


@pytest.mark.parametrize("text", ["fast", "1/fortnight", "-1/second"])
def test_rates_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="rate_per_key"):
        Rates({"rate_per_key": text})


async def test_replicas_share_their_counts() -> None:
    shared: dict[str, int] = {}

    async def exchange(hits: Any) -> dict[str, int]:
        for key, (count, _) in hits.items():
            shared[key] = shared.get(key, 0) + count
        return {key: shared[key] for key in hits}

    replicas = [Rates({"rate_per_key": "10/day"}) for _ in range(3)]
    allowed = 0
    for _ in range(10):
        for rates in replicas:
            allowed += rates.hit("rate_per_key", "k") is None
            await rates.share_once(exchange)
    assert 10 <= allowed <= 12


async def test_a_database_that_is_away_leaves_the_own_counts() -> None:
    async def away(_: Any) -> dict[str, int]:
        raise StoreAwayError("gone")

    rates = Rates({"rate_per_key": "2/day"})
    allowed = 0
    for _ in range(5):
        allowed += rates.hit("rate_per_key", "k") is None
        await rates.share_once(away)
    assert allowed == 2
    told: list[int] = []

    async def back(hits: Any) -> dict[str, int]:
        told.extend(count for count, _ in hits.values())
        return {key: count for key, (count, _) in hits.items()}

    await rates.share_once(back)
    assert told == [5]


async def test_too_many_at_once_are_told_to_come_again(tmp_path: Path) -> None:
    async with serving(keyed(tmp_path, keys="", max_concurrent_requests=1)) as client:
        answers = await asyncio.gather(*(client.get("/recommendations") for _ in range(6)))
        busy = [answer for answer in answers if answer.status_code == 503]
        assert busy
        assert any(answer.status_code == 200 for answer in answers)
        assert_problem(busy[0], 503, "busy")
        assert int(busy[0].headers["retry-after"]) >= 1


async def test_one_slow_answer_is_no_queue_but_two_are() -> None:
    load = Load(10, 0.02)
    watching = asyncio.create_task(load.watch())
    await asyncio.sleep(0)
    refusals = []
    for _ in range(3):
        time.sleep(TICK_SECONDS + 0.04)  # the event loop stands still, as behind many requests
        for _ in range(3):
            await asyncio.sleep(0)
        refusals.append(load.refusal())
    await asyncio.sleep(3 * TICK_SECONDS)
    watching.cancel()
    assert refusals[0] is None
    assert refusals[-1] is not None
    assert load.refusal() is None


async def test_a_body_that_does_not_come(tmp_path: Path) -> None:
    async def dribble() -> AsyncIterator[bytes]:
        yield b'{"description": "'
        await asyncio.sleep(5)

    async with serving(keyed(tmp_path, keys="", body_timeout_seconds=0.1)) as client:
        head = {"Content-Type": "application/json"}
        assert_problem(await client.post("/recommend", content=dribble(), headers=head), 408, "too_slow")


async def test_an_answer_that_does_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(keyed(tmp_path, keys="", request_timeout_seconds=0.1)) as client:
        monkeypatch.setattr(Store, "page", lambda *_: time.sleep(0.4))
        answer = await client.get("/recommendations")
        assert_problem(answer, 503, "too_slow")
        assert answer.headers["retry-after"]


async def test_security_headers_everywhere(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/docs", "/recommend", "/nowhere", "/openapi.json"):
        answer = await client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["x-request-id"]
    asked = await client.options(
        "/recommend", headers={"Origin": "http://evil", "Access-Control-Request-Method": "POST"}
    )
    assert "access-control-allow-origin" not in asked.headers


async def test_request_ids(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz", headers={"X-Request-ID": "abc-1"})).headers["x-request-id"] == "abc-1"
    for bad in ("a b", "x" * 65, "a\tb", "<script>"):
        assert (await client.get("/healthz", headers={"X-Request-ID": bad})).headers["x-request-id"] != bad


def captured(texts: bool = False) -> tuple[logging.Handler, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(texts))
    logger = logging.getLogger("tunewise")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return handler, stream


def released(handler: logging.Handler) -> None:
    logging.getLogger("tunewise").removeHandler(handler)
    logging.getLogger("tunewise").setLevel(logging.NOTSET)


SECRET = "Extract pneumonoultramicroscopic findings from letters as strict JSON, 40,000 a day."


@pytest.mark.parametrize("asked", [False, True])
async def test_logs_hold_descriptions_only_when_asked(
    tmp_path: Path, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, stream = captured(asked)
    try:
        async with serving(keyed(tmp_path, log_descriptions=asked)) as client:
            head = bearer(WRITER_TEXT)
            await client.post("/recommendations", json={"description": SECRET}, headers=head)
            await client.get("/", params={"description": SECRET}, headers=head)
            await client.get(f"/rules/{SECRET[:50]}", headers=head)

            def fail(*_: object) -> bytes:
                raise RuntimeError(SECRET)

            monkeypatch.setattr("app.answers.advise", fail)
            await client.post("/recommend", json={"description": SECRET + "!"}, headers=head)
    finally:
        released(handler)
    assert ("pneumonoultramicroscopic" in stream.getvalue()) is asked
    assert WRITER_TEXT.split("_", 2)[2] not in stream.getvalue()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    failed = next(line for line in lines if "exception" in line)
    assert failed["exception"]["type"] == "RuntimeError"
    access = [line for line in lines if line["logger"] == "tunewise.access"]
    assert [line["route"] for line in access] == ["/recommendations", "/", "/rules/{rule_id}", "/recommend"]
    assert [line["status"] for line in access] == [201, 200, 404, 500]
    assert {line["key"] for line in access} == {WRITER.id}
    assert failed["request_id"] == access[-1]["request_id"]


def run(monkeypatch: pytest.MonkeyPatch, *words: str, url: str) -> tuple[int, list[Any]]:
    """A command in this process: its exit code, and the JSON of its lines."""
    monkeypatch.setenv("TUNEWISE_DATABASE_URL", url)
    settings.cache_clear()
    done = CliRunner().invoke(cli, list(words))
    settings.cache_clear()
    assert "Traceback" not in done.output
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_the_cli_keeps_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def keys(*words: str) -> tuple[int, list[Any]]:
        return run(monkeypatch, "keys", *words, url=f"sqlite:///{tmp_path}/t.sqlite3")

    assert keys("list") == (0, [])
    assert list(tmp_path.iterdir()) == []
    _, (made,) = keys("add", "ci", "--scope", "write")
    assert made["scopes"] == ["read", "write"]
    _, (rotated,) = keys("rotate", made["id"])
    assert rotated["scopes"] == made["scopes"]
    assert keys("revoke", rotated["id"])[0] == 0
    _, listed = keys("list")
    assert [(key["name"], key["state"]) for key in listed] == [("ci", "valid"), ("ci", "expired")]
    assert made["key"].split("_", 2)[2] not in json.dumps(listed)
    assert keys("revoke", "none")[0] == 2
    assert keys("add", "x", "--scope", "root")[0] == 2
    _, (loose,) = keys("add", "x", "--entry")
    assert read_entries(loose["entry"])[0].holds(split(loose["key"])[1], NOW)
    assert len(keys("list")[1]) == 2


def test_the_cli_migrates_and_purges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/t.sqlite3"
    assert run(monkeypatch, "purge", "--older-than-days", "1", url=url) == (0, [{"deleted": 0}])
    assert run(monkeypatch, "migrate", url=url) == (0, [{"revision": "0003"}])
    assert run(monkeypatch, "migrate", "--back-to", "0001", url=url) == (0, [{"revision": "0001"}])
    assert run(monkeypatch, "migrate", url=url) == (0, [{"revision": "0003"}])
    assert run(monkeypatch, "migrate", url="postgresql://127.0.0.1:9/none") == (4, [])


def test_stopping_finishes_what_is_under_way(tmp_path: Path) -> None:
    """SIGTERM: first not ready and closing connections, then gone, with exit code 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "TUNEWISE_DRAIN_SECONDS": "1.5", "TUNEWISE_DATABASE_URL": f"sqlite:///{tmp_path}/t"}
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", str(port)]
    service = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
            service.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            refused = client.get("/readyz")
            assert (refused.status_code, refused.headers["connection"]) == (503, "close")
            assert client.post("/recommend", json=TASK).status_code == 200
        service.wait(20)
        assert service.stderr is not None
        lines = [json.loads(line) for line in service.stderr.read().splitlines()]
        assert any(line["message"].startswith("draining") for line in lines)
    finally:
        service.kill()
        service.communicate()


async def test_with_telemetry_asked_for_it_answers_all_the_same(tmp_path: Path) -> None:
    async with serving(keyed(tmp_path, keys="", telemetry=True)) as client:
        assert (await client.post("/recommend", json=TASK)).status_code == 200
