"""From a request to a run: contradictions refused, left-out fields filled in, every filling-in stated."""

from collections.abc import Mapping
from math import log, sqrt

from app.catalogue.frameworks import FrameworkProfile
from app.errors import InputError, InputProblem
from app.records import record
from app.schemas.base import Assumption
from app.schemas.training import TrainingRequest, TrainingSettings
from app.schemas.vocabulary import Attention, CrossEntropy, Method, Optimizer, Precision, Quantization, Sharding
from app.schemas.world import GpuSpec

MEAN_OVER_MAX_LENGTH = 0.5
"""Mean over longest sequence when the mean is unknown: between instruction sets (0.2 to 0.3: Alpaca 0.2,
MetaMathQA 0.29) and sets cut at the maximum (towards 1)."""
LENGTH_SPREAD = 0.45
"""Standard deviation over mean of sequence lengths, for padding; chat and instruction sets lie around 0.4 to 0.6."""
MAX_TENSOR_PARALLEL = 8
"""GPUs of one machine: tensor parallelism beyond them is rare, since it needs the fast link."""
_OURS = "tunewise's convention"


@record(kw_only=True)
class Run:
    """A training run with nothing left open."""

    method: Method
    quantization: Quantization
    r: int
    dropout: bool
    dora: bool
    micro_batch_size: int
    accumulation: int
    max_length: int
    mean_length: float
    padded_length: float
    """Mean length after padding to the longest of a micro-batch: what is computed on."""
    packed: bool
    lengths_known: bool
    checkpointing: bool
    attention: Attention
    optimizer: Optimizer
    precision: Precision
    cross_entropy: CrossEntropy
    torch_compile: bool
    upcast: bool
    gpu_count: int
    sharding: Sharding
    tensor_parallel: int
    """GPUs that share one copy of every activation."""
    replicas: int
    """Copies of the base model that read different data."""

    @property
    def full(self) -> bool:
        """Every parameter is trained."""
        return self.method == "full"

    @property
    def fused(self) -> bool:
        """Norms, rotary embeddings and activations run as fused kernels.

        A fused cross-entropy comes with the other kernels of its collection (Liger, Unsloth, foak), and torch.compile
        fuses what is elementwise.
        """
        return self.cross_entropy != "eager" or self.torch_compile


def _replicas(request: TrainingRequest) -> int:
    """Copies of the base model that read different data.

    Tensor parallelism fills a machine; where a step has too few sequences for that many copies, groups grow
    beyond a machine (context parallelism).
    """
    t, hardware = request.training, request.hardware
    if hardware.sharding != "tensor_parallel":
        return hardware.gpu_count
    copies = max(1, hardware.gpu_count // MAX_TENSOR_PARALLEL)
    if t.global_batch_size is not None:
        copies = min(copies, max(1, t.global_batch_size // t.micro_batch_size))
    return copies


def check_method(request: TrainingRequest) -> None:
    """Raises InputError, with every contradiction between method, quantization and adapter."""
    method, quantization, lora = request.method, request.quantization, request.lora
    problems: list[InputProblem] = []
    if method != "full" and lora is None:
        problems.append(
            InputProblem("/lora", f"{method} trains an adapter, but none is described.", 'Add "lora": {"r": 16}.')
        )
    if method == "full" and lora is not None:
        problems.append(
            InputProblem("/lora", "Full fine-tuning has no adapter.", 'Leave "lora" out, or set method "lora".')
        )
    if method == "full" and quantization != "none":
        hint = 'Set quantization "none", or method "qlora" with an adapter.'
        problems.append(InputProblem("/quantization", f"{quantization} weights cannot be trained in full.", hint))
    if method == "lora" and quantization != "none":
        hint = 'Set method "qlora", or quantization "none".'
        problems.append(InputProblem("/quantization", f"LoRA on {quantization} weights is what is called QLoRA.", hint))
    if method == "qlora" and quantization == "none":
        hint = 'Set quantization "nf4_double" (the QLoRA paper), "nf4", "int8" or "gptq4", or method "lora".'
        problems.append(InputProblem("/quantization", "QLoRA needs quantised weights.", hint))
    if method != "full" and request.training.precision == "fp32" and quantization == "gptq4":
        problems.append(
            InputProblem("/training/precision", "GPTQ kernels compute in 16 bit.", 'Set precision "bf16" or "fp16".')
        )
    if problems:
        raise InputError(problems)


def resolve(
    request: TrainingRequest, profile: FrameworkProfile, reasons: Mapping[str, Assumption], gpu: GpuSpec
) -> tuple[Run, list[Assumption]]:
    """The run that is estimated and what had to be assumed. Raises InputError for contradictions."""
    check_method(request)
    precision, precision_assumed = _precision(request, profile, reasons, gpu)
    t, hardware = request.training, request.hardware
    assumed: list[Assumption] = []
    mean, padded, packed, known = _lengths(t, assumed)
    replicas = _replicas(request)
    tensor_parallel = hardware.gpu_count // replicas if hardware.sharding == "tensor_parallel" else 1
    if hardware.gpu_count > 1 and hardware.sharding == "none":
        assumed.append(_SEVERAL_UNSHARDED)
    run = Run(
        method=request.method,
        quantization=request.quantization,
        r=request.lora.r if request.lora else 0,
        dropout=bool(request.lora and request.lora.lora_dropout > 0),
        dora=bool(request.lora and request.lora.use_dora),
        micro_batch_size=t.micro_batch_size,
        accumulation=_accumulation(t, replicas, hardware.sharding == "tensor_parallel", assumed),
        max_length=t.max_seq_length,
        mean_length=mean,
        padded_length=padded,
        packed=packed,
        lengths_known=known,
        checkpointing=t.gradient_checkpointing,
        attention=t.attention or profile.default_attention,
        optimizer=t.optimizer or profile.default_optimizer,
        precision=precision,
        cross_entropy=t.cross_entropy or profile.default_cross_entropy,
        torch_compile=bool(t.torch_compile),
        upcast=_upcast(request, profile),
        gpu_count=hardware.gpu_count,
        sharding=hardware.sharding,
        tensor_parallel=tensor_parallel,
        replicas=replicas,
    )
    assumed += [reasons[f"default_{name}"] for name in _left_out(request)]
    assumed += precision_assumed
    return run, assumed


_SEVERAL_UNSHARDED = Assumption(
    name="sharding",
    value="ddp",
    origin="default",
    source="several GPUs without sharding: each trains a whole copy (DDP)",
)


def _left_out(request: TrainingRequest) -> list[str]:
    t = request.training
    names = [name for name in ("attention", "optimizer", "cross_entropy") if getattr(t, name) is None]
    if t.upcast_norms_and_embeddings is None and request.method == "qlora":
        names.append("upcast")
    return names


def _precision(
    request: TrainingRequest, profile: FrameworkProfile, reasons: Mapping[str, Assumption], gpu: GpuSpec
) -> tuple[Precision, list[Assumption]]:
    """The run's precision: the framework's default where the GPU has it, else fp16. Raises InputError for fp8 without.

    bf16 on a GPU without bf16 tensor cores runs all the same, emulated; the estimate warns.
    """
    asked = request.training.precision
    if asked is None:
        if profile.default_precision in gpu.flops_per_second:
            return profile.default_precision, [reasons["default_precision"]]
        return "fp16", [
            Assumption(name="precision", value="fp16", origin="inferred", source=f"{gpu.name} has no bf16 tensor cores")
        ]
    if asked == "fp8" and asked not in gpu.flops_per_second:
        known = ", ".join(gpu.flops_per_second)
        raise InputError.at("/training/precision", f"{gpu.name} has no fp8 tensor cores.", f"It has {known}.")
    return asked, []


def _upcast(request: TrainingRequest, profile: FrameworkProfile) -> bool:
    """Only quantised runs go through `prepare_model_for_kbit_training` unless the caller says otherwise."""
    asked = request.training.upcast_norms_and_embeddings
    return asked if asked is not None else profile.default_upcast and request.quantization not in ("none", "gptq4")


def _lengths(t: TrainingSettings, assumed: list[Assumption]) -> tuple[float, float, bool, bool]:
    """Mean length, mean padded length, packed or not, and whether lengths are known."""
    longest = float(t.max_seq_length)
    if t.packing:
        if t.mean_seq_length is not None and t.mean_seq_length > longest:
            raise _mean_too_long(t)
        return longest, longest, True, True
    mean = t.mean_seq_length
    if mean is None:
        mean = max(1.0, MEAN_OVER_MAX_LENGTH * longest)
        text = f"{_OURS}: {MEAN_OVER_MAX_LENGTH:g} of max_seq_length; memory is at max_seq_length itself"
        assumed.append(Assumption(name="mean_seq_length", value=mean, origin="default", source=text))
        return mean, padded_length(mean, longest, t.micro_batch_size), False, False
    if mean > longest:
        raise _mean_too_long(t)
    if t.packing is None:
        packed = mean == longest
        text = "mean_seq_length equals max_seq_length" if packed else "mean_seq_length is below max_seq_length"
        assumed.append(Assumption(name="packing", value=packed, origin="inferred", source=text))
        return mean, padded_length(mean, longest, t.micro_batch_size), packed, True
    return mean, padded_length(mean, longest, t.micro_batch_size), False, True


def _mean_too_long(t: TrainingSettings) -> InputError:
    detail = f"The mean ({t.mean_seq_length:g}) exceeds max_seq_length ({t.max_seq_length})."
    return InputError.at("/training/mean_seq_length", detail, "max_seq_length is the longest padded sequence.")


def padded_length(mean: float, longest: float, batch: int) -> float:
    """Mean of the longest of `batch` sequences, at most `longest`: what a padded micro-batch computes on.

    The expected maximum of n draws lies about sqrt(2 ln n) standard deviations above the mean.
    """
    if batch == 1:
        return mean
    return min(longest, mean * (1 + LENGTH_SPREAD * sqrt(2 * log(batch))))


def _accumulation(t: TrainingSettings, replicas: int, split: bool, assumed: list[Assumption]) -> int:
    """Micro-batches per optimizer step. Raises InputError when the three batch sizes contradict each other."""
    steps, total = t.gradient_accumulation_steps, t.global_batch_size
    if total is None:
        if steps is None:
            assumed.append(_NO_ACCUMULATION)
        return steps or 1
    per_pass = t.micro_batch_size * replicas
    if split and steps is None:
        return max(1, round(total / per_pass))
    if total % per_pass or (steps is not None and steps * per_pass != total):
        detail = f"{total} sequences a step are not micro_batch_size {t.micro_batch_size} x {replicas} GPUs"
        detail += f" x gradient_accumulation_steps {steps}." if steps else " x a whole number of accumulation steps."
        fitting = per_pass * (steps or max(1, round(total / per_pass)))
        raise InputError.at("/training/global_batch_size", detail, f"Set {fitting}, or leave one of the three out.")
    return total // per_pass


_NO_ACCUMULATION = Assumption(
    name="gradient_accumulation_steps", value=1, origin="default", source="Transformers' default (TrainingArguments)"
)
