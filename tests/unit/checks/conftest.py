"""One advisor for all tests of the check, and a way to check a text as a file would be."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from app.checks.advisor import LocalAdvisor
from app.checks.book import load_findings
from app.checks.case import Case
from app.checks.config import Config
from app.checks.documents import read_bytes
from app.checks.examine import Examined, Setting, answered, examine, unreadable
from app.checks.examples import laid_over
from app.pipeline import load_world
from app.schemas.validation import parse

TODAY = date(2026, 11, 24)
Check = Callable[..., Examined]


@pytest.fixture(scope="session")
def advisor() -> LocalAdvisor:
    """The engine in this process."""
    return LocalAdvisor(load_world())


@pytest.fixture(scope="session")
def setting_of(advisor: LocalAdvisor) -> Callable[..., Setting]:
    """A setting with a configuration given as plain data."""

    def make(
        config: Mapping[str, Any] | None = None,
        *,
        fail_on: Any = "error",
        baseline: Mapping[str, str] | None = None,
        as_of: date = TODAY,
    ) -> Setting:
        return Setting(
            advisor=advisor,
            config=parse(Config, config or {}),
            book=load_findings(),
            as_of=as_of,
            fail_on=fail_on,
            baseline=baseline or {},
        )

    return make


@pytest.fixture(scope="session")
def check(setting_of: Callable[..., Setting]) -> Check:
    """Checks a text as the first document of a file."""

    def run(text: str, file: str = "a.proposal.yaml", **more: Any) -> Examined:
        setting = setting_of(more.pop("config", None), **more)
        case = answered(read_bytes(text.encode(), file)[:1], setting)[0]
        return examine(case, setting) if isinstance(case, Case) else unreadable(case, setting)

    return run


@pytest.fixture(scope="session")
def base() -> Callable[[Mapping[str, Any]], str]:
    """The sound proposal of rules/findings.yaml with changes laid over it, as JSON (which YAML holds)."""
    import json

    def make(change: Mapping[str, Any]) -> str:
        return json.dumps(laid_over(load_findings().file.base, change))

    return make
