"""What is kept beside the bytecode is used only while it is true, and never in the way."""

import os
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest

from app import kept as module
from app.kept import kept


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "FOLDER", tmp_path / "kept")
    return tmp_path


def counting(value: object) -> tuple[Callable[[], object], list[int]]:
    calls: list[int] = []

    def build() -> object:
        calls.append(1)
        return value

    return build, calls


def source(folder: Path, text: str = "a: 1") -> Path:
    path = folder / "data.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_second_start_makes_nothing(folder: Path) -> None:
    build, calls = counting(MappingProxyType({"a": (1, 2)}))
    path = source(folder)
    first, second = kept("x", [path], build), kept("x", [path], build)
    assert first == second == {"a": (1, 2)}
    assert len(calls) == 1


@pytest.mark.parametrize("change", ["data", "code", "cut", "nonsense"])
def test_what_is_no_longer_true_is_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    path = source(folder)
    kept("x", [path], lambda: "old")
    (file,) = (folder / "kept").iterdir()
    if change == "data":
        source(folder, "a: 2")
    elif change == "code":
        monkeypatch.setattr(module, "_code", lambda: b"other")
    else:
        content = file.read_bytes()
        file.write_bytes(content[:-2] if change == "cut" else content[: module.DIGEST_BYTES] + b"cos\nnothing\n(tR.")
    assert kept("x", [path], lambda: "new") == "new"
    assert kept("x", [path], lambda: "newer") == "new"


def test_a_folder_that_cannot_be_written_only_costs_time(folder: Path) -> None:
    (folder / "kept").write_text("in the way", encoding="utf-8")
    build, calls = counting(1)
    path = source(folder)
    assert [kept("x", [path], build) for _ in range(2)] == [1, 1]
    assert len(calls) == 2


def test_what_fails_to_be_made_is_not_kept(folder: Path) -> None:
    def build() -> object:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        kept("x", [source(folder)], build)
    assert not (folder / "kept").exists()


def test_the_code_counts_with_its_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGE", tmp_path)
    (tmp_path / "a.py").write_text("x = 1", encoding="utf-8")
    first = module._code.__wrapped__()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "b.py").write_text("", encoding="utf-8")
    assert module._code.__wrapped__() == first
    os.utime(tmp_path / "a.py", (1, 1))
    assert module._code.__wrapped__() != first
