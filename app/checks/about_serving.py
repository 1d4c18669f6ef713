"""Whether it can be served as proposed: speed, memory, context, terms."""

from collections.abc import Iterator

from app.checks.case import Case
from app.checks.finding import Raw, Severity
from app.schemas.base import Range
from app.units import as_seconds

SENSITIVE = ("confidential", "regulated")


def latency(case: Case) -> Iterator[Raw]:
    """Limits on the whole answer and on its first token."""
    serving = case.report.compute.serving
    mine = serving.fine_tuning if case.tunes else serving.prompt_engineering
    planned = case.option.id in ("tune_self_hosted", "prompt_hosted", "prompt_self_hosted")
    whole = case.option.latency_p95_seconds
    first = mine.time_to_first_token_seconds if planned else None
    yield from _limit("latency_p95_seconds", "The answer", whole, case)
    yield from _limit("time_to_first_token_p95_seconds", "The first token", first, case)


def _limit(name: str, what: str, figure: Range | None, case: Case) -> Iterator[Raw]:
    limit = case.stated(name)
    if limit is None or figure is None or figure.expected <= limit:
        return
    severity: Severity = "error" if figure.low > limit else "warning"
    other = [
        o
        for o in case.report.options
        if o.latency_p95_seconds and o.latency_p95_seconds.expected <= limit and o.feasible
    ]
    fast = min(other, key=lambda o: o.rank, default=None) if name == "latency_p95_seconds" else None
    yield Raw(
        rule="LATENCY-LIMIT",
        severity=severity,
        message=f"{what} is expected after {as_seconds(figure.expected)}, the limit is {as_seconds(limit)}.",
        number=f"{as_seconds(figure.low)} to {as_seconds(figure.high)} ({case.option.title.lower()})",
        change=f"{fast.title}: {as_seconds(fast.latency_p95_seconds.expected)}."
        if fast and fast.latency_p95_seconds
        else "",
        pointer=case.where(name),
        subject=name,
    )


def memory(case: Case) -> Iterator[Raw]:
    """The base model is to be served on a GPU that cannot hold it."""
    gpu = case.request.preferences.gpu
    own = case.option.id in ("tune_self_hosted", "prompt_self_hosted")
    serving = case.report.compute.serving
    mine = serving.fine_tuning if case.tunes else serving.prompt_engineering
    if gpu is None or not own or mine.fits:
        return
    yield Raw(
        rule="FIT-SERVING",
        severity="error",
        message=f"{case.report.fine_tuning.base_model} does not fit on {gpu} for serving.",
        number=f"weights of {(mine.weight_bytes or 0) / 1e9:.1f} GB",
        pointer="/preferences/gpu" if case.proposal.preferences.gpu else "/tuning/hardware/gpu",
    )


def context(case: Case) -> Iterator[Raw]:
    """Prompt and answer exceed the context of the prompted base model."""
    if not case.tunes and not case.report.compute.serving.prompt_engineering.fits and case.option.id == "prompt_hosted":
        plan = case.report.prompting
        total = plan.prompt_tokens + plan.input_tokens + plan.retrieval_tokens + plan.output_tokens
        yield Raw(
            rule="CONTEXT-LENGTH",
            severity="error",
            message=f"A request of {total:,} tokens exceeds the context of {plan.model}.",
            number=f"{plan.prompt_tokens:,} instructions, {plan.input_tokens:,} input, {plan.output_tokens:,} output",
            pointer="/requirements",
        )


def licence(case: Case) -> Iterator[Raw]:
    """The base model may not be used commercially."""
    if not (case.tunes or case.option.id == "prompt_self_hosted") or case.offer is not None:
        return
    name = case.report.fine_tuning.base_model if case.tunes else case.report.prompting.model
    found = case.advisor.licence(name)
    if found is None or found.commercial_use:
        return
    in_use = case.known("stage") in ("pilot", "production") or case.known("stage") is None
    yield Raw(
        rule="LICENCE-CONFLICT",
        severity="error" if in_use else "warning",
        message=f"{name} is under {found.license}, which does not allow commercial use.",
        number=f"licence {found.license}",
        pointer="/preferences/base_model",
    )


def hosting(case: Case) -> Iterator[Raw]:
    """Self-hosting is required and a provider is proposed; sensitive data would leave the house."""
    chosen = _provider_chosen(case)
    if case.known("self_hosting_required"):
        if chosen:
            yield Raw(
                rule="SELF-HOSTING",
                severity="error",
                message=f"self_hosting_required is set, but {chosen[0]} runs at a provider.",
                pointer=chosen[1],
            )
        return
    level = case.known("data_sensitivity")
    outside = case.option.id in ("prompt_hosted", "tune_hosted")
    if level in SENSITIVE and outside and case.proposal.requirements.self_hosting_required is None:
        yield Raw(
            rule="DATA-LEAVES",
            severity="warning" if level == "regulated" else "info",
            message=f"The data are {level} and would go to a provider; nothing says that this is allowed.",
            number=f"data_sensitivity {level}",
            pointer=case.where("data_sensitivity"),
        )


def _provider_chosen(case: Case) -> tuple[str, str] | None:
    if case.tunes and case.offer is not None:
        return case.offer.id, "/tuning/hosted"
    named = case.request.preferences.prompted_model
    return (named, "/preferences/prompted_model") if named and not case.tunes else None
