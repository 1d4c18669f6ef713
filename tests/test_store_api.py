"""Stored recommendations by their contract, over HTTP, in-process, on SQLite."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api.metrics import store_observed
from app.service import create_app
from app.settings import Settings
from app.store import Store
from tests.test_api import TASK, assert_problem

pytestmark = pytest.mark.anyio
DONE = {"approach": "fine_tuning", "state": "done", "measured": {"train_seconds": 5000, "quality": 0.9}}
NOWHERE = "/recommendations/rec_" + "0" * 32


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service of its own."""
    async with client_of(create_app(settings)) as made:
        yield made


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started application."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as made:
        yield made


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """One application for all tests, since FastAPI builds its routes on first use; a store for each."""
    app = application()
    app.state.running.store = Store(f"sqlite:///{tmp_path}/t.sqlite3", observe=store_observed)
    async with client_of(app) as made:
        yield made


@cache
def application() -> FastAPI:
    return create_app(Settings())


async def test_recommend_stores_nothing(tmp_path: Path) -> None:
    async with serving(Settings(database_url=f"sqlite:///{tmp_path}/t.sqlite3")) as client:
        assert (await client.post("/recommend", json=TASK)).status_code == 200
    assert list(tmp_path.iterdir()) == []


async def test_what_is_stored_is_read_back(client: httpx.AsyncClient) -> None:
    made = await client.post("/recommendations", json={**TASK, "title": "Å & <b>"})
    assert made.status_code == 201, made.text
    assert made.headers["etag"] == '"1"'
    assert made.headers["location"] == f"/recommendations/{made.json()['id']}"
    read = await client.get(made.headers["location"])
    assert read.content == made.content
    found = read.json()
    assert found["id"] == found["report"]["id"]
    assert found["created_at"] == found["report"]["created_at"]
    assert (found["title"], found["state"], found["outcome"]) == ("Å & <b>", "open", None)
    assert found["request"] == {**TASK, "title": "Å & <b>"}
    advice = (await client.post("/recommend", json={**TASK, "title": "Å & <b>"})).json()
    for name in ("id", "created_at"):
        advice.pop(name)
        found["report"].pop(name)
    assert found["report"] == advice


async def test_what_cannot_be_asked_is_not_stored(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post("/recommendations", json={"description": "no"}), 422, "invalid_request")
    assert (await client.get("/recommendations")).json() == {"items": [], "next_cursor": None}


async def test_a_repeat_with_the_same_key_gets_the_first_answer(client: httpx.AsyncClient) -> None:
    head = {"Idempotency-Key": "order 7"}
    first, second = [await client.post("/recommendations", json=TASK, headers=head) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    other = await client.post("/recommendations", json={**TASK, "title": "other"}, headers=head)
    assert_problem(other, 422, "idempotency_key_reused")
    assert len((await client.get("/recommendations")).json()["items"]) == 1


async def test_repeats_at_the_same_time_store_once(client: httpx.AsyncClient) -> None:
    head = {"Idempotency-Key": "k"}
    made = await asyncio.gather(*(client.post("/recommendations", json=TASK, headers=head) for _ in range(8)))
    assert {answer.status_code for answer in made} == {201}
    assert len({answer.json()["id"] for answer in made}) == 1


async def test_an_outcome_over_a_stale_revision_is_refused(client: httpx.AsyncClient) -> None:
    place = (await client.post("/recommendations", json=TASK)).headers["location"]
    assert_problem(await client.put(f"{place}/outcome", json=DONE), 428, "precondition_required")
    first = await client.put(f"{place}/outcome", json=DONE, headers={"If-Match": '"1"'})
    assert first.status_code == 200, first.text
    assert first.headers["etag"] == '"2"'
    assert first.json()["revision"] == 2
    for stale in ('"1"', 'W/"2"', "2", '"x"'):
        assert_problem(await client.put(f"{place}/outcome", json=DONE, headers={"If-Match": stale}), 412, "stale")
    forced = await client.put(f"{place}/outcome", json={**DONE, "note": "é"}, headers={"If-Match": "*"})
    assert forced.headers["etag"] == '"3"'
    found = (await client.get(place)).json()
    assert found["state"] == "done"
    assert found["outcome"]["note"] == "é"
    assert found["outcome"]["measured"] == {"train_seconds": 5000.0, "quality": 0.9}


async def test_of_writers_at_the_same_time_one_wins(client: httpx.AsyncClient) -> None:
    place = (await client.post("/recommendations", json=TASK)).headers["location"]
    head = {"If-Match": '"1"'}
    made = await asyncio.gather(*(client.put(f"{place}/outcome", json=DONE, headers=head) for _ in range(8)))
    assert sorted(answer.status_code for answer in made) == [200] + [412] * 7
    assert (await client.get(place)).headers["etag"] == '"2"'


async def test_unchanged_is_not_sent_again(client: httpx.AsyncClient) -> None:
    place = (await client.post("/recommendations", json=TASK)).headers["location"]
    same = await client.get(place, headers={"If-None-Match": '"1"'})
    assert (same.status_code, same.content) == (304, b"")
    assert (await client.get(place, headers={"If-None-Match": '"2"'})).status_code == 200


async def test_deleting(client: httpx.AsyncClient) -> None:
    place = (await client.post("/recommendations", json=TASK)).headers["location"]
    assert_problem(await client.delete(place, headers={"If-Match": '"7"'}), 412, "stale")
    assert (await client.delete(place)).status_code == 204
    assert_problem(await client.delete(place), 404, "not_found")
    assert_problem(await client.get(place), 404, "not_found")


@pytest.mark.parametrize("state", ["maybe", None, 3])
async def test_outcomes_that_are_none(client: httpx.AsyncClient, state: object) -> None:
    place = (await client.post("/recommendations", json=TASK)).headers["location"]
    answer = await client.put(f"{place}/outcome", json={**DONE, "state": state}, headers={"If-Match": "*"})
    assert_problem(answer, 422, "invalid_request")


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get(NOWHERE), 404, "not_found")
    assert_problem(await client.put(f"{NOWHERE}/outcome", json=DONE, headers={"If-Match": "*"}), 404, "not_found")
    assert_problem(await client.get("/recommendations/7"), 422, "invalid_request")
    assert_problem(await client.get("/recommendations?cursor=x"), 422, "invalid_request")
    assert_problem(await client.get("/recommendations?limit=0"), 422, "invalid_request")


async def test_listing_and_export(client: httpx.AsyncClient) -> None:
    titles = [f"task {number}" for number in range(5)]
    for title in titles:
        await client.post("/recommendations", json={**TASK, "title": title})
    seen, cursor = [], ""
    while cursor is not None:
        found = (await client.get(f"/recommendations?limit=2{cursor}")).json()
        seen += [item["title"] for item in found["items"]]
        cursor = found["next_cursor"] and f"&cursor={found['next_cursor']}"
    assert seen == titles[::-1]
    assert (await client.get("/recommendations?state=done")).json()["items"] == []
    exported = await client.get("/recommendations.jsonl")
    assert exported.headers["content-type"] == "application/jsonl"
    lines = [json.loads(line) for line in exported.text.splitlines()]
    assert [line["title"] for line in lines] == titles
    assert lines[0] == (await client.get(f"/recommendations/{lines[0]['id']}")).json()


async def test_calibration_counts_what_was_recorded(client: httpx.AsyncClient) -> None:
    for seconds in (5000, 5100, 4900, 5050, 4950):
        made = await client.post("/recommendations", json=TASK)
        outcome = {**DONE, "approach": made.json()["report"]["recommendation"]["approach"]}
        outcome["measured"] = {"train_seconds": seconds}
        await client.put(f"{made.headers['location']}/outcome", json=outcome, headers={"If-Match": '"1"'})
    told = (await client.get("/calibration")).json()
    assert (told["stored"], told["decisions"]["count"], told["decisions"]["hit_rate"]) == (5, 5, 1.0)
    (deviation,) = told["deviations"]
    assert (deviation["quantity"], deviation["count"]) == ("train_seconds", 5)
    assert told["corrections"][0]["factor"] == pytest.approx(deviation["factor"])
    assert deviation["gpu"] == made.json()["report"]["fine_tuning"]["hardware"]["gpu"]


async def recorded(client: httpx.AsyncClient, factors: tuple[float, ...]) -> dict[str, Any]:
    """Recommendations whose training took these times what was expected; the last one."""
    for factor in factors:
        made = await client.post("/recommendations", json=TASK)
        training = made.json()["report"]["compute"]["training"]
        measured = {"train_seconds": factor * training["train_seconds"]["expected"]}
        body = {"approach": "fine_tuning", "state": "done", "measured": measured}
        await client.put(f"{made.headers['location']}/outcome", json=body, headers={"If-Match": '"1"'})
    report: dict[str, Any] = made.json()["report"]
    return report


async def test_an_accepted_correction_closes_the_loop(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.sqlite3"

    def accepting(offered: dict[str, Any], name: str) -> Settings:
        (tmp_path / name).write_text(offered["overlay"], encoding="utf-8")
        return Settings(database_url=url, catalogue_overlay=tmp_path / name)

    async with serving(Settings(database_url=url)) as client:
        plain = await recorded(client, (1.4, 1.5, 1.45, 1.47, 1.43))
        (first,) = (await client.get("/calibration")).json()["corrections"]
    async with serving(accepting(first, "ours.yaml")) as client:
        assert (await client.get("/calibration")).json()["deviations"] == []
        report = await recorded(client, (0.98, 1.01, 0.99, 1.02, 1.0))
        assert (await client.get("/calibration")).json()["corrections"] == []
        await recorded(client, (1.2, 1.21, 1.19, 1.2, 1.2) * 4)
        (second,) = (await client.get("/calibration")).json()["corrections"]
    before, after = (r["compute"]["training"]["train_seconds"]["expected"] for r in (plain, report))
    assert after == pytest.approx(first["factor"] * before, rel=1e-3)
    assert report["provenance"]["catalogue_digest"] != plain["provenance"]["catalogue_digest"]
    told_by = {a["name"]: a for a in report["compute"]["training"]["assumptions"]}["train_seconds_correction"]
    assert told_by["origin"] == "calibrated"
    assert told_by["source"].startswith("accepted in ours.yaml, 20")
    async with serving(accepting(second, "next.yaml")) as client:
        third = await recorded(client, (1.0,))
    found = third["compute"]["training"]["train_seconds"]["expected"]
    assert found == pytest.approx(second["factor"] * after, rel=1e-3)


async def test_without_a_database_advice_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for url in (f"sqlite:///{tmp_path}/file/t.sqlite3", "postgresql://127.0.0.1:9/none"):
        async with serving(Settings(database_url=url)) as client:
            assert (await client.get("/readyz")).status_code == 200
            assert (await client.post("/recommend", json=TASK)).status_code == 200
            refused = await client.post("/recommendations", json=TASK)
            assert_problem(refused, 503, "store_unavailable")
            assert refused.headers["retry-after"]
            for path in ("/recommendations", "/calibration", "/recommendations.jsonl", NOWHERE):
                assert_problem(await client.get(path), 503, "store_unavailable")


HOSTILE: list[tuple[str, Any]] = [
    ("nul in a title", {**TASK, "title": "a\0b"}),
    ("right to left", {**TASK, "title": "\u202e\u200b\ufeff"}),
    ("deep architecture", {**TASK, "preferences": {"architecture": {"a": [[[[[[[[[[1]]]]]]]]]]}}}),
    ("numbers near the edge", {**TASK, "requirements": {"requests_per_day": 1e-300, "labelled_examples": 0}}),
    ("a formula", {**TASK, "title": "=cmd|' /C calc'!A0", "description": "'; DROP TABLE recommendations; --" * 3}),
    ("a million zeros", {**TASK, "description": "0" * 20_000}),
    ("percent and braces", {**TASK, "description": "%s%n{0}${jndi:ldap://x}{{7*7}}" * 9}),
    ("one word again and again", {**TASK, "description": "requests per day " * 1100}),
    ("numbers and units", {**TASK, "description": "1k 2m 3 per day, 4% of " * 800}),
]


@pytest.mark.parametrize(("name", "body"), HOSTILE, ids=[name for name, _ in HOSTILE])
async def test_hostile_bodies(client: httpx.AsyncClient, name: str, body: dict[str, Any]) -> None:
    for path in ("/recommend", "/recommendations"):
        started = time.process_time()
        answer = await client.post(path, json=body)
        assert answer.status_code in {200, 201, 422}, answer.text
        assert time.process_time() - started < 1.0


async def test_text_that_is_no_unicode(client: httpx.AsyncClient) -> None:
    for field in ("title", "description"):
        body = json.dumps({**TASK, field: "x" * 30 + "?"}).replace("?", r"\ud83d")
        answer = await client.post("/recommendations", content=body, headers={"Content-Type": "application/json"})
        assert_problem(answer, 422, "invalid_request")


async def test_metrics_tell_what_was_said(client: httpx.AsyncClient) -> None:
    def value(name: str, text: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    before = (await client.get("/metrics")).text
    verdict = (await client.post("/recommendations", json=TASK)).json()["report"]["recommendation"]["approach"]
    await client.get("/no/such/place")
    after = (await client.get("/metrics")).text
    for name in (
        f'tunewise_verdicts_total{{approach="{verdict}"}}',
        'tunewise_http_requests_total{method="POST",route="/recommendations",status="201"}',
        'tunewise_store_seconds_count{operation="add"}',
        'tunewise_http_requests_total{method="GET",route="unmatched",status="404"}',
    ):
        assert value(name, after) == value(name, before) + 1, name
    assert "tunewise_rule_hits_total" in after
    assert "no/such" not in after
