"""The verdict in words: headline, reasons with their evidence, caveats and ordered next steps."""

from collections.abc import Mapping

from app.decision.book import DecisionBook, ReasonRule
from app.decision.clauses import as_text, bills_of, clause, contradicted, late
from app.decision.next_steps import next_steps
from app.decision.odds import ENGLISH, Verdict
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, Workload
from app.schemas.plan import FineTuningPlan, PromptingPlan
from app.schemas.report import Reason, Recommendation, Score
from app.schemas.vocabulary import Approach, Need
from app.units import as_seconds

SHOWN_SHORTS = 2
"""Reasons that a headline names."""
WEAK = 0.15
"""Log-odds under which a reason is not worth naming in a headline or caveat."""
LEAST_SOURCES = 2
SAID_BY_GATE = {"GATE_NO_LABELS": "LABELS_LACKING", "GATE_PROMPT_TOO_SLOW": "LATENCY_LIMIT"}
"""Reasons that would only repeat a gate in the same sentence."""
AGENTIC = frozenset(("agentic", "tools_and_agents"))
TOKENS = {"prompt_tokens": "of prompt", "input_tokens": "of input", "output_tokens": "of answer"}
"""Tokens that a cost and a latency rest on, in words."""


def recommendation(
    verdict: Verdict,
    facts: Facts,
    workload: Workload,
    comparison: Comparison,
    scores: Mapping[Need, Score],
    book: DecisionBook,
    prompting: PromptingPlan | None = None,
    fine_tuning: FineTuningPlan | None = None,
) -> Recommendation:
    """The verdict as the caller sees it. The plans, when given, put names, examples and dollars into the next steps."""
    return Recommendation(
        approach=verdict.approach,
        confidence=round(verdict.confidence, 4),
        close_call=verdict.close_call,
        log_odds=verdict.log_odds,
        headline=headline(verdict, facts),
        reasons=reasons(verdict, facts, comparison, scores),
        caveats=caveats(verdict, facts, workload, book),
        next_steps=next_steps(verdict, facts, comparison, book, prompting, fine_tuning),
    )


def headline(verdict: Verdict, facts: Facts) -> str:
    """The verdict in one sentence."""
    named = strongest(verdict, verdict.approach, facts)
    if verdict.close_call:
        against = strongest(verdict, "fine_tuning", facts)
        other = f", although {against[0]}" if against else ""
        return f"Too close to call, so start with prompting, which is quick to undo{other}."
    verb = "Fine-tune a base model" if verdict.approach == "fine_tuning" else "Prompt a base model, do not fine-tune"
    return f"{verb}: {' and '.join(named)}." if named else f"{verb}."


def strongest(verdict: Verdict, toward: Approach, facts: Facts) -> list[str]:
    """The strongest reasons toward an approach, as clauses; the starting point only when nothing else is there."""
    sign = 1.0 if toward == "fine_tuning" else -1.0
    gates = [g.short for g in verdict.gates if g.toward == toward]
    silent = {SAID_BY_GATE.get(g.code, "") for g in verdict.gates} | contradicted(facts, verdict.situation.comparison)
    rules = [r for r, w in verdict.terms if w * sign >= WEAK and r.code not in silent]
    rules.sort(key=lambda r: bool(r.names.scores))  # what was stated or written says more than a score of it
    specific = [r for r in rules if r.holds is not None]
    said = [clause(r, facts, verdict.situation.comparison) for r in (specific or rules)[:SHOWN_SHORTS]]
    return (gates + said)[:SHOWN_SHORTS]


def reasons(verdict: Verdict, facts: Facts, comparison: Comparison, scores: Mapping[Need, Score]) -> tuple[Reason, ...]:
    """Every term of the log-odds with what it rests on, strongest first; the weights add up to the log-odds."""
    made = [
        Reason(code=g.code, text=g.text, toward=g.toward, weight=g.weight, evidence=g.evidence) for g in verdict.gates
    ]
    made += [
        Reason(
            code=rule.code,
            text=rule.text,
            toward=rule.toward,
            weight=weight,
            evidence=evidence_of(rule, facts, comparison, scores),
        )
        for rule, weight in verdict.terms
    ]
    made.sort(key=lambda r: (-abs(r.weight), r.code))
    return tuple(made)


def evidence_of(
    rule: ReasonRule, facts: Facts, comparison: Comparison, scores: Mapping[Need, Score]
) -> tuple[str, ...]:
    """Facts with their origin, words of the text, scores and figures that a reason rests on, then its sources."""
    found: list[str] = []
    for name in sorted(rule.names.facts):
        value = getattr(facts, name)
        if value is not None:
            source = facts.sources.get(name)
            found.append(f"{name}: {as_text(value)}" + (f" ({source.origin})" if source else ""))
    for name in sorted(rule.names.signals & facts.signals.keys()):
        spans = [facts.text[start:end] for start, end in facts.signals[name][:LEAST_SOURCES] if end > start]
        found.append(f"text: {', '.join(repr(s) for s in spans)}" if spans else f"text: {name}")
    found += [f"score {need}: {scores[need].value:.2f}" for need in sorted(rule.names.scores) if need in scores]
    for name in sorted(rule.names.options):
        figure = getattr(comparison, name)
        if name == "cost_ratio" and (bills := bills_of(comparison)):
            found.append(f"{bills}, everything included over {comparison.horizon_months:g} months")
        elif figure is not None:
            found.append(f"{name}: {as_text(figure)}")
    return (*found, *(f"source: {s}" for s in rule.sources))


RESIDENCY = (
    "The data may not leave a country or region: ask each provider named here whether it processes them there, and at "
    "what price; the catalogue does not know regions."
)


def caveats(verdict: Verdict, facts: Facts, workload: Workload, book: DecisionBook) -> tuple[str, ...]:
    """What could make the verdict wrong, most important first."""
    made: list[str] = []
    if verdict.close_call:
        made.append(
            "The odds are near even and one new fact can turn them; prompting is the default, being cheap to undo."
        )
    made += _late(verdict, facts, workload)
    if len({g.toward for g in verdict.gates}) > 1:
        made.append("Both approaches meet an obstacle; look at the options before anything is spent.")
    other: Approach = "prompt_engineering" if verdict.approach == "fine_tuning" else "fine_tuning"
    against = strongest(verdict, other, facts)
    if against and not verdict.close_call:
        made.append(f"What speaks against it: {' and '.join(against)}.")
    if verdict.approach == "fine_tuning" and facts.prompted_quality is None:
        made.append("No measured quality of a prompt is known: that tuning gains anything is still to be shown.")
    if verdict.approach == "fine_tuning" and facts.labelled_examples is None:
        made.append("The number of labelled examples was not stated.")
    if "data_residency" in facts.signals and not facts.self_hosting_required:
        made.append(RESIDENCY)
    if facts.language not in ENGLISH:
        made.append(f"The text is not English ({facts.language}): it was read only in part, so confidence is lowered.")
    if "requests_per_day" in workload.defaulted:
        made.append(f"The volume was not stated; costs are for {workload.requests_per_day:,.0f} requests a day.")
    made += _tokens(facts, workload)
    made += facts.conflicts
    made.append(book.settings.age_of_evidence)
    return tuple(made)


def _late(verdict: Verdict, facts: Facts, workload: Workload) -> list[str]:
    """What is said when the advised plan is itself expected to miss the latency limit."""
    sides = ("tune", "prompt") if verdict.approach == "fine_tuning" else ("prompt", "tune")
    own, other = (late(facts, verdict.situation.comparison, side) for side in sides)
    if own is None:
        return []
    stated = "assumed" if "output_tokens" in workload.defaulted else "stated"
    beside = f"the other plan too ({as_seconds(other[0])})" if other else "the other plan is not known to"
    return [
        f"The advised plan is expected to miss the latency limit, {as_seconds(own[0])} where {as_seconds(own[1])} are "
        f"allowed; {beside}. Shorter answers than {workload.output_tokens:,.0f} tokens ({stated}) or a looser limit "
        "come before anything else."
    ]


def _tokens(facts: Facts, workload: Workload) -> list[str]:
    """Which numbers of tokens were assumed: every dollar and second rests on them."""
    assumed = [
        f"{getattr(workload, name):,.0f} {words}" for name, words in TOKENS.items() if name in workload.defaulted
    ]
    if not assumed:
        return []
    steps = not AGENTIC.isdisjoint(facts.signals) or workload.task_type == "tool_use"
    more = (
        " Each step of an agent is such a request, so a task of several steps costs several times as much."
        if steps
        else ""
    )
    return [f"Tokens of a request were assumed ({', '.join(assumed)}); costs and latencies rest on them.{more}"]
