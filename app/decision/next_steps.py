"""What to do, in order: measure prompting first, at a stated cost, and say which result would change the plan."""

from math import sqrt

from app.decision.book import DecisionBook
from app.decision.clauses import clause
from app.decision.odds import Verdict
from app.schemas.base import Range
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts
from app.schemas.plan import FineTuningPlan, PromptingPlan, Technique
from app.units import as_seconds, as_usd

USUAL_QUALITY = 0.8
"""Quality assumed for the size of a measurement's error when none is known; the error is largest at 0.5."""
TWO_ERRORS = 2
MOST_TECHNIQUES = 3
EVALUATION_SHARE = 0.2
"""At most this share of the labelled examples is kept for evaluation."""


def next_steps(
    verdict: Verdict,
    facts: Facts,
    comparison: Comparison,
    book: DecisionBook,
    prompting: PromptingPlan | None,
    fine_tuning: FineTuningPlan | None,
) -> tuple[str, ...]:
    """Ordered steps. Prompting is measured before money is spent on tuning, whatever the verdict."""
    examples = evaluation_examples(facts, book)
    steps = [
        _evaluation_set(facts, examples),
        _measure_prompting(facts, comparison, prompting, examples),
        _what_would_change(verdict, facts, examples),
    ]
    if verdict.approach == "fine_tuning":
        steps += [_pilot(comparison, fine_tuning, examples), _roll_out(facts, comparison)]
    else:
        steps += [_improve_prompt(prompting), _when_to_return(verdict, facts, fine_tuning)]
    return tuple(s for s in steps if s)


def evaluation_examples(facts: Facts, book: DecisionBook) -> int:
    """Examples for the first measurement: a fifth of the labelled ones, not more than needed, not fewer than 30."""
    wanted = book.settings.evaluation_examples
    if facts.labelled_examples:
        wanted = min(wanted, max(book.settings.least_evaluation_examples, facts.labelled_examples * EVALUATION_SHARE))
    return round(wanted)


def _evaluation_set(facts: Facts, examples: int) -> str:
    if facts.labelled_examples and facts.labelled_examples >= examples:
        where = f"Set {examples} of the {facts.labelled_examples:,.0f} labelled examples aside"
    else:
        where = f"Collect {examples} real inputs with the right output"
    return f"{where}, chosen at random from what production will see, and let no prompt and no training look at them."


def _measure_prompting(facts: Facts, comparison: Comparison, prompting: PromptingPlan | None, examples: int) -> str:
    name = prompting.model if prompting else "the base model of the prompting plan"
    using = _in_words([t.name.replace("_", " ") for t in _techniques(prompting)[:MOST_TECHNIQUES]])
    each = comparison.prompt_usd_per_request
    cost = f"; this costs about {as_usd(each * examples)} in tokens" if each is not None else ""
    known = f" It was {facts.prompted_quality:.0%} so far." if facts.prompted_quality is not None else ""
    return f"Prompt {name}{using} and measure it on these {examples} examples{cost}.{known}"


def _techniques(prompting: PromptingPlan | None) -> list[Technique]:
    """Techniques that change the prompt; the evaluation set is a step of its own."""
    return [t for t in prompting.techniques if t.name != "evaluation_set"] if prompting else []


def _in_words(names: list[str]) -> str:
    if not names:
        return ""
    return f" with {', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else f" with {names[0]}"


def _what_would_change(verdict: Verdict, facts: Facts, examples: int) -> str:
    error = TWO_ERRORS * sqrt(USUAL_QUALITY * (1 - USUAL_QUALITY) / examples)
    exact = f"(one measurement on {examples} examples is good to about {100 * error:.0f} points either way)"
    target = facts.target_quality
    goal = f"{target:.0%}" if target is not None else "the quality that you agree on beforehand"
    running = [clause(r, facts) for r, w in verdict.terms if r.about == "running" and w > 0]
    if verdict.approach == "fine_tuning" and running:
        return f"If it reaches {goal} {exact}, tune only because {running[0]}, and only once that is measured too."
    if verdict.approach == "fine_tuning":
        return f"If it reaches {goal} {exact}, stop: prompting is enough. If not, go on."
    return f"If it stays below {goal} after the plan's techniques were tried {exact}, tuning comes into question."


def _pilot(comparison: Comparison, plan: FineTuningPlan | None, examples: int) -> str:
    if plan is None:
        return "Tune a small base model on part of the labelled examples and compare it on the same test set."
    cost = _about(plan.data.pilot_cost_usd) or (
        f" for about {as_usd(comparison.tune_training_usd)}" if comparison.tune_training_usd is not None else ""
    )
    error = TWO_ERRORS * sqrt(2 * USUAL_QUALITY * (1 - USUAL_QUALITY) / examples)
    return (
        f"Tune {plan.base_model} on {plan.data.pilot_examples:,} examples{cost}; go on only if it beats the prompt "
        f"by more than {100 * error:.0f} points on the same {examples} examples, "
        "or matches it where price or speed is the reason."
    )


def _about(cost: Range | None) -> str:
    return f" for about {as_usd(cost.expected)}" if cost is not None else ""


def _roll_out(facts: Facts, comparison: Comparison) -> str:
    first, last = "Serve it to a share of the traffic", "keep the prompt as the way back"
    limit = facts.latency_p95_seconds
    if limit is not None:
        return f"{first}, check the 95th percentile against {as_seconds(limit)} before the switch, and {last}."
    if comparison.tune_monthly_usd is not None:
        return f"{first}, check the bill against {as_usd(comparison.tune_monthly_usd)} a month, and {last}."
    return f"{first} first and {last}."


def _improve_prompt(prompting: PromptingPlan | None) -> str:
    techniques = _techniques(prompting)
    if not techniques:
        return "Change one thing in the prompt at a time and keep what moves the measurement."
    first = techniques[0]
    why = f"{first.because[:1].lower()}{first.because[1:].rstrip('.')}"
    name = first.name.replace("_", " ")
    return f"Start with {name}: {why}. Change one thing at a time and keep what moves the measurement."


def _when_to_return(verdict: Verdict, facts: Facts, plan: FineTuningPlan | None) -> str:
    against = [clause(r, facts) for r, w in verdict.terms if w > 0 and r.about != "team"]
    needed = f" and {plan.data.needed_examples:,} labelled examples exist" if plan else ""
    why = f", the more so because {against[0]}" if against else ""
    return (
        "Keep inputs, answers and corrections: they are the labels. "
        f"Come back to tuning when prompting has levelled off below the goal{needed}{why}."
    )
