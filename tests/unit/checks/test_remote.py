"""`tunewise check --url`: the service gives what the engine in this process gives, and every failure of it is 4."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
import uvicorn

from app.api.app import create_app
from app.checks.examine import Setting
from app.checks.formats import renderer
from app.checks.run import run
from app.cli.exits import UnreachableError
from app.cli.remote_advisor import RemoteAdvisor
from app.errors import InputError
from tests.unit.checks.stand_in import Forge, forge

CASES = Path(__file__).resolve().parents[2] / "cases" / "proposals"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The real service on loopback."""
    server = uvicorn.Server(uvicorn.Config(create_app(), host="127.0.0.1", port=0, log_level="error", lifespan="on"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=20)


NAMES = (
    "icd10_tuned",
    "several",
    "lora_rank_negative",
    "hosted_ends",
    "licence",
    "unknown_gpu",
    "hosted_unknown",
    "typo_field",
)


def test_the_service_gives_what_the_engine_gives(
    service: str, setting_of: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CASES)
    files = [f"{name}.proposal.yaml" for name in NAMES]
    local = setting_of()
    remote = replace(local, advisor=RemoteAdvisor(service, None, 30.0))
    write = renderer("json")
    here, there = (json.loads(write(run(files, setting))) for setting in (local, remote))
    for made in (here, there):
        for proposal in made["proposals"]:
            proposal.pop("provenance", None)
    assert here == there


@pytest.fixture
def other() -> Iterator[Forge]:
    with forge() as running:
        yield running


def ask(url: str, setting_of: Callable[..., Setting], key: str | None = None) -> None:
    setting = replace(setting_of(), advisor=RemoteAdvisor(url, key, 2.0))
    run([str(CASES / "travel_rag.proposal.yaml")], setting)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_service_that_refuses(other: Forge, setting_of: Callable[..., Setting], status: int) -> None:
    other.status = status
    with pytest.raises(UnreachableError, match=str(status)):
        ask(other.url, setting_of)


def test_another_service_altogether(other: Forge, setting_of: Callable[..., Setting]) -> None:
    answers: tuple[object, ...] = (
        [],
        {"items": []},
        {"items": [{"status": 200, "report": {}}]},
        "text",
        {"items": None},
    )
    for made in answers:
        other.answer = lambda *_, made=made: (200, made)  # type: ignore[method-assign]
        with pytest.raises(UnreachableError):
            ask(other.url, setting_of)


def test_nobody_there(setting_of: Callable[..., Setting]) -> None:
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9"):
        ask("http://127.0.0.1:9", setting_of)
    with pytest.raises(InputError, match="--url"):
        ask("file:///etc/passwd", setting_of)


def test_the_key_goes_along_and_is_never_shown(other: Forge, setting_of: Callable[..., Setting]) -> None:
    other.status = 401
    with pytest.raises(UnreachableError) as caught:
        ask(other.url, setting_of, "a-secret-key")
    assert "a-secret-key" not in str(caught.value)
    assert other.requests[0][2]["authorization"] == "Bearer a-secret-key"


def test_a_slow_service_runs_into_the_limit(other: Forge, setting_of: Callable[..., Setting]) -> None:
    def slow(*_: object) -> tuple[int, object]:
        sleep(0.6)
        return 200, {}

    other.answer = slow  # type: ignore[method-assign,assignment]
    setting = replace(setting_of(), advisor=RemoteAdvisor(other.url, None, 0.2))
    with pytest.raises(UnreachableError, match="timed out"):
        run([str(CASES / "travel_rag.proposal.yaml")], setting)
