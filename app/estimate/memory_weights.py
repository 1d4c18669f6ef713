"""What lies on the card whatever the batch: weights, adapter, gradients, optimizer states, buffers."""

from functools import lru_cache
from typing import Literal, NamedTuple

from app.catalogue.frameworks import FrameworkProfile
from app.errors import InputError
from app.estimate.memory_shapes import BlockShape, block_shapes
from app.estimate.params import inventory
from app.estimate.params_adapter import Naming, adapter, adapter_bytes
from app.estimate.training_settings import Run
from app.records import record
from app.schemas.architecture import AdapterShape, Architecture, Inventory
from app.schemas.training import LoraSettings
from app.schemas.vocabulary import Optimizer, Precision, Quantization, Sharding

WEIGHT_BYTES: dict[Precision, float] = {"bf16": 2.0, "fp16": 2.0, "fp32": 4.0, "fp8": 1.0}
"""Bytes of a stored weight; fp8 stores frozen weights in 8 bit (Transformer Engine's `fp8_model_init`)."""
QUANTIZED_BYTES: dict[Quantization, float] = {
    "nf4": 0.5 + 4 / 64,
    "nf4_double": 0.5 + 1 / 64 + 4 / (64 * 256),
    "int8": 1.0 + 4 / 4096,
    "gptq4": 0.5 + 2.5 / 128,
}
"""Bytes of a quantised weight. nf4: an fp32 scale per 64 weights, doubly quantised to 8 bit with an fp32 scale per
256 scales (arXiv 2305.14314). int8: an fp32 scale per row of about 4096 (arXiv 2208.07339). GPTQ: an fp16 scale and a
4-bit zero per group of 128 (arXiv 2210.17323)."""
STATE_VALUES: dict[Optimizer, float] = {"adamw": 2, "adamw_8bit": 2, "paged_adamw": 0, "paged_adamw_8bit": 0, "sgd": 0}
"""Optimizer states on the card per trained parameter; paged states live in managed memory outside the allocator."""
EIGHT_BIT_STATE_BYTES = 1 + 4 / 256
"""An 8-bit state with an fp32 scale per 256 values (bitsandbytes, arXiv 2110.02861)."""
GATHERED_BLOCKS = 2
"""FSDP and ZeRO-3 gather the block at work and prefetch the next."""


class Storage(NamedTuple):
    """How weights and what trains them are stored."""

    full: bool
    quantization: Quantization
    precision: Precision
    optimizer: Optimizer


@record(eq=False)
class Prepared:
    """A base model with its adapter, counted and measured once."""

    parts: Inventory
    adapter: AdapterShape | None
    blocks: tuple[BlockShape, ...]
    trainable_parameters: int
    saved_bytes: int | None
    """Size of the saved adapter; None for full fine-tuning."""
    layers: int
    largest_block: BlockShape
    block_parameters: int
    """Parameters of all blocks."""
    active_adapter_parameters: float
    """Adapter weights that one token passes through."""


@lru_cache(maxsize=2048)
def prepared(architecture: Architecture, lora: LoraSettings | None, naming: Naming | Literal["either"]) -> Prepared:
    """Counts and widths for this architecture and adapter. Raises InputError for targets that match nothing."""
    parts = inventory(architecture)
    shape = None
    if lora is not None and naming != "either":
        shape = _adapter(parts, lora, naming)
    elif lora is not None:
        try:
            shape = _adapter(parts, lora, "peft")
        except InputError as error:
            try:
                shape = _adapter(parts, lora, "by_role")
            except InputError:
                raise error from None
    blocks = block_shapes(parts, shape)
    targets = shape.targets if shape else ()
    active = sum(t.parameters * _visited_share(t.part.experts, architecture.num_experts_per_tok) for t in targets)
    return Prepared(
        parts=parts,
        adapter=shape,
        blocks=blocks,
        trainable_parameters=shape.trainable_parameters if shape else parts.total_parameters,
        saved_bytes=adapter_bytes(shape) if shape else None,
        layers=sum(b.count for b in blocks),
        largest_block=max(blocks, key=lambda b: b.parameters),
        block_parameters=sum(b.count * b.parameters for b in blocks),
        active_adapter_parameters=active if shape else 0.0,
    )


def _adapter(parts: Inventory, lora: LoraSettings, naming: Naming) -> AdapterShape:
    return adapter(
        parts,
        r=lora.r,
        target_modules=lora.target_modules,
        target_parameters=lora.target_parameters,
        use_dora=lora.use_dora,
        lora_dropout=lora.lora_dropout,
        naming=naming,
    )


def _visited_share(experts: int, visited: int) -> float:
    return visited / experts if experts > 1 else 1.0


@record(kw_only=True)
class StaticBytes:
    """Bytes on one GPU that do not depend on the batch."""

    weights: float
    adapter: float
    gradients: float
    states: float
    gathered: float
    """Unsharded parameters of the blocks at work."""
    bucket: float
    """DDP's copy of the gradients."""
    dequantized: float
    """The largest weight, unpacked for its matrix product."""
    optimizer_temporary: float


def static_bytes(base: Prepared, run: Run, profile: FrameworkProfile) -> StaticBytes:
    """Weights, gradients, states and buffers of one GPU under the run's sharding (cached)."""
    return _static_bytes(
        base, profile, Storage(run.method == "full", run.quantization, run.precision, run.optimizer), run.sharding,
        run.gpu_count, run.tensor_parallel,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _static_bytes(
    base: Prepared, profile: FrameworkProfile, kind: Storage, sharding: Sharding, gpu_count: int, tensor_parallel: int
) -> StaticBytes:
    split, states_split, gradients_split = _divisors(sharding, gpu_count, tensor_parallel)
    weights = _weight_bytes(base, kind, profile)
    value_bytes = _trained_value_bytes(kind, profile)
    master = _has_master(kind, profile)
    trained = float(base.trainable_parameters)
    state_bytes = EIGHT_BIT_STATE_BYTES if "8bit" in kind.optimizer else (4.0 if master else value_bytes)
    states = (STATE_VALUES[kind.optimizer] * state_bytes + (4.0 if master else 0.0)) * trained
    gradients = value_bytes * trained
    sharded = sharding in ("fsdp", "zero3") and gpu_count > 1
    lora_bytes = 0.0 if kind.full else value_bytes * trained
    return StaticBytes(
        weights=weights / split,
        adapter=lora_bytes / split,
        gradients=gradients / gradients_split,
        states=states / states_split,
        gathered=_gathered_bytes(base, weights, lora_bytes, kind) if sharded else 0.0,
        bucket=gradients if sharding in ("ddp", "none") and gpu_count > 1 else 0.0,
        dequantized=_dequantized_bytes(base, kind, profile) / tensor_parallel,
        optimizer_temporary=profile.optimizer_temporary * gradients / states_split,
    )


def _gathered_bytes(base: Prepared, weights: float, lora_bytes: float, kind: Storage) -> float:
    """Whole blocks at work, a trained block's whole gradient, and all outside of the blocks (FSDP's root unit)."""
    inside = base.block_parameters
    outside = (base.parts.total_parameters - inside) * max(2.0, WEIGHT_BYTES[kind.precision])
    per_block = (weights - outside + lora_bytes) * base.largest_block.parameters / inside
    blocks = GATHERED_BLOCKS + (1 if kind.full else 0)
    return blocks * per_block + outside


def _divisors(sharding: Sharding, gpu_count: int, tensor_parallel: int) -> tuple[int, int, int]:
    """By how many GPUs weights, optimizer states and gradients are divided."""
    if sharding in ("fsdp", "zero3"):
        return gpu_count, gpu_count, gpu_count
    if sharding == "zero2":
        return 1, gpu_count, gpu_count
    return tensor_parallel, tensor_parallel, tensor_parallel


def _weight_bytes(base: Prepared, kind: Storage, profile: FrameworkProfile) -> float:
    """Stored weights of the base model: quantised block linears, everything else in the run's precision."""
    parts = base.parts
    wide = WEIGHT_BYTES[kind.precision] if not kind.full or kind.precision != "fp8" else WEIGHT_BYTES["bf16"]
    head = parts.head_parameters
    total = float(parts.total_parameters)
    if parts.head.tied and not profile.ties_head:
        total += head
    if kind.quantization == "none":
        return total * wide
    quantized = float(parts.block_linear_parameters)
    if profile.quantizes_head and (not parts.head.tied or not profile.ties_head):
        quantized += head
    return quantized * QUANTIZED_BYTES[kind.quantization] + (total - quantized) * max(wide, 2.0)


def _trained_value_bytes(kind: Storage, profile: FrameworkProfile) -> float:
    """Bytes of a trained weight and of its gradient."""
    if kind.full:
        return 4.0 if kind.precision == "fp32" else 2.0
    return 4.0 if kind.precision == "fp32" else float(profile.adapter_value_bytes)


def _has_master(kind: Storage, profile: FrameworkProfile) -> bool:
    """Whether fp32 copies of the trained weights exist: always under fp16, whose updates would vanish otherwise."""
    return kind.full and (kind.precision in ("fp16", "fp8") or (profile.master_weights and kind.precision == "bf16"))


def _dequantized_bytes(base: Prepared, kind: Storage, profile: FrameworkProfile) -> float:
    if kind.quantization == "none":
        return 0.0
    largest = base.largest_block.largest_weight
    if profile.quantizes_head:
        largest = max(largest, base.parts.head_parameters)
    return 2.0 * largest
