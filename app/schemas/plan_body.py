"""A tuning plan as a request body: what POST /plan/lora answered, sent back to be exported.

`PlanBody` has exactly the fields of FineTuningPlan, each with the limits that an input needs; a test holds the two
against each other.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter

from app.schemas.base import Names, Request, tuple_from_list
from app.schemas.plan import FineTuningPlan
from app.schemas.vocabulary import Attention, Method, Optimizer, Precision, Quantization, Sharding

Words = str
"""Free text; the body's own limit bounds it."""
Item = TypeVar("Item")
Items = Annotated[tuple[Item, ...], Field(max_length=200), BeforeValidator(tuple_from_list)]
LARGEST_AMOUNT = 1e18


class RangeBody(Request):
    """An estimate."""

    low: float = Field(ge=0, le=LARGEST_AMOUNT, examples=[1.1])
    """The lower end."""
    expected: float = Field(ge=0, le=LARGEST_AMOUNT, examples=[1.4])
    """The best single figure."""
    high: float = Field(ge=0, le=LARGEST_AMOUNT, examples=[1.9])
    """The upper end."""


class BecauseBody(Request):
    """Why a field has its value; written into the exported file as a comment."""

    field: str = Field(max_length=200, examples=["lora.r"])
    """The field."""
    text: Words
    """The reason, in words."""
    source: Words
    """The evidence it rests on."""


class LoraPlanBody(Request):
    """A LoRA adapter, by PEFT's names."""

    r: int = Field(ge=1, le=4096, examples=[16])
    """Rank."""
    lora_alpha: float = Field(gt=0, le=65536, examples=[32.0])
    """Scaling numerator."""
    lora_dropout: float = Field(ge=0, lt=1, examples=[0.0])
    """Dropout on the adapter's input."""
    target_modules: Names = Field(examples=[["q_proj", "k_proj", "v_proj", "o_proj"]])
    """Modules that get an adapter."""
    use_rslora: bool = Field(examples=[False])
    """Scale by alpha over the root of r."""
    use_dora: bool = Field(examples=[False])
    """Weight decomposition."""
    bias: Literal["none"] = Field(examples=["none"])
    """Biases are not trained."""
    task_type: Literal["CAUSAL_LM"] = Field(examples=["CAUSAL_LM"])
    """PEFT's task type."""
    target_parameters: Names = Field(default=(), examples=[[]])
    """Expert tensors that get an adapter (mixture-of-experts)."""


class TrainingPlanBody(Request):
    """Hyperparameters, by Transformers' and TRL's names."""

    learning_rate: float = Field(gt=0, le=1, examples=[0.0002])
    """Peak learning rate."""
    lr_scheduler_type: str = Field(pattern=r"^[a-z_]{1,40}$", examples=["cosine"])
    """Schedule."""
    warmup_ratio: float = Field(ge=0, lt=1, examples=[0.03])
    """Share of steps that warm up."""
    num_epochs: float = Field(gt=0, le=10_000, examples=[2.0])
    """Passes over the training examples."""
    micro_batch_size: int = Field(ge=1, le=4096, examples=[4])
    """Sequences per GPU and forward pass."""
    gradient_accumulation_steps: int = Field(ge=1, le=65536, examples=[4])
    """Forward passes per optimizer step."""
    max_seq_length: int = Field(ge=1, le=2_000_000, examples=[2048])
    """Longest sequence; longer ones are cut."""
    mean_seq_length: float = Field(gt=0, le=2_000_000, examples=[600.0])
    """Mean tokens per example that the estimate uses."""
    packing: bool = Field(examples=[False])
    """Examples are packed to full length."""
    completion_only_loss: bool = Field(examples=[True])
    """Loss on the answers only."""
    gradient_checkpointing: bool = Field(examples=[True])
    """Recompute activations in the backward pass."""
    optimizer: Optimizer = Field(examples=["adamw"])
    """Optimizer."""
    precision: Precision = Field(examples=["bf16"])
    """Precision."""
    attention: Attention = Field(examples=["sdpa"])
    """Attention kernel."""
    weight_decay: float = Field(ge=0, le=10, examples=[0.0])
    """Weight decay."""
    max_grad_norm: float = Field(ge=0, le=1e6, examples=[1.0])
    """Gradient clipping."""
    seed: int = Field(ge=0, le=2**32 - 1, examples=[42])
    """Random seed."""
    examples: int = Field(ge=1, le=10**12, examples=[11_000])
    """Training examples, evaluation split taken off."""
    eval_examples: int = Field(ge=0, le=10**12, examples=[1000])
    """Examples kept for evaluation."""


class TrainingHardwareBody(Request):
    """Where the plan trains."""

    gpu: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["L40S"])
    """GPU id."""
    gpu_count: int = Field(ge=1, le=65_536, examples=[1])
    """GPUs."""
    sharding: Sharding = Field(examples=["none"])
    """How they share the work."""


class SweepRunBody(Request):
    """One run of a small sweep."""

    change: Words
    """What differs from the plan, as `field=value`."""
    text: Words
    """What it would tell."""
    cost_usd: RangeBody | None
    """Its cost; null when the GPU has no known price."""


class RunnerUpBody(Request):
    """A candidate that was not chosen."""

    name: Words
    """Its id."""
    text: Words
    """Why it came second, with its number."""


class DataReadinessBody(Request):
    """Whether the labelled examples suffice, and the smallest experiment that would settle the question."""

    labelled_examples: int | None = Field(ge=0, le=10**12, examples=[12_000])
    """Examples known to exist; null when not stated."""
    needed_examples: int = Field(ge=0, le=10**12, examples=[1000])
    """Examples from which tuning is usually useful for this task."""
    train_examples: int = Field(ge=0, le=10**12, examples=[11_000])
    """Used for training."""
    eval_examples: int = Field(ge=0, le=10**12, examples=[1000])
    """Kept apart for evaluation."""
    enough: bool | None = Field(examples=[True])
    """Null when the number of labelled examples is not known."""
    text: Words
    """In words: how many, of which kind, and what is missing."""
    pilot_examples: int = Field(ge=0, le=10**12, examples=[200])
    """Examples of the smallest experiment that would settle it."""
    pilot_gpu_hours: RangeBody | None
    """Its GPU-hours."""
    pilot_cost_usd: RangeBody | None
    """Its cost."""
    source: Words
    """Evidence."""


class PlanBody(Request):
    """A tuning plan, as POST /plan/lora and POST /recommend (`fine_tuning`) answer it."""

    method: Method = Field(examples=["lora"])
    """LoRA, QLoRA or full."""
    base_model: str = Field(min_length=1, max_length=200, examples=["Qwen/Qwen3-8B"])
    """Hugging Face id of the base model."""
    quantization: Quantization = Field(examples=["none"])
    """How frozen weights are stored."""
    lora: LoraPlanBody | None
    """The adapter; null for full fine-tuning."""
    training: TrainingPlanBody
    """Hyperparameters."""
    hardware: TrainingHardwareBody
    """GPUs."""
    because: Items[BecauseBody] = ()
    """Why each field has its value."""
    runners_up: Items[RunnerUpBody] = ()
    """Base models that came next."""
    sweep: Items[SweepRunBody] = ()
    """Three runs worth doing if there is budget."""
    data: DataReadinessBody
    """The examples."""
    limits: Items[Words] = ()
    """What the plan cannot promise."""

    def plan(self) -> FineTuningPlan:
        """The plan itself."""
        fields: dict[str, Any] = self.model_dump()
        return _plan(fields)


_plan = TypeAdapter(FineTuningPlan).validate_python
