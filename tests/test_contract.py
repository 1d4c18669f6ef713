"""The OpenAPI document: a snapshot that changes only on purpose, and every operation and field explained."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.answers import Answers
from app.api.app import create_app
from app.pipeline import load_world
from app.settings import Settings
from tests.conftest import ROOT, same_as_golden

app = create_app(Settings(database_url="sqlite:///" + str(Path(tempfile.mkdtemp()) / "contract.sqlite3")))
SNAPSHOT = ROOT / "tests" / "golden" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = app.openapi()
    return made


def test_the_document_is_as_recorded(document: dict[str, Any]) -> None:
    same_as_golden(SNAPSHOT, json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_every_operation_is_explained(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), f"{method} {path}"
            assert operation.get("description"), f"{method} {path}"


def test_every_field_is_explained(document: dict[str, Any]) -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, spec in schema.get("properties", {}).items()
        if not spec.get("description")
    ]
    assert silent == []


def test_errors_are_documented_as_problems(document: dict[str, Any]) -> None:
    for path in ("/recommend", "/recommend/batch", "/estimate/training", "/estimate/serving", "/plan/lora"):
        responses = document["paths"][path]["post"]["responses"]
        assert {"200", "413", "422", "503"} <= set(responses)
        for status in ("413", "422", "503"):
            assert responses[status]["content"]["application/problem+json"]["example"]["status"] == int(status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


app.state.answers = Answers(load_world(), limit=0)
service = schemathesis.openapi.from_asgi("/openapi.json", app)


# A name may match the schema and be in no catalogue, settings may contradict each other: 422 is right there.
@service.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_service_keeps_its_document(case: Any) -> None:
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
