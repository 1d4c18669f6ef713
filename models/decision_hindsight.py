"""How much of the measured accuracy is hindsight: the signals' patterns were written by people who had read the cases.

Each case is read again without every pattern that no case of another source sets off. That is a lower bound: patterns
that would have been written anyway, and happen to be rare, are dropped as well.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from app.decision.book import DecisionBook
from app.decision.conditions import Condition, Situation
from app.facts.lexicon import load_lexicon
from app.facts.patterns import Patterns
from app.facts.tokens import tokenise
from models.decision_cases import Case


def without_hindsight(cases: Sequence[Case], read: Sequence[Situation], book: DecisionBook) -> list[Situation]:
    """The situations of `cases` as read with only those patterns that another source sets off too."""
    hits = _lines_hit(cases, book)
    sources: dict[str, set[str]] = defaultdict(set)
    for case, lines in zip(cases, hits, strict=True):
        for line in lines:
            sources[line].add(case.group)
    made = []
    for case, lines, situation in zip(cases, hits, read, strict=True):
        kept = {_signal(line) for line in lines if sources[line] - {case.group}}
        lost = {_signal(line) for line in lines} - kept
        signals = {name: spans for name, spans in situation.facts.signals.items() if name not in lost}
        made.append(replace(situation, facts=replace(situation.facts, signals=signals)))
    return made


def _lines_hit(cases: Sequence[Case], book: DecisionBook) -> list[set[str]]:
    """Pattern lines, as `signal#number`, that each case sets off, of signals that the decision looks at."""
    declared = load_lexicon().signals
    lines = {
        f"{name}#{number}": [pattern]
        for name in sorted(signals_read(book))
        for number, pattern in enumerate(declared[name].patterns)
    }
    patterns = Patterns(lines)
    return [{label for label, _, _ in patterns.hits(tokenise(case.description).words)} for case in cases]


def _signal(line: str) -> str:
    return line.partition("#")[0]


def signals_read(book: DecisionBook) -> set[str]:
    """Every signal that some reason looks at, under `none` too."""
    return {name for reason in book.reasons if reason.when for name in _signals(reason.when)}


def _signals(condition: Condition) -> set[str]:
    inner = (*condition.all, *condition.any, *condition.none)
    return set(condition.signal).union(*(_signals(part) for part in inner))
