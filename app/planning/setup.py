"""Method and GPU: what fits, cheapest first, by a few calls of the estimate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import hypot

from app.catalogue import Catalogue
from app.planning.book import PlanningBook
from app.planning.hyperparameters import Batch, Lengths, epochs
from app.planning.tuning_task import TuningTask
from app.schemas.plan import FineTuningPlan, LoraPlan, TrainingHardware, TrainingPlan
from app.schemas.training import Hardware, LoraSettings, TrainingEstimate, TrainingRequest, TrainingSettings
from app.schemas.vocabulary import Method, Quantization
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """A way to train it."""

    method: Method
    gpu: GpuSpec
    gpu_count: int
    sharded: bool
    one_at_a_time: bool = False


@dataclass(frozen=True, slots=True)
class Drafted:
    """A way to train it with its hyperparameters and request."""

    attempt: Attempt
    lora: LoraPlan | None
    training: TrainingPlan
    step: Batch
    hardware: TrainingHardware
    request: TrainingRequest


@dataclass(frozen=True, slots=True)
class Setup:
    """The way that was chosen and its estimate."""

    drafted: Drafted
    estimate: TrainingEstimate
    qlora_why: str
    """Why 4 bit, when it is."""


@dataclass(frozen=True, slots=True)
class _Size:
    """What memory at least needs, in bytes."""

    weights_16: float
    weights_4: float
    full: float
    adapter: float
    per_token: float

    def least(self, attempt: Attempt, tokens: int) -> float:
        """Bytes that each GPU must hold at the very least."""
        weights = {"lora": self.weights_16, "qlora": self.weights_4, "full": self.full}[attempt.method]
        shared = attempt.gpu_count if attempt.sharded else 1
        adapter = 0.0 if attempt.method == "full" else self.adapter
        return (weights + adapter) / shared + tokens * self.per_token


def size_of(base: BaseModelSpec, adapter_parameters: float) -> _Size:
    """The lower bounds of a base model with an adapter."""
    a = base.architecture
    embedded = float(a.vocab_size * a.hidden_size * (1 if a.tie_word_embeddings else 2))
    blocks = max(0.0, base.total_parameters - embedded)
    return _Size(
        weights_16=BYTES_16_BIT * base.total_parameters,
        weights_4=BYTES_4_BIT * blocks + BYTES_16_BIT * embedded,
        full=BYTES_FULL * base.total_parameters,
        adapter=BYTES_ADAPTER * adapter_parameters,
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


def find_setup(
    task: TuningTask,
    base: BaseModelSpec,
    methods: tuple[Method, ...],
    found: Lengths,
    adapter_parameters: float,
    catalogue: Catalogue,
    book: PlanningBook,
    draft: Callable[[Attempt], Drafted],
    estimate: Callable[[TrainingRequest], TrainingEstimate],
) -> Setup:
    """The first method that fits, on about the cheapest GPU that it fits on.

    Where its run costs more than the training budget the next method is asked, and kept when it is cheaper. When
    nothing fits, the largest machine is planned with the last method, and the estimate says that it does not fit.
    """
    gpus = (catalogue.gpu(task.gpu, "/gpu"),) if task.gpu is not None else ordinary_gpus(catalogue)
    size, passes = size_of(base, adapter_parameters), epochs(task, book.training)
    dear, why = None, ""
    for method in methods:
        attempts = sorted(
            _attempts(method, gpus, size, found), key=lambda a: _order(a, base, task, found, passes, book)
        )
        tried = _first_that_fits(attempts[:MOST_ATTEMPTS], draft, estimate, book.training.most_hours)
        if tried is None:
            why = why or _not_fitting(task)
            continue
        setup = Setup(*tried, qlora_why=why)
        if dear is not None:
            return setup if _usd(setup) < _usd(dear) else dear
        if task.training_budget_usd is None or _usd(setup) <= task.training_budget_usd:
            return setup
        dear, why = setup, "LoRA on 16-bit weights would cost more than the training budget"
    if dear is not None:
        return dear
    largest = max(gpus, key=lambda g: g.memory_bytes)
    drafted = draft(Attempt(methods[-1], largest, GPU_COUNTS[-1], True, one_at_a_time=True))
    return Setup(drafted, estimate(drafted.request), qlora_why=why)


def _usd(setup: Setup) -> float:
    """What the run is expected to cost; 0 when nobody knows."""
    total = setup.estimate.cost.total_usd
    return 0.0 if total is None else total.expected


def _not_fitting(task: TuningTask) -> str:
    return f"16-bit weights do not fit on {task.gpu}" if task.gpu else "16-bit weights fit on none of the GPUs"


def _attempts(method: Method, gpus: tuple[GpuSpec, ...], size: _Size, found: Lengths) -> Iterator[Attempt]:
    """Single GPUs that could hold it; several that share the weights only when no single one does."""
    longest = found.max_seq_length
    single = [a for g in gpus if size.least(a := Attempt(method, g, 1, False), longest) <= g.memory_bytes]
    if single:
        yield from single
        return
    for gpu in gpus:
        for count in GPU_COUNTS:
            attempt = Attempt(method, gpu, count, True, one_at_a_time=True)
            if size.least(attempt, longest) <= gpu.memory_bytes:
                yield attempt
                break


def _order(
    attempt: Attempt, base: BaseModelSpec, task: TuningTask, found: Lengths, passes: float, book: PlanningBook
) -> float:
    """About what the run costs, set-up included: to ask the estimate for the cheapest first."""
    s, gpu, shape = book.training, attempt.gpu, base.architecture
    tokens = found.mean_seq_length * found.examples_per_sequence
    work = (FULL_FLOPS if attempt.method == "full" else LORA_FLOPS) * base.active_parameters * tokens
    peak = gpu.flops_per_second.get("bf16") or max(gpu.flops_per_second.values())
    kernels = work / (s.product_efficiency * peak)
    kernels += s.traffic_bytes * shape.num_hidden_layers * shape.hidden_size * tokens / gpu.bandwidth_bytes_per_second
    launches = s.launch_seconds_per_layer * shape.num_hidden_layers
    seconds = hypot(kernels, launches)  # they overlap, so that the slower rules
    sequences = passes * task.train_examples / found.examples_per_sequence
    hours = sequences * seconds / SECONDS_PER_HOUR
    price = gpu.usd_per_hour.value if gpu.usd_per_hour else 1.0
    return price * (hours + s.setup_hours * attempt.gpu_count)


def _first_that_fits(
    attempts: list[Attempt],
    draft: Callable[[Attempt], Drafted],
    estimate: Callable[[TrainingRequest], TrainingEstimate],
    most_hours: float,
) -> tuple[Drafted, TrainingEstimate] | None:
    """The first that fits within the hours; else the fastest that fits; else None."""
    slow: list[tuple[Drafted, TrainingEstimate]] = []
    for attempt in attempts:
        pair = _fitting(attempt, draft, estimate)
        if pair is None:
            continue
        if _hours(pair[1]) <= most_hours:
            return pair
        slow.append(pair)
    return min(slow, key=lambda pair: _hours(pair[1])) if slow else None


def _hours(estimate: TrainingEstimate) -> float:
    seconds = estimate.train_seconds
    return 0.0 if seconds is None else seconds.expected / SECONDS_PER_HOUR


def _fitting(
    attempt: Attempt, draft: Callable[[Attempt], Drafted], estimate: Callable[[TrainingRequest], TrainingEstimate]
) -> tuple[Drafted, TrainingEstimate] | None:
    """The attempt as it is, else one sequence at a time, else None."""
    drafted = draft(attempt)
    made = estimate(drafted.request)
    if made.memory.fits:
        return drafted, made
    if attempt.one_at_a_time or drafted.training.micro_batch_size == 1:
        return None
    drafted = draft(Attempt(attempt.method, attempt.gpu, attempt.gpu_count, attempt.sharded, one_at_a_time=True))
    made = estimate(drafted.request)
    return (drafted, made) if made.memory.fits else None


def quantization(method: Method) -> Quantization:
    """How frozen weights are stored under a method."""
    return "nf4_double" if method == "qlora" else "none"


def training_request(
    plan: FineTuningPlan, architecture: dict[str, object] | None = None, usd_per_gpu_hour: float | None = None
) -> TrainingRequest:
    """Exactly the plan as a request to the training estimate; what is planned is what is estimated."""
    return request_of(
        plan.base_model, architecture, plan.method, plan.lora, plan.training, plan.hardware, usd_per_gpu_hour
    )


def request_of(
    base_model: str,
    architecture: dict[str, object] | None,
    method: Method,
    lora: LoraPlan | None,
    training: TrainingPlan,
    hardware: TrainingHardware,
    usd_per_gpu_hour: float | None,
) -> TrainingRequest:
    """The request of plan parts. All values are ours, so that validation is left out."""
    return TrainingRequest.model_construct(
        base_model=base_model,
        architecture=architecture,
        method=method,
        quantization=quantization(method),
        lora=lora_settings(lora),
        training=TrainingSettings.model_construct(
            micro_batch_size=training.micro_batch_size,
            gradient_accumulation_steps=training.gradient_accumulation_steps,
            max_seq_length=training.max_seq_length,
            mean_seq_length=training.mean_seq_length,
            packing=training.packing,
            gradient_checkpointing=training.gradient_checkpointing,
            attention=training.attention,
            optimizer=training.optimizer,
            precision=training.precision,
            framework="hf_peft",
            examples=training.examples,
            num_epochs=training.num_epochs,
        ),
        hardware=Hardware.model_construct(
            gpu=hardware.gpu,
            gpu_count=hardware.gpu_count,
            sharding=hardware.sharding,
            usd_per_gpu_hour=usd_per_gpu_hour,
        ),
    )


def lora_settings(lora: LoraPlan | None) -> LoraSettings | None:
    """The adapter of a plan as the estimate reads it."""
    if lora is None:
        return None
    return LoraSettings.model_construct(
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        target_modules=lora.target_modules,
        target_parameters=lora.target_parameters or None,
        lora_dropout=lora.lora_dropout,
        use_dora=lora.use_dora,
        use_rslora=lora.use_rslora,
    )
