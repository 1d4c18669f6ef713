"""The verdict: gates, then log-odds toward fine-tuning that add up, one term per reason."""

from collections.abc import Mapping
from math import exp, fsum

from app.decision.book import WEIGHT_DECIMALS, DecisionBook, ReasonRule
from app.decision.conditions import Situation
from app.decision.gates import Gate, shut_gates
from app.records import record
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, Workload
from app.schemas.report import Score
from app.schemas.vocabulary import Approach, Need

ENGLISH = ("en", "unknown")
"""Languages whose texts are read in full; of short texts the language often stays unknown."""


@record
class Verdict:
    """What to do, how sure, and the terms that lead there; `words.py` tells them to people."""

    approach: Approach
    confidence: float
    """Probability that this is the better approach, 0.5 to 1."""
    close_call: bool
    log_odds: float
    """Toward fine-tuning: the sum of the terms' and gates' weights."""
    terms: tuple[tuple[ReasonRule, float], ...]
    """Reasons that hold, with their log-odds toward fine-tuning; strongest first."""
    gates: tuple[Gate, ...]
    situation: Situation
    """What was decided on."""


def decide(
    scores: Mapping[Need, Score],
    facts: Facts,
    workload: Workload,  # noqa: ARG001 - the interface; defaults of the task type are no evidence
    comparison: Comparison,
    book: DecisionBook,
) -> Verdict:
    """The verdict for a task. Pure; about 40 microseconds, because sensitivity asks it many times."""
    situation = Situation(facts, scores, comparison)
    gates = shut_gates(situation, book)
    terms = [(rule, round(rule.weight * value, WEIGHT_DECIMALS)) for rule, value in holding(situation, book)]
    terms = [term for term in terms if term[1]]
    terms.sort(key=lambda term: (-abs(term[1]), term[0].code))
    log_odds = round(fsum([*(w for _, w in terms), *(g.weight for g in gates)]), WEIGHT_DECIMALS)
    trusted = log_odds if facts.language in ENGLISH else log_odds * book.settings.foreign_language_trust
    band = book.settings.close_call_log_odds
    close = -band <= trusted <= band
    approach: Approach = "fine_tuning" if trusted > 0 and not close else "prompt_engineering"
    toward = trusted if approach == "fine_tuning" else -trusted
    return Verdict(approach, max(0.5, probability(toward)), close, log_odds, tuple(terms), gates, situation)


def holding(situation: Situation, book: DecisionBook) -> list[tuple[ReasonRule, float]]:
    """Reasons that hold, with their strength, 0 to 1."""
    index, facts = book.index, situation.facts
    tried = dict.fromkeys(rule for signal in facts.signals for rule in index.by_signal.get(signal, ()))
    made = []
    for rules in (index.by_task.get(facts.task_type or "", ()), tried, index.others):
        for rule in rules:
            value = rule.value(situation)
            if value > 0:
                made.append((rule, value))
    return made


def probability(log_odds: float) -> float:
    """The probability that belongs to log-odds, without overflow."""
    if log_odds >= 0:
        return 1.0 / (1.0 + exp(-log_odds))
    odds = exp(log_odds)
    return odds / (1.0 + odds)
