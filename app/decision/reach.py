"""How far the log-odds can move when one fact changes: what cannot matter is not evaluated.

A what-if through the whole pipeline costs hundreds of times what it costs to weigh the few reasons that look at the
fact. So the reasons that look at it directly are weighed exactly; those that look at scores or at the options'
figures, which the fact may change too, are taken at their widest. Only when even odds lie inside is it evaluated.
"""

from dataclasses import dataclass, replace
from typing import Any

from app.decision.book import DecisionBook, ReasonRule
from app.decision.conditions import Situation
from app.decision.gates import tuning_has_nothing_to_learn_from
from app.decision.odds import ENGLISH, Verdict
from app.schemas.facts import Facts, FactSource

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
        "prompted_quality",
        "prompting_effort",
        "target_quality",
        "domain",
        "stage",
        "max_invalid_output_rate",
        "training_budget_usd",
        "monthly_budget_usd",
    )
)
"""Facts that may shape the plans, and through them the figures that reasons look at."""
GIVEN = FactSource("given")
LATENCY_GATES = frozenset(("GATE_PROMPT_TOO_SLOW", "GATE_TUNED_TOO_SLOW"))


def changed(facts: Facts, fact: str, value: Any) -> Facts:
    """The same task with another value of one fact, as if the caller had stated it."""
    made: dict[str, Any] = {fact: value, "sources": {**facts.sources, fact: GIVEN}}
    return replace(facts, **made)


@dataclass(frozen=True, slots=True)
class Reach:
    """What one fact can do to a verdict."""

    fact: str
    direct: tuple[ReasonRule, ...]
    """Reasons that look at the fact and at nothing that it may change otherwise."""
    low: float
    """Least that the rest can come to: untouched terms, and open ones at their lowest."""
    high: float
    """Most that the rest can come to."""
    threshold: float
    """Log-odds above which the verdict is fine-tuning."""
    tuning_now: bool
    latency_low: float
    """Gates of latency limits, which are open only while some limit is known."""
    latency_high: float

    def flips(self, situation: Situation, book: DecisionBook) -> bool | None:
        """Whether the verdict flips in this situation; None when only a whole evaluation can tell."""
        known = sum(r.weight * r.value(situation) for r in self.direct)
        if self.fact == "labelled_examples" and tuning_has_nothing_to_learn_from(situation, book):
            known -= book.gates["GATE_NO_LABELS"].weight
        low, high = known + self.low, known + self.high
        facts = situation.facts
        if facts.latency_p95_seconds is not None or facts.time_to_first_token_p95_seconds is not None:
            low, high = low + self.latency_low, high + self.latency_high
        if low > self.threshold:
            return not self.tuning_now
        if high <= self.threshold:
            return self.tuning_now
        return None

    def may_flip(self) -> bool:
        """False when no value of the fact can flip the verdict."""
        low = self.low + self.latency_low + sum(min(0.0, r.weight) for r in self.direct)
        high = self.high + self.latency_high + sum(max(0.0, r.weight) for r in self.direct)
        if self.fact == "labelled_examples":
            return True
        return low <= self.threshold if self.tuning_now else high > self.threshold


def reach_of(fact: str, facts: Facts, verdict: Verdict, book: DecisionBook) -> Reach:
    """What `fact` can do to `verdict`, everything else staying as it is."""
    moved = book.needs_moved(fact)
    open_rules, direct = [], []
    for rule in book.reasons:
        if rule.names.scores & moved or (rule.names.options and fact in PLAN_FACTS):
            open_rules.append(rule)
        elif fact in rule.names.facts or fact in rule.names.consulted:
            direct.append(rule)
    touched = {rule.code for rule in (*open_rules, *direct)}
    rest = sum(weight for rule, weight in verdict.terms if rule.code not in touched)
    low = rest + sum(min(0.0, r.weight) for r in open_rules)
    high = rest + sum(max(0.0, r.weight) for r in open_rules)
    latency_low = latency_high = 0.0
    shut = {g.code: g.weight for g in verdict.gates}
    for code, gate in book.gates.items():
        weight = gate.weight if gate.toward == "fine_tuning" else -gate.weight
        if fact not in gate.moved_by:
            low, high = low + shut.get(code, 0.0), high + shut.get(code, 0.0)
        elif code in LATENCY_GATES:
            latency_low, latency_high = latency_low + min(0.0, weight), latency_high + max(0.0, weight)
        elif code != "GATE_NO_LABELS":
            low, high = low + min(0.0, weight), high + max(0.0, weight)
    trust = 1.0 if facts.language in ENGLISH else book.settings.foreign_language_trust
    threshold = book.settings.close_call_log_odds / trust if trust else float("inf")
    return Reach(
        fact, tuple(direct), low, high, threshold, verdict.approach == "fine_tuning", latency_low, latency_high
    )
