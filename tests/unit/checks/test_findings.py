"""rules/findings.yaml: every finding appears in its own example; pages and schemas are current; what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.checks.advisor import LocalAdvisor
from app.checks.book import FILE, load_findings
from app.checks.examine import CHECKS
from app.checks.examples import failures
from app.checks.finding import ORDER
from app.checks.pages import FOLDER, pages
from app.cli.schema import NAMES, schema_text
from app.errors import CatalogueError, UnknownNameError
from app.shipped import shipped

ROOT = Path(__file__).resolve().parents[3]
BOOK = load_findings()


def test_every_example_comes_out_as_it_says(advisor: LocalAdvisor) -> None:
    assert list(failures(BOOK, advisor)) == []


def test_a_wrong_example_is_told(advisor: LocalAdvisor) -> None:
    kind = BOOK.kinds["LORA-ALPHA"]
    turned = [e.model_copy(update={"fires": not e.fires}) for e in kind.examples]
    book = replace(BOOK, kinds={kind.id: kind.model_copy(update={"examples": turned})})
    told = list(failures(book, advisor))
    assert len(told) == len(turned)
    milder = kind.examples[0].model_copy(update={"severity": "info"})
    book = replace(BOOK, kinds={kind.id: kind.model_copy(update={"examples": [milder]})})
    assert list(failures(book, advisor)) == ["LORA-ALPHA: example 1 should be info and is warning"]


def test_every_id_in_the_code_has_a_record_and_the_other_way_round() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app" / "checks").glob("*.py"))
    for rule in BOOK.kinds:
        written = f'"{rule}"' in source or (rule.startswith("BUDGET-") and 'f"BUDGET-{kind.upper()}"' in source)
        assert written, f"{rule} is never found"
    assert len(CHECKS) == len(set(CHECKS))


def test_severities_are_worst_first() -> None:
    for kind in BOOK.kinds.values():
        assert kind.severities == sorted(kind.severities, key=lambda s: -ORDER[s]), kind.id


def test_pages_are_current() -> None:
    made = pages(BOOK)
    there = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / FOLDER).glob("*.md")}
    assert there == made, "run `python -m app.checks.pages`"


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_current(name: str) -> None:
    there = (ROOT / "schema" / f"{name}.schema.json").read_text(encoding="utf-8")
    assert there == schema_text(name), "run `python -m app.cli.schema`"


def test_unknown_ids_are_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="PROPOSAL-APROACH"):
        BOOK.kind("PROPOSAL-APROACH")
    assert BOOK.kind("proposal-approach").id == "PROPOSAL-APPROACH"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("- id: LORA-RANK\n", "- id: lora-rank\n", "id"),
        ("- id: LORA-RANK\n", "- id: LORA-ALPHA\n", "Duplicate id LORA-ALPHA"),
        ("severities: [error]", "severities: [fatal]", "fatal"),
        ("waivable: true", "waivable: 'yes'", "bool"),
        ("fires: false", "fires: true", "shows one side only"),
        ("title: The LoRA rank is not positive", "titel: x", "Unknown key 'titel'"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = (shipped("rules") / FILE).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / FILE).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CatalogueError, match=words):
        load_findings(tmp_path)
