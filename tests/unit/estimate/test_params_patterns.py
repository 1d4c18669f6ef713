"""Patterns over module names: the same answers as `re.fullmatch`, in bounded time."""

import re
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimate.params_patterns import Pattern, PatternError

NAMES = (
    "",
    "lm_head",
    "model.layers.0.self_attn.q_proj",
    "model.layers.31.mlp.down_proj",
    "model.vision_tower.encoder.layers.7.mlp.fc1",
    "model.language_model.layers.10.self_attn.k_proj",
)
PATTERNS = (
    r".*",
    r"",
    r".*\.(q_proj|v_proj)",
    r".*language_model.*\.(q_proj|k_proj)$",
    r"^model\.layers\.\d+\..*_proj",
    r"model\.layers\.([0-9]|1[0-9])\.[a-z_]+\.\w+",
    r".*[^0-9]\.(?:fc1|fc2)",
    r"(model|lm)(\.|_).+",
    r"[\w.]*?_proj",
    r".*\.\d{1,2}\.\D*",
    r"model(\.\w+){3,4}",
    r"\S+\s?",
    r"[^\W]+",
    r"lm_?h?ead+",
)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", NAMES)
def test_same_answer_as_pythons_matcher(pattern: str, name: str) -> None:
    assert Pattern(pattern).fullmatch(name) == bool(re.fullmatch(pattern, name))


pieces = st.sampled_from(["a", "b", ".", r"\.", "(a|b)", "[ab]", "[^a]", r"\d", r"\w", "(ab?)", "1"])
endings = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "*?"])
made_patterns = st.lists(st.tuples(pieces, endings).map("".join), max_size=5).map("".join)


@given(made_patterns, st.text("ab.1", max_size=8))
def test_same_answer_on_anything(pattern: str, name: str) -> None:
    assert Pattern(pattern).fullmatch(name) == bool(re.fullmatch(pattern, name))


@pytest.mark.parametrize("pattern", ["(.*)*x", "(a|a)*b", "(a*)*b", "(.|.)*(.|.)*(.|.)*x", "a?" * 60 + "a" * 60 + "b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    """The first four take Python's own matcher longer than anybody waits."""
    started = perf_counter()
    assert not Pattern(pattern).fullmatch("a" * 60)
    assert perf_counter() - started < 1


@pytest.mark.parametrize(
    "pattern", ["(", "*a", r"(a)\1", "a(?=b)", "(?<!a)b", r"\bq_proj", "(?i)Q_PROJ", "(?i:Q)_proj", "a*+", "x" * 1001]
)
def test_what_is_not_read_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "tells"),
    [(r".*\.\d+\.q", False), ("layers.[0-9]+", False), ("a{2}", False), ("layers.1", True), ("[1-3]", True)],
)
def test_knows_whether_it_tells_blocks_apart(pattern: str, tells: bool) -> None:
    assert Pattern(pattern).tells_indices_apart == tells
