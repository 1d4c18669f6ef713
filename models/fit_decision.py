"""Fit the decision's weights on the decided cases and write models/decision.json: `python -m models.fit_decision`.

Deterministic: the same cases, reasons and readers give the same bytes. Run after anything that changes how a text is
read (signals, quantities, classifier) or what the reasons are (rules/decision/reasons.yaml).
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.decision.book import WEIGHT_DECIMALS, DecisionBook, load_decision
from app.decision.conditions import Situation
from app.shipped import shipped
from models.decision_cases import CASES, Case, load_cases, situations
from models.decision_fit import PRIOR_STRENGTH, WEAK_CASE, Matrix, Problem, fit

WEIGHTS = Path(__file__).parent / "decision.json"


def strengths(read: Sequence[Situation], book: DecisionBook) -> Matrix:
    """How strongly each reason (column) holds in each case (row), 0 to 1."""
    made: Matrix = np.array([[reason.value(situation) for reason in book.reasons] for situation in read])
    return made


def problem_of(cases: Sequence[Case], book: DecisionBook) -> Problem:
    """The cases as numbers, read with their facts and from the description alone."""
    views = tuple(strengths(situations(cases, with_facts), book) for with_facts in (True, False))
    return Problem(
        views=views,
        tuned=np.array([c.tuned for c in cases]),
        strong=[c.strength == "strong" for c in cases],
        groups=[c.group for c in cases],
        prior=np.array([r.prior for r in book.reasons]),
        fitted=[r.fitted for r in book.reasons],
    )


def fitted_weights(book: DecisionBook, weights: Matrix) -> dict[str, float]:
    """Weights by reason code, rounded as the service shows them; those that keep their prior are left out."""
    return {
        reason.code: round(float(weight), WEIGHT_DECIMALS)
        for reason, weight in zip(book.reasons, weights, strict=True)
        if reason.fitted
    }


def document(cases: Sequence[Case], weights: dict[str, float]) -> dict[str, Any]:
    """The content of decision.json."""
    body = {
        "format": 1,
        "about": "Log-odds toward fine-tuning of each reason of rules/decision/reasons.yaml, by `make train`.",
        "cases": len(cases),
        "sources": len({c.group for c in cases}),
        "cases_digest": hashlib.sha256(CASES.read_bytes()).hexdigest(),
        "prior_strength": PRIOR_STRENGTH,
        "weak_case": WEAK_CASE,
        "weights": weights,
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {**body, "digest": digest}


def main() -> None:
    """Fit and write."""
    book = load_decision(shipped("rules") / "decision", None)
    cases = load_cases()
    weights = fitted_weights(book, fit(problem_of(cases, book)))
    WEIGHTS.write_text(json.dumps(document(cases, weights), indent=1) + "\n", encoding="utf-8")
    print(f"{len(weights)} weights from {len(cases)} cases -> {WEIGHTS.name}")


if __name__ == "__main__":
    main()
