"""How far the log-odds can move when one fact changes: what cannot matter is not tried."""

from dataclasses import replace
from typing import Any

from app.decision.book import DecisionBook, ReasonRule
from app.decision.odds import Verdict
from app.schemas.facts import Facts

PLAN_FACTS = frozenset(
    (
        "task_type",
        "requests_per_day",
        "peak_requests_per_second",
        "input_tokens",
        "prompt_tokens",
        "output_tokens",
        "labelled_examples",
        "tokens_per_example",
        "latency_p95_seconds",
        "time_to_first_token_p95_seconds",
        "self_hosting_required",
        "max_base_model_parameters",
        "data_sensitivity",
        "knowledge_changes",
        "horizon_months",
        "languages",
        "output_format",
    )
)
"""Facts that shape the plans, and through them the figures that gates and reasons look at."""
GATE_FACTS = PLAN_FACTS


def could_flip(fact: str, verdict: Verdict, book: DecisionBook) -> bool:
    """False when no value of `fact` can flip the verdict: the terms that it touches cannot carry the odds across."""
    touched = [r for r in book.reasons if touches(fact, r)]
    present = {rule.code: weight for rule, weight in verdict.terms}
    rest = verdict.log_odds - sum(present.get(r.code, 0.0) for r in touched)
    lowest = rest + sum(min(0.0, r.weight) for r in touched)
    highest = rest + sum(max(0.0, r.weight) for r in touched)
    if fact in GATE_FACTS:
        shut = sum(g.weight for g in verdict.gates)
        lowest += -shut + sum(-g.weight for g in book.gates.values() if g.toward == "prompt_engineering")
        highest += -shut + sum(g.weight for g in book.gates.values() if g.toward == "fine_tuning")
    band = book.settings.close_call_log_odds
    return lowest <= band if verdict.approach == "fine_tuning" else highest > band


def touches(fact: str, rule: ReasonRule) -> bool:
    """The fact can change how strongly the reason holds: directly, through a score, or through the plans' figures."""
    names = rule.names
    if fact in names.facts or fact in names.consulted or names.scores:
        return True
    return bool(names.options) and fact in PLAN_FACTS


def changed(facts: Facts, fact: str, value: Any) -> Facts:
    """The same task with another value of one fact."""
    made: dict[str, Any] = {fact: value}
    return replace(facts, **made)
