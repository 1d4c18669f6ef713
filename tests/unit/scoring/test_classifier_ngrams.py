"""Text into terms and features, and what the reader of facts found into names."""

import pytest

from app.scoring.marks import mark_of, marks
from app.scoring.ngrams import Lexicon, Terms, features, features_of

LEXICON = Lexicon.of({"law": "court* case-law", "both": "judge court"})


def test_terms_in_order_each_once() -> None:
    terms = Terms("It’s 12,000 a day; it's DAY")
    assert terms.words == ["it's", "#####", "a", "day", "it's", "day"]
    assert list(terms) == ["it's", "#####", "a", "day", "it's #####", "##### a", "a day", "day it's", "it's day"]


def test_spans_are_those_of_the_text_as_written() -> None:
    text = "İİ Fee, the FEE cap"
    terms = Terms(text)
    for term in ("fee", "the fee", "fee cap"):
        found = terms.span(term)
        assert found is not None
        assert text[slice(*found)].lower() == term
    assert terms.span("^slash") is None


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("choose createDeadline or not", "^camelCase"),
        ("returns doc_type", "^snake_case"),
        ("mail -> label", "^arrow"),
        ("{verdict, score}", "^braces"),
        ("PASS HOLD ESCALATE", "^CAPITALS"),
        ("pass / hold", "^slash"),
    ],
)
def test_shapes(text: str, shape: str) -> None:
    assert shape in Terms(text).shapes
    assert Terms("A plain sentence of the US kind.").shapes == []


def test_features_of_a_word_a_pair_and_a_number() -> None:
    assert list(features_of("courts", LEXICON)) == [
        "courts", "=both", "=law", "~<cour", "~court", "~ourts", "~urts>",
    ]  # fmt: skip
    assert list(features_of("case law", LEXICON)) == ["case law", "=law"]
    assert list(features_of("###", LEXICON)) == ["###"]
    assert features("court judge", LEXICON).count("=both") == 2


@pytest.mark.parametrize(
    ("name", "value", "mark"),
    [
        ("requests_per_day", 999, "requests_per_day to 1000"),
        ("requests_per_day", 10_000, "requests_per_day to 100000"),
        ("requests_per_day", 100_000, "requests_per_day over 100000"),
        ("latency_p95_seconds", 1.0, "latency_p95_seconds to 1"),
        ("latency_p95_seconds", 1.01, "latency_p95_seconds to 10"),
        ("latency_p95_seconds", 60, "latency_p95_seconds to 60"),
        ("latency_p95_seconds", 61, "latency_p95_seconds over 60"),
        ("monthly_budget_usd", 500, "monthly_budget_usd"),
    ],
)
def test_quantities_become_names(name: str, value: float, mark: str) -> None:
    assert mark_of(name, value) == mark
    assert marks({"audit": ((0, 5),)}, {name: (value, (3, 4))}) == {"audit": ((0, 5),), mark: ((3, 4),)}
