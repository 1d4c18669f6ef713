"""`tunewise check` as a process: every exit code, stdout and stderr apart, several formats, the network off."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli import main
from app.pipeline import World, load_world
from app.units import HOURS_PER_MONTH

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT / "tests" / "cases" / "proposals"
Run = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def tunewise(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The console script, in this process and without network; test_process runs it as a process."""

    def refuse(*_: object) -> None:
        raise AssertionError("the network is off")

    def run(*words: str, cwd: Path = CASES, network: bool = False) -> Done:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["tunewise", *words])
        if not network:
            monkeypatch.setattr(socket.socket, "connect", refuse)
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        said = capsys.readouterr()
        assert isinstance(code, int)
        return Done(code, said.out, said.err)

    return run


def process(prelude: str, *words: str, cwd: Path = CASES) -> subprocess.CompletedProcess[str]:
    """The console script's entry point as its own process."""
    command = [sys.executable, "-c", f"{prelude}\nfrom app.cli import main; main()", *words]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    return subprocess.run(command, text=True, capture_output=True, timeout=100, env=env, cwd=cwd, check=False)


AS_OF = ("--as-of", "2026-11-24")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["travel_rag.proposal.yaml"], 0),
        (["ambiguous_tuned.proposal.yaml", "--fail-on", "warning"], 1),
        (["travel_tuned.proposal.yaml"], 1),
        (["travel_tuned.proposal.yaml", "--fail-on", "never"], 0),
        (["travel_tuned.proposal.yaml", "typo_field.proposal.yaml"], 2),
        (["no/such/file.proposal.yaml"], 2),
        (["travel_rag.proposal.yaml", "--format", "xml"], 2),
        (["travel_rag.proposal.yaml", "--format", "json", "--format", "text"], 2),
        (["travel_rag.proposal.yaml", "--format", "json="], 2),
        (["travel_rag.proposal.yaml", "--fail-on", "fatal"], 2),
        (["travel_rag.proposal.yaml", "--as-of", "soon"], 2),
        (["travel_rag.proposal.yaml", "--baseline", "none.json"], 2),
        (["travel_rag.proposal.yaml", "--config", "none.yaml"], 2),
        (["travel_rag.proposal.yaml", "--threshold", "rise=1"], 2),
        (["travel_rag.proposal.yaml", "--threshold", "rise_usd=much"], 2),
        (["travel_rag.proposal.yaml", "--url", "ftp://x"], 2),
        (["--no-such-option"], 2),
        (["expected.yaml"], 2),
        (["../training_runs.jsonl"], 2),
        ([str(ROOT / "README.md")], 5),
        ([str(ROOT / "bench")], 5),
    ],
)
def test_exit_codes(tunewise: Run, words: list[str], code: int) -> None:
    done = tunewise("check", *words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code == 0:
        assert done.stderr == ""
    if (
        code in (2, 5)
        and "typo_field.proposal.yaml" not in words
        and "expected" not in words[0]
        and "jsonl" not in words[0]
    ):
        assert done.stdout == "" or code == 5
        assert done.stderr


def test_internal_error_is_3(tunewise: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.checks.run.proposal_files", lambda *_: 1 / 0)
    done = tunewise("check", "travel_rag.proposal.yaml")
    assert (done.returncode, done.stdout) == (3, "")
    assert "division" not in done.stderr
    monkeypatch.setitem(sys.modules, "app.checks.run", None)
    assert tunewise("check", "travel_rag.proposal.yaml").returncode == 3


def test_unreachable_service_is_4(tunewise: Run) -> None:
    done = tunewise("check", "travel_rag.proposal.yaml", "--url", "http://127.0.0.1:9", "--timeout", "2", network=True)
    assert (done.returncode, done.stdout) == (4, "")
    assert "http://127.0.0.1:9" in done.stderr


def test_nothing_to_check_is_5(tunewise: Run, tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.proposal.yaml").write_text("kind: Proposal")
    done = tunewise("check", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("no proposal found")) == (5, 1)


def test_several_formats_at_once(tunewise: Run, tmp_path: Path) -> None:
    files = {
        name: tmp_path / "deep" / f"result.{name}"
        for name in ("json", "markdown", "sarif", "junit", "github", "gitlab")
    }
    words = [word for name, path in files.items() for word in ("--format", f"{name}={path}")]
    done = tunewise("check", "travel_tuned.proposal.yaml", *AS_OF, "--format", "text", *words)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1].startswith("Blocked: ")
    assert json.loads(files["json"].read_text())["blocked"] is True
    assert json.loads(files["sarif"].read_text())["version"] == "2.1.0"
    assert all(path.stat().st_size for path in files.values())


def test_the_same_input_gives_the_same_bytes(tunewise: Run) -> None:
    first, second = (tunewise("check", "several.proposal.yaml", *AS_OF, "--format", "json") for _ in range(2))
    assert first.stdout == second.stdout != ""


def test_baseline_then_only_new_findings_fail(tunewise: Run, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    first = tunewise("check", "travel_tuned.proposal.yaml", *AS_OF, "--format", f"json={baseline}")
    assert first.returncode == 1
    assert tunewise("check", "travel_tuned.proposal.yaml", *AS_OF, "--baseline", str(baseline)).returncode == 0
    assert (
        tunewise(
            "check", "travel_tuned.proposal.yaml", "icd10_prompted.proposal.yaml", *AS_OF, "--baseline", str(baseline)
        ).returncode
        == 1
    )


def test_configuration_is_found_in_the_folder_and_its_paths_are_its_own(tunewise: Run, tmp_path: Path) -> None:
    text = (CASES / "support_router.proposal.yaml").read_text()
    (tmp_path / "archive").mkdir()
    for name in ("a.proposal.yaml", "archive/b.proposal.yaml"):
        (tmp_path / name).write_text(text)
    config = (
        "rules: own\nignore: ['archive/*']\ncatalogue_overlay: prices.yaml\nthresholds: {monthly_usd: 1000000000}\n"
    )
    (tmp_path / ".tunewise.yaml").write_text(config)
    (tmp_path / "prices.yaml").write_text(
        "sources:\n  c: {title: our contract, href: 'https://example.org', date: 2026-11-01}\n"
        "gpu_prices:\n"
        "- {gpu: L4, provider: us, terms: contract, unit: USD/hour, values: {2026-11-01: 999.0}, "
        "checked: 2026-11-01, source: c}\n"
    )
    made = tunewise("rules", "new", "COST-KIOSK", "--rules", "own", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert tunewise("rules", "test", "--rules", "own", cwd=tmp_path).returncode == 0
    assert tunewise("rules", "new", "COST-KIOSK", "--rules", "own", cwd=tmp_path).returncode == 2
    done = tunewise("check", *AS_OF, "--format", "json", cwd=tmp_path)
    if done.returncode == 2:
        pytest.fail(done.stderr)
    made_json = json.loads(done.stdout)
    assert [p["file"] for p in made_json["proposals"]] == ["a.proposal.yaml"]
    assert made_json["proposals"][0]["monthly_cost_usd"]["expected"] > HOURS_PER_MONTH * 999
    elsewhere = tunewise(
        "check", str(tmp_path), *AS_OF, "--format", "json", "--config", str(tmp_path / ".tunewise.yaml"), cwd=CASES
    )
    assert len(json.loads(elsewhere.stdout)["proposals"]) == 2, "patterns are about paths as they are reported"
    plain = tunewise("check", "a.proposal.yaml", *AS_OF, "--format", "json", "--config", os.devnull, cwd=tmp_path)
    assert plain.returncode == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fail_onn: error", ".tunewise.yaml:1: Unknown field. Did you mean fail_on?"),
        ("version: 1\nseverities: {LABELS-FEWW: error}", "Did you mean LABELS-FEW"),
        ("severities: {PROPOSAL-INVALID: off}", "cannot be off"),
        ("thresholds:\n  rise_usd: -1", ".tunewise.yaml:2:"),
        ("a: [", "Not YAML"),
        ("rules: nowhere", "nowhere"),
        ("catalogue_overlay: nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_a_bad_configuration_is_2_with_its_line(tunewise: Run, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / ".tunewise.yaml").write_text(text)
    done = tunewise("check", str(CASES / "travel_rag.proposal.yaml"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_other_kinds_in_a_mixed_file_are_passed_over(tunewise: Run, tmp_path: Path) -> None:
    text = (CASES / "travel_rag.proposal.yaml").read_text()
    (tmp_path / "all.yaml").write_text(f"kind: Deployment\nspec: 1\n---\n{text}")
    done = tunewise("check", "all.yaml", cwd=tmp_path)
    assert done.returncode == 0
    assert "kind Deployment, no proposal: passed over" in done.stderr


def test_explain_knows_findings_rules_and_near_names(tunewise: Run) -> None:
    assert "# LORA-ALPHA: lora_alpha is forgotten" in tunewise("explain", "lora-alpha").stdout
    assert "LATENCY-INLINE" in tunewise("explain", "LATENCY-INLINE").stdout
    done = tunewise("explain", "LORA-ALFA")
    assert done.returncode == 2
    assert "LORA-ALPHA" in done.stderr


def test_the_schema_is_printed(tunewise: Run) -> None:
    assert json.loads(tunewise("schema").stdout) == json.loads((ROOT / "schema" / "proposal.schema.json").read_text())
    assert json.loads(tunewise("schema", "config").stdout)["title"] == "Config"
    assert tunewise("schema", "konfig").returncode == 2


@pytest.mark.parametrize("words", [["new", "kiosk"], ["new", "KIOSK-ONE"], ["new", "KIOSK-ONE", "--need", "latencey"]])
def test_a_rule_needs_an_id_and_a_need(tunewise: Run, words: list[str]) -> None:
    assert tunewise("rules", *words).returncode == 2


def test_a_rule_can_be_started_on_stdout(tunewise: Run) -> None:
    assert "need: latency" in tunewise("rules", "new", "KIOSK-ONE", "--need", "latency").stdout


WATCH = """
import atexit, sys
HEAVY = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "numpy", "ruamel"}
atexit.register(lambda: print(sorted(HEAVY & set(sys.modules)), file=sys.stderr))
"""


def test_as_a_process_it_imports_no_web_framework() -> None:
    done = process(WATCH, "check", "travel_rag.proposal.yaml")
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    assert "Passed" in done.stdout


def test_a_hundred_proposals_are_one_start(tunewise: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """bench/check.py measures; here the world must be loaded once."""
    loaded: list[object] = []
    real = load_world

    def load(overlay: Path | None) -> World:
        loaded.append(overlay)
        return real(overlay)

    monkeypatch.setattr("app.pipeline.load_world", load)
    text = (CASES / "travel_rag.proposal.yaml").read_text()
    for number in range(100):
        (tmp_path / f"p{number}.proposal.yaml").write_text(text.replace("600", str(600 + number)))
    assert tunewise("check", cwd=tmp_path).returncode == 0
    assert loaded == [None]
