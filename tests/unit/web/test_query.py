"""What people type into the form, and what it means."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InputError
from app.schemas.recommend import Preferences, Requirements
from app.web.fields import FIELDS, NAMES, TOPICS
from app.web.page import values_from
from app.web.query import Link, by_field, number, request_of, share, values_of

TASK = "Sort incoming mails into one of twelve folders."

NUMBERS = [
    ("40000", 40000),
    ("40,000", 40000),
    ("1,234,567.5", 1234567.5),
    ("40 000", 40000),
    ("40k", 40000),
    ("8B", 8_000_000_000),
    ("1.5M", 1_500_000),
    ("0.3", 0.3),
    ("$500", 500),
    ("-4", -4),
    ("1,2", "1,2"),
    ("1,23,456", "1,23,456"),
    ("lots", "lots"),
    ("1e5", "1e5"),
    ("9" * 31, "9" * 31),
    ("٣", "٣"),
]


@pytest.mark.parametrize(("text", "meant"), NUMBERS)
def test_numbers(text: str, meant: object) -> None:
    read = number(text)
    assert read == meant
    assert type(read) is type(meant)


@pytest.mark.parametrize(
    ("text", "meant"), [("83%", 0.83), ("0.83", 0.83), ("0.1 %", 0.001), ("100%", 1.0), ("%", "%"), ("most", "most")]
)
def test_shares(text: str, meant: object) -> None:
    assert share(text) == meant


def test_a_whole_form_is_read() -> None:
    asked = request_of(
        {
            "title": "Mails",
            "description": TASK,
            "requests_per_day": "12,000",
            "languages": "en, de",
            "self_hosting_required": "true",
            "prompted_quality": "83%",
            "architecture": '{"model_type": "llama"}',
            "as_of": "2026-11-24",
        }
    )
    assert asked.requirements.requests_per_day == 12000
    assert asked.requirements.languages == ("en", "de")
    assert asked.requirements.self_hosting_required is True
    assert asked.requirements.prompted_quality == 0.83
    assert asked.preferences.architecture == {"model_type": "llama"}
    assert asked.as_of == date(2026, 11, 24)


BAD = [
    ({"requests_per_day": "lots"}, "/requirements/requests_per_day"),
    ({"labelled_examples": "12.5"}, "/requirements/labelled_examples"),
    ({"self_hosting_required": "perhaps"}, "/requirements/self_hosting_required"),
    ({"architecture": "{"}, "/preferences/architecture"),
    ({"architecture": "[" * 100_000}, "/preferences/architecture"),
    ({"as_of": "soon"}, "/as_of"),
    ({"request_per_day": "4"}, "/request_per_day"),
    ({"requirements": "4"}, "/requirements"),
    ({"preferences": "4"}, "/preferences"),
]


@pytest.mark.parametrize(("values", "pointer"), BAD, ids=[str(v)[:40] for v, _ in BAD])
def test_what_cannot_be_read_is_refused_where_it_stands(values: dict[str, str], pointer: str) -> None:
    with pytest.raises(InputError) as refused:
        request_of({"description": TASK, **values})
    assert [p.pointer for p in refused.value.problems] == [pointer]


def test_a_misspelt_name_gets_the_right_one_as_a_hint() -> None:
    with pytest.raises(InputError) as refused:
        request_of({"description": TASK, "request_per_day": "4"})
    assert "requests_per_day" in (refused.value.problems[0].hint or "")


def test_the_last_thing_said_counts_and_nothing_said_is_left_out() -> None:
    pairs = [("gpu", ""), ("requests_per_day", "1"), ("requests_per_day", "2"), ("requests_per_day", " ")]
    assert values_of(pairs) == {"requests_per_day": "2"}


@given(st.text(min_size=20, max_size=300).filter(lambda text: len(text.strip()) >= 20))
def test_a_permalink_asks_the_same_again(text: str) -> None:
    from urllib.parse import parse_qsl

    asked = request_of(values_of([("description", text), ("requests_per_day", "1,500"), ("prompted_quality", "1%")]))
    link = Link(values_from(asked))()
    assert request_of(values_of(parse_qsl(link.partition("?")[2]))) == asked


def test_the_form_has_every_field_of_a_request_once() -> None:
    wanted = {*Requirements.model_fields, *Preferences.model_fields, "as_of"}
    names = [field.name for topic in TOPICS for field in topic.fields]
    assert sorted(names) == sorted(wanted)
    assert len(NAMES) == len(set(NAMES)) == len(wanted) + 2


def test_every_field_says_what_is_assumed_in_one_line() -> None:
    for field in FIELDS.values():
        assert field.label
        assert "\n" not in field.help + field.empty
        assert field.empty.startswith("Left empty:")


def test_problems_stand_at_their_field() -> None:
    with pytest.raises(InputError) as refused:
        request_of({"description": "short", "gpu": "x" * 100})
    assert set(by_field(refused.value.problems)) == {"description", "gpu"}
