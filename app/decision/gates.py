"""Gates: what makes an approach impossible, or nearly so, whatever speaks for it."""

from app.decision.book import DecisionBook
from app.decision.conditions import Situation
from app.decision.entries import GateEntry
from app.records import record
from app.schemas.vocabulary import Approach
from app.units import as_seconds


@record
class Gate:
    """A gate that is shut."""

    code: str
    toward: Approach
    """The approach that remains."""
    weight: float
    """Log-odds toward fine-tuning."""
    short: str
    text: str
    evidence: tuple[str, ...]


WAYS_TO_LABEL = frozenset(("experts_label", "labels_generated"))
"""Signals of text that says how labels can be had."""
LABELS_SAID = frozenset(("labels_at_hand", "labels_exist"))
"""Signals that contradict a small number that was only read from the text."""


def shut_gates(situation: Situation, book: DecisionBook) -> tuple[Gate, ...]:
    """Every gate that is shut for this task; usually none."""
    made = []
    if blocked := tuning_has_nothing_to_learn_from(situation, book):
        made.append(_gate(book.gates["GATE_NO_LABELS"], f"labelled_examples: {blocked}"))
    if blocked := tuning_cannot_be_trained(situation):
        made.append(_gate(book.gates["GATE_TUNING_UNAVAILABLE"], blocked))
    slow_prompt = misses_latency(situation, book, "prompt")
    slow_tune = misses_latency(situation, book, "tune")
    if slow_prompt and not slow_tune:
        made.append(_gate(book.gates["GATE_PROMPT_TOO_SLOW"], slow_prompt, slow_prompt))
    if slow_tune and not slow_prompt:
        made.append(_gate(book.gates["GATE_TUNED_TOO_SLOW"], slow_tune, slow_tune))
    if not situation.comparison.prompt_fits_context:
        made.append(_gate(book.gates["GATE_PROMPT_TOO_LONG"], "the prompt exceeds the context"))
    return tuple(made)


def tuning_has_nothing_to_learn_from(situation: Situation, book: DecisionBook) -> str:
    """Why there are too few labels and no way to get more; empty when that is not known."""
    facts = situation.facts
    labels = facts.labelled_examples
    if labels is None or labels >= book.settings.few_labels or not WAYS_TO_LABEL.isdisjoint(facts.signals):
        return ""
    source = facts.sources.get("labelled_examples")
    if source is not None and source.origin != "given" and not LABELS_SAID.isdisjoint(facts.signals):
        return ""
    return f"{labels:,.0f}, below {book.settings.few_labels:,.0f}"


def tuning_cannot_be_trained(situation: Situation) -> str:
    """Why nothing can be trained: no GPU fits and no provider offers it; empty otherwise."""
    comparison = situation.comparison
    if comparison.tune_fits_gpu:
        return ""
    if comparison.tune_hosted_offered and not situation.facts.self_hosting_required:
        return ""
    return "the planned training fits no GPU of the catalogue, and no provider's offer may be used"


def misses_latency(situation: Situation, book: DecisionBook, side: str) -> str:
    """Which latency limit an option misses clearly, `prompt` or `tune`; empty when it meets or none is known."""
    facts, figures = situation.facts, situation.comparison
    if side == "prompt":
        whole, first = figures.prompt_latency_p95_seconds, figures.prompt_time_to_first_token_seconds
    else:
        whole, first = figures.tune_latency_p95_seconds, figures.tune_time_to_first_token_seconds
    slack = book.settings.latency_slack
    if facts.latency_p95_seconds is not None and whole is not None and whole > slack * facts.latency_p95_seconds:
        return f"{as_seconds(whole)} expected, {as_seconds(facts.latency_p95_seconds)} allowed"
    limit = facts.time_to_first_token_p95_seconds
    if limit is not None and first is not None and first > slack * limit:
        return f"first token after {as_seconds(first)} expected, {as_seconds(limit)} allowed"
    return ""


def _gate(entry: GateEntry, evidence: str, figures: str = "") -> Gate:
    """`figures` go into the headline's clause."""
    sign = 1.0 if entry.toward == "fine_tuning" else -1.0
    short = f"{entry.short} ({figures})" if figures else entry.short
    return Gate(entry.code, entry.toward, sign * entry.weight, short, entry.text, (evidence, entry.source))
