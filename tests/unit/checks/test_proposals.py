"""The table of proposals: what is found in each, where, and the exit code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.checks.examine import Setting
from app.checks.formats import NAMES, renderer
from app.checks.run import run
from app.cli.check import _exit_code

FOLDER = Path(__file__).resolve().parents[2] / "cases" / "proposals"
CASES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "expected.yaml").read_text(encoding="utf-8"))["cases"]


def test_the_table_is_whole() -> None:
    assert set(CASES) == {path.name for path in FOLDER.glob("*.proposal.*")}
    assert len(CASES) >= 40
    assert {case["exit"] for case in CASES.values()} == {0, 1, 2}


@pytest.mark.parametrize("name", CASES)
def test_proposal(
    name: str, setting_of: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(FOLDER)
    wanted = CASES[name]
    result = run([name], setting_of())
    found = [(f.rule, f.severity, f.line, f.state) for f in result.findings]
    expected = [(w["rule"], w["severity"], w["line"], w.get("state", "new")) for w in wanted["finds"]]
    assert set(expected) <= set(found), found
    errors = {(f.rule, f.line) for f in result.findings if f.severity == "error" and f.state == "new"}
    assert errors == {(r, line) for r, severity, line, state in expected if severity == "error" and state == "new"}
    assert _exit_code(result, [name]) == wanted["exit"]
    said = capsys.readouterr().err
    assert wanted.get("says", "") in said
    if wanted["exit"] == 2:
        assert f"{name}:{expected[0][2]}:" in said


def test_every_format_writes_all_of_them(setting_of: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER.parents[1])
    result = run(["cases/proposals"], setting_of())
    assert len(result.examined) == len(CASES) + 2  # two files hold two proposals
    for name in NAMES:
        assert renderer(name)(result)
