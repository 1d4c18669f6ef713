"""The two plans: a prompting plan and a tuning plan."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Names, Range, Request, answer
from app.schemas.vocabulary import Attention, Method, Optimizer, Precision, Quantization, Sharding, TaskType


@answer
class Because:
    """Why a field has its value."""

    field: str
    """The field."""
    text: str
    """The reason, in words."""
    source: str
    """The evidence it rests on."""


@answer
class LoraPlan:
    """A LoRA adapter, by PEFT's names."""

    r: int
    """Rank."""
    lora_alpha: float
    """Scaling numerator."""
    lora_dropout: float
    """Dropout on the adapter's input."""
    target_modules: tuple[str, ...]
    """Modules that get an adapter, by the names PEFT expects for this architecture."""
    use_rslora: bool
    """Scale by alpha over the root of r."""
    use_dora: bool
    """Weight decomposition."""
    bias: Literal["none"]
    """Biases are not trained."""
    task_type: Literal["CAUSAL_LM"]
    """PEFT's task type."""
    target_parameters: tuple[str, ...] = ()
    """Expert tensors that get an adapter (mixture-of-experts)."""


@answer
class TrainingPlan:
    """Hyperparameters, by Transformers' and TRL's names."""

    learning_rate: float
    """Peak learning rate."""
    lr_scheduler_type: str
    """Schedule."""
    warmup_ratio: float
    """Share of steps that warm up."""
    num_epochs: float
    """Passes over the training examples."""
    micro_batch_size: int
    """Sequences per GPU and forward pass."""
    gradient_accumulation_steps: int
    """Forward passes per optimizer step."""
    max_seq_length: int
    """Longest sequence; longer ones are cut."""
    mean_seq_length: float
    """Mean tokens per example that the estimate uses."""
    packing: bool
    """Examples are packed to full length."""
    completion_only_loss: bool
    """Loss on the answers only."""
    gradient_checkpointing: bool
    """Recompute activations in the backward pass."""
    optimizer: Optimizer
    """Optimizer."""
    precision: Precision
    """Precision."""
    attention: Attention
    """Attention kernel."""
    weight_decay: float
    """Weight decay."""
    max_grad_norm: float
    """Gradient clipping."""
    seed: int
    """Random seed."""
    examples: int
    """Training examples, evaluation split taken off."""
    eval_examples: int
    """Examples kept for evaluation."""


@answer
class TrainingHardware:
    """Where the plan trains."""

    gpu: str
    """GPU id."""
    gpu_count: int
    """GPUs."""
    sharding: Sharding
    """How they share the work."""


@answer
class SweepRun:
    """One run of a small sweep."""

    change: str
    """What differs from the plan, as `field=value`."""
    text: str
    """What it would tell."""
    cost_usd: Range | None
    """Its cost; null when the GPU has no known price."""


@answer
class RunnerUp:
    """A candidate that was not chosen."""

    name: str
    """Its id."""
    text: str
    """Why it came second, with its number."""


@answer
class DataReadiness:
    """Whether the labelled examples suffice, and the smallest experiment that would settle the question."""

    labelled_examples: int | None
    """Examples known to exist; null when not stated."""
    needed_examples: int
    """Examples from which tuning is usually useful for this task."""
    train_examples: int
    """Used for training."""
    eval_examples: int
    """Kept apart for evaluation."""
    enough: bool | None
    """Null when the number of labelled examples is not known."""
    text: str
    """In words: how many, of which kind, and what is missing."""
    pilot_examples: int
    """Examples of the smallest experiment that would settle it."""
    pilot_gpu_hours: Range | None
    """Its GPU-hours."""
    pilot_cost_usd: Range | None
    """Its cost."""
    source: str
    """Evidence."""


@answer
class FineTuningPlan:
    """A tuning plan that can be trained as it stands."""

    method: Method
    """LoRA, QLoRA or full."""
    base_model: str
    """Hugging Face id of the base model."""
    quantization: Quantization
    """How frozen weights are stored."""
    lora: LoraPlan | None
    """The adapter; null for full fine-tuning."""
    training: TrainingPlan
    """Hyperparameters."""
    hardware: TrainingHardware
    """GPUs."""
    because: tuple[Because, ...]
    """Why each field has its value."""
    runners_up: tuple[RunnerUp, ...]
    """Base models that came next."""
    sweep: tuple[SweepRun, ...]
    """Three runs worth doing if there is budget."""
    data: DataReadiness
    """The examples."""
    limits: tuple[str, ...]
    """What the plan cannot promise."""


@answer
class Technique:
    """A prompting technique."""

    name: str
    """Its name: `few_shot`, `structured_output`, `prompt_caching`, `retrieval`, `chain_of_thought`, `batch`, ..."""
    because: str
    """Why it helps here."""
    source: str
    """Evidence."""


@answer
class PromptingPlan:
    """A prompting plan."""

    model: str
    """The base model to prompt: a hosted id, or an open one when self-hosting is required."""
    deployment: Literal["hosted", "self_hosted"]
    """Per-token API or own GPUs."""
    techniques: tuple[Technique, ...]
    """What to do in the prompt, in order of value."""
    prompt_tokens: int
    """Instructions and examples per request."""
    cached_prompt_tokens: int
    """Of these, tokens read from the provider's prompt cache in the steady state."""
    input_tokens: int
    """Variable input per request."""
    output_tokens: int
    """Output per request."""
    retrieval_tokens: int
    """Tokens of retrieved passages per request; 0 without retrieval."""
    batch: bool
    """The provider's batch interface is used."""
    because: tuple[Because, ...]
    """Why each choice."""
    runners_up: tuple[RunnerUp, ...]
    """Candidates that came next."""


class LoraPlanRequest(Request):
    """POST /plan/lora: a tuning plan without a whole recommendation."""

    base_model: str | None = Field(default=None, min_length=1, max_length=200, examples=["Qwen/Qwen3-8B"])
    """Hugging Face id of a base model in the catalogue."""
    architecture: dict[str, object] | None = Field(default=None, examples=[None])
    """Fields of any Hugging Face `config.json`; wins over `base_model`."""
    task_type: TaskType = Field(examples=["extraction"])
    """What the output is."""
    supervised_tokens: int | None = Field(default=None, ge=1, le=10**15, examples=[7_200_000])
    """Tokens that carry loss, over all examples once."""
    examples: int | None = Field(default=None, ge=1, le=10**12, examples=[12000])
    """Training examples."""
    tokens_per_example: int | None = Field(default=None, ge=1, le=2_000_000, examples=[960])
    """Tokens of one example."""
    continued_pretraining: bool = Field(default=False, examples=[False])
    """Plain text, loss on every token."""
    reinforcement_learning: bool = Field(default=False, examples=[False])
    """Policy-gradient reinforcement learning."""
    episodes: int | None = Field(default=None, ge=1, le=10**12, examples=[10000])
    """Episodes of reinforcement learning."""
    target_modules: Literal["all-linear"] | Names | None = Field(default=None, examples=["all-linear"])
    """Modules to adapt; chosen by the architecture when left out."""
    gpu: str | None = Field(default=None, min_length=1, max_length=64, examples=["L40S"])
    """GPU to train on; the cheapest that fits when left out."""
    loss_tolerance: float = Field(default=0.005, gt=0, le=0.1, examples=[0.005])
    """How much worse than the best loss is acceptable, as a fraction."""
    method: Method | None = Field(default=None, examples=["lora"])
    """Method; what fits and is worth it when left out."""
