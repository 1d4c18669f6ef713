"""Single changes that would make a run fit on its card, cheapest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.catalogue.frameworks import FrameworkProfile
from app.estimate.memory import Footprint, footprint
from app.estimate.memory_device import Corrections, figures
from app.estimate.memory_weights import Prepared, prepared
from app.estimate.training_settings import Run
from app.estimate.training_time import step_time
from app.schemas.base import Range
from app.schemas.training import LoraSettings, MemoryChange
from app.schemas.world import GpuSpec
from app.units import as_gib

USUAL_RANK = 16
"""Rank of the adapter proposed in place of full fine-tuning."""
MOST_CHANGES = 6
"""Changes reported."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    change: str
    text: str
    base: Prepared
    run: Run
    gpu: GpuSpec


def changes_that_fit(
    base: Prepared,
    run: Run,
    profile: FrameworkProfile,
    gpu: GpuSpec,
    seconds: float,
    others: Sequence[GpuSpec],
    corrections: Corrections,
) -> tuple[MemoryChange, ...]:
    """Changes after which the expected device figure fits, by the money they cost (time where no price is known)."""
    fitting: list[tuple[float, MemoryChange]] = []
    for c in _candidates(base, run, profile, gpu, others, corrections):
        device = _device(c.base, c.run, profile, c.gpu, corrections)
        if device.expected > c.gpu.memory_bytes:
            continue
        found = footprint(c.base, c.run, profile)
        factor = step_time(c.base, c.run, found.static, profile, c.gpu).seconds / seconds
        change = MemoryChange(change=c.change, text=c.text, device_bytes=device, time_factor=factor)
        fitting.append((factor * _price_factor(gpu, c.gpu), change))
    fitting.sort(key=lambda pair: pair[0])
    return tuple(change for _, change in fitting[:MOST_CHANGES])


def _device(base: Prepared, run: Run, profile: FrameworkProfile, gpu: GpuSpec, corrections: Corrections) -> Range:
    found: Footprint = footprint(base, run, profile)
    return figures(found, run, profile, gpu.memory_bytes, corrections)[2]


def _price_factor(gpu: GpuSpec, other: GpuSpec) -> float:
    if gpu.id == other.id or gpu.usd_per_hour is None or other.usd_per_hour is None or gpu.usd_per_hour.value == 0:
        return 1.0
    return other.usd_per_hour.value / gpu.usd_per_hour.value


def _candidates(
    base: Prepared,
    run: Run,
    profile: FrameworkProfile,
    gpu: GpuSpec,
    others: Sequence[GpuSpec],
    corrections: Corrections,
) -> Iterator[_Candidate]:
    if not run.checkpointing:
        text = "Recompute activations in the backward pass"
        yield _Candidate("training.gradient_checkpointing=true", text, base, replace(run, checkpointing=True), gpu)
    if run.cross_entropy != "fused_linear":
        text = "Compute the loss in chunks from the hidden states (Liger)"
        yield _Candidate(
            "training.cross_entropy=fused_linear", text, base, replace(run, cross_entropy="fused_linear"), gpu
        )
    yield from _smaller_batches(base, run, profile, gpu, corrections)
    if run.full and run.optimizer != "paged_adamw_8bit":
        text = "Keep 8-bit optimizer states in pageable memory"
        yield _Candidate(
            "training.optimizer=paged_adamw_8bit", text, base, replace(run, optimizer="paged_adamw_8bit"), gpu
        )
    yield from _lighter_methods(base, run, profile, gpu)
    if run.gpu_count > 1 and run.sharding in ("none", "ddp"):
        text = f"Divide weights and states among the {run.gpu_count} GPUs"
        yield _Candidate("hardware.sharding=fsdp", text, base, replace(run, sharding="fsdp"), gpu)
    for other in others:
        if other.memory_bytes > gpu.memory_bytes and run.precision in other.flops_per_second:
            yield _Candidate(
                f"hardware.gpu={other.id}", f"{other.name} ({as_gib(other.memory_bytes)})", base, run, other
            )


def _smaller_batches(
    base: Prepared, run: Run, profile: FrameworkProfile, gpu: GpuSpec, corrections: Corrections
) -> Iterator[_Candidate]:
    """The largest halved micro-batch that fits, with accumulation that keeps the optimizer step as it was."""
    size, steps = run.micro_batch_size, run.accumulation
    while size > 1:
        steps = -(-steps * size // (size // 2))
        size //= 2
        smaller = replace(run, micro_batch_size=size, accumulation=steps)
        if _device(base, smaller, profile, gpu, corrections).expected <= gpu.memory_bytes:
            text = f"{size} sequences at a time, {steps} micro-batches a step"
            yield _Candidate(f"training.micro_batch_size={size}", text, base, smaller, gpu)
            return


def _lighter_methods(base: Prepared, run: Run, profile: FrameworkProfile, gpu: GpuSpec) -> Iterator[_Candidate]:
    """LoRA in place of full, QLoRA in place of either."""
    if run.method == "qlora" or run.precision == "fp8":
        return
    tuned = base
    if run.full:
        tuned = prepared(base.parts.architecture, LoraSettings(r=USUAL_RANK), profile.naming)
        lora = replace(run, method="lora", r=USUAL_RANK)
        yield _Candidate(
            "method=lora", f"Train a LoRA adapter of rank {USUAL_RANK} on all linear layers", tuned, lora, gpu
        )
    qlora = replace(
        run, method="qlora", quantization="nf4_double", r=run.r or USUAL_RANK, upcast=profile.default_upcast
    )
    yield _Candidate("method=qlora,quantization=nf4_double", "Keep the frozen weights in 4 bit", tuned, qlora, gpu)
