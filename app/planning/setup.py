"""Method and GPU: what fits, cheapest first, by a few calls of the estimate."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from math import hypot

from app.catalogue import Catalogue
from app.planning.hyperparameters import Batch, LearningRate, Lengths
from app.planning.settings import TrainingSettingsBook
from app.planning.tuning_task import TuningTask
from app.records import record
from app.schemas.plan import LoraPlan, TrainingHardware, TrainingPlan
from app.schemas.training import TrainingEstimate, TrainingRequest
from app.schemas.vocabulary import Method
from app.schemas.world import BaseModelSpec, GpuSpec
from app.units import SECONDS_PER_HOUR

ORDINARY_TERMS = frozenset({"on_demand", "serverless", "reserved", "contract"})
"""Prices of providers; marketplaces of private machines are left out unless the caller names the GPU."""
GPU_COUNTS = (2, 4, 8)
"""Machines are offered with these."""
MOST_ATTEMPTS = 6
"""Estimates asked for one method."""
BYTES_16_BIT, BYTES_4_BIT = 2.0, 0.5159
"""A weight in 16 bit, and in double-quantised NormalFloat (QLoRA, arXiv 2305.14314: 4.127 bits)."""
BYTES_FULL = 6.0
"""Weight, gradient and 8-bit states of a parameter that is trained."""
BYTES_ADAPTER = 16.0
"""fp32 weight, gradient and two AdamW states of an adapter parameter."""
CHECKPOINT_BYTES, LOGIT_BYTES = 2.0, 8.0
"""A kept block input per token and hidden value, and the logits per token and word, at least."""
LORA_FLOPS, FULL_FLOPS = 6.0, 8.0
"""FLOPs per parameter and token with recomputation."""


@record
class Attempt:
    """A way to train it."""

    method: Method
    gpu: GpuSpec
    gpu_count: int
    sharded: bool
    one_at_a_time: bool = False


@record
class Drafted:
    """A way to train it with its hyperparameters and request."""

    attempt: Attempt
    lora: LoraPlan | None
    training: TrainingPlan
    step: Batch
    rate: LearningRate
    hardware: TrainingHardware
    request: TrainingRequest


@record
class Setup:
    """The way that was chosen and its estimate."""

    drafted: Drafted
    estimate: TrainingEstimate
    qlora_why: str
    """Why 4 bit, when it is."""


@record
class MemoryFloor:
    """What memory at least needs, in bytes: to leave out GPUs before the estimate is asked."""

    weights: Mapping[Method, float]
    """Weights, adapters and optimizer states by method."""
    per_token: float
    """Kept activations and logits of a token."""

    def least(self, method: Method, tokens: int, shared_by: int = 1) -> float:
        """Bytes that each GPU must hold at the very least."""
        return self.weights[method] / shared_by + tokens * self.per_token


def memory_floor(base: BaseModelSpec, adapter_parameters: float) -> MemoryFloor:
    """The lower bounds of a base model with an adapter."""
    a = base.architecture
    embedded = float(a.vocab_size * a.hidden_size * (1 if a.tie_word_embeddings else 2))
    blocks = max(0.0, base.total_parameters - embedded)
    adapter = BYTES_ADAPTER * adapter_parameters
    return MemoryFloor(
        weights={
            "lora": BYTES_16_BIT * base.total_parameters + adapter,
            "qlora": BYTES_4_BIT * blocks + BYTES_16_BIT * embedded + adapter,
            "full": BYTES_FULL * base.total_parameters,
        },
        per_token=CHECKPOINT_BYTES * a.num_hidden_layers * a.hidden_size + LOGIT_BYTES * a.vocab_size,
    )


@lru_cache(maxsize=4)
def ordinary_gpus(catalogue: Catalogue) -> tuple[GpuSpec, ...]:
    """GPUs with bf16 tensor cores and CUDA that providers rent out by the hour under ordinary terms."""
    return tuple(
        gpu
        for gpu in catalogue.gpus.values()
        if gpu.usd_per_hour is not None
        and "bf16" in gpu.flops_per_second
        and not gpu.compute_capability.startswith("gfx")
        and any(p.terms in ORDINARY_TERMS for p in gpu.prices)
    )


@record(kw_only=True)
class Search:
    """What methods and GPUs are tried on."""

    task: TuningTask
    base: BaseModelSpec
    found: Lengths
    gpus: tuple[GpuSpec, ...]
    size: MemoryFloor
    passes: float
    settings: TrainingSettingsBook
    draft: Callable[[Attempt], Drafted]
    estimate: Callable[[TrainingRequest], TrainingEstimate]


def find_setup(search: Search, methods: tuple[Method, ...]) -> Setup:
    """The first method that fits, on about the cheapest GPU that it fits on.

    Where its run costs more than the training budget the next method is asked, and kept when it is cheaper. When
    nothing fits, the largest machine is planned with the last method, and the estimate says that it does not fit.
    """
    dear, why = None, ""
    for method, several in _stages(methods):
        tried = _first_that_fits(search, _attempts(search, method, several))
        if tried is None:
            why = why or _not_fitting(search.task, method)
            continue
        setup = Setup(*tried, qlora_why=why)
        if dear is not None:
            return setup if _usd(setup) < _usd(dear) else dear
        if search.task.training_budget_usd is None or _usd(setup) <= search.task.training_budget_usd:
            return setup
        dear, why = setup, "LoRA on 16-bit weights would cost more than the training budget"
    if dear is not None:
        return dear
    largest = max(search.gpus, key=lambda g: g.memory_bytes)
    drafted = search.draft(Attempt(methods[-1], largest, GPU_COUNTS[-1], True, one_at_a_time=True))
    return Setup(drafted, search.estimate(drafted.request), qlora_why=why)


def _stages(methods: tuple[Method, ...]) -> list[tuple[Method, bool]]:
    """Methods on one GPU, then on several that share the weights; full fine-tuning has both turns before the others."""
    full: list[tuple[Method, bool]] = [("full", several) for several in (False, True) if "full" in methods]
    lighter = [method for method in methods if method != "full"]
    return full + [(method, several) for several in (False, True) for method in lighter]


def gpus_for(task: TuningTask, catalogue: Catalogue) -> tuple[GpuSpec, ...]:
    """The caller's GPU, or those that are tried. Raises UnknownNameError."""
    if task.gpu is not None:
        return (catalogue.gpu(task.gpu, task.gpu_pointer),)
    return ordinary_gpus(catalogue)


def _usd(setup: Setup) -> float:
    """What the run is expected to cost; 0 when nobody knows."""
    total = setup.estimate.cost.total_usd
    return 0.0 if total is None else total.expected


def _not_fitting(task: TuningTask, method: Method) -> str:
    """Why 4 bit is what remains."""
    if method == "full":
        return ""
    return (
        f"16-bit weights do not fit on one {task.gpu}" if task.gpu else "16-bit weights fit on no single GPU on record"
    )


def _attempts(search: Search, method: Method, several: bool) -> list[Attempt]:
    """What could hold it, best first: single GPUs (eight too, where one takes too long), or several that share."""
    longest, size = search.found.max_seq_length, search.size
    holding = [gpu for gpu in search.gpus if size.least(method, longest) <= gpu.memory_bytes]
    if several:
        sharing = [
            Attempt(method, gpu, count, True, one_at_a_time=True)
            for gpu in search.gpus
            for count in GPU_COUNTS
            if gpu not in holding and size.least(method, longest, count) <= gpu.memory_bytes
        ]
        return [attempt for _, attempt in _ordered(search, sharing)][:MOST_ATTEMPTS]
    ordered = _ordered(search, [Attempt(method, gpu, 1, False) for gpu in holding])
    if ordered and ordered[0][0][0] and search.task.gpu is None:
        machines = [Attempt(method, gpu, count, False) for gpu in holding for count in (1, GPU_COUNTS[-1])]
        ordered = _ordered(search, machines)
    return [attempt for _, attempt in ordered][:MOST_ATTEMPTS]


def _ordered(search: Search, attempts: list[Attempt]) -> list[tuple[tuple[bool, float], Attempt]]:
    """Attempts, cheapest first with set-up; then those that take too long, fastest first."""
    s, shape, found = search.settings, search.base.architecture, search.found
    tokens = found.mean_seq_length * found.examples_per_sequence
    flops = search.base.active_parameters * tokens / s.product_efficiency
    moved = s.traffic_bytes * shape.num_hidden_layers * shape.hidden_size + s.head_traffic_bytes * shape.vocab_size
    launches = s.launch_seconds_per_layer * shape.num_hidden_layers
    sequences = search.passes * search.task.train_examples / found.examples_per_sequence
    made = []
    for attempt in attempts:
        gpu, count = attempt.gpu, attempt.gpu_count
        work = flops * (FULL_FLOPS if attempt.method == "full" else LORA_FLOPS)
        peak = gpu.flops_per_second.get("bf16") or max(gpu.flops_per_second.values())
        kernels = work / peak + tokens * moved / gpu.bandwidth_bytes_per_second
        hours = sequences * hypot(kernels, launches) / SECONDS_PER_HOUR  # they overlap, so that the slower rules
        price = gpu.usd_per_hour.value if gpu.usd_per_hour else 1.0
        if hours > s.most_hours * count:
            made.append(((True, hours / count), attempt))
        else:
            made.append(((False, price * (hours + s.setup_hours * count)), attempt))
    made.sort(key=lambda pair: (pair[0], pair[1].gpu.id, pair[1].gpu_count))
    return made


def _first_that_fits(search: Search, attempts: list[Attempt]) -> tuple[Drafted, TrainingEstimate] | None:
    """The first that fits within the hours; else the fastest that fits; else None."""
    slow: list[tuple[Drafted, TrainingEstimate]] = []
    for attempt in attempts:
        pair = _fitting(search, attempt)
        if pair is None:
            continue
        if _hours(pair[1]) <= search.settings.most_hours:
            return pair
        slow.append(pair)
    return min(slow, key=lambda pair: _hours(pair[1])) if slow else None


def _hours(estimate: TrainingEstimate) -> float:
    seconds = estimate.train_seconds
    return 0.0 if seconds is None else seconds.expected / SECONDS_PER_HOUR


def _fitting(search: Search, attempt: Attempt) -> tuple[Drafted, TrainingEstimate] | None:
    """The attempt as it is, else one sequence at a time, else None."""
    drafted = search.draft(attempt)
    made = search.estimate(drafted.request)
    if made.memory.fits:
        return drafted, made
    if attempt.one_at_a_time or drafted.training.micro_batch_size == 1:
        return None
    drafted = search.draft(replace(attempt, one_at_a_time=True))
    made = search.estimate(drafted.request)
    return (drafted, made) if made.memory.fits else None
