"""How far the log-odds can move when one fact changes: what cannot matter is not evaluated.

A what-if through the whole pipeline costs hundreds of times what it costs to weigh the few reasons that look at the
fact. So the reasons that look at it directly are weighed exactly; those that look at scores or at the options'
figures, which the fact may change too, are taken at their widest. Only when even odds lie inside is it evaluated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from app.decision.book import DecisionBook, ReasonRule
from app.decision.conditions import Situation
from app.decision.gates import tuning_has_nothing_to_learn_from
from app.decision.odds import ENGLISH, Verdict
from app.records import record
from app.schemas.facts import Facts, FactSource
from app.schemas.vocabulary import Need

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


def needs_read_by(rules: Iterable[tuple[Need, str, str]]) -> dict[str, frozenset[Need]]:
    """Which needs' scores each fact can change, from (need, group, name) of everything that a rule reads.

    A rule that reads a figure of the options can be moved by every fact that shapes the plans. For `load_decision`.
    """
    made: dict[str, frozenset[Need]] = {}
    for need, group, name in rules:
        for fact in (name,) if group == "facts" else PLAN_FACTS if group == "options" else ():
            made[fact] = made.get(fact, frozenset()) | {need}
    return made


def changed(facts: Facts, fact: str, value: Any) -> Facts:
    """The same task with another value of one fact, as if the caller had stated it."""
    made: dict[str, Any] = {fact: value, "sources": {**facts.sources, fact: GIVEN}}
    return replace(facts, **made)


@record
class Outlook:
    """What reasoning alone says of a what-if."""

    flips: bool
    """The best guess: scores and figures stay as they are."""
    certain: bool
    """No score or figure that the fact may change could turn it."""


@record
class Reach:
    """What one fact can do to a verdict."""

    fact: str
    direct: tuple[ReasonRule, ...]
    """Reasons that look at the fact and at nothing that it may change otherwise."""
    low: float
    """Least that all else can come to: untouched terms, and open ones at their lowest."""
    now: float
    """What all else comes to as things are."""
    high: float
    """Most that all else can come to."""
    latency_low: float
    """Gates of latency limits, which are open only while some limit is known."""
    latency_high: float
    threshold: float
    """Log-odds above which the verdict is fine-tuning."""
    tuning_now: bool

    def outlook(self, situation: Situation, book: DecisionBook) -> Outlook:
        """Whether the verdict flips in this situation, and whether that is certain."""
        known = sum(r.weight * r.value(situation) for r in self.direct)
        if self.fact == "labelled_examples" and tuning_has_nothing_to_learn_from(situation, book):
            known -= book.gates["GATE_NO_LABELS"].weight
        low, high = known + self.low, known + self.high
        facts = situation.facts
        if facts.latency_p95_seconds is not None or facts.time_to_first_token_p95_seconds is not None:
            low, high = low + self.latency_low, high + self.latency_high
        guess = (known + self.now > self.threshold) != self.tuning_now
        return Outlook(flips=guess, certain=low > self.threshold or high <= self.threshold)

    def may_flip(self) -> bool:
        """False when no value of the fact can flip the verdict."""
        low = self.low + self.latency_low + sum(min(0.0, r.weight) for r in self.direct)
        high = self.high + self.latency_high + sum(max(0.0, r.weight) for r in self.direct)
        if self.fact == "labelled_examples":  # its own gate is weighed exactly, value by value
            return True
        return low <= self.threshold if self.tuning_now else high > self.threshold


def reach_of(fact: str, facts: Facts, verdict: Verdict, book: DecisionBook) -> Reach:
    """What `fact` can do to `verdict`, everything else staying as it is."""
    direct, open_rules = _touched(fact, facts, book)
    present = {rule.code: weight for rule, weight in verdict.terms}
    touched = {rule.code for rule in (*open_rules, *direct)}
    rest = sum(weight for code, weight in present.items() if code not in touched)
    gates, latency_gates = _gate_spans(fact, verdict, book)
    trust = 1.0 if facts.language in ENGLISH else book.settings.foreign_language_trust
    return Reach(
        fact=fact,
        direct=direct,
        low=rest + gates.low + sum(min(0.0, r.weight) for r in open_rules),
        now=rest + gates.now + latency_gates.now + sum(present.get(r.code, 0.0) for r in open_rules),
        high=rest + gates.high + sum(max(0.0, r.weight) for r in open_rules),
        latency_low=latency_gates.low,
        latency_high=latency_gates.high,
        threshold=book.settings.close_call_log_odds / trust if trust else float("inf"),
        tuning_now=verdict.approach == "fine_tuning",
    )


@record
class Span:
    """Least, present and most log-odds."""

    low: float
    now: float
    high: float


def _gate_spans(fact: str, verdict: Verdict, book: DecisionBook) -> tuple[Span, Span]:
    """What the gates can come to, those of latency limits apart; the gate of labels is weighed exactly elsewhere."""
    plain, latency = [Span(0.0, 0.0, 0.0)], [Span(0.0, 0.0, 0.0)]
    for code, gate in book.gates.items():
        weight = gate.weight if gate.toward == "fine_tuning" else -gate.weight
        shut = weight if any(g.code == code for g in verdict.gates) else 0.0
        moved = fact in gate.moved_by
        if code == "GATE_TUNING_UNAVAILABLE" and fact == "self_hosting_required":
            moved = not verdict.situation.comparison.tune_fits_gpu  # what fits a GPU fits one's own
        if not moved:
            plain.append(Span(shut, shut, shut))
        elif code != "GATE_NO_LABELS":
            (latency if code in LATENCY_GATES else plain).append(Span(min(0.0, weight), shut, max(0.0, weight)))
    return _summed(plain), _summed(latency)


def _summed(spans: Sequence[Span]) -> Span:
    return Span(sum(s.low for s in spans), sum(s.now for s in spans), sum(s.high for s in spans))


def _touched(fact: str, facts: Facts, book: DecisionBook) -> tuple[tuple[ReasonRule, ...], tuple[ReasonRule, ...]]:
    """Reasons that `fact` moves by itself, and those that it may move through scores or figures."""
    moved = book.needs_moved(fact)
    direct, open_rules = [], []
    for rule in book.reasons:
        if any(name != fact and getattr(facts, name) is None for name in rule.needed):
            continue  # it cannot hold, whatever the fact
        if rule.names.scores & moved or (rule.names.options and fact in PLAN_FACTS):
            open_rules.append(rule)
        elif fact in rule.names.facts or fact in rule.names.consulted:
            direct.append(rule)
    return tuple(direct), tuple(open_rules)
