"""Every format: golden files, the schemas that its readers use, and text that tries to break out."""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from app.checks.advisor import LocalAdvisor
from app.checks.case import Case
from app.checks.documents import Document
from app.checks.examine import Examined, Setting
from app.checks.finding import Finding
from app.checks.formats import NAMES, renderer
from app.checks.formats import text as text_format
from app.checks.formats.github import _command
from app.checks.formats.junit import _xml
from app.checks.formats.markdown import LONGEST, MOST_ROWS, TAG, _cell
from app.checks.moved import Moved, Side
from app.checks.run import Result, run
from app.errors import InputError
from app.schemas.base import Range
from app.schemas.recommend import RecommendRequest
from app.schemas.report import HorizonCost, Option, Report
from app.schemas.training import CostEstimate

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "check"
SCHEMAS = ROOT / "tests" / "schemas"
SUFFIX = {
    "text": "txt",
    "json": "json",
    "markdown": "md",
    "sarif": "sarif",
    "junit": "xml",
    "github": "txt",
    "gitlab": "json",
}
MONTHLY = Range(low=200.0, expected=400.0, high=900.0)
NOTHING = CostEstimate(items=(), total_usd=None)
NO_COST = HorizonCost(horizon_months=12, upfront=NOTHING, monthly=NOTHING, total_usd=None)


class Steady(LocalAdvisor):
    """Answers whose figures do not move with the catalogue, so that golden files show the formats alone."""

    def reports(self, requests: Sequence[RecommendRequest], as_of: date) -> Sequence[Report | InputError]:
        return [_steady(r) if isinstance(r, Report) else r for r in super().reports(requests, as_of)]


def _steady(report: Report) -> Report:
    advice = replace(
        report.recommendation,
        approach="fine_tuning",
        confidence=0.93,
        close_call=False,
        headline="Fine-tune a base model: labels exist.",
        reasons=tuple(
            replace(r, toward="fine_tuning", weight=1.5, text="Labels exist.")
            for r in report.recommendation.reasons[:1]
        ),
    )
    compute = replace(
        report.compute,
        training=replace(
            report.compute.training, cost=CostEstimate(items=(), total_usd=Range(low=20.0, expected=30.0, high=50.0))
        ),
        costs=replace(report.compute.costs, prompt_engineering=NO_COST, fine_tuning=NO_COST),
    )
    lora = replace(report.fine_tuning.lora, r=8) if report.fine_tuning.lora else None
    return replace(
        report,
        recommendation=advice,
        fine_tuning=replace(report.fine_tuning, lora=lora),
        compute=compute,
        options=tuple(_option(o) for o in report.options),
        missing=(),
        warnings=(),
        sensitivity=(),
        provenance=replace(
            report.provenance,
            service_version="0",
            rules_digest="r",
            classifier_digest="c",
            catalogue_digest="d",
            input_digest="i",
        ),
    )


def _option(option: Option) -> Option:
    wait = Range(low=0.3, expected=0.5, high=2.0)
    return replace(option, monthly_cost_usd=MONTHLY, latency_p95_seconds=wait, feasible=True, rank=1)


@pytest.fixture(scope="module")
def result(setting_of: Callable[..., Setting], advisor: LocalAdvisor) -> Result:
    before = Path.cwd()
    os.chdir(GOLDEN)
    try:
        made = run(["proposals"], replace(setting_of(), advisor=Steady(advisor.world)))
    finally:
        os.chdir(before)
    return _with_moves(made)


def _with_moves(made: Result) -> Result:
    """As `--diff main` would have it: one moved, one new, one removed."""
    old = Side(
        approach="fine_tuning",
        advised="prompt_engineering",
        confidence=0.7,
        monthly_usd=MONTHLY.scaled(0.5),
        training_usd=None,
    )
    examined = []
    for each in made.examined:
        if each.case is not None:
            now = replace(old, advised="fine_tuning", monthly_usd=MONTHLY)
            change: Any = "moved" if each.document.index == 0 else "added"
            moved = Moved(
                file=each.document.file,
                title=each.title,
                change=change,
                before=old if change == "moved" else None,
                after=now,
            )
            each = replace(each, moved=moved)
        examined.append(each)
    gone = Moved(file="old.proposal.yaml", title="Old", change="removed", before=old, after=None)
    return replace(made, examined=tuple(examined), removed=(gone,), base="main")


def written(name: str, result: Result) -> str:
    """The format's text without the version, which is not what these tests are about."""
    from app import __version__

    return renderer(name)(result).replace(f'"{__version__}"', '"VERSION"')


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str, result: Result) -> None:
    path = GOLDEN / f"result.{name}.{SUFFIX[name]}"
    text = written(name, result)
    if os.environ.get("TUNEWISE_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing: run `make golden` and read it"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: run `make golden` and read the diff"


def test_sarif_is_valid(result: Result) -> None:
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    validator = jsonschema_rs.Draft4Validator(schema)
    made = json.loads(renderer("sarif")(result))
    assert [str(error) for error in validator.iter_errors(made)] == []
    made["runs"][0]["results"][0]["level"] = "fatal"
    assert list(validator.iter_errors(made)), "the schema must be able to refuse"


def test_sarif_refers_to_its_rules_and_keeps_fingerprints(result: Result) -> None:
    sarif = json.loads(renderer("sarif")(result))["runs"][0]
    rules = sarif["tool"]["driver"]["rules"]
    for found in sarif["results"]:
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"]
    prints = [f["partialFingerprints"]["tunewise/v1"] for f in sarif["results"]]
    assert len(set(prints)) == len(prints)
    assert sum("suppressions" in f for f in sarif["results"]) == 1


def test_junit_is_valid(result: Result) -> None:
    schema = xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))
    made = renderer("junit")(result)
    assert [error.reason for error in schema.iter_errors(made)] == []
    assert not schema.is_valid(made.replace("<testcase", "<testcse").replace("</testcase", "</testcse"))


def test_junit_counts_add_up(result: Result) -> None:
    for suite in ET.fromstring(renderer("junit")(result).split("\n", 1)[1]):  # noqa: S314 - our own text
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
        for word in ("failure", "error", "skipped"):
            name = {"failure": "failures", "error": "errors", "skipped": "skipped"}[word]
            assert int(suite.get(name, "")) == len(suite.findall(f"testcase/{word}"))


def test_markdown_is_a_headline_a_short_table_and_folds(result: Result) -> None:
    made = renderer("markdown")(result)
    assert made.startswith(f"{TAG}\n### ")
    open_part = made.split("<details>", 1)[0]
    assert len([line for line in open_part.splitlines() if line.startswith(("| ❌", "| ⚠️", "| ℹ️"))]) == MOST_ROWS
    assert made.count("<details>") == made.count("</details>") > 1
    assert "@all" not in made
    assert "<discharge>" not in made


def test_a_long_comment_is_cut(result: Result) -> None:
    finding = replace(result.findings[0], message="x" * 900)
    many = replace(result.examined[0], findings=(finding,) * 200)
    made = renderer("markdown")(replace(result, examined=(many,)))
    assert LONGEST - 2000 < len(made) < LONGEST + 200
    assert "Cut here" in made


def test_colour_only_on_request(result: Result) -> None:
    assert "\x1b" not in text_format.render(result, colour=False)
    assert "\x1b[31;1merror[" in text_format.render(result, colour=True)
    assert "\x1b" not in text_format.render(result), "standard output of a test is no terminal"


def test_json_is_a_baseline(result: Result, tmp_path: Path) -> None:
    from app.checks.baseline import load_baseline

    path = tmp_path / "baseline.json"
    path.write_text(renderer("json")(result), encoding="utf-8")
    known = load_baseline("baseline.json", path)
    assert set(known) == {f.fingerprint for f in result.findings if f.state == "new"}


@given(st.text(max_size=40))
def test_a_github_command_stays_one_line(text: str) -> None:
    command = _command(_finding(text))
    assert len(re.split(r"[\r\n]", command)) == 1
    assert command.startswith("::error file=")
    properties = command.removeprefix("::error ").partition("::")[0]
    assert [p.partition("=")[0] for p in properties.split(",")] == ["file", "line", "col", "title"]


@given(st.text(max_size=40))
def test_a_table_cell_stays_a_cell(text: str) -> None:
    cell = _cell(text)
    assert len(cell.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(\\\\)*\|", cell)
    assert "<" not in cell
    assert not re.search(r"@\w", cell)


@given(st.text(max_size=40))
def test_any_text_fits_into_xml(text: str) -> None:
    element = ET.Element("a")
    element.text = _xml(text)
    ET.fromstring(ET.tostring(element))  # noqa: S314 - our own text


def _finding(text: str) -> Finding:
    return Finding(
        rule="LORA-RANK",
        title="t",
        severity="error",
        message=text,
        why="w",
        number="",
        change="c",
        proposal=text,
        file=text or "a",
        line=1,
        column=1,
        pointer="",
        subject="",
        fingerprint="f",
        blocks=True,
    )


def test_an_empty_result_is_written_in_every_format(setting_of: Callable[..., Setting]) -> None:
    setting = setting_of()
    empty = Result(examined=(), removed=(), base=None, as_of=setting.as_of, fail_on="error", notes=())
    for name in NAMES:
        assert renderer(name)(empty)


def test_the_parts_are_what_they_seem(result: Result) -> None:
    assert [type(e.case) for e in result.examined] == [Case, Case, type(None)]
    assert isinstance(result.examined[2], Examined)
    assert isinstance(result.examined[2].document, Document)
