"""Numbers in figures and words, in every format that descriptions use."""

import pytest

from app.facts.numbers import VAGUE, figure, find_numbers
from app.facts.tokens import tokenise

READ = [
    ("40,000", 40000),
    ("3.500", 3500),
    ("250 000", 250000),
    ("1 200 000", 1200000),
    ("9'500", 9500),
    ("1’200", 1200),
    ("1,00,000", 100000),
    ("1.234,56", 1234.56),
    ("1,200,000.5", 1200000.5),
    ("0.002", 0.002),
    ("0.125", 0.125),
    ("1,5", 1.5),
    ("1.2M", 1_200_000),
    ("3MM", 3_000_000),
    ("45k", 45000),
    ("10-15k", 15000),
    ("30k-50k", 50000),
    ("2 to 3 million", 3_000_000),
    ("between 800 and 1,200", 1200),
    ("two or three hundred", 300),
    ("seven to nine thousand", 9000),
    ("half a million", 500000),
    ("a quarter of a million", 250000),
    ("three quarters of a million", 750000),
    ("one and a half million", 1_500_000),
    ("1½ million", 1_500_000),
    ("two hundred and fifty", 250),
    ("twelve thousand", 12000),
    ("a couple of hundred", 200),
    ("3 dozen", 36),
    ("a dozen", 12),
    ("3 lakh", 300000),
    ("1.5 crore", 15_000_000),
    ("2 bn", 2e9),
    ("1e6", 1e6),
    ("10^5", 1e5),
    ("10⁶", 1e6),
    ("10**4", 1e4),
    ("3 × 10^5", 3e5),
    ("2x10^6", 2e6),
    ("between $3,000 and $5,000", 5000),
    ("€2k to €3k", 3000),
    ("2 s to 3 s", 3),
    ("a couple of seconds", 2),
]
APART = ["71 % to 85 %", "$3,000 and 5,000 letters", "5 x 200", "2 s to 3 pages"]
"""Figures that are two: the units differ, or a share is on its way from one to the other."""


@pytest.mark.parametrize(("text", "value"), READ)
def test_a_number_has_its_value(text: str, value: float) -> None:
    found = [n for n in find_numbers(tokenise(text)) if not n.identifier]
    assert [n.value for n in found] == [pytest.approx(value)]


@pytest.mark.parametrize("text", APART)
def test_figures_of_two_kinds_are_no_range(text: str) -> None:
    assert len(find_numbers(tokenise(text))) == 2


@pytest.mark.parametrize("digits", ["12.03.2024", "1.2.3", "1..2", "1,2,3"])
def test_dates_and_versions_are_no_numbers(digits: str) -> None:
    assert figure(digits) is None


@pytest.mark.parametrize("text", ["GPT-4", "ICD-10", "section 4.2", "version 3", "fnol.3", "page 12"])
def test_a_figure_in_a_name_is_an_identifier(text: str) -> None:
    assert all(n.identifier for n in find_numbers(tokenise(text)))


@pytest.mark.parametrize("text", ["a few hundred letters", "several thousand", "dozens of calls", "tens of thousands"])
def test_vague_numbers_are_marked_and_have_no_value(text: str) -> None:
    assert [n.suffix for n in find_numbers(tokenise(text))] == [VAGUE]


def test_a_bare_year_is_marked() -> None:
    assert [n.year for n in find_numbers(tokenise("founded in 2011 with 340 people"))] == [True, False]


def test_a_range_keeps_its_lower_end() -> None:
    (number,) = find_numbers(tokenise("10-15k"))
    assert (number.low, number.value) == (10000, 15000)


def test_serial_numbers_are_not_values() -> None:
    assert all(n.identifier for n in find_numbers(tokenise("order 123456789012345678901")))
