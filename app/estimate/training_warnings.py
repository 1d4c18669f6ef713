"""What to know before acting on an estimate, argued from the numbers of the case at hand."""

from collections.abc import Callable
from dataclasses import replace

from app.catalogue.frameworks import FrameworkProfile
from app.estimate.memory import Footprint
from app.estimate.memory_device import Corrections, context_bytes, device_fits, needed_and_wanted
from app.estimate.memory_weights import Prepared
from app.estimate.training_settings import Run
from app.estimate.training_time import StepTime
from app.records import record
from app.schemas.world import GpuSpec
from app.units import as_gib, as_seconds

VOCABULARY_SHARE = 0.15
"""Share of the peak from which the vocabulary is worth a word."""
CHECKPOINT_SHARE = 0.4
"""Share of the peak that kept activations must take before checkpointing is proposed."""
PADDING_SHARE = 1.3
"""Computed over real tokens from which padding is worth a word."""


@record(kw_only=True)
class Case:
    """One estimate, for the warnings to read."""

    base: Prepared
    run: Run
    profile: FrameworkProfile
    gpu: GpuSpec
    found: Footprint
    time: StepTime
    other: Callable[[Run], Footprint]
    """Memory of the same run, changed."""
    corrections: Corrections
    """Memory factors of a calibration."""
    calibrated: bool
    """Whether measurements stand behind this GPU and framework."""


def warnings(case: Case) -> tuple[str, ...]:
    """All that applies, the most consequential first."""
    rules = (
        _qlora_over_lora,
        _lora_over_full,
        _vocabulary,
        _launch_bound,
        _links,
        _padding,
        _tight,
        _lengths,
        _emulated,
        _unmeasured,
    )
    found = [text for rule in rules if (text := rule(case))]
    if case.base.adapter:
        found += case.base.adapter.warnings
    return tuple(found)


def _qlora_over_lora(case: Case) -> str | None:
    """Quantised linears that keep their inputs can cost more than the weights they save."""
    run = case.run
    if run.method != "qlora" or (run.checkpointing and not run.upcast):
        return None
    lora = case.other(replace(run, method="lora", quantization="none", upcast=False))
    here, there = case.found.peak, lora.peak
    if here < there:
        return None
    saved = lora.static.weights - case.found.static.weights
    reasons = []
    if case.found.quantized_inputs:
        reasons.append(f"quantised layers keep their inputs ({as_gib(case.found.quantized_inputs)})")
    if run.upcast:
        reasons.append("norms and the residual stream are fp32")
    reasons.append(f"the largest weight is unpacked while in use ({as_gib(case.found.static.dequantized)})")
    return (
        f"QLoRA needs {as_gib(here)} here and LoRA {as_gib(there)}: weights shrink by {as_gib(saved)}, but "
        f"{' and '.join(reasons)}." + ("" if run.checkpointing else " Gradient checkpointing changes that.")
    )


def _lora_over_full(case: Case) -> str | None:
    """Adapters keep one copy of their input each; full fine-tuning shares one."""
    run = case.run
    if run.method != "lora" or run.checkpointing:
        return None
    full = case.other(replace(run, method="full", r=0))
    if case.found.peak < full.peak:
        return None
    return (
        f"LoRA needs {as_gib(case.found.peak)} here and full fine-tuning {as_gib(full.peak)}: every adapter keeps "
        f"its own copy of its input, {as_gib(case.found.adapter_inputs)} in all. Turn on gradient_checkpointing, or "
        "adapt fewer modules."
    )


def _vocabulary(case: Case) -> str | None:
    """A large vocabulary makes the loss a large part of the peak."""
    found = case.found
    head = found.head
    if found.peak_at != "start_of_backward" or head < found.block or head < VOCABULARY_SHARE * found.peak:
        return None
    if case.run.cross_entropy == "fused_linear":
        return None
    vocabulary = case.base.parts.architecture.vocab_size
    without = max(found.peak - head + found.block, found.end_of_backward, found.optimizer_step)
    return (
        f"Logits over a vocabulary of {vocabulary:,} take {as_gib(head)} of the {as_gib(found.peak)} peak; "
        f"a fused linear cross-entropy (Liger) would bring it to {as_gib(without)}."
    )


def _launch_bound(case: Case) -> str | None:
    """Small batches wait for kernel launches, whatever the GPU."""
    if not case.time.launch_bound:
        return None
    tokens = case.run.micro_batch_size * case.run.padded_length
    micro = case.time.launch / case.run.accumulation
    return (
        f"A micro-batch of {tokens:,.0f} tokens waits for kernel launches ({as_seconds(micro)} against "
        f"{as_seconds(case.time.compute / case.run.accumulation)} of computation): a larger micro_batch_size or "
        "packing costs no time, and a faster GPU gains none."
    )


def _links(case: Case) -> str | None:
    """Communication that eats what more GPUs bring."""
    time = case.time
    if not time.capped and time.links < 0.5 * time.seconds:
        return None
    return (
        f"Moving weights and gradients between {case.run.gpu_count} GPUs takes {as_seconds(time.links)} a step against "
        f"{as_seconds(time.compute)} of computation: a larger micro-batch, or one GPU with more memory, is as fast."
    )


def _padding(case: Case) -> str | None:
    run = case.run
    if run.packed or not run.lengths_known or run.padded_length < PADDING_SHARE * run.mean_length:
        return None
    share = 1 - run.mean_length / run.padded_length
    return f"About {share:.0%} of what is computed is padding; packing or grouping by length saves it."


def _tight(case: Case) -> str | None:
    """On the card only because the allocator gives back what it would rather keep."""
    found = case.found
    limit = case.gpu.memory_bytes - context_bytes(case.profile, case.run)
    needed, held = needed_and_wanted(found, case.run, case.profile, case.corrections)
    if held <= limit or not device_fits(found, case.run, case.profile, case.gpu.memory_bytes, case.corrections):
        return None
    return (
        f"Tight: tensors need {as_gib(needed)}, but the allocator would hold {as_gib(held)} where "
        f"{as_gib(limit)} are free; it will release and reserve again and again, and an out-of-memory error is near."
    )


def _lengths(case: Case) -> str | None:
    """The length distribution matters more than any constant."""
    if case.run.lengths_known:
        return None
    return (
        "Give mean_seq_length: nothing is known of the lengths, so memory is for batches of max_seq_length "
        f"({case.run.max_length:,}) and time for a mean of {case.run.mean_length:,.0f} tokens."
    )


def _emulated(case: Case) -> str | None:
    if case.run.precision in case.gpu.flops_per_second:
        return None
    return (
        f"{case.gpu.name} has no {case.run.precision} tensor cores: products are emulated, many times slower. Use fp16."
    )


def _unmeasured(case: Case) -> str | None:
    if case.profile.calibrated or case.calibrated:
        return None
    if case.profile.id == "generic":
        return "Name the framework: ranges are wide because frameworks differ by up to half in what they keep."
    return f"No measured runs of {case.profile.id} stand behind this; ranges are wide. Calibrate with ten real steps."
