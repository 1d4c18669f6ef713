"""The pattern language and its one pass."""

import pytest

from app.errors import CatalogueError
from app.facts import lexicon
from app.facts.lexicon import checked, load_lexicon
from app.facts.patterns import GAP_WORDS, STATES_KEPT, Patterns

MATCHES = [
    ("real time", "a real time answer", True),
    ("real time", "a real long time", False),
    ("regulat*", "the regulators read it", True),
    ("(a|b c) d", "b c d", True),
    ("(a|b c) d", "b d", False),
    ("[very] fast", "fast", True),
    ("[very|quite] fast", "quite fast", True),
    ("a _ b", "a x b", True),
    ("a _ b", "a , b", False),
    ("a ~ b", "a b", True),
    ("a ~ b", "a 1 2 3 b", True),
    ("a ~ b", "a 1 2 3 4 b", False),
    ("a (b|c (d|e)) f", "a c e f", True),
    ("a [b [c]] d", "a b d", True),
    ("in :", "in : 300", True),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_a_pattern_matches_what_it_says(pattern: str, text: str, expected: bool) -> None:
    assert bool(Patterns({"x": [pattern]}).hits(text.split())) is expected


@pytest.mark.parametrize("pattern", ["", "~", "[a]", "(a", "a)", "a-b", "(a|b)'s", "(a|b)*", "A?"])
def test_what_is_no_pattern_is_refused_with_file_and_remedy(pattern: str) -> None:
    with pytest.raises(CatalogueError, match=r"signals\.yaml") as raised:
        checked([pattern], "signals.yaml", "signals[x]")
    assert "Write instead" in str(raised.value)


def test_a_pattern_that_yaml_read_as_something_else_is_refused() -> None:
    with pytest.raises(CatalogueError, match="no text"):
        checked([False], "cues.yaml", "negation")


def test_hits_tell_label_and_place_and_may_overlap() -> None:
    patterns = Patterns({"x": ["a b", "b"], "y": ["a b c"]})
    assert sorted(patterns.hits(["a", "b", "c"])) == [("x", 0, 2), ("x", 1, 2), ("y", 0, 3)]


def test_a_gap_is_bounded() -> None:
    words = ["a", *["x"] * (GAP_WORDS + 1), "b"]
    assert Patterns({"x": ["a ~ b"]}).hits(words) == []


def test_remembered_states_are_bounded() -> None:
    patterns = Patterns({"x": ["a b c", "a _ d"]})
    for n in range(50):
        patterns.hits(["a", f"w{n}", "d"])
    assert len(patterns._states) <= STATES_KEPT


def test_every_word_file_compiles_and_each_signal_is_described() -> None:
    signals = load_lexicon().signals
    assert len(signals) >= 50
    for signal in signals.values():
        assert signal.description.strip().endswith(".") or len(signal.description) > 20, signal.id
        assert len(signal.source) > 3, signal.id


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ({"signals": [{"id": "a", "description": "d", "patterns": ["x"], "negatable": True}]}, "source"),
        (
            {
                "signals": [
                    {"id": "a", "description": "d", "patterns": ["x"], "negatable": True, "source": "s", "extra": 1}
                ]
            },
            "extra",
        ),
        (
            {"signals": [{"id": "a", "description": "d", "patterns": ["x"], "negatable": True, "source": "s"}] * 2},
            "Duplicate",
        ),
    ],
)
def test_a_signal_written_wrongly_is_refused(monkeypatch: pytest.MonkeyPatch, broken: object, complaint: str) -> None:
    monkeypatch.setattr(lexicon, "read_data", lambda name: broken)
    with pytest.raises(CatalogueError, match=complaint):
        lexicon._signals()
