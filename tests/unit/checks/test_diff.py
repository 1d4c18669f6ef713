"""`--diff`: against a real git repository, what moved, what is new, what is gone."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.checks.examine import Setting
from app.checks.git_base import BaseBranch
from app.checks.run import Result, run
from app.errors import InputError

Base = Callable[[Mapping[str, Any]], str]
NAME = "a.proposal.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for key, value in (("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")):
        monkeypatch.setenv(key, value)
    git("init", "-q", "-b", "main")
    return tmp_path


def git(*words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], check=True, capture_output=True, timeout=30)


def commit(**files: str) -> None:
    for name, text in files.items():
        path = Path(name.replace("__", "/") + ".proposal.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git("add", "-A")
    git("commit", "-q", "-m", "x")


def moved(result: Result) -> dict[str, str]:
    return {m.title: m.change for m in result.moves}


def test_what_moved_is_new_or_gone(repository: Path, setting_of: Callable[..., Setting], base: Base) -> None:
    commit(a=base({}), b=base({"title": "Same"}), c=base({"title": "Gone"}))
    git("checkout", "-q", "-b", "work")
    (repository / "c.proposal.yaml").unlink()
    commit(a=base({"requirements": {"requests_per_day": 900000}}), d=base({"title": "New"}))
    result = run(["."], setting_of({"thresholds": {"rise_percent": 10}}), BaseBranch("main"))
    assert moved(result) == {"ICD-10 coding of discharge letters": "moved", "New": "added", "Gone": "removed"}
    assert [f.rule for f in result.findings if f.severity == "error" and f.rule.startswith("COST")] == ["COST-ROSE"]


def test_the_point_where_the_branch_left_counts(
    repository: Path, setting_of: Callable[..., Setting], base: Base
) -> None:
    commit(a=base({}))
    git("checkout", "-q", "-b", "work")
    commit(b=base({"title": "Mine"}))
    git("checkout", "-q", "main")
    commit(a=base({"requirements": {"requests_per_day": 900000}}))
    git("checkout", "-q", "work")
    assert moved(run(["."], setting_of(), BaseBranch("main"))) == {"Mine": "added"}


def test_from_a_folder_inside(
    repository: Path, setting_of: Callable[..., Setting], base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(team__a=base({}), team__b=base({"title": "Gone"}), other__c=base({"title": "Elsewhere"}))
    monkeypatch.chdir(repository / "team")
    Path("b.proposal.yaml").unlink()
    Path(NAME).write_text(base({"requirements": {"horizon_months": 24}}))
    changes = moved(run(["."], setting_of(), BaseBranch("main")))
    assert changes.pop("Gone") == "removed"
    assert set(changes.values()) <= {"moved", "same"}


def test_a_file_that_was_broken_before(repository: Path, setting_of: Callable[..., Setting], base: Base) -> None:
    commit(a="kind: [")
    Path(NAME).write_text(base({}))
    assert list(moved(run(["."], setting_of(), BaseBranch("HEAD"))).values()) == ["unreadable_before"]


def test_proposals_of_one_file_are_matched_by_id_then_title(
    repository: Path, setting_of: Callable[..., Setting], base: Base
) -> None:
    one, two = base({"title": "One"}), base({"title": "Two", "id": "two"})
    commit(a=f"{one}\n---\n{two}")
    renamed = base({"title": "Renamed", "id": "two", "requirements": {"requests_per_day": 900000}})
    Path(NAME).write_text(f"{base({'title': 'Between'})}\n---\n{renamed}\n---\n{one}")
    result = run(["."], setting_of(), BaseBranch("HEAD"))
    assert {e.title: e.moved.change for e in result.examined if e.moved} == {
        "Between": "same",  # where it stands, One stood: nothing tells them apart but the title
        "Renamed": "moved",
        "One": "same",
    }


@pytest.mark.parametrize("ref", ["nowhere", "--upload-pack=evil", "main; rm -rf /"])
def test_an_unknown_base_is_refused(repository: Path, base: Base, ref: str) -> None:
    commit(a=base({}))
    with pytest.raises(InputError, match="--diff"):
        BaseBranch(ref)


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InputError, match="--diff"):
        BaseBranch("main")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="needs git"):
        BaseBranch("main")
