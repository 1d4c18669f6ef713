"""The approach itself, what is missing to decide it, and what text and fields say differently."""

from collections.abc import Iterator

from app.checks.case import APPROACH_WORDS, Case
from app.checks.finding import Raw, Severity

WEAK_EFFORTS = ("none", "single_prompt")
STALE_WORDS = "prices were last checked"
LANGUAGE_WORDS = "does not seem to be English"
MOST_MISSING = 3
"""Questions asked at most: those whose answers are worth most."""


def approach(case: Case) -> Iterator[Raw]:
    """The proposal and the advice differ."""
    advice, proposed = case.report.recommendation, case.proposal.approach
    if advice.approach == proposed:
        return
    sure = advice.confidence >= case.book.settings["confident_from"]
    severity: Severity = "info" if advice.close_call else "error" if sure else "warning"
    word = "close call" if advice.close_call else f"confidence {advice.confidence:.0%}"
    strongest = [r for r in advice.reasons if r.toward == advice.approach][:MOST_MISSING]
    yield Raw(
        rule="PROPOSAL-APPROACH",
        severity=severity,
        message=f"The proposal says {APPROACH_WORDS[proposed]}, "
        f"the advice is {APPROACH_WORDS[advice.approach]} ({word}).",
        number="; ".join(f"{r.weight:+.2f} {_sentence(r.text)}" for r in strongest),
        change=_first_step(case),
        pointer="/approach",
    )


def _sentence(text: str) -> str:
    return text.rstrip(".")


def _first_step(case: Case) -> str:
    advice = case.report.recommendation
    flips = [s.text for s in case.report.sensitivity if s.approach_beyond == case.proposal.approach]
    turn = f" It would turn: {flips[0]}" if flips else ""
    return f"Set `approach: {advice.approach}`, or say in the requirements what speaks for your choice.{turn}"


def missing(case: Case) -> Iterator[Raw]:
    """Facts that nobody stated and that could change the verdict."""
    asked = [m for m in case.report.missing if m.could_change_approach]
    for fact in sorted(asked, key=lambda m: -m.value)[:MOST_MISSING]:
        weighty = fact.value >= case.book.settings["missing_weighty_from"]
        yield Raw(
            rule="MISSING-FACT",
            severity="warning" if weighty else "info",
            message=f"`{fact.requirement}` is not stated and could change the verdict. {fact.question}",
            number=f"{fact.value:.0%} of the plausible answers give the other verdict.",
            change=f"Add `{fact.requirement}:` to the requirements.",
            pointer="/requirements",
            subject=fact.requirement,
        )


def prompt_baseline(case: Case) -> Iterator[Raw]:
    """Tuning is proposed before prompting was measured well."""
    if not case.tunes:
        return
    quality, effort = case.known("prompted_quality"), case.known("prompting_effort")
    if quality is None:
        yield Raw(
            rule="BASELINE-MISSING",
            severity="warning",
            message="No measured quality of a prompt is stated, so nothing shows that tuning gains anything.",
            pointer="/requirements",
        )
    elif effort in WEAK_EFFORTS:
        yield Raw(
            rule="BASELINE-WEAK",
            severity="warning",
            message=f"The prompt that reached {quality:g} had little work in it (prompting_effort: {effort}).",
            number=f"prompted_quality {quality:g}, prompting_effort {effort}",
            pointer=case.where("prompting_effort"),
        )


def knowledge(case: Case) -> Iterator[Raw]:
    """Facts that change within weeks are to be tuned into weights."""
    if case.tunes and case.known("knowledge_changes") == "fast":
        yield Raw(
            rule="KNOWLEDGE-CHANGES",
            severity="warning",
            message="Right answers change within weeks; a tuned base model keeps those of its training.",
            pointer=case.where("knowledge_changes"),
        )


def warnings(case: Case) -> Iterator[Raw]:
    """What the advice warns of: contradictions between text and fields, a language that is not read well."""
    number = 0
    for text in case.report.warnings:
        if STALE_WORDS in text:
            continue
        if LANGUAGE_WORDS in text:
            yield Raw(rule="TEXT-LANGUAGE", severity="info", message=text, pointer="/description")
            continue
        number += 1
        yield Raw(
            rule="TEXT-CONFLICT",
            severity="warning",
            message=text,
            pointer="/description",
            subject=_requirement_in(text, case) or str(number),
        )


def _requirement_in(text: str, case: Case) -> str:
    return next((name for name in case.report.effective_requirements if f" {name} " in text), "")
