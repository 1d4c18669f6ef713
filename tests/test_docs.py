"""What the documents say is what the code does: the README's example and commands, the rules' page."""

import re
import subprocess
import sys
from datetime import date

from pydantic import TypeAdapter

from app.cli.documents import read_document
from app.cli.text import as_text
from app.pipeline import World, advise
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report
from app.schemas.validation import parse
from tests.conftest import ROOT, UPDATE_GOLDEN

README = ROOT / "README.md"
EXAMPLE = ROOT / "examples" / "icd10.yaml"
BLOCK = re.compile(r"(<!-- example -->\n```text\n)(.*?)(```\n<!-- /example -->)", re.DOTALL)


def answer(world: World) -> str:
    request = parse(RecommendRequest, read_document(str(EXAMPLE)))
    assert isinstance(request.as_of, date)
    made = TypeAdapter(Report).dump_python(advise(request, world, request.as_of), mode="json")
    return as_text(made)


def test_the_readme_shows_what_the_example_answers(world: World) -> None:
    text = README.read_text(encoding="utf-8")
    told = answer(world).replace("\\", "\\\\")
    shown = BLOCK.sub(rf"\g<1>{told}\g<3>", text)
    if UPDATE_GOLDEN:
        README.write_text(shown, encoding="utf-8")
    assert BLOCK.search(text), "the README has no example block"
    assert shown == README.read_text(encoding="utf-8"), "run `make golden` and read the diff"


def test_the_readme_names_every_make_target_that_exists() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    told = README.read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)`", told))
    assert named <= set(targets)
    assert {"run", "test", "bench", "evaluate"} <= named


def test_help_lists_every_command() -> None:
    code = "from app.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    for command in ("serve", "recommend", "estimate", "plan", "explain", "rules"):
        assert command in done.stdout


def test_every_rule_stands_on_the_rules_page(world: World) -> None:
    page = (ROOT / "rules" / "README.md").read_text(encoding="utf-8")
    assert [rule.id for rule in world.rules.rules if rule.id not in page] == []
