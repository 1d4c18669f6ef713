"""The judgements: all sourced, all used, every template fills in, and a wrong file is refused with file and key."""

import re
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.errors import CatalogueError
from app.planning import load_planning
from app.planning.book import FILES
from app.shipped import shipped
from tests.unit.planning.planning_cases import BOOK

FOLDER = shipped("rules") / "planning"
CODE = "\n".join(p.read_text(encoding="utf-8") for p in Path("app/planning").glob("*.py"))


def test_every_number_has_an_argument_and_a_source() -> None:
    for name in FILES:
        data: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
        assert set(data["sources"]) >= {e["source"] for e in data["settings"].values()}
        assert all(len(e["why"]) > 20 for e in data["settings"].values())


@pytest.mark.parametrize("part", ["candidates", "rank", "training", "readiness", "prompting"])
def test_every_setting_is_used(part: str) -> None:
    for setting in fields(getattr(BOOK, part)):
        assert re.search(rf"\.{setting.name}\b", CODE), setting.name


def test_every_reason_and_technique_is_used() -> None:
    used = set(re.findall(r'"([a-z_0-9]+)"', CODE))
    made = {f"method_{m}" for m in ("lora", "qlora", "full")}
    made |= {"gpu_count_several", "gpu_count_speed"}
    made |= {f"learning_rate_{m}" for m in ("high_rank", "full", "reinforcement_learning")}
    made |= {"few_shot_shortened", "structured_output_self_hosted", "prefix_caching", "batch_self_hosted"}
    assert set(BOOK.reasons) - used - made == set()
    assert set(BOOK.techniques) - used - made == set()
    assert set(BOOK.prompting_reasons) - used == set()


def test_every_source_is_cited() -> None:
    for name in FILES:
        text = (FOLDER / name).read_text(encoding="utf-8")
        for key in yaml.safe_load(text)["sources"]:
            assert re.search(rf"source: {key}\b", text) or f'candidate_sources["{key}"]' in CODE, (name, key)


BROKEN = [
    ("rank.yaml", lambda d: d["settings"].pop("cap"), "settings.cap", "missing"),
    ("rank.yaml", lambda d: d["settings"]["cap"].update(value=1.5), "settings.cap.value", "whole"),
    ("rank.yaml", lambda d: d["settings"]["cap"].update(value="256"), "settings.cap.value", "string"),
    ("rank.yaml", lambda d: d["settings"]["cap"].update(source="nobody"), "settings.cap", "not listed"),
    ("rank.yaml", lambda d: d["settings"].update(extra=d["settings"]["cap"]), "settings.extra", "Unknown setting"),
    ("rank.yaml", lambda d: d["settings"]["cap"].pop("why"), "settings.cap.why", "missing"),
    ("readiness.yaml", lambda d: d["needed"].pop("qa"), "needed", "qa"),
    ("candidates.yaml", lambda d: d["tasks"].pop("code"), "tasks", "code"),
    ("techniques.yaml", lambda d: d.update(recipes={}), "recipes", "Unknown key"),
    ("hyperparameters.yaml", lambda d: d["reasons"]["alpha"].pop("source"), "reasons.alpha.source", "missing"),
]


@pytest.mark.parametrize(("file", "breaks", "key", "said"), BROKEN, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_file_is_refused(tmp_path: Path, file: str, breaks: Any, key: str, said: str) -> None:
    shutil.copytree(FOLDER, tmp_path / "planning")
    path = tmp_path / "planning" / file
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    breaks(data)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        load_planning(tmp_path / "planning")
    assert caught.value.file == file
    assert caught.value.key == key
    assert said in str(caught.value)


def test_the_digest_changes_with_the_data(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "planning")
    assert load_planning(tmp_path / "planning").digest == BOOK.digest
    path = tmp_path / "planning" / "rank.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("value: 256", "value: 128"), encoding="utf-8")
    assert load_planning(tmp_path / "planning").digest != BOOK.digest
