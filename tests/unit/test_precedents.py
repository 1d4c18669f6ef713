"""Published cases: enough of them, sourced, found by likeness, dissent shown."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import CatalogueError
from app.precedents import SHOWN, Precedents, load_precedents, nearest, similarities, words
from app.schemas.facts import Facts
from app.schemas.vocabulary import Approach
from app.shipped import shipped

FILE = shipped("rules") / "precedents.yaml"
LEAST_CASES = 120


@pytest.fixture(scope="module")
def precedents() -> Precedents:
    return load_precedents(FILE)


def test_enough_cases_each_with_source_and_lesson(precedents: Precedents) -> None:
    assert len(precedents.cases) >= LEAST_CASES
    assert len({c.id for c in precedents.cases}) == len(precedents.cases)
    for case in precedents.cases:
        assert re.match(r"(arXiv:|https://|doi:|PMC|openai\.com|paperswithcode)", case.source), case.id
        assert len(case.lesson) > 30, case.id
        assert case.lesson.endswith("."), case.id


def test_a_case_is_nearest_to_itself(precedents: Precedents) -> None:
    for case in precedents.cases[::7]:
        facts = Facts(text=case.situation, task_type=case.task_type, domain=case.domain)
        likeness = similarities(facts, precedents)
        assert precedents.cases[likeness.index(max(likeness))].id == case.id


@pytest.mark.parametrize("approach", ["fine_tuning", "prompt_engineering"])
def test_a_dissenting_case_is_always_shown(approach: Approach, precedents: Precedents) -> None:
    texts = ("Tag chemicals in biomedical sentences as JSON.", "Answer staff questions from policy pages.", "Hm.")
    for text in texts:
        found = nearest(Facts(text=text), {}, precedents, approach)
        assert len(found) == SHOWN
        assert any(not p.agrees for p in found)
        assert [p.similarity for p in found] == sorted((p.similarity for p in found), reverse=True)
        for one in found:
            assert one.agrees == (one.outcome == approach)
            assert 0 <= one.similarity <= 1


def test_no_dissent_is_invented_where_there_is_none(precedents: Precedents) -> None:
    agreeing = tuple(c for c in precedents.cases if c.outcome == "fine_tuning")
    assert len(agreeing) >= SHOWN
    lonely = replace(precedents, cases=tuple(agreeing[i % len(agreeing)] for i in range(len(precedents.cases))))
    assert all(p.agrees for p in nearest(Facts(text="Tag drugs."), {}, lonely, "fine_tuning"))


def test_likeness_rises_with_what_is_shared(precedents: Precedents) -> None:
    place = next(i for i, c in enumerate(precedents.cases) if c.id == "asknu")

    def likeness(**known: object) -> float:
        facts = Facts(text=str(known.pop("text", "nothing shared")), **known)  # type: ignore[arg-type]
        return similarities(facts, precedents)[place]

    steps = [
        likeness(),
        likeness(task_type="conversation"),
        likeness(task_type="qa"),
        likeness(task_type="qa", domain="finance"),
        likeness(task_type="qa", domain="finance", knowledge_changes="fast"),
        likeness(
            task_type="qa", domain="finance", knowledge_changes="fast", text="policies of departments, employees ask"
        ),
    ]
    assert steps == sorted(steps)
    assert len(set(steps)) == len(steps)


def test_signals_count_when_they_are_read() -> None:
    def with_tables(text: str) -> frozenset[str]:
        return frozenset({"tables"} if "medication" in text or "chemical" in text else ())

    read = load_precedents(FILE, with_tables)
    base = similarities(Facts(text="x"), read)
    shared = similarities(Facts(text="x", signals={"tables": ()}), read)
    assert any(b > a for a, b in zip(base, shared, strict=True))


def test_unlike_texts_give_no_error_and_long_ones_end(precedents: Precedents) -> None:
    assert nearest(Facts(text=""), {}, precedents, "fine_tuning")
    assert len(words("word " * 20_000)) == 1
    assert nearest(Facts(text="ab " * 7000), {}, precedents, "prompt_engineering")


def test_a_wrong_file_says_where(tmp_path: Path) -> None:
    broken = tmp_path / "precedents.yaml"
    broken.write_text(
        FILE.read_text(encoding="utf-8").replace("outcome: fine_tuning", "outcome: tuning", 1), encoding="utf-8"
    )
    with pytest.raises(CatalogueError, match="outcome"):
        load_precedents(broken)
