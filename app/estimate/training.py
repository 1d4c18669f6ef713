"""A fine-tuning run, estimated: parameters, memory, time and money, each with its range and its reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from app.catalogue.frameworks import FrameworkProfile, Frameworks, load_frameworks
from app.errors import InputError
from app.estimate.memory import Footprint, footprint
from app.estimate.memory_device import NO_CORRECTIONS, Corrections, context_bytes, held_bytes, memory_estimate
from app.estimate.memory_weights import prepared
from app.estimate.training_calibration import (
    REMAINING_MEMORY_SPREAD,
    Calibration,
    Calibrations,
    moving_factor,
    over,
    time_factor,
)
from app.estimate.training_changes import Card, Setting, changes_that_fit
from app.estimate.training_cost import energy_kwh, gpu_hours, total_tokens, training_cost
from app.estimate.training_settings import Run, resolve
from app.estimate.training_time import StepTime, peak_flops, step_time
from app.estimate.training_warnings import Case, warnings
from app.schemas.architecture import Architecture
from app.schemas.base import Assumption, Range
from app.schemas.training import MeasuredSteps, MemoryEstimate, TrainingEstimate, TrainingRequest
from app.schemas.world import GpuSpec

UNKNOWN_LENGTHS_SPREAD = 1.2
"""Added to the spread of time when the mean length is a guess: launch-bound steps cost the same for fewer tokens."""
LAUNCH_BOUND_SPREAD = 1.25
"""Added when launches rule: Python's pace differs between machines by about this much."""
SEVERAL_GPUS_SPREAD = 1.15
"""Added when GPUs talk to each other: links and overlap differ between machines."""
FASTER_SHARE = 0.8
"""Runs are seldom as much faster than expected as slower: exponent of the spread on the fast side."""
_NONE_ACCEPTED: Calibrations = MappingProxyType({})


def estimate_training(
    request: TrainingRequest,
    architecture: Architecture,
    gpu: GpuSpec,
    profile: FrameworkProfile | None = None,
    calibration: Calibration | None = None,
    other_gpus: Sequence[GpuSpec] = (),
    accepted: Calibrations = _NONE_ACCEPTED,
) -> TrainingEstimate:
    """Parameters, peak memory of one GPU, step time, hours, energy and money of a run.

    `profile` is that of the request's framework when left out. `other_gpus` are proposed when the run does not fit.
    `calibration`, the caller's own, wins over what the organisation `accepted`.
    Raises InputError with pointers for contradictions, for targets that match nothing and for a precision that the
    GPU lacks.
    """
    frameworks = load_frameworks()
    profile = profile or frameworks.profiles[request.training.framework or "generic"]
    run, assumed = resolve(request, profile, frameworks.reasons[profile.id], gpu)
    base = prepared(architecture, request.lora, profile.naming)
    found = footprint(base, run, profile)
    time = step_time(base, run, found.static, profile, gpu)
    own = calibration if calibration and calibration.applies(gpu.id, profile.id) else None
    fitted = over(own, accepted.get((gpu.id, profile.id)))
    now = Setting(base, run, profile, gpu, found, *_known(fitted))
    step = _step_range(time, run, profile, fitted)
    tokens = total_tokens(request, run.mean_length, assumed)
    if tokens is None:
        assumed.append(_NO_TOKENS)
    speed = _speed(run, step)
    seconds = _train_seconds(tokens, speed, run.gpu_count)
    hours = gpu_hours(seconds, run.gpu_count) if seconds else None
    assumed += _stated(run, profile, gpu, fitted)
    return TrainingEstimate(
        total_parameters=base.parts.total_parameters,
        trainable_parameters=base.trainable_parameters,
        trainable_fraction=base.trainable_parameters / base.parts.total_parameters,
        adapter_bytes=base.saved_bytes,
        memory=_memory(now, time.seconds, _cards(other_gpus, profile, own, accepted)),
        flops_per_token=time.flops.total,
        tokens_per_second_per_gpu=speed,
        step_seconds=step,
        total_tokens=tokens,
        train_seconds=seconds,
        gpu_hours=hours,
        energy_kwh=energy_kwh(hours, gpu) if hours else None,
        cost=training_cost(hours, gpu, request.hardware.usd_per_gpu_hour),
        assumptions=tuple(assumed),
        warnings=_warnings(now, time, calibrated=fitted is not None),
    )


def calibrate(
    measured: MeasuredSteps, architecture: Architecture, gpu: GpuSpec, profile: FrameworkProfile | None = None
) -> Calibration:
    """What measured steps say about this GPU and framework. Raises InputError when nothing was measured."""
    request = measured.run
    frameworks: Frameworks = load_frameworks()
    profile = profile or frameworks.profiles[request.training.framework or "generic"]
    run, _ = resolve(request, profile, frameworks.reasons[profile.id], gpu)
    base = prepared(architecture, request.lora, profile.naming)
    found = footprint(base, run, profile)
    held, _ = held_bytes(found, run, profile)
    peaks = (measured.peak_allocated_bytes, measured.peak_reserved_bytes, measured.peak_device_bytes)
    if not measured.step_seconds and not any(peaks):
        raise InputError.at("/step_seconds", "Nothing was measured.", "Give step_seconds, a peak, or both.")
    factor, spread = time_factor(measured, step_time(base, run, found.static, profile, gpu).seconds)
    resident, context = found.resident, context_bytes(profile, run)
    source = f"measured steps on {gpu.id} with {profile.id}: step time over the formula's"
    return Calibration(
        gpu=gpu.id,
        framework=profile.id,
        time_factor=factor,
        time_spread=spread,
        allocated_factor=moving_factor(peaks[0], found.peak, resident),
        reserved_factor=moving_factor(peaks[1], held, resident),
        device_factor=moving_factor(peaks[2] - context if peaks[2] else None, held, resident),
        time_stated=Assumption(name="time_factor", value=round(factor, 3), origin="calibrated", source=source),
    )


def _cards(
    gpus: Sequence[GpuSpec], profile: FrameworkProfile, own: Calibration | None, accepted: Calibrations
) -> Iterator[Card]:
    """Each GPU with what was accepted for it; the caller's own measurements go along to any."""
    for gpu in gpus:
        yield gpu, *_known(over(own, accepted.get((gpu.id, profile.id))))


def _known(fitted: Calibration | None) -> tuple[Corrections, float]:
    """Memory factors and pace."""
    return _corrections(fitted), fitted.time_factor if fitted else 1.0


def _memory(now: Setting, seconds: float, cards: Iterator[Card]) -> MemoryEstimate:
    """Peak memory, with the changes that would make the run fit when it does not."""
    memory = memory_estimate(now.found, now.run, now.profile, now.gpu, now.corrections)
    if memory.fits:
        return memory
    return replace(memory, would_fit_with=changes_that_fit(now, seconds, cards))


def _corrections(fitted: Calibration | None) -> Corrections:
    """Memory factors of a calibration; a peak that was not measured takes the factor of its nearest relative."""
    if fitted is None:
        return NO_CORRECTIONS
    allocated, reserved, device = fitted.allocated_factor, fitted.reserved_factor, fitted.device_factor
    known = [f for f in (device, reserved, allocated) if f is not None]
    if not known:
        whole, spread = fitted.whole_factor, fitted.whole_spread
        return Corrections(whole=whole, whole_spread=spread, spread=spread and REMAINING_MEMORY_SPREAD)
    return Corrections(
        allocated=allocated if allocated is not None else known[-1],
        reserved=reserved if reserved is not None else known[0],
        device=device if device is not None else known[0],
        spread=REMAINING_MEMORY_SPREAD,
    )


def _step_range(time: StepTime, run: Run, profile: FrameworkProfile, fitted: Calibration | None) -> Range:
    """Step seconds, by how well this framework, these lengths and these links are known."""
    if fitted and fitted.time_spread is not None:
        expected, spread = time.seconds * fitted.time_factor, fitted.time_spread
        return Range(low=expected / spread, expected=expected, high=expected * spread)
    spread = profile.time_spread
    if not run.lengths_known:
        spread *= UNKNOWN_LENGTHS_SPREAD
    if time.launch_bound:
        spread *= LAUNCH_BOUND_SPREAD
    if run.gpu_count > 1:
        spread *= SEVERAL_GPUS_SPREAD
    physical = time.uncapped_seconds
    return Range(
        low=time.seconds / spread**FASTER_SHARE, expected=time.seconds, high=max(time.seconds * spread, physical)
    )


def _speed(run: Run, step: Range) -> Range:
    """Tokens a second and GPU, padding left out."""
    tokens = run.micro_batch_size * run.accumulation * run.replicas * run.mean_length / run.gpu_count
    return Range(low=tokens / step.high, expected=tokens / step.expected, high=tokens / step.low)


def _train_seconds(tokens: int | None, speed: Range, gpu_count: int) -> Range | None:
    if tokens is None:
        return None
    share = tokens / gpu_count
    return Range(low=share / speed.high, expected=share / speed.expected, high=share / speed.low)


def _stated(run: Run, profile: FrameworkProfile, gpu: GpuSpec, fitted: Calibration | None) -> list[Assumption]:
    """What the estimate rests on beyond the request: framework, kernels, the GPU's peaks, a calibration."""
    stated = [_framework(profile), _gpu_rates(gpu, run)]
    if run.fused:
        stated.append(_FUSED_KERNELS)
    if fitted:
        stated += [told for told in (fitted.time_stated, fitted.memory_stated) if told]
    return stated


@lru_cache(maxsize=64)
def _framework(profile: FrameworkProfile) -> Assumption:
    reason = load_frameworks().reasons[profile.id]["calibrated"]
    return Assumption(name="framework", value=profile.id, origin="catalogue", source=reason.source)


def _gpu_rates(gpu: GpuSpec, run: Run) -> Assumption:
    cited = gpu.references[0].href if gpu.references else "the GPU catalogue"
    return Assumption(name="gpu_peak_flops_per_second", value=peak_flops(run, gpu), origin="catalogue", source=cited)


_NO_TOKENS = Assumption(
    name="total_tokens",
    value=None,
    origin="default",
    source="neither examples nor total_tokens are given, so that hours, energy and cost are null",
)
_FUSED_KERNELS = Assumption(
    name="fused_kernels",
    value=True,
    origin="inferred",
    source="a fused cross-entropy comes with fused norm, rotary and activation kernels; torch.compile makes them",
)


def _warnings(now: Setting, time: StepTime, *, calibrated: bool) -> tuple[str, ...]:
    base, run, profile = now.base, now.run, now.profile

    def other(changed: Run) -> Footprint:
        target = base
        if changed.method != run.method and "full" in (changed.method, run.method):
            target = prepared(base.parts.architecture, None, profile.naming)
        return footprint(target, changed, profile)

    return warnings(
        Case(
            base=base,
            run=run,
            profile=profile,
            gpu=now.gpu,
            found=now.found,
            time=time,
            other=other,
            corrections=now.corrections,
            calibrated=calibrated,
        )
    )
