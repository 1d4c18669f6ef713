"""The command line: results on stdout, words on stderr, the published exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.api.examples import RECOMMEND_EXAMPLES, SERVING_EXAMPLES, TRAINING_EXAMPLES, body_of

TASK = body_of(RECOMMEND_EXAMPLES["icd10_coding"])


def tunewise(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed console script's entry point as its own process."""
    command = [sys.executable, "-c", "from app.cli import main; main()", *words]
    return subprocess.run(
        command, input=stdin, text=True, capture_output=True, timeout=60, env={**os.environ, **environment}, check=False
    )


def test_recommend_from_yaml_and_from_json(tmp_path: Path) -> None:
    file = tmp_path / "task.yaml"
    file.write_text("description: |\n  " + TASK["description"] + "\nas_of: 2026-11-24\n", encoding="utf-8")
    from_yaml = tunewise("recommend", str(file))
    from_json = tunewise(
        "recommend", "-", stdin=json.dumps({"description": TASK["description"] + "\n", "as_of": "2026-11-24"})
    )
    assert (from_yaml.returncode, from_json.returncode) == (0, 0), from_yaml.stderr + from_json.stderr
    answers = [json.loads(done.stdout) for done in (from_yaml, from_json)]
    assert all(answer.pop("id").startswith("rec_") and answer.pop("created_at") for answer in answers)
    assert answers[0] == answers[1]
    assert from_yaml.stderr == ""


@pytest.mark.parametrize(
    ("words", "document"),
    [
        (["recommend"], TASK),
        (["estimate", "training"], body_of(TRAINING_EXAMPLES["lora_on_one_card"])),
        (["estimate", "serving"], body_of(SERVING_EXAMPLES["merged_adapter"])),
        (["plan"], {"base_model": "Qwen/Qwen3-8B", "task_type": "extraction", "examples": 5000}),
    ],
)
def test_text_for_people(words: list[str], document: dict[str, object]) -> None:
    done = tunewise(*words, "-", "--format", "text", stdin=json.dumps(document))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 2


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        ("{description: 'too short'}", "/description"),
        ("description: [", "standard input:"),
        ("a: 1\na: 2", "standard input:2"),
        ("just text", "Must be an object."),
        (json.dumps({"description": "x" * 30, "requirements": {"request_per_day": 1}}), "requests_per_day"),
    ],
)
def test_bad_input_is_2_and_names_the_place(stdin: str, words: str) -> None:
    done = tunewise("recommend", "-", stdin=stdin)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_missing_file_and_bad_arguments_are_2() -> None:
    assert tunewise("recommend", "no/such/file.yaml").returncode == 2
    assert tunewise("recommend").returncode == 2
    assert tunewise("recommend", "-", "--format", "xml", stdin="{}").returncode == 2


def test_unreachable_service_is_4() -> None:
    done = tunewise("recommend", "-", "--url", "http://127.0.0.1:9", stdin=json.dumps(TASK))
    assert done.returncode == 4
    assert "127.0.0.1:9" in done.stderr


def test_internal_error_is_3_and_tells_no_details(tmp_path: Path) -> None:
    broken = "import app.cli.local as l; l.WORK['/recommend'] = lambda _: 1 / 0; from app.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", broken, "recommend", "-"],
        input=json.dumps(TASK),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    assert "division" not in done.stderr


def test_explain_and_rules_test() -> None:
    assert tunewise("rules", "test").returncode == 0
    done = tunewise("explain", "LATENCY-INLINE")
    assert done.returncode == 0
    assert "LATENCY-INLINE" in done.stdout
    assert tunewise("explain", "LATENCY-INLIN").returncode == 2


HEAVY = """
import sys
sys.argv = ["tunewise", "rules", "test"]
from app.cli import main
try:
    main()
except SystemExit:
    pass
assert not {"fastapi", "sqlalchemy", "sklearn", "numpy"} & set(sys.modules)
"""


def test_the_cli_imports_no_web_framework() -> None:
    done = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
