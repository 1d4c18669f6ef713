"""The README of the rules is the one that the rules give."""

from app.scoring.rules import load_rules
from app.scoring.rules_readme import readme
from app.scoring.thresholds import load_thresholds
from app.shipped import shipped

RULES = shipped("rules")


def test_the_readme_is_current() -> None:
    book, thresholds = load_rules(RULES), load_thresholds(RULES)
    written = (RULES / "README.md").read_text(encoding="utf-8")
    assert written == readme(book, thresholds), "run python -m app.scoring.rules_readme"
    assert all(rule.id in written for rule in book.rules)
