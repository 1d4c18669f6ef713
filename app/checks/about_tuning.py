"""The tuning plan: labels, memory, LoRA settings, the provider's end."""

from collections.abc import Iterator
from datetime import date, timedelta

from app.checks.case import Case
from app.checks.finding import Raw
from app.checks.proposal import ProposedLora
from app.schemas.base import Range
from app.schemas.training import MemoryComponent
from app.units import DAYS_PER_MONTH, as_gib

ATTENTION = frozenset(
    (
        *("q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "query_key_value", "out_proj", "c_attn", "Wqkv"),
        *("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "query", "key", "value", "dense"),
    )
)
"""Names of attention projections over the architectures that PEFT knows."""
PEFT_ALPHA = 8
"""PEFT's `lora_alpha` when none is given (LoraConfig)."""


def labels(case: Case) -> Iterator[Raw]:
    """Too few examples for the plan, or nobody knows how many."""
    if not case.tunes:
        return
    data = case.report.fine_tuning.data
    if data.labelled_examples is None:
        yield Raw(
            rule="LABELS-UNKNOWN",
            severity="warning",
            message=f"How many labelled examples exist is not stated; about {data.needed_examples:,} are needed.",
            number=f"{data.needed_examples:,} needed",
            pointer="/requirements",
        )
    elif data.labelled_examples < data.needed_examples:
        yield Raw(
            rule="LABELS-FEW",
            severity="error" if data.labelled_examples < case.book.settings["pilot_labels"] else "warning",
            message=f"{data.labelled_examples:,} labelled examples; about {data.needed_examples:,} are needed.",
            number=f"{data.needed_examples - data.labelled_examples:,} missing ({data.source})",
            pointer=case.where("labelled_examples"),
        )


def memory(case: Case) -> Iterator[Raw]:
    """The run does not fit on the GPU that the proposal names."""
    named = case.request.preferences.gpu
    if not case.tunes or named is None or case.offer is not None:
        return
    found = case.training.memory
    card = found.headroom_bytes + found.device_bytes.expected
    if found.device_bytes.high <= card:
        return
    severity = "error" if found.device_bytes.expected > card else "warning"
    remedy = found.would_fit_with[0].text if found.would_fit_with else ""
    verb = "does not fit" if severity == "error" else "may not fit"
    yield Raw(
        rule="FIT-TRAINING",
        severity="error" if severity == "error" else "warning",
        message=f"The run {verb} on {named}: it needs {_span(found.device_bytes)}, the card holds {as_gib(card)}.",
        number="largest parts: " + ", ".join(f"{c.name} {as_gib(c.bytes)}" for c in _largest(case)),
        change=remedy,
        pointer="/tuning/hardware/gpu"
        if case.proposal.tuning and case.proposal.tuning.hardware
        else "/preferences/gpu",
    )


def _span(value: Range) -> str:
    return f"{as_gib(value.low)} to {as_gib(value.high)}"


def _largest(case: Case) -> list[MemoryComponent]:
    return sorted(case.training.memory.components, key=lambda c: -c.bytes)[:2]


def lora(case: Case) -> Iterator[Raw]:
    """LoRA settings that contradict the evidence."""
    tuning = case.proposal.tuning
    if not case.tunes or tuning is None or tuning.lora is None:
        return
    own = tuning.lora
    if own.r < 1:
        yield Raw(
            rule="LORA-RANK-INVALID",
            severity="error",
            message=f"r is {own.r}: an adapter of that rank has no parameters, and training tools do not refuse it.",
            number=f"r = {own.r}",
            change=f"Set `r: {case.report.fine_tuning.lora.r}`." if case.report.fine_tuning.lora else "",
            pointer="/tuning/lora/r",
        )
    else:
        yield from _rank(own, case)
        yield from _alpha(own)
    yield from _targets(own)


def _rank(own: ProposedLora, case: Case) -> Iterator[Raw]:
    plan = case.report.fine_tuning.lora
    far = case.book.settings["rank_far_factor"]
    if plan is None or plan.r / far <= own.r <= plan.r * far:
        return
    low = own.r < plan.r
    direction = "holds less than the data can teach" if low else "costs memory and gains nothing"
    yield Raw(
        rule="LORA-RANK",
        severity="warning" if low else "info",
        message=f"r = {own.r} is far from {plan.r}, the rank that the amount of data asks for: it {direction}.",
        number=f"r {own.r} against {plan.r}",
        change=f"Set `r: {plan.r}`.",
        pointer="/tuning/lora/r",
    )


def _targets(own: ProposedLora) -> Iterator[Raw]:
    targets = own.target_modules
    if isinstance(targets, str) or own.target_parameters:
        return
    names = {target.rpartition(".")[2] for target in targets}
    if names and names <= ATTENTION:
        yield Raw(
            rule="LORA-TARGETS",
            severity="warning",
            message=f"Only attention is adapted ({', '.join(sorted(names))}); the MLP carries more of what is learnt.",
            number="attention-only rank 256 loses to MLP-only rank 128 at equal size",
            change="Set `target_modules: all-linear`.",
            pointer="/tuning/lora/target_modules",
        )


def _alpha(own: ProposedLora) -> Iterator[Raw]:
    if own.lora_alpha is not None and own.lora_alpha > 0:
        return
    told = "is missing" if own.lora_alpha is None else f"is {own.lora_alpha:g}"
    scale = (own.lora_alpha if own.lora_alpha is not None else PEFT_ALPHA) / own.r
    yield Raw(
        rule="LORA-ALPHA",
        severity="warning" if own.lora_alpha is None else "error",
        message=f"lora_alpha {told}: the update is scaled by {scale:g} instead of the usual 2.",
        number=f"lora_alpha / r = {scale:g}",
        change=f"Set `lora_alpha: {2 * own.r}`.",
        pointer="/tuning/lora/lora_alpha",
    )


def hosted_end(case: Case) -> Iterator[Raw]:
    """The provider's offer ends before the horizon, or takes no new customers."""
    offer = case.offer
    if not case.tunes or offer is None:
        return
    last_day = case.as_of + timedelta(days=round(float(case.known("horizon_months") or 0) * DAYS_PER_MONTH))
    if offer.ends is not None and offer.ends < last_day:
        yield Raw(
            rule="HOSTED-ENDS",
            severity="error",
            message=f"{offer.id} {_ends(offer.ends, case.as_of)}, before the horizon ends on {last_day.isoformat()}.",
            number=f"offer ends {offer.ends.isoformat()}, horizon {case.known('horizon_months'):g} months",
            pointer="/tuning/hosted",
        )
    elif not offer.open_on(case.as_of):
        yield Raw(
            rule="HOSTED-CLOSED",
            severity="warning",
            message=f"{offer.id} takes no new customers since {offer.closed_to_new_users}.",
            pointer="/tuning/hosted",
        )


def _ends(day: date, today: date) -> str:
    return f"ended on {day.isoformat()}" if day <= today else f"ends on {day.isoformat()}"
