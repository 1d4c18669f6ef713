"""Single changes that would make a run fit on its card, cheapest first; two at a time only where no single one does."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from app.catalogue.frameworks import FrameworkProfile
from app.estimate.memory import Footprint, footprint
from app.estimate.memory_device import Corrections, device_fits, figures
from app.estimate.memory_weights import Prepared, prepared
from app.estimate.training_settings import Run
from app.estimate.training_time import step_time
from app.records import record
from app.schemas.base import Range
from app.schemas.training import LoraSettings, MemoryChange
from app.schemas.world import GpuSpec
from app.units import as_gib

USUAL_RANK = 16
"""Rank of the adapter proposed in place of full fine-tuning."""
MOST_CHANGES = 6
"""Changes reported."""
OTHER_GPUS = 4
"""Other GPUs looked at, the cheapest per hour first."""


@record
class Setting:
    """A run on a card, as the estimate sees it."""

    base: Prepared
    run: Run
    profile: FrameworkProfile
    gpu: GpuSpec
    found: Footprint
    corrections: Corrections
    pace: float
    """Factor on step time, from measurements on this card."""

    def changed(self, run: Run, base: Prepared | None = None) -> "Setting":
        """The same with another run (and adapter)."""
        base = base or self.base
        return replace(self, base=base, run=run, found=footprint(base, run, self.profile))

    def on(self, card: "Card") -> "Setting":
        """The same run on another card."""
        gpu, corrections, pace = card
        return replace(self, gpu=gpu, corrections=corrections, pace=pace)

    def device(self) -> Range:
        """What the card would show."""
        return figures(self.found, self.run, self.profile, self.gpu.memory_bytes, self.corrections)[2]

    def fits(self) -> bool:
        """The expected device figure is within the card's memory."""
        return device_fits(self.found, self.run, self.profile, self.gpu.memory_bytes, self.corrections)


Card = tuple[GpuSpec, Corrections, float]
"""A GPU with what is known of the run on it: its memory factors and its pace."""
Candidate = tuple[str, str, Setting]
"""The change as `field=value`, in words, and the run after it."""


def changes_that_fit(now: Setting, seconds: float, others: Iterable[Card]) -> tuple[MemoryChange, ...]:
    """Changes after which the run fits, by the money they cost (by time where no price is known).

    `seconds` is the step of `now` by the formulas.
    """
    here = [c for c in _on_this_card(now) if c[2].fits()] or [c for c in _two_at_a_time(now) if c[2].fits()]
    priced = [_priced(now, c, seconds) for c in (*here, *_other_cards(now, others))]
    priced.sort(key=lambda pair: pair[0])
    return tuple(change for _, change in priced[:MOST_CHANGES])


def _priced(now: Setting, candidate: Candidate, seconds: float) -> tuple[float, MemoryChange]:
    change, text, then = candidate
    after = step_time(then.base, then.run, then.found.static, then.profile, then.gpu).seconds
    factor = after * then.pace / (seconds * now.pace)
    made = MemoryChange(change=change, text=text, device_bytes=then.device(), time_factor=factor)
    return factor * _price_factor(now.gpu, then.gpu), made


def _price_factor(gpu: GpuSpec, other: GpuSpec) -> float:
    if gpu.id == other.id or gpu.usd_per_hour is None or other.usd_per_hour is None or gpu.usd_per_hour.value == 0:
        return 1.0
    return other.usd_per_hour.value / gpu.usd_per_hour.value


def _on_this_card(now: Setting) -> Iterator[Candidate]:
    run = now.run
    if not run.checkpointing:
        text = "Recompute activations in the backward pass"
        yield "training.gradient_checkpointing=true", text, now.changed(replace(run, checkpointing=True))
    if run.cross_entropy != "fused_linear":
        text = "Compute the loss in chunks from the hidden states (Liger)"
        yield "training.cross_entropy=fused_linear", text, now.changed(replace(run, cross_entropy="fused_linear"))
    yield from _smaller_batch(now)
    if run.full and run.optimizer != "paged_adamw_8bit":
        text = "Keep 8-bit optimizer states in pageable memory"
        yield "training.optimizer=paged_adamw_8bit", text, now.changed(replace(run, optimizer="paged_adamw_8bit"))
    yield from _lighter_methods(now)
    if run.gpu_count > 1 and run.sharding in ("none", "ddp", "zero2"):
        text = f"Divide weights and states among the {run.gpu_count} GPUs"
        yield "hardware.sharding=fsdp", text, now.changed(replace(run, sharding="fsdp"))


def _smaller_batch(now: Setting) -> Iterator[Candidate]:
    """The largest halved micro-batch that fits, with accumulation that keeps the optimizer step as it was."""
    size, steps = now.run.micro_batch_size, now.run.accumulation
    while size > 1:
        steps = -(-steps * size // (size // 2))
        size //= 2
        then = now.changed(replace(now.run, micro_batch_size=size, accumulation=steps))
        if then.fits():
            yield f"training.micro_batch_size={size}", f"{size} sequences at a time, {steps} micro-batches a step", then
            return


def _lighter_methods(now: Setting) -> Iterator[Candidate]:
    """LoRA in place of full, QLoRA in place of either."""
    run, profile, tuned = now.run, now.profile, now.base
    if run.method == "qlora" or run.precision == "fp8":
        return
    if run.full:
        tuned = prepared(now.base.parts.architecture, LoraSettings(r=USUAL_RANK), "peft")
        lora = replace(run, method="lora", r=USUAL_RANK)
        text = f"Train a LoRA adapter of rank {USUAL_RANK} on all linear layers"
        yield "method=lora", text, now.changed(lora, tuned)
    qlora = replace(
        run, method="qlora", quantization="nf4_double", r=run.r or USUAL_RANK, upcast=profile.default_upcast
    )
    yield "method=qlora,quantization=nf4_double", "Keep the frozen weights in 4 bit", now.changed(qlora, tuned)


def _two_at_a_time(now: Setting) -> Iterator[Candidate]:
    """Checkpointing with single sequences, alone and with each lighter method."""
    settings = "training.gradient_checkpointing=true,training.micro_batch_size=1"
    yield settings, "Recompute activations, one sequence at a time", now.changed(_one_at_a_time(now.run))
    for change, text, then in _lighter_methods(now):
        text = f"{text}; recompute activations, one sequence at a time"
        yield f"{change},{settings}", text, then.changed(_one_at_a_time(then.run))


def _one_at_a_time(run: Run) -> Run:
    steps = run.accumulation * run.micro_batch_size
    return replace(run, checkpointing=True, micro_batch_size=1, accumulation=steps)


def _other_cards(now: Setting, others: Iterable[Card]) -> Iterator[Candidate]:
    seen = 0
    for card in sorted(_larger(now, others), key=_price_and_size):
        then, gpu = now.on(card), card[0]
        if then.fits():
            yield f"hardware.gpu={gpu.id}", f"{gpu.name} ({as_gib(gpu.memory_bytes)})", then
            seen += 1
        if seen == OTHER_GPUS:
            return


def _larger(now: Setting, others: Iterable[Card]) -> Iterator[Card]:
    """Cards with more memory that have the run's precision."""
    for card in others:
        gpu = card[0]
        if gpu.memory_bytes > now.gpu.memory_bytes and now.run.precision in gpu.flops_per_second:
            yield card


def _price_and_size(card: Card) -> tuple[float, int]:
    gpu = card[0]
    return gpu.usd_per_hour.value if gpu.usd_per_hour else float("inf"), gpu.memory_bytes
