"""Files become data with lines: YAML 1.2, JSON, Markdown with front matter; what is refused, and where."""

import math
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from app.checks.documents import MAX_BYTES, Document, Place, read_bytes, read_file


def one(text: str, file: str = "a.yaml") -> Document:
    documents = read_bytes(text.encode(), file)
    assert len(documents) == 1
    return documents[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("12", 12),
        ("-12", -12),
        ("007", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("12:30:45", "12:30:45"),
        ("12_000", "12_000"),
        ("40,000", "40,000"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("2027-03-31", "2027-03-31"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_plain_words_are_read_as_yaml_1_2(text: str, value: object) -> None:
    assert one(f"a: {text}\nb: 1").data == {"a": value, "b": 1}


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.text("abnoyes01.-+eE_:~", max_size=6)))
def test_scalars_agree_with_a_yaml_1_2_parser(value: object) -> None:
    text = StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False  # libyaml takes no plain word that begins with a colon inside braces
    writer.dump({"a": value}, text)
    assert one(text.getvalue()).data == {"a": value}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2", 2, "Duplicate key 'a'"),
        ("a: [1,\nb: 2", 3, "Not YAML"),
        ("a:\n  - !!python/name:os.system x", 2, "not accepted"),
        ("a: !mine 1", 1, "not accepted"),
        ("? [a, b]\n: 1", 1, "A key must be a word"),
        ("a: \x07", 1, "Not YAML"),
        ("[" * 200 + "]" * 200, 1, "nested too deeply"),
        ("a: &a [*a]", 1, "too deeply"),
        ("a: *nothing", 1, "Not YAML"),
        ("a: 1" + "0" * 5000, 1, "is no number"),
    ],
)
def test_what_is_refused_names_its_line(text: str, line: int, words: str) -> None:
    document = one(text)
    assert words in document.problems[0].detail
    assert document.place("").line == line


def test_aliases_are_expanded_up_to_a_limit() -> None:
    assert one("a: &x {b: 1}\nc: *x").data == {"a": {"b": 1}, "c": {"b": 1}}
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert "Too many values" in one(bomb).problems[0].detail


def test_places_are_those_of_the_keys() -> None:
    document = one("kind: Proposal\nrequirements:\n  requests_per_day: 1\nwaivers:\n  - rule: A\n  - rule: B\n")
    assert document.place("/requirements/requests_per_day") == Place(3, 3)
    assert document.place("/waivers/1/rule") == Place(6, 5)
    assert document.place("/requirements/missing/deeper") == Place(2, 1)
    assert document.place("/nothing") == Place(1, 1)


def test_several_documents_and_a_broken_one() -> None:
    documents = read_bytes(b"a: 1\n---\nb: 2\n---\n# only a comment\n---\nc: [", "a.yaml")
    assert [d.data for d in documents] == [{"a": 1}, {"b": 2}, None]
    assert [d.index for d in documents] == [0, 1, 2]
    assert documents[1].place("/b").line == 3
    assert documents[2].problems


def test_front_matter_with_the_text_as_description() -> None:
    document = one("---\nkind: Proposal\n---\n\n# Title\n\nText.\n", "a.md")
    assert document.data == {"kind": "Proposal", "description": "# Title\n\nText."}
    assert document.place("/kind").line == 2
    assert document.place("/description").line == 5


@pytest.mark.parametrize("text", ["# Only a page\n", "", "text\n---\na: 1\n---\n"])
def test_markdown_without_front_matter_is_no_proposal(text: str) -> None:
    assert read_bytes(text.encode(), "a.md") == ()


def test_front_matter_keeps_its_own_description() -> None:
    assert one("---\ndescription: mine\n---\nText.\n", "a.md").data == {"description": "mine"}
    assert "no end" in one("---\nkind: Proposal\n", "a.md").problems[0].detail


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    assert "Not UTF-8" in read_bytes(b"\xff\xfe\x00", "a.yaml")[0].problems[0].detail
    assert "Larger than" in read_bytes(b"a" * (MAX_BYTES + 1), "a.yaml")[0].problems[0].detail
    assert read_bytes(b"\xef\xbb\xbfa: 1", "a.yaml")[0].data == {"a": 1}
    assert "No such file" in read_file(tmp_path / "none.yaml", "none.yaml")[0].problems[0].detail


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    for file in ("a.yaml", "a.md"):
        for document in read_bytes(data, file):
            assert document.problems or document.data is not None
