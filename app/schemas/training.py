"""POST /estimate/training: request and answer."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.schemas.base import Assumption, Names, Range, Request, answer, tuple_from_list
from app.schemas.vocabulary import (
    Attention,
    CrossEntropy,
    Framework,
    Method,
    Optimizer,
    PeakMoment,
    Precision,
    Quantization,
    Sharding,
)


class LoraSettings(Request):
    """A LoRA adapter, by PEFT's field names."""

    r: int = Field(ge=1, le=4096, examples=[16])
    """Rank of the update; memory and adapter size grow with it."""
    lora_alpha: float | None = Field(default=None, gt=0, le=65536, examples=[32])
    """Scaling numerator; 2r when left out. It does not change the estimate."""
    target_modules: Literal["all-linear"] | Annotated[str, Field(min_length=1, max_length=1000)] | Names = Field(
        default="all-linear", examples=["all-linear"]
    )
    """Module names or suffixes that get an adapter, `all-linear` (every linear layer but the head), or one string: a
    regular expression over full module names, as PEFT reads it."""
    target_parameters: Names | None = Field(default=None, examples=[["mlp.experts.gate_up_proj"]])
    """Expert parameters (3-D tensors) that get an adapter, as PEFT's `target_parameters`."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1, examples=[0.05])
    """Dropout on the adapter's input; above 0 it keeps a mask and another copy of the input."""
    use_dora: bool = Field(default=False, examples=[False])
    """Weight-decomposed LoRA: adds one magnitude vector per target."""
    use_rslora: bool = Field(default=False, examples=[False])
    """Rank-stabilised scaling; it does not change the estimate."""


class TrainingSettings(Request):
    """How the run is set up, by Transformers' and TRL's names."""

    micro_batch_size: int = Field(default=1, ge=1, le=4096, examples=[4])
    """Sequences per GPU and forward pass."""
    gradient_accumulation_steps: int | None = Field(default=None, ge=1, le=65536, examples=[4])
    """Forward passes per optimizer step; 1 when left out (or what `global_batch_size` implies)."""
    global_batch_size: int | None = Field(default=None, ge=1, le=1_000_000, examples=[16])
    """Sequences per optimizer step over all GPUs; an alternative to `gradient_accumulation_steps`."""
    max_seq_length: int = Field(default=2048, ge=1, le=2_000_000, examples=[2048])
    """Tokens of the longest padded sequence: what memory must hold."""
    mean_seq_length: float | None = Field(default=None, gt=0, le=2_000_000, examples=[600.0])
    """Mean tokens of a sequence: what time is spent on."""
    packing: bool | None = Field(default=None, examples=[False])
    """Examples are packed to `max_seq_length`, so that every batch is full."""
    gradient_checkpointing: bool = Field(default=True, examples=[True])
    """Keep only each block's input and recompute the rest."""
    attention: Attention | None = Field(default=None, examples=["sdpa"])
    """Attention kernel."""
    optimizer: Optimizer | None = Field(default=None, examples=["adamw"])
    """Optimizer and where its states live."""
    precision: Precision | None = Field(default=None, examples=["bf16"])
    """Compute and weight precision."""
    framework: Framework | None = Field(default=None, examples=["hf_peft"])
    """Whose memory behaviour is modelled."""
    cross_entropy: CrossEntropy | None = Field(default=None, examples=["eager"])
    """How the loss over the vocabulary is computed."""
    torch_compile: bool | None = Field(default=None, examples=[False])
    """The model is compiled with torch.compile."""
    upcast_norms_and_embeddings: bool | None = Field(default=None, examples=[True])
    """`prepare_model_for_kbit_training` turned norms, embeddings and head into fp32."""
    examples: int | None = Field(default=None, ge=1, le=10**12, examples=[12000])
    """Training examples."""
    num_epochs: float | None = Field(default=None, gt=0, le=10_000, examples=[2])
    """Passes over the examples."""
    total_tokens: int | None = Field(default=None, ge=1, le=10**15, examples=[7_200_000])
    """Tokens to train on in all; an alternative to `examples` and `num_epochs`."""


class Hardware(Request):
    """The GPUs that train."""

    gpu: str = Field(max_length=64, examples=["L40S"])
    """GPU id from /catalogue/gpus."""
    gpu_count: int = Field(default=1, ge=1, le=65_536, examples=[1])
    """GPUs that train together."""
    sharding: Sharding = Field(default="none", examples=["none"])
    """How weights and states are divided among the GPUs."""
    usd_per_gpu_hour: float | None = Field(default=None, ge=0, le=10_000, examples=[1.9])
    """Your own price; the catalogue's list price when left out."""


class TrainingRequest(Request):
    """A fine-tuning run to be estimated. One of `base_model` and `architecture`; the architecture wins."""

    base_model: str | None = Field(default=None, min_length=1, max_length=200, examples=["Qwen/Qwen3-8B"])
    """Hugging Face id of a base model in the catalogue."""
    architecture: dict[str, Any] | None = Field(default=None, examples=[None])
    """Fields of any Hugging Face `config.json`."""
    method: Method = Field(examples=["lora"])
    """LoRA, QLoRA or full fine-tuning."""
    quantization: Quantization = Field(default="none", examples=["none"])
    """How the frozen weights are stored."""
    lora: LoraSettings | None = None
    """The adapter; required for `lora` and `qlora`."""
    training: TrainingSettings = TrainingSettings()
    """The run's settings."""
    hardware: Hardware
    """The GPUs."""


class MeasuredSteps(Request):
    """What some real steps of a run took: the file that `--calibrate` reads. Leave the warm-up steps out."""

    run: TrainingRequest
    """The run that was measured, with its framework, GPU and real lengths."""
    step_seconds: Annotated[
        tuple[Annotated[float, Field(gt=0, le=86_400)], ...], Field(max_length=1000), BeforeValidator(tuple_from_list)
    ] = Field(default=(), examples=[[2.31, 2.29, 2.3]])
    """Wall time of optimizer steps, ten or more."""
    peak_allocated_bytes: int | None = Field(default=None, gt=0, examples=[20_400_000_000])
    """torch.cuda.max_memory_allocated() after the steps."""
    peak_reserved_bytes: int | None = Field(default=None, gt=0, examples=[22_900_000_000])
    """torch.cuda.max_memory_reserved() after the steps."""
    peak_device_bytes: int | None = Field(default=None, gt=0, examples=[23_600_000_000])
    """What nvidia-smi showed."""


@answer
class MemoryComponent:
    """A part of the peak."""

    name: str
    """What it is."""
    bytes: int
    """Its bytes on one GPU at the moment of the peak."""


@answer
class MemoryChange:
    """One change that would make the run fit."""

    change: str
    """What to change, as `field=value`."""
    text: str
    """The change in words."""
    device_bytes: Range
    """What the card would need then."""
    time_factor: float
    """Step time after the change over step time before."""


@answer
class MemoryEstimate:
    """What one GPU must hold at the worst moment, by component, as ranges."""

    components: tuple[MemoryComponent, ...]
    """Parts of the peak; they add up to `peak_allocated_bytes.expected`."""
    peak_at: PeakMoment
    """Which of the three moments is the largest."""
    moments: dict[str, int]
    """Bytes allocated at each of the three moments."""
    peak_allocated_bytes: Range
    """What tensors need (torch.cuda.max_memory_allocated)."""
    peak_reserved_bytes: Range
    """What the caching allocator holds (torch.cuda.max_memory_reserved)."""
    device_bytes: Range
    """What the card shows (nvidia-smi): reserved plus the CUDA context."""
    fits: bool
    """The expected device figure is within the GPU's memory."""
    headroom_bytes: int
    """GPU memory less the expected device figure; negative when it does not fit."""
    would_fit_with: tuple[MemoryChange, ...]
    """Single changes that would make it fit, cheapest first; empty when it fits."""


@answer
class CostItem:
    """A line of a bill: quantity apart from unit price."""

    name: str
    """What is paid for."""
    quantity: float
    """How many units."""
    unit: str
    """The unit."""
    unit_price_usd: float | None
    """Price of one unit; null when unknown."""
    cost_usd: float | None
    """Quantity times unit price; null when the price is unknown."""
    source: str
    """Where the price comes from, or why it is unknown."""
    as_of: str | None
    """Date of the price (ISO 8601)."""


@answer
class CostEstimate:
    """What it costs, line by line."""

    items: tuple[CostItem, ...]
    """The lines."""
    total_usd: Range | None
    """Their sum; null when no price is known."""


@answer
class TrainingEstimate:
    """Parameters, memory, time and money of one fine-tuning run."""

    total_parameters: int
    """Parameters of the base model, tied embeddings counted once."""
    trainable_parameters: int
    """Parameters that receive gradients."""
    trainable_fraction: float
    """Trainable over total."""
    adapter_bytes: int | None
    """Size of the saved adapter; null for full fine-tuning."""
    memory: MemoryEstimate
    """Peak memory of one GPU."""
    flops_per_token: float
    """Executed FLOPs per trained token, recomputation included."""
    tokens_per_second_per_gpu: Range
    """Training throughput of one GPU."""
    step_seconds: Range
    """Wall time of one optimizer step."""
    total_tokens: int | None
    """Tokens trained on; null when neither examples nor tokens are known."""
    train_seconds: Range | None
    """Wall time of the run."""
    gpu_hours: Range | None
    """GPU-hours paid for."""
    energy_kwh: Range | None
    """Energy of the GPUs alone."""
    cost: CostEstimate
    """Money, line by line."""
    assumptions: tuple[Assumption, ...]
    """What the estimate rests on."""
    warnings: tuple[str, ...]
    """What to know before acting on it."""
