"""Measure the decision on the decided cases, leave-one-source-out: `python -m models.evaluate_decision`.

Prints and writes models/results/decision.json and decision.md: accuracy, Brier score and recall of both approaches,
with stated facts and from the description alone, beside baselines on the same rows; strong and weak evidence,
measured and production cases apart; a reliability table; and the cases that are wrong.
"""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from app.decision.book import DecisionBook, load_decision
from app.decision.conditions import Situation
from app.decision.gates import shut_gates
from app.schemas.recommend import RecommendRequest, Requirements
from app.shipped import shipped
from models.decision_baselines import (
    always_tune,
    best_stump,
    keyword_rule,
    left_out,
    naive_bayes,
    needs_rule,
)
from models.decision_cases import Case, load_cases, reader, situations
from models.decision_fit import Matrix, Problem, fit, sigmoid
from models.decision_hindsight import without_hindsight
from models.fit_decision import strengths

SITUATIONS = Path(__file__).parent / "data" / "situations.jsonl"
FIRST_SIGHT = {"round 1": 0.742, "round 2": 0.729, "round 3": 0.842, "round 4": 0.735}
"""Accuracy on each round before any pattern was changed for it: recorded when the round was written."""
RESULTS = Path(__file__).parent / "results"
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
VIEWS = ("with facts", "description alone")
HINDSIGHT = (
    "The patterns of the signals were written by people who had read these cases. *Without hindsight* reads each case "
    "without every pattern that no case of another source sets off: a lower bound of what to expect on new cases."
)
AIMS = "Aims: accuracy 0.82 with facts, 0.76 from the description alone; Brier at most 0.16; both recalls 0.72."


def measured(probability: Matrix, tuned: Matrix, rows: Matrix | None = None) -> dict[str, float]:
    """Accuracy, Brier score and recall of both approaches over `rows` (a mask; all, when left out)."""
    used = np.ones(len(tuned), dtype=bool) if rows is None else rows.astype(bool)
    p, y = probability[used], tuned[used]
    said = p > 0.5
    return {
        "cases": int(used.sum()),
        "accuracy": float(np.mean(said == y)),
        "brier": float(np.mean((p - y) ** 2)),
        "recall_fine_tuning": float(np.mean(said[y == 1])) if (y == 1).any() else float("nan"),
        "recall_prompt_engineering": float(np.mean(~said[y == 0])) if (y == 0).any() else float("nan"),
    }


def odds_left_out(problem: Problem, views: Sequence[Sequence[Situation]], book: DecisionBook) -> list[Matrix]:
    """Log-odds of every case per view from weights fitted without its source, gates included.

    `views` are read with those weights; they may differ from the views that the weights are fitted on.
    """
    groups = np.array(problem.groups)
    gates = [np.array([sum(g.weight for g in shut_gates(s, book)) for s in view]) for view in views]
    held = [strengths(view, book) for view in views]
    made = [np.zeros(len(problem.tuned)) for _ in views]
    for group in sorted(set(problem.groups)):
        inside = groups == group
        weights = fit(problem, (~inside).astype(float))
        for odds, view, gate in zip(made, held, gates, strict=True):
            odds[inside] = view[inside] @ weights + gate[inside]
    return made


def as_served(odds: Matrix, book: DecisionBook) -> Matrix:
    """The probability of tuning that the answer states: within the band prompting is the default, at 0.5 or more."""
    band = book.settings.close_call_log_odds
    made = sigmoid(odds)
    return np.where(np.abs(odds) <= band, np.minimum(made, 0.5), made)


def reliability(probability: Matrix, tuned: Matrix) -> list[dict[str, float]]:
    """Per bin of stated probability of tuning: cases, mean stated, share where tuning won."""
    made = []
    for low, high in pairwise(BINS):
        inside = (probability >= low) & ((probability < high) | (high == 1.0))
        if inside.any():
            stated, true = float(probability[inside].mean()), float(tuned[inside].mean())
            made.append({"low": low, "high": high, "cases": int(inside.sum()), "stated": stated, "tuned": true})
    return made


def baselines(cases: Sequence[Case], tuned: Matrix) -> dict[str, dict[str, float]]:
    """Every baseline on the same rows."""
    learners: dict[str, Callable[[Sequence[Case]], Callable[[Case], float]]] = {
        "always fine-tune": always_tune,
        "best stump (facts)": best_stump,
        "naive Bayes (text and facts)": naive_bayes(True),
        "naive Bayes (text alone)": naive_bayes(False),
        "keyword rule (text)": keyword_rule,
        "needs rule (facts)": needs_rule,
    }
    return {name: measured(left_out(cases, learn), tuned) for name, learn in learners.items()}


def slices(cases: Sequence[Case]) -> dict[str, Matrix]:
    """Masks of the parts that are reported apart."""
    return {
        "strong evidence": np.array([c.strength == "strong" for c in cases]),
        "weak evidence": np.array([c.strength == "weak" for c in cases]),
        "measured": np.array([c.kind == "measured" for c in cases]),
        "production": np.array([c.kind == "production" for c in cases]),
        "without LoRA Land": np.array([c.group != "arXiv:2405.00732" for c in cases]),
    }


def evaluate(book: DecisionBook) -> dict[str, Any]:
    """All figures."""
    cases = load_cases()
    read = [situations(cases, True), situations(cases, False)]
    problem = Problem(
        views=tuple(strengths(view, book) for view in read),
        tuned=np.array([c.tuned for c in cases]),
        strong=[c.strength == "strong" for c in cases],
        groups=[c.group for c in cases],
        prior=np.array([r.prior for r in book.reasons]),
        fitted=[r.fitted for r in book.reasons],
    )
    made: dict[str, Any] = {"cases": len(cases), "sources": len(set(problem.groups)), "views": {}}
    seen_before = odds_left_out(problem, [without_hindsight(cases, view, book) for view in read], book)
    for name, odds, view, bare in zip(
        VIEWS, odds_left_out(problem, read, book), problem.views, seen_before, strict=True
    ):
        stated = as_served(odds, book)
        close = np.abs(odds) <= book.settings.close_call_log_odds
        made["views"][name] = {
            "decision": measured(stated, problem.tuned),
            "without hindsight": measured(as_served(bare, book), problem.tuned),
            "priors alone": measured(sigmoid(view @ problem.prior), problem.tuned),
            "close_calls": {
                "cases": int(close.sum()),
                "tuned": float(problem.tuned[close].mean()) if close.any() else None,
            },
            "slices": {part: measured(stated, problem.tuned, rows) for part, rows in slices(cases).items()},
            "reliability": reliability(stated, problem.tuned),
            "wrong": [f"{c.id} ({c.outcome})" for c, p in zip(cases, stated, strict=True) if (p > 0.5) != c.tuned],
        }
    made["baselines"] = baselines(cases, problem.tuned)
    made["own situations"] = own_situations(book)
    return made


def own_situations(book: DecisionBook) -> dict[str, Any]:
    """Descriptions that we wrote, with the approach that we would advise: judgement, no evidence.

    Each round was written without looking at the patterns and measured before they were widened for it.
    """
    rows = [json.loads(line) for line in SITUATIONS.read_text(encoding="utf-8").splitlines()]
    read = reader()
    made: dict[str, Any] = {"at first sight, task type given": FIRST_SIGHT}
    for name, given in (("now, task type given", True), ("now, description alone", False)):
        right: dict[str, list[bool]] = {}
        for row in rows:
            stated = Requirements(task_type=row["task_type"]) if given else Requirements()
            seen = read(RecommendRequest(description=row["text"], requirements=stated))
            odds = sum(r.weight * r.value(seen) for r in book.reasons)
            right.setdefault(f"round {row['round']}", []).append((odds > 0) == (row["approach"] == "fine_tuning"))
        made[name] = {part: round(float(np.mean(found)), 3) for part, found in right.items()}
    return made


def as_table(made: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        f"# The decision on {made['cases']} decided cases of {made['sources']} sources, leave-one-source-out",
        "",
        AIMS,
        "",
        HINDSIGHT,
        "",
        "| | cases | accuracy | Brier | recall tuning | recall prompting |",
        "|---|---|---|---|---|---|",
    ]
    for name, view in made["views"].items():
        lines += [
            _row(f"**decision, {name}**", view["decision"]),
            _row(f"the same without hindsight, {name}", view["without hindsight"]),
            _row(f"stated priors, {name}", view["priors alone"]),
        ]
        lines += [_row(f"decision, {name}: {part}", figures) for part, figures in view["slices"].items()]
    lines += [_row(f"baseline: {name}", figures) for name, figures in made["baselines"].items()]
    for name, view in made["views"].items():
        lines += [
            "",
            f"## Reliability, {name}",
            "",
            "| stated probability of tuning | cases | mean stated | tuning won |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {b['low']:.1f} to {b['high']:.1f} | {b['cases']} | {b['stated']:.2f} | {b['tuned']:.2f} |"
            for b in view["reliability"]
        ]
        close = view["close_calls"]
        lines += [
            "",
            f"Close calls: {close['cases']}"
            + (f", of which tuning won {close['tuned']:.0%}." if close["cases"] else "."),
        ]
        lines += ["", f"Wrong: {', '.join(view['wrong'])}."]
    lines += ["", "## Situations that we wrote ourselves", "", "Accuracy against our own judgement, by round.", ""]
    lines += [
        f"* {name}: {', '.join(f'{k} {v:.2f}' for k, v in by.items())}" for name, by in made["own situations"].items()
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, figures: dict[str, float]) -> str:
    return (
        f"| {name} | {figures['cases']:.0f} | {figures['accuracy']:.3f} | {figures['brier']:.3f} "
        f"| {figures['recall_fine_tuning']:.2f} | {figures['recall_prompt_engineering']:.2f} |"
    )


def main() -> None:
    """Measure, print, write."""
    made = evaluate(load_decision(shipped("rules") / "decision", shipped("models/decision.json")))
    table = as_table(made)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "decision.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "decision.md").write_text(table, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
