"""Which missing fact is worth finding out: the share of its plausible answers that would flip the verdict."""

from collections.abc import Callable
from math import fsum

from app.decision.book import DecisionBook
from app.decision.odds import Verdict
from app.decision.reach import changed, could_flip
from app.schemas.facts import Facts
from app.schemas.report import MissingFact

Evaluate = Callable[[Facts], Verdict]


def missing(facts: Facts, verdict: Verdict, book: DecisionBook, evaluate: Evaluate) -> tuple[MissingFact, ...]:
    """Facts that nobody stated, the most valuable to know first; those that cannot flip the verdict come last."""
    found = []
    for entry in book.questions:
        if getattr(facts, entry.fact) is not None:
            continue
        share = 0.0
        if could_flip(entry.fact, verdict, book):
            plausible = [a for a in entry.answers if not a.needs_task or facts.task_type in a.needs_task]
            total = sum(a.share for a in plausible)
            flipping = fsum(
                a.share for a in plausible if evaluate(changed(facts, entry.fact, a.value)).approach != verdict.approach
            )
            share = flipping / total if total else 0.0
        found.append(
            MissingFact(
                requirement=entry.fact,
                question=entry.question,
                could_change_approach=share > 0,
                value=round(share, 4),
            )
        )
    found.sort(key=lambda m: -m.value)
    return tuple(found)
