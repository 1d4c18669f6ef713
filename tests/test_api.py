"""The service by its contract: answers, errors, limits, documents. In-process, no network."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api.examples import PLAN_EXAMPLES, RECOMMEND_EXAMPLES, SERVING_EXAMPLES, TRAINING_EXAMPLES, body_of
from app.service import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio
TASK = {"description": "Extract ICD-10 codes from discharge letters as strict JSON. 40,000 letters a day."}
RUN = body_of(TRAINING_EXAMPLES["lora_on_one_card"])
EXAMPLES = [
    (path, name, body_of(example))
    for path, examples in {
        "/recommend": RECOMMEND_EXAMPLES,
        "/estimate/training": TRAINING_EXAMPLES,
        "/estimate/serving": SERVING_EXAMPLES,
        "/plan/lora": PLAN_EXAMPLES,
    }.items()
    for name, example in examples.items()
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started application."""
    app = create_app(Settings())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as made:
        yield made


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """RFC 9457, with exactly the contract's members."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert set(found) == {"type", "title", "status", "detail", "code", "errors"}
    assert (found["status"], found["code"]) == (status, code)
    assert all(set(place) == {"pointer", "detail", "hint"} for place in found["errors"])
    return found


@pytest.mark.parametrize(("path", "name", "body"), EXAMPLES, ids=[f"{p} {n}" for p, n, _ in EXAMPLES])
async def test_every_documented_example_is_answered(
    client: httpx.AsyncClient, path: str, name: str, body: dict[str, Any]
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert "NaN" not in answer.text
    assert "Infinity" not in answer.text


async def test_same_input_same_answer_apart_from_id_and_time(client: httpx.AsyncClient) -> None:
    first, second = [(await client.post("/recommend", json=TASK)).json() for _ in range(2)]
    assert first.pop("id") != second.pop("id")
    assert first.pop("created_at") <= second.pop("created_at")
    assert json.dumps(first) == json.dumps(second)


async def test_a_kept_answer_equals_a_computed_one() -> None:
    answers = []
    for entries in (0, 10):
        app = create_app(Settings(answer_cache_entries=entries))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client,
        ):
            for _ in range(2):
                made = (await client.post("/recommend", json=TASK)).json()
                answers.append({k: v for k, v in made.items() if k not in {"id", "created_at"}})
    assert all(answer == answers[0] for answer in answers)


async def test_reasons_and_scores_add_up(client: httpx.AsyncClient) -> None:
    for example in RECOMMEND_EXAMPLES.values():
        made = (await client.post("/recommend", json=body_of(example))).json()
        verdict = made["recommendation"]
        assert sum(r["weight"] for r in verdict["reasons"]) == pytest.approx(verdict["log_odds"], abs=1e-9)
        memory = made["compute"]["training"]["memory"]
        assert sum(part["bytes"] for part in memory["components"]) == memory["peak_allocated_bytes"]["expected"]


BAD = [
    ({}, "/description", "This field is required."),
    ({"description": ""}, "/description", "20 characters"),
    ({"description": "too short"}, "/description", "20 characters"),
    ({"description": "x" * 20_001}, "/description", "20000 characters"),
    ({"description": 7}, "/description", "Must be a string."),
    ({**TASK, "requirements": {"request_per_day": 4}}, "/requirements/request_per_day", "Unknown field."),
    ({**TASK, "requirements": {"requests_per_day": "4"}}, "/requirements/requests_per_day", "Must be a number."),
    ({**TASK, "requirements": {"requests_per_day": -4}}, "/requirements/requests_per_day", "greater than or equal"),
    ({**TASK, "requirements": {"requests_per_day": 1e300}}, "/requirements/requests_per_day", "less than or equal"),
    ({**TASK, "requirements": {"prompted_quality": 83}}, "/requirements/prompted_quality", "less than or equal"),
    ({**TASK, "requirements": {"task_type": "extract"}}, "/requirements/task_type", "Should be"),
    ({**TASK, "preferences": {"base_model": "Qwen/Qwen3-8"}}, "/preferences/base_model", "Unknown base model"),
    ({**TASK, "preferences": {"gpu": "H100"}}, "/preferences/gpu", "Unknown GPU"),
    ({**TASK, "preferences": {"prompted_model": "gpt"}}, "/preferences/prompted_model", "Unknown hosted model"),
    ({**TASK, "preferences": {"architecture": {"model_type": "llama", "hidden_size": 0}}},
     "/preferences/architecture/hidden_size", ""),
    ({**TASK, "as_of": "soon"}, "/as_of", "date"),
    ([TASK], "", "Must be an object."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "pointer", "words"), BAD, ids=[b[1] + " " + b[2] for b in BAD])
async def test_bad_requests_name_the_place(client: httpx.AsyncClient, body: object, pointer: str, words: str) -> None:
    answer = await client.post("/recommend", json=body)
    found = assert_problem(answer, 422, answer.json()["code"])
    assert any(p["pointer"] == pointer and words in p["detail"] for p in found["errors"]), found["errors"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
async def test_numbers_that_are_none(client: httpx.AsyncClient, number: str) -> None:
    body = json.dumps({**TASK, "requirements": {"requests_per_day": "?"}}).replace('"?"', number)
    answer = await client.post("/recommend", content=body, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"a":1,}', b"9" * 5000])
async def test_bodies_that_are_no_json(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/recommend", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_hints_name_the_nearest(client: httpx.AsyncClient) -> None:
    answer = await client.post("/recommend", json={**TASK, "requirements": {"request_per_day": 4}})
    assert "requests_per_day" in answer.json()["errors"][0]["hint"]
    answer = await client.post("/recommend", json={**TASK, "preferences": {"gpu": "L40"}})
    assert "L40S" in answer.json()["errors"][0]["hint"]


async def test_large_bodies_are_refused_before_they_are_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/recommend", json={"description": "x" * 1_000_000})
    assert_problem(answer, 413, "too_large")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    answer = await client.post("/recommend", content=chunks(), headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "too_large")


async def test_unknown_routes_and_methods(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/nowhere"), 404, "not_found")
    assert_problem(await client.get("/recommend"), 405, "method_not_allowed")
    found = assert_problem(await client.get("/rules/LATENCY-INLIN"), 404, "not_found")
    assert "LATENCY-INLINE" in found["detail"]


async def test_batch_answers_each_item_in_order(client: httpx.AsyncClient) -> None:
    answer = await client.post("/recommend/batch", json={"items": [TASK, {"description": "no"}, "text", TASK]})
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [(item["index"], item["status"]) for item in items] == [(0, 200), (1, 422), (2, 422), (3, 200)]
    assert items[1]["problem"]["errors"][0]["pointer"] == "/description"
    assert items[0]["report"]["recommendation"] == items[3]["report"]["recommendation"]
    for size in (0, 1001):
        assert (await client.post("/recommend/batch", json={"items": [1] * size})).status_code == 422


async def test_a_run_that_does_not_fit_is_an_answer(client: httpx.AsyncClient) -> None:
    body = {**RUN, "base_model": "meta-llama/Llama-3.3-70B-Instruct", "method": "full", "lora": None}
    made = (await client.post("/estimate/training", json=body)).json()
    assert made["memory"]["fits"] is False
    assert made["memory"]["headroom_bytes"] < 0


async def test_reading_the_world(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/catalogue/models")).json()
    assert len(listed["base_models"]) >= 30
    assert all(spec["references"] for spec in listed["base_models"])
    assert len((await client.get("/catalogue/gpus")).json()["gpus"]) >= 16
    assert (await client.get("/catalogue/prices")).json()["gpu_hours"]
    rules = (await client.get("/rules")).json()["rules"]
    assert len(rules) >= 25
    assert (await client.get(f"/rules/{rules[0]['id']}")).json() == rules[0]


async def test_alive_before_ready() -> None:
    app = create_app(Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        assert (await client.get("/healthz")).status_code == 200
        assert_problem(await client.get("/readyz"), 503, "not_ready")
        assert_problem(await client.post("/recommend", json=TASK), 503, "not_ready")
        async with app.router.lifespan_context(app):
            assert (await client.get("/readyz")).status_code == 200


async def test_a_500_says_nothing(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("secret words")

    monkeypatch.setattr("app.answers.advise", fail)
    answer = await client.post("/recommend", json=TASK)
    assert_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text


async def test_a_500_outside_of_the_routes_says_nothing_either(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> dict[str, object]:
        raise RuntimeError("secret words")

    monkeypatch.setattr("fastapi.applications.get_openapi", fail)
    answer = await client.get("/openapi.json")
    assert_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text


async def test_documents_need_no_network(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc"):
        page = (await client.get(path)).text
        assert "http://" not in page.replace("http://t", "")
        assert "cdn" not in page
    paths = set((await client.get("/openapi.json")).json()["paths"])
    assert {"/recommend", "/recommend/batch", "/estimate/training", "/estimate/serving", "/plan/lora"} <= paths
