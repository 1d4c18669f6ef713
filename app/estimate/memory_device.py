"""From bytes that tensors need to bytes that the card shows: the caching allocator, the CUDA context, and how sure."""

from collections.abc import Sequence
from dataclasses import replace

from app.catalogue.frameworks import FrameworkProfile
from app.estimate.memory import Footprint
from app.estimate.training_settings import Run
from app.records import record
from app.schemas.base import Range
from app.schemas.training import MemoryComponent, MemoryEstimate
from app.schemas.world import GpuSpec

RESIDENT_SPREAD = 0.01
"""Half-width of what is counted, not modelled: weights and states (512-byte rounding, buffers)."""
SHORTER_THAN_MAXIMUM = 0.7
"""When nothing is known of the lengths, the longest batch may be as much shorter than max_seq_length allows."""
COMMUNICATION_BYTES = 400_000_000
"""NCCL's channels and buffers on a card that talks to others: some hundred MB in nvidia-smi; not measured here."""
UNSQUEEZABLE = 0.25
"""Share of what it holds beyond tensors that the allocator cannot give back when memory runs short: our judgement,
between none and all; fms-acceleration's batches of 32 ran with two fifths of what they would have held."""
RESIDENT_PARTS = frozenset({"base_weights", "adapter_weights", "optimizer_states"})
"""Parts that are counted, so that no measurement corrects them."""


@record(kw_only=True)
class Corrections:
    """Factors on what moves (all but weights and states), from measurements of one's own."""

    allocated: float = 1.0
    reserved: float = 1.0
    device: float = 1.0
    spread: float | None = None
    """Half-width left after calibration; None for the profile's own."""
    whole: float = 1.0
    """A factor on all that is reserved, from runs of an organisation; it rules where `whole_spread` is given."""
    whole_spread: float | None = None
    """High over expected of the whole, as those runs left it."""

    def settled(self, found: Footprint, run: Run, profile: FrameworkProfile) -> "Corrections":
        """A factor on the whole as one on what moves: what is counted stays."""
        if self.whole_spread is None:
            return self
        held, _ = held_bytes(found, run, profile)
        factor = max(0.0, held * self.whole - found.resident) / max(held - found.resident, 1.0)
        return replace(self, allocated=factor, reserved=factor, device=factor)


NO_CORRECTIONS = Corrections()


def memory_estimate(
    found: Footprint, run: Run, profile: FrameworkProfile, gpu: GpuSpec, corrections: Corrections = NO_CORRECTIONS
) -> MemoryEstimate:
    """The answer: parts, moments and three figures, each as a range."""
    corrections = corrections.settled(found, run, profile)
    allocated, reserved, device = figures(found, run, profile, gpu.memory_bytes, corrections)
    factor = corrections.allocated
    parts = [(name, size if name in RESIDENT_PARTS else size * factor) for name, size in found.parts_at_peak()]
    components = whole_bytes(parts)
    peak = sum(c.bytes for c in components)
    return MemoryEstimate(
        components=components,
        peak_at=found.peak_at,
        moments={
            "start_of_backward": round(found.start_of_backward),
            "end_of_backward": round(found.end_of_backward),
            "optimizer_step": round(found.optimizer_step),
        },
        peak_allocated_bytes=Range(low=allocated.low, expected=float(peak), high=allocated.high),
        peak_reserved_bytes=reserved,
        device_bytes=device,
        fits=device.expected <= gpu.memory_bytes,
        headroom_bytes=int(gpu.memory_bytes - device.expected),
        would_fit_with=(),
    )


def figures(
    found: Footprint,
    run: Run,
    profile: FrameworkProfile,
    memory_bytes: float,
    corrections: Corrections = NO_CORRECTIONS,
) -> tuple[Range, Range, Range]:
    """Allocated, reserved and device bytes."""
    corrections = corrections.settled(found, run, profile)
    resident, spread, shorter = _certainty(found, run, profile, corrections)
    share = corrections.whole_spread

    def ranged(moving: float, wider: float) -> Range:
        return _widened(_range(resident, moving, spread, shorter, wider), share, resident)

    allocated = ranged((found.peak - resident) * corrections.allocated, 0.0)
    held, most = held_bytes(found, run, profile)
    wider = 0.0 if corrections.spread is not None else most - held
    limit = memory_bytes - context_bytes(profile, run)
    reserved = _capped(ranged((held - resident) * corrections.reserved, wider), allocated, limit)
    device = reserved
    if corrections.device != corrections.reserved:
        device = _capped(ranged((held - resident) * corrections.device, wider), allocated, limit)
    return allocated, reserved, _with_context(device, profile, run)


def context_bytes(profile: FrameworkProfile, run: Run) -> float:
    """What lies on the card outside of PyTorch's allocator."""
    return profile.context_bytes + (COMMUNICATION_BYTES if run.gpu_count > 1 else 0)


def device_fits(
    found: Footprint, run: Run, profile: FrameworkProfile, memory_bytes: float, corrections: Corrections
) -> bool:
    """Whether the expected device figure is within the card's memory."""
    context = context_bytes(profile, run)
    needed, wanted = needed_and_wanted(found, run, profile, corrections)
    return _squeezed(wanted, needed, memory_bytes - context) + context <= memory_bytes


def needed_and_wanted(
    found: Footprint, run: Run, profile: FrameworkProfile, corrections: Corrections
) -> tuple[float, float]:
    """Bytes that tensors need at the peak, and those that the allocator would hold with room enough."""
    corrections = corrections.settled(found, run, profile)
    resident = found.resident
    held, _ = held_bytes(found, run, profile)
    needed = resident + (found.peak - resident) * corrections.allocated
    return needed, resident + (held - resident) * corrections.device


def _certainty(
    found: Footprint, run: Run, profile: FrameworkProfile, corrections: Corrections
) -> tuple[float, float, float]:
    """Resident bytes, half-width of the rest, and how much shorter the longest batch may be."""
    spread = profile.memory_spread if corrections.spread is None else corrections.spread
    shorter = 1.0 if run.lengths_known or corrections.spread is not None else SHORTER_THAN_MAXIMUM
    return found.resident, spread, shorter


def _with_context(held: Range, profile: FrameworkProfile, run: Run) -> Range:
    context = context_bytes(profile, run)
    return Range(low=held.low + context / 2, expected=held.expected + context, high=held.high + 2 * context)


def _range(resident: float, moving: float, spread: float, shorter: float, wider: float) -> Range:
    """`resident` is counted, `moving` is modelled; `wider` is what the allocator may hold on top."""
    return Range(
        low=resident * (1 - RESIDENT_SPREAD) + moving * (1 - spread) * shorter,
        expected=resident + moving,
        high=resident * (1 + RESIDENT_SPREAD) + moving * (1 + spread) + wider,
    )


def _widened(found: Range, spread: float | None, resident: float) -> Range:
    """As wide as runs have shown the whole to be, but not below what is counted."""
    if spread is None:
        return found
    least = resident * (1 - RESIDENT_SPREAD)
    low = max(least, found.expected / spread)
    return Range(low=min(found.low, low), expected=found.expected, high=max(found.high, found.expected * spread))


def held_bytes(found: Footprint, run: Run, profile: FrameworkProfile) -> tuple[float, float]:
    """What the caching allocator holds, as expected and at most.

    Block and head need pieces of different sizes, and what one has freed serves the other only in part; lengths
    that vary from batch to batch leave still more pieces that fit nothing.
    """
    pieces = min(found.block, found.head) if found.checkpointing else 0.0
    slack, slack_high = profile.packed_slack, 2 * profile.packed_slack
    if not run.packed:
        slack, slack_high = profile.varied_slack, profile.varied_slack_high
    moving = found.start_of_backward - found.resident
    held = found.start_of_backward + profile.pool_overlap * pieces + slack * moving
    most = found.start_of_backward + pieces + slack_high * moving
    rest = profile.packed_slack * (found.optimizer_step - found.resident)
    return max(held, found.optimizer_step + rest), max(most, found.optimizer_step + 3 * rest)


def _capped(held: Range, needed: Range, limit: float) -> Range:
    """What the allocator holds on a card with room for `limit`."""
    return Range(
        low=_squeezed(held.low, needed.low, limit),
        expected=_squeezed(held.expected, needed.expected, limit),
        high=_squeezed(held.high, needed.high, limit),
    )


def _squeezed(wanted: float, needed: float, limit: float) -> float:
    """The allocator gives back what it can before it runs out, but not every piece that no tensor fits."""
    return max(needed + UNSQUEEZABLE * max(0.0, wanted - needed), min(wanted, limit))


def whole_bytes(parts: Sequence[tuple[str, float]]) -> tuple[MemoryComponent, ...]:
    """Whole bytes that add up to the rounded total (largest remainder first)."""
    floors = [int(size) for _, size in parts]
    missing = round(sum(size for _, size in parts)) - sum(floors)
    by_remainder = sorted(range(len(parts)), key=lambda i: floors[i] - parts[i][1])
    for i in by_remainder[:missing]:
        floors[i] += 1
    return tuple(MemoryComponent(name=name, bytes=size) for (name, _), size in zip(parts, floors, strict=True))
