"""What to do, in order: measure prompting first, at a stated cost, and say which result would change the plan."""

from math import sqrt

from app.decision.book import DecisionBook
from app.decision.clauses import as_shown, clause, contradicted, late
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
MOST_EVALUATION = 1000
"""More examples tell differences under 2.5 points apart, which few decisions hang on."""
BEST_QUALITY = 0.97
"""Above it the error of a measurement is not taken to shrink further."""
IN_THE_PROMPT = {
    "few_shot": "a few examples in the prompt",
    "dynamic_examples": "the examples nearest to each input",
    "structured_output": "structured output",
    "closed_labels": "the closed list of labels",
    "output_validation": "validation of the output",
    "tool_calling": "declared tools",
    "retrieval": "retrieval",
    "chain_of_thought": "steps before the answer",
    "decomposition": "the task split into steps",
    "several_candidates": "several candidates",
    "style_guide": "a style guide",
    "prompt_optimization": "work on the prompt",
}
"""Techniques that change what the prompt says or holds, as they stand in a sentence. The others change who runs it and
what it costs."""
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
        _what_would_change(verdict, facts, comparison, examples),
    ]
    if verdict.approach == "fine_tuning":
        steps += [_pilot(facts, comparison, fine_tuning, examples), _roll_out(facts, comparison)]
    else:
        steps += [_improve_prompt(prompting), _when_to_return(verdict, facts, comparison, fine_tuning)]
    return tuple(s for s in steps if s)


def evaluation_examples(facts: Facts, book: DecisionBook) -> int:
    """Examples for the first measurement: enough to see the gap to the target, at most a fifth of the labelled ones.

    Never fewer than the least that says anything.
    """
    wanted = max(book.settings.evaluation_examples, min(MOST_EVALUATION, _telling(facts)))
    if facts.labelled_examples:
        wanted = min(wanted, max(book.settings.least_evaluation_examples, facts.labelled_examples * EVALUATION_SHARE))
    return round(wanted)


def _gap(facts: Facts) -> float:
    """Quality that the best prompt lacks to the target; 0 when it lacks none or either is unknown."""
    if facts.prompted_quality is None or facts.target_quality is None:
        return 0.0
    return max(0.0, facts.target_quality - facts.prompted_quality)


def _quality(facts: Facts) -> float:
    """Quality around which one measures: the prompt's where it is known."""
    return min(BEST_QUALITY, facts.prompted_quality or USUAL_QUALITY)


def _error(facts: Facts, examples: float) -> float:
    """Twice the standard error of a share of right answers."""
    return TWO_ERRORS * sqrt(_quality(facts) * (1 - _quality(facts)) / examples)


def _telling(facts: Facts) -> float:
    """Examples from which a gap as small as the one to the target exceeds the error; 0 when no gap is known."""
    return (_error(facts, 1) / _gap(facts)) ** 2 if _gap(facts) > 0 else 0.0


def _evaluation_set(facts: Facts, examples: int) -> str:
    if facts.labelled_examples and facts.labelled_examples >= examples:
        where = f"Set {examples:,} of the {facts.labelled_examples:,.0f} labelled examples aside"
    else:
        where = f"Collect {examples:,} real inputs with the right output"
    return (
        f"{where}, chosen at random from what production will see, and let no prompt and no training look at them or "
        "at near-copies of them."
    )


def _measure_prompting(facts: Facts, comparison: Comparison, prompting: PromptingPlan | None, examples: int) -> str:
    name = prompting.model if prompting else "the base model of the prompting plan"
    using = _in_words([IN_THE_PROMPT[t.name] for t in _techniques(prompting)[:MOST_TECHNIQUES]])
    each = comparison.prompt_usd_per_request
    cost = f"; this costs about {as_usd(each * examples)} in tokens" if each is not None else ""
    quality = facts.prompted_quality
    known = f" It was {as_shown('prompted_quality', quality)} so far." if quality is not None else ""
    return f"Prompt {name}{using} and measure it on these {examples:,} examples{cost}.{known}"


def _techniques(prompting: PromptingPlan | None) -> list[Technique]:
    """Techniques that change the prompt; the evaluation set is a step of its own."""
    return [t for t in prompting.techniques if t.name in IN_THE_PROMPT] if prompting else []


def _in_words(names: list[str]) -> str:
    if not names:
        return ""
    return f" with {', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else f" with {names[0]}"


def _what_would_change(verdict: Verdict, facts: Facts, comparison: Comparison, examples: int) -> str:
    error, gap = _error(facts, examples), _gap(facts)
    exact = f"one measurement on {examples:,} examples is good to about {100 * error:.0f} points either way"
    if 0 < gap < error:
        exact += f"; to be sure of the {100 * gap:.2g} points in question takes about {_telling(facts):,.0f}"
    target = facts.target_quality
    goal = as_shown("target_quality", target) if target is not None else "the quality that you agree on beforehand"
    if verdict.approach == "prompt_engineering":
        return f"If it stays below {goal} after the plan's techniques were tried ({exact}), tuning comes into question."
    gain = _left_to_gain(facts, comparison)
    if gain:
        return f"If it reaches {goal} ({exact}), tune only because {gain}, and only once that is measured too."
    return f"If it reaches {goal} ({exact}), stop: prompting is enough. If not, go on."


def _left_to_gain(facts: Facts, comparison: Comparison) -> str:
    """What tuning still gains once the prompt is good enough: time or money, by the estimates; empty when nothing."""
    slow = late(facts, comparison, "prompt")
    if slow and not late(facts, comparison, "tune"):
        return f"the prompt is expected to take {as_seconds(slow[0])} where {as_seconds(slow[1])} are allowed"
    tuned, prompted = comparison.tune_total_usd, comparison.prompt_total_usd
    if tuned is not None and prompted is not None and tuned < prompted:
        saved = as_usd((prompted - tuned) / comparison.horizon_months)
        return f"it is expected to save {saved} a month against this prompt"
    return ""


def _pilot(facts: Facts, comparison: Comparison, plan: FineTuningPlan | None, examples: int) -> str:
    if plan is None:
        return "Tune a small base model on part of the labelled examples and compare it on the same test set."
    cost = _about(plan.data.pilot_cost_usd) or (
        f" for about {as_usd(comparison.tune_training_usd)}" if comparison.tune_training_usd is not None else ""
    )
    same = f"on the same {examples:,} examples"
    goal = f"beats the prompt by more than {100 * sqrt(2) * _error(facts, examples):.0f} points {same}"
    if _gap(facts) > 0:
        goal = f"reaches {as_shown('target_quality', facts.target_quality)} {same} and the prompt did not"
    level = ", or matches the prompt, since it saves time or money" if _left_to_gain(facts, comparison) else ""
    return (
        f"Tune {plan.base_model} on {plan.data.pilot_examples:,} examples{cost}; go on if it "
        f"{goal}{level}. Where it falls short, double its examples once: stop if that gains nothing."
    )


def _about(cost: Range | None) -> str:
    return f" for about {as_usd(cost.expected)} of GPU time" if cost is not None else ""


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
    why = first.because.rstrip(".")
    if why[1:2].islower():  # an abbreviation such as JSON keeps its capitals
        why = f"{why[:1].lower()}{why[1:]}"
    name = IN_THE_PROMPT[first.name]
    return f"Start with {name}: {why}. Change one thing at a time and keep what moves the measurement."


def _when_to_return(verdict: Verdict, facts: Facts, comparison: Comparison, plan: FineTuningPlan | None) -> str:
    silent = contradicted(facts, comparison)
    for_tuning = [r for r, w in verdict.terms if w > 0 and r.about not in ("team", "data") and r.code not in silent]
    against = [clause(r, facts, comparison) for r in for_tuning]
    needed = _needed_labels(facts, plan)
    why = f", the more so because {against[0]}" if against else ""
    return (
        "Keep inputs, answers and corrections: they are the labels. "
        f"Come back to tuning when prompting has levelled off below the goal{needed}{why}."
    )


def _needed_labels(facts: Facts, plan: FineTuningPlan | None) -> str:
    if plan is None:
        return ""
    if (facts.labelled_examples or 0) >= plan.data.needed_examples:
        return f" (the {facts.labelled_examples:,.0f} labelled examples are enough to start)"
    return f" and {plan.data.needed_examples:,} labelled examples exist"
