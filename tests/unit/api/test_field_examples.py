"""Every field of the OpenAPI document has an example of its own kind; those of answers are recorded from real answers.

`TUNEWISE_UPDATE_GOLDEN=1` records anew what is missing; read the diff before you commit it.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.documented import FIELD_EXAMPLES, recorded
from app.api.examples import PLAN_EXAMPLES, RECOMMEND_EXAMPLES, SERVING_EXAMPLES, TRAINING_EXAMPLES
from app.service import create_app
from app.settings import Settings
from tests.conftest import UPDATE_GOLDEN

pytestmark = pytest.mark.anyio
SHOWN = 3
"""Entries of a list or map in an example."""
Schemas = Mapping[str, Mapping[str, Any]]
Found = dict[str, dict[str, Any]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = create_app(Settings()).openapi()
    return made


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/kept.sqlite3"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as made,
    ):
        yield made


def parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and what it may be instead, lists and maps opened."""
    yield schema
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from parts(inner)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from parts(schema[key])


def names_in(schema: Mapping[str, Any]) -> set[str]:
    """Component schemas that a field is made of."""
    return {part["$ref"].rpartition("/")[2] for part in parts(schema) if "$ref" in part}


def without_example(document: Mapping[str, Any]) -> list[str]:
    """Fields that have no example and are not made of schemas, whose own fields must have them."""
    schemas: Schemas = document["components"]["schemas"]
    return [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, spec in schema.get("properties", {}).items()
        if "examples" not in spec and not names_in(spec)
    ]


def gather(value: Any, name: str, schemas: Schemas, found: dict[str, list[dict[str, Any]]]) -> None:
    """The fields of an answer and of all that it is made of, instance by instance, by schema."""
    fields = schemas[name].get("properties", {})
    known = {f: v for f, v in value.items() if f in fields and v is not None}
    found.setdefault(name, []).append({f: short(v) for f, v in known.items() if not names_in(fields[f])})
    for field, held in known.items():
        for inner in (n for n in names_in(fields[field]) if "properties" in schemas[n]):
            for entry in entries(held):
                if isinstance(entry, dict) and set(entry) <= set(schemas[inner]["properties"]):
                    gather(entry, inner, schemas, found)


def entries(value: Any) -> list[Any]:
    """The objects in a field: itself, or those of its list or map."""
    if isinstance(value, list):
        return value
    return [value, *value.values()] if isinstance(value, dict) else []


def short(value: Any) -> Any:
    if isinstance(value, list):
        return value[:SHOWN]
    if isinstance(value, dict):
        return dict(list(value.items())[:SHOWN])
    return round(value, 4) if isinstance(value, float) else value


async def answers(client: httpx.AsyncClient) -> list[tuple[str, Any]]:
    """Real answers, each with its schema."""
    asked = [("Report", "/recommend", e["value"]) for e in RECOMMEND_EXAMPLES.values()]
    asked += [("TrainingEstimate", "/estimate/training", e["value"]) for e in TRAINING_EXAMPLES.values()]
    asked += [("ServingEstimate", "/estimate/serving", e["value"]) for e in SERVING_EXAMPLES.values()]
    asked += [("FineTuningPlan", "/plan/lora", e["value"]) for e in PLAN_EXAMPLES.values()]
    asked += [("Problem", "/recommend", {"description": "short"})]
    asked += [("BatchAnswer", "/recommend/batch", {"items": [asked[0][2], {}]})]
    made = [(name, (await client.post(path, json=body)).json()) for name, path, body in asked]
    kept = (await client.post("/recommendations", json=asked[0][2])).json()
    outcome = {
        "approach": "fine_tuning",
        "state": "done",
        "note": "Latency on one L4 was enough.",
        "measured": {"latency_p95_seconds": 0.24, "monthly_cost_usd": 640.0, "quality": 0.93},
    }
    recorded = await client.put(f"/recommendations/{kept['id']}/outcome", json=outcome, headers={"If-Match": '"1"'})
    made += [("OutcomeRecorded", recorded.json())]
    listings = {
        "/catalogue/models": "ModelListing",
        "/catalogue/gpus": "GpuListing",
        "/catalogue/prices": "PriceListing",
        "/rules": "RuleListing",
        "/healthz": "Health",
        "/recommendations?limit=1": "StoredPage",
        f"/recommendations/{kept['id']}": "StoredRecommendation",
        "/calibration": "CalibrationReport",
    }
    return made + [(name, (await client.get(path)).json()) for path, name in listings.items()]


@pytest.mark.skipif(not UPDATE_GOLDEN, reason="records; asked for with TUNEWISE_UPDATE_GOLDEN=1")
async def test_record(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    schemas: Schemas = document["components"]["schemas"]
    found: dict[str, list[dict[str, Any]]] = {}
    for name, value in await answers(client):
        gather(value, name, schemas, found)
    wanted: Found = {}
    for name, schema in sorted(schemas.items()):
        # one instance, so that the fields fit together; gaps come from others, then from what stands there by hand
        fullest = sorted(found.get(name, ()), key=len, reverse=True)
        merged = {f: v for instance in (recorded().get(name, {}), *reversed(fullest)) for f, v in instance.items()}
        own = {
            f for f, s in schema.get("properties", {}).items() if "examples" in s and f not in recorded().get(name, {})
        }
        kept = {f: merged[f] for f in schema.get("properties", {}) if f in merged and f not in own}
        if kept:
            wanted[name] = kept
    FIELD_EXAMPLES.write_text(json.dumps(wanted, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def test_every_field_has_an_example(document: dict[str, Any]) -> None:
    assert without_example(document) == []


KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def test_every_example_is_of_its_field_s_kind(document: dict[str, Any]) -> None:
    schemas: Schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for field, spec in schema.get("properties", {}).items():
            options = spec.get("anyOf", [spec])
            kinds = [kind for option in options if "type" in option for kind in KINDS[option["type"]]]
            allowed = [value for option in options for value in option.get("enum", ())]
            for example in spec.get("examples", ()):
                if kinds:
                    assert isinstance(example, tuple(kinds)), f"{name}.{field}: {example}"
                if allowed:
                    assert example in allowed, f"{name}.{field}: {example}"


def test_nothing_is_recorded_of_fields_that_are_gone(document: dict[str, Any]) -> None:
    schemas: Schemas = document["components"]["schemas"]
    gone = [
        f"{n}.{f}"
        for n, fields in recorded().items()
        for f in fields
        if f not in schemas.get(n, {}).get("properties", {})
    ]
    assert gone == []


async def test_the_examples_cover_both_verdicts_a_close_call_bare_text_and_full_requirements(
    client: httpx.AsyncClient,
) -> None:
    values = [example["value"] for example in RECOMMEND_EXAMPLES.values()]
    verdicts = [(await client.post("/recommend", json=value)).json()["recommendation"] for value in values]
    assert len(values) >= 8
    assert {v["approach"] for v in verdicts if not v["close_call"]} == {"prompt_engineering", "fine_tuning"}
    assert any(v["close_call"] for v in verdicts)
    assert any(list(value or ()) == ["description"] for value in values)
    assert max(len((value or {}).get("requirements", {})) for value in values) >= 15
