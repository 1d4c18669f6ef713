"""rules/README.md, written from the rules themselves: `python -m app.scoring.rules_readme`."""

import sys
from collections.abc import Iterable

from app.schemas.vocabulary import NEEDS, Need
from app.scoring.rules import Rule, RuleBook, load_rules
from app.scoring.thresholds import Thresholds, load_thresholds
from app.shipped import shipped

HEAD = """\
# Rules: what the four needs are judged by

Written by `python -m app.scoring.rules_readme`; do not edit by hand.

A rule is one argued judgement: a condition in [CEL](https://cel.dev) over `facts`, `signals` and `options`, and how
much it says about a need, in log-odds: `weight` on the need being high, `medium` on medium rather than low where it is
not high. `stable` rules count, `experimental` ones are shown and count nothing, `retired` ones are kept for their id.
`tunewise explain ID` shows a rule with its reason, limits, references and examples; `tunewise rules test` runs every
rule's own examples. A rule that cannot be evaluated is reported as such and never taken for false.

The score of a need is P(high) + P(medium) / 2, its level the likeliest of the three. The classifier reads the same
words as the rules; the factors below are fitted together (`python -m models.fit_needs`), so that what both see is not
counted twice.

To add one: write it into the file of its need with at least one example that fires and one that does not, give
numbers a decimal point (`2.0`), guard facts that may be unknown (`facts.x != null && ...`), run
`tunewise rules test`, then `python -m app.scoring.rules_readme`.
"""


def readme(book: RuleBook, thresholds: Thresholds) -> str:
    """The README of a rule book."""
    parts = [HEAD, *(_section(need, book, thresholds) for need in NEEDS)]
    return "\n".join(parts)


def _section(need: Need, book: RuleBook, thresholds: Thresholds) -> str:
    high, medium = thresholds.needs[need].high, thresholds.needs[need].medium
    about = (
        f"High: {high.prior:g} + {high.rules:g} × rules + {high.classifier:g} × classifier. "
        f"Medium rather than low: {medium.prior:g} + {medium.rules:g} × rules + {medium.classifier:g} × classifier."
    )
    table = ["| rule | says | high | medium | when |", "|---|---|---|---|---|"]
    table += _rows(rule for rule in book.rules if rule.need == need)
    return f"## {need}\n\n{about}\n\n" + "\n".join(table) + "\n"


def _rows(rules: Iterable[Rule]) -> list[str]:
    return [
        f"| {rule.id}{'' if rule.status == 'stable' else f' ({rule.status})'} | {rule.title} "
        f"| {rule.weight:+g} | {rule.medium:+g} | `{rule.when.source.replace('|', chr(92) + '|')}` |"
        for rule in rules
    ]


def main() -> None:
    """Write the README beside the rules."""
    folder = shipped("rules")
    (folder / "README.md").write_text(readme(load_rules(folder), load_thresholds(folder)), encoding="utf-8")
    sys.stdout.write(f"{folder / 'README.md'} written\n")


if __name__ == "__main__":
    main()
