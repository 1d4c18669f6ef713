"""Exports and reading back through the API and the command line."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.api.app import create_app
from app.api.examples import RECOMMEND_EXAMPLES, TRAINING_EXAMPLES
from app.api.export_examples import EXPORT_EXAMPLES
from app.exporters import EXPORTERS, KITS
from app.settings import Settings
from tests.unit.exporters.plans import document

PLAN: dict[str, Any] = dict(EXPORT_EXAMPLES["qlora_plan"]["value"] or {})
TASK: dict[str, Any] = dict(RECOMMEND_EXAMPLES["icd10_coding"]["value"] or {})
BAD_RANK = "base_model: Qwen/Qwen3-8B\nadapter: lora\nlora_r: 0\nlora_target_linear: true"
MEDIA = {"peft": "application/json", "axolotl": "application/yaml", "llama_factory": "application/yaml"}


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


@pytest.mark.anyio
@pytest.mark.parametrize("form", EXPORTERS)
async def test_a_plan_is_exported_as_a_file(client: httpx.AsyncClient, form: str) -> None:
    answer = await client.post(f"/export/{form}", json=PLAN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == MEDIA.get(form, "text/x-python")
    assert "filename=" in answer.headers["content-disposition"]
    assert PLAN["base_model"] in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize("kit", KITS)
async def test_kits_are_markdown(client: httpx.AsyncClient, kit: str) -> None:
    answer = await client.post(f"/export/{kit}", json=TASK | {"as_of": "2026-11-24"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/markdown")


@pytest.mark.anyio
async def test_what_the_service_recommends_it_exports(client: httpx.AsyncClient) -> None:
    plan = (await client.post("/recommend", json=TASK)).json()["fine_tuning"]
    answer = await client.post("/export/axolotl", json=plan)
    assert yaml.safe_load(answer.text)["base_model"] == plan["base_model"]


@pytest.mark.anyio
async def test_bad_plans_and_formats_are_422(client: httpx.AsyncClient) -> None:
    wrong = PLAN | {"lora": PLAN["lora"] | {"rr": 1}}
    answer = await client.post("/export/trl", json=wrong)
    assert answer.status_code == 422
    place = answer.json()["errors"][0]
    assert (place["pointer"], place["hint"]) == ("/lora/rr", "Did you mean r?")
    answer = await client.post("/export/torchtune", json=PLAN)
    assert answer.status_code == 422
    assert "llama_factory" in answer.json()["errors"][0]["detail"]
    answer = await client.post("/export/axolotl", json=PLAN | {"lora": PLAN["lora"] | {"lora_alpha": 0.5}})
    assert answer.json()["code"] == "not_exportable"


@pytest.mark.anyio
async def test_an_exported_file_is_estimated(client: httpx.AsyncClient) -> None:
    text = (await client.post("/export/axolotl", json=PLAN)).text
    answer = await client.post("/estimate/training?from=axolotl", content=text)
    assert answer.status_code == 200, answer.text
    other = await client.post("/estimate/training?from=axolotl&gpu=L40S&examples=10", content=text)
    assert other.json()["trainable_parameters"] == answer.json()["trainable_parameters"]
    assert other.json()["total_tokens"] < answer.json()["total_tokens"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("query", "body", "pointer"),
    [
        ("from=trl", "a: 1", ""),
        ("from=axolotl&gpu_count=x", "a: 1", ""),
        ("from=axolotl&gpu=L4", "\ud7ff: [", ""),
        ("from=axolotl&gpu=L4", BAD_RANK, "/lora_r"),
    ],
)  # fmt: skip
async def test_bad_files_are_422_with_a_pointer(client: httpx.AsyncClient, query: str, body: str, pointer: str) -> None:
    answer = await client.post(f"/estimate/training?{query}", content=body.encode())
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.anyio
async def test_a_file_that_is_no_text_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.post("/estimate/training?from=axolotl&gpu=L4", content=b"\xff\xfe\x00")
    assert answer.status_code == 422


@pytest.mark.anyio
async def test_without_from_the_body_is_a_training_request_as_ever(client: httpx.AsyncClient) -> None:
    answer = await client.post("/estimate/training", content=b"a: 1", headers={"content-type": "application/json"})
    assert answer.json()["code"] == "invalid_json"


def tunewise(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The console script's entry point as its own process."""
    command = [sys.executable, "-c", "from app.cli import main; main()", *words]
    return subprocess.run(
        command, input=stdin, text=True, capture_output=True, timeout=60, env=dict(os.environ), check=False
    )


def test_the_command_line_exports_a_task_a_recommendation_and_a_plan(tmp_path: Path) -> None:
    task = json.dumps(TASK)
    from_task = tunewise("export", "--format", "llama_factory", "-", stdin=task)
    report = tmp_path / "report.json"
    report.write_text(tunewise("recommend", "-", stdin=task).stdout)
    from_report = tunewise("export", "--format", "llama_factory", str(report))
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(json.loads(report.read_text())["fine_tuning"]))
    from_plan = tunewise("export", "--format", "llama_factory", str(plan))
    assert from_task.returncode == 0, from_task.stderr
    assert from_task.stdout == from_report.stdout == from_plan.stdout
    assert yaml.safe_load(from_plan.stdout)["stage"] == "sft"


def test_the_command_line_reads_back(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(document("lora_extraction")))
    file = tmp_path / "axolotl.yaml"
    file.write_text(tunewise("export", "--format", "axolotl", str(plan)).stdout)
    done = tunewise("estimate", "training", str(file), "--from", "axolotl")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trainable_parameters"] == 21_823_488
    for words, said in (
        (["--from", "trl"], "axolotl"),
        (["--from", "peft", "--gpu", "L40S"], "/target_modules"),
        (["--from", "axolotl", "--url", "http://127.0.0.1:9"], "in-process"),
    ):
        refused = tunewise("estimate", "training", str(file), *words)
        assert refused.returncode == 2
        assert said in refused.stderr


@pytest.mark.parametrize("kit", KITS)
def test_the_command_line_writes_kits(kit: str) -> None:
    done = tunewise("export", "--format", kit, "-", stdin=json.dumps(TASK))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# ")


def test_an_unknown_format_is_2() -> None:
    done = tunewise("export", "--format", "torchtune", "-", stdin=json.dumps(document("lora_extraction")))
    assert done.returncode == 2
    assert "prompt_kit" in done.stderr


@pytest.mark.anyio
async def test_facts_without_a_file_are_422(client: httpx.AsyncClient) -> None:
    answer = await client.post("/estimate/training?gpu=L4", json=TRAINING_EXAMPLES["lora_on_one_card"]["value"])
    assert answer.status_code == 422
    assert "from=" in answer.json()["errors"][0]["hint"]
