"""What all tests share: the world, an in-process client, golden files."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from app.pipeline import World, load_world

ROOT = Path(__file__).resolve().parent.parent
# A slow or shared machine is no bug, and a run of CI that fails must fail again.
settings.register_profile("tunewise", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("tunewise")

UPDATE_GOLDEN = bool(os.environ.get("TUNEWISE_UPDATE_GOLDEN"))


@pytest.fixture(scope="session")
def world() -> World:
    """Catalogue, rules, classifier, decision weights and precedents as shipped."""
    return load_world()


def same_as_golden(path: Path, text: str) -> None:
    """`text` equals the golden file; with TUNEWISE_UPDATE_GOLDEN the file is rewritten instead."""
    if UPDATE_GOLDEN:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing: run `make golden` and read it"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: run `make golden` and read the diff"
