"""The GitHub action's shell and the GitLab template, run for real with the environment those systems set."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.checks.discover import SUFFIXES
from app.checks.formats.markdown import TAG
from app.cli import comment as comment_module
from tests.unit.checks.stand_in import Forge, forge

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT / "tests" / "cases" / "proposals"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
TEMPLATE = yaml.safe_load((ROOT / "deploy" / "gitlab-check.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")


@pytest.fixture
def api() -> Iterator[Forge]:
    with forge() as running:
        yield running


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A clone of a repository, on a branch that adds a proposal to what `main` has."""
    origin, work = tmp_path / "origin", tmp_path / "work"
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}

    def git(where: Path, *words: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *words], cwd=where, env=env, check=True, capture_output=True, timeout=30)

    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    (origin / "a.proposal.yaml").write_text((CASES / "travel_rag.proposal.yaml").read_text())
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "base")
    git(tmp_path, "clone", "-q", f"file://{origin}", str(work))
    git(work, "checkout", "-q", "-b", "work")
    (work / "b c.proposal.yaml").write_text((CASES / "travel_tuned.proposal.yaml").read_text())
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "mine")
    return work


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which `tunewise` is this checkout."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "tunewise"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom app.cli import main\nmain()\n"
    )
    script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


class Github:
    """Runs the action's steps as a runner would."""

    def __init__(self, work: Path, path: str, api: Forge, tmp_path: Path) -> None:
        self.work, self.tmp = work, tmp_path
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 7}}))
        self.env = {
            "PATH": path,
            "HOME": str(tmp_path),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": api.url,
            "GITHUB_REPOSITORY": "acme/proposals",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_BASE_REF": "main",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "RUNNER_TEMP": str(tmp_path),
        }
        self.log = ""

    def run(self, **inputs: str) -> int:
        """All steps but the installation; the exit code of the first that fails."""
        known = {name: str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()}
        assert set(inputs) <= set(known)
        for file in ("output", "summary"):
            (self.tmp / file).write_text("")
        for step in ACTION["runs"]["steps"][1:]:
            if "never" in step.get("if", "") and (known | inputs)["comment"] == "never":
                continue
            done = self._step(step, known | inputs)
            if done.returncode:
                return done.returncode
        return 0

    def _step(self, step: Mapping[str, Any], inputs: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        outputs = dict(line.split("=", 1) for line in (self.tmp / "output").read_text().splitlines())
        values = {f"inputs.{name}": value for name, value in inputs.items()}
        values |= {f"steps.check.outputs.{name}": value for name, value in outputs.items()}
        env = {n: EXPRESSION.sub(lambda m: values[m[1]], str(v)) for n, v in step.get("env", {}).items()}
        assert "${{" not in step["run"], "inputs must not become text of the script"
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command, cwd=self.work, env={**self.env, **env}, text=True, capture_output=True, timeout=100, check=False
        )
        self.log += done.stdout + done.stderr
        return done

    @property
    def summary(self) -> str:
        return (self.tmp / "summary").read_text()


@pytest.fixture
def github(work: Path, path: str, api: Forge, tmp_path: Path) -> Github:
    return Github(work, path, api, tmp_path)


def test_github_comments_once_and_then_updates_in_place(github: Github, api: Forge, work: Path) -> None:
    api.comments += [
        {"id": n, "body": "somebody else's"} for n in range(130)
    ]  # the tag is on the second page, or nowhere
    assert github.run(token=api.token) == 1
    assert api.writes == ["POST /repos/acme/proposals/issues/7/comments"]
    assert api.comments[-1]["body"].startswith(TAG)
    assert "::error file=b c.proposal.yaml" in github.log
    assert TAG not in github.summary
    assert "Blocked: " in github.summary
    assert "**Since `refs/remotes/origin/main`**" in github.summary
    assert "new: " in github.summary
    assert json.loads((work / "tunewise.sarif").read_text())["version"] == "2.1.0"

    assert github.run(token=api.token) == 1
    assert len(api.writes) == 1, "nothing changed, nothing is written"

    (work / "b c.proposal.yaml").write_text((CASES / "travel_rag.proposal.yaml").read_text())
    assert github.run(token=api.token) == 0
    assert api.writes[1:] == ["PATCH /repos/acme/proposals/issues/comments/230"]
    assert "Passed: " in api.comments[-1]["body"]


def test_github_on_a_fork_writes_the_job_summary_alone(github: Github, api: Forge) -> None:
    assert github.run(token="") == 1
    assert api.requests == []
    assert "Blocked: " in github.summary
    assert github.run(token="read-only") == 1
    assert api.writes == []
    assert "the job summary has it all" in github.log


def test_github_says_nothing_when_nothing_is_wrong_unless_asked(github: Github, api: Forge, work: Path) -> None:
    (work / "b c.proposal.yaml").unlink()
    assert github.run(token=api.token, diff="none") == 0
    assert api.writes == []
    assert github.run(token=api.token, diff="none", comment="always") == 0
    assert len(api.writes) == 1


def test_github_without_any_proposal(github: Github, work: Path) -> None:
    for name in ("a.proposal.yaml", "b c.proposal.yaml"):
        (work / name).unlink()
    assert github.run(diff="none", comment="never") == 0
    assert github.run(**{"diff": "none", "comment": "never", "no-proposal": "fail"}) == 5


def test_github_keeps_the_exit_code_and_the_paths(github: Github, work: Path) -> None:
    (work / "broken.proposal.yaml").write_text("kind: Proposal\ntitel: x\n")
    assert github.run(comment="never") == 2
    assert "::error file=broken.proposal.yaml,line=2" in github.log
    assert github.run(paths="a.proposal.yaml\n  \nb c.proposal.yaml", **{"fail-on": "never", "comment": "never"}) == 0
    assert github.run(paths="a.proposal.yaml; touch evil", diff="none") == 2
    assert not (work / "evil").exists()
    assert github.run(paths="a.proposal.yaml", url="http://127.0.0.1:9", diff="none") == 4
    assert "exit code 4" in github.summary


def test_github_fetches_a_base_that_a_shallow_clone_lacks(github: Github, work: Path) -> None:
    subprocess.run(["git", "update-ref", "-d", "refs/remotes/origin/main"], cwd=work, check=True)
    assert github.run(comment="never") == 1
    assert "new: " in github.summary


def gitlab(work: Path, path: str, api: Forge, **variables: str) -> subprocess.CompletedProcess[str]:
    job = TEMPLATE["tunewise-check"]
    base = subprocess.run(["git", "rev-parse", "origin/main"], cwd=work, check=True, capture_output=True, text=True)
    env = {
        **{name: str(value) for name, value in {**TEMPLATE["variables"], **job["variables"]}.items()},
        "PATH": path,
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{api.url}/api/v4",
        "CI_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_IID": "9",
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base.stdout.strip(),
        **variables,
    }
    command = ["sh", "-e", "-c", "\n".join(job["script"])]
    return subprocess.run(command, cwd=work, env=env, text=True, capture_output=True, timeout=100, check=False)


def test_gitlab_creates_then_updates_its_note(work: Path, path: str, api: Forge) -> None:
    done = gitlab(work, path, api, TUNEWISE_GITLAB_TOKEN=api.token)
    assert done.returncode == 1, done.stderr
    assert api.writes == ["POST /api/v4/projects/42/merge_requests/9/notes"]
    quality = json.loads((work / "gl-code-quality-report.json").read_text())
    assert {entry["location"]["path"] for entry in quality} == {"b c.proposal.yaml"}
    assert (work / "tunewise-junit.xml").read_text().startswith("<?xml")
    assert "Since " in done.stdout
    (work / "b c.proposal.yaml").write_text((CASES / "travel_rag.proposal.yaml").read_text())
    assert gitlab(work, path, api, TUNEWISE_GITLAB_TOKEN=api.token).returncode == 0
    assert api.writes[1:] == ["PUT /api/v4/projects/42/merge_requests/9/notes/100"]


def test_gitlab_on_a_fork_and_on_the_default_branch(work: Path, path: str, api: Forge) -> None:
    done = gitlab(work, path, api)
    assert (done.returncode, api.requests) == (1, [])
    assert "no comment: TUNEWISE_GITLAB_TOKEN is not set" in done.stderr
    done = gitlab(work, path, api, CI_MERGE_REQUEST_IID="", CI_MERGE_REQUEST_DIFF_BASE_SHA="", TUNEWISE_FAIL_ON="never")
    assert (done.returncode, api.requests) == (0, [])
    assert "Since " not in done.stdout


def test_gitlab_without_any_proposal(work: Path, path: str, api: Forge) -> None:
    assert gitlab(work, path, api, TUNEWISE_PATHS=".git", TUNEWISE_NO_PROPOSAL="fail").returncode == 5


def test_a_broken_platform_does_not_change_the_result(github: Github, api: Forge) -> None:
    api.status = 500
    assert github.run(token=api.token) == 1
    assert "::warning::The comment could not be written" in github.log


def test_the_tag_is_the_same_on_both_sides() -> None:
    assert comment_module.TAG == TAG


def test_the_pre_commit_hook_takes_what_the_check_takes() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["entry"] == "tunewise check"
    pattern = re.compile(hook["files"])
    assert all(pattern.search(f"deep/a{suffix}") for suffix in SUFFIXES)
    assert not pattern.search("a.yaml")
