"""Which missing fact is worth finding out: the share of its plausible answers that would flip the verdict."""

from math import fsum

from app.decision.book import DecisionBook
from app.decision.entries import QuestionEntry
from app.decision.odds import Verdict
from app.decision.sensitivity import Evaluate, WhatIf
from app.schemas.facts import Facts
from app.schemas.report import MissingFact


def missing(facts: Facts, verdict: Verdict, book: DecisionBook, evaluate: Evaluate) -> tuple[MissingFact, ...]:
    """Facts that nobody stated, the most valuable to know first; those that cannot flip the verdict come last."""
    found = []
    for entry in book.questions:
        if getattr(facts, entry.fact) is not None:
            continue
        what_if = WhatIf(entry.fact, verdict, book, evaluate)
        share = flipping_share(entry, what_if, facts) if what_if.reach.may_flip() else 0.0
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


def flipping_share(entry: QuestionEntry, what_if: WhatIf, facts: Facts) -> float:
    """Share of plausible answers, weighted by how likely they are, that flip the verdict."""
    plausible = [a for a in entry.answers if not a.needs_task or facts.task_type in a.needs_task]
    total = fsum(a.share for a in plausible)
    return fsum(a.share for a in plausible if what_if.flips(a.value)) / total if total else 0.0
