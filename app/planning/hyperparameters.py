"""Hyperparameters of a tuning run: each from the data, the base model and the judgements in hyperparameters.yaml."""

from math import ceil, sqrt
from typing import Literal

from app.planning.book import PlanningBook
from app.planning.rank import RankChoice
from app.planning.settings import TrainingSettingsBook
from app.planning.tuning_task import Targeted, TuningTask
from app.records import record
from app.schemas.architecture import Architecture
from app.schemas.plan import LoraPlan, TrainingHardware, TrainingPlan
from app.schemas.vocabulary import Method, Optimizer
from app.schemas.world import GpuSpec

LONGEST_SEQUENCE = 2_000_000
"""Longest sequence that a request to the training estimate may state."""
SMALL_BATCH_SHARE = 10
"""Steps that one pass over a tiny set should still have: the batch shrinks until it does."""
Width = Literal["llama", "qwen", "other"]


@record(kw_only=True)
class Lengths:
    """Tokens of the sequences that are trained on."""

    max_seq_length: int
    mean_seq_length: float
    packing: bool
    cut: bool
    """Examples are longer than the context of the base model."""
    few_tokens: bool
    """Too few tokens in all for packing to pay."""

    @property
    def examples_per_sequence(self) -> float:
        """Examples in one packed sequence; 1 without packing."""
        return max(1.0, self.max_seq_length / self.mean_seq_length) if self.packing else 1.0


@record(kw_only=True)
class Batch:
    """How many sequences a step holds, and in how many passes."""

    micro: int
    accumulation: int
    examples: float
    """Examples per optimizer step, over all GPUs."""
    steps: int
    """Optimizer steps of the whole run."""


def lengths(task: TuningTask, context: int, book: PlanningBook) -> Lengths:
    """Longest and mean sequence, and whether short ones are packed."""
    s, context = book.training, min(context, LONGEST_SEQUENCE)
    mean = min(task.tokens_per_example, float(context))
    few = task.train_examples * mean < s.packing_from_tokens
    packed = min(context, s.packed_length)
    short = mean <= s.packing_below_share * packed
    running_text = task.kind == "continued_pretraining"
    cut = task.tokens_per_example > context
    if running_text or (short and not few and task.kind != "reinforcement_learning"):
        longest = max(packed, ceil(mean))
        return Lengths(max_seq_length=longest, mean_seq_length=mean, packing=True, cut=cut, few_tokens=False)
    wanted = s.length_step * ceil(mean * s.longest_over_mean / s.length_step)
    longest = min(max(wanted, s.shortest_length), context)
    return Lengths(
        max_seq_length=longest,
        mean_seq_length=mean,
        packing=False,
        cut=cut,
        few_tokens=short and few,
    )


def epochs(task: TuningTask, s: TrainingSettingsBook) -> float:
    """Passes over the examples: fewer the more there are."""
    if task.kind in ("continued_pretraining", "reinforcement_learning"):
        return 1.0
    examples = task.train_examples
    if task.kind == "code" and examples <= s.epochs_few_examples:
        return s.epochs_small_code
    if examples <= s.epochs_few_examples:
        return s.epochs_few
    return s.epochs_some if examples <= s.epochs_some_examples else 1.0


def batch(
    task: TuningTask, found: Lengths, gpu_count: int, sequences: int, passes: float, s: TrainingSettingsBook
) -> Batch:
    """The step: `sequences` is how many of them may be in one forward pass on one GPU."""
    wanted = _wanted_batch(task.train_examples, s)
    in_step = max(gpu_count, round(wanted / found.examples_per_sequence))
    micro = max(1, min(sequences, in_step // gpu_count))
    accumulation = max(1, round(in_step / (micro * gpu_count)))
    examples = micro * accumulation * gpu_count * found.examples_per_sequence
    return Batch(
        micro=micro,
        accumulation=accumulation,
        examples=examples,
        steps=max(1, ceil(task.train_examples * passes / examples)),
    )


def _wanted_batch(examples: int, s: TrainingSettingsBook) -> int:
    """Examples per step: under 32 for small sets, and never so many that a pass has but a handful of steps."""
    usual = s.batch_usual if examples < s.batch_large_examples else s.batch_large
    if examples < s.batch_small_examples:
        usual = s.batch_small
    return min(usual, power_of_two_below(max(1, examples // SMALL_BATCH_SHARE)))


def sequences_at_once(found: Lengths, s: TrainingSettingsBook) -> int:
    """Sequences of one forward pass whose tokens stay under the limit."""
    return min(s.largest_micro_batch, power_of_two_below(max(1, s.micro_batch_tokens // found.max_seq_length)))


def power_of_two_below(value: int) -> int:
    """The largest power of two up to `value` (at least 1)."""
    return 1 << (value.bit_length() - 1)


def width_family(architecture: Architecture) -> Width:
    """The family whose fitted learning-rate law applies."""
    name = architecture.model_type
    if name.startswith("llama"):
        return "llama"
    return "qwen" if name.startswith("qwen") else "other"


def width_exponent(family: Width, s: TrainingSettingsBook) -> float:
    """How fast the best rate falls with the hidden size."""
    return {"llama": s.width_exponent_llama, "qwen": s.width_exponent_qwen, "other": s.width_exponent_other}[family]


@record
class LearningRate:
    """A rate, what the law alone gives, and what moved it."""

    value: float
    raw: float
    moved: Literal["", "highest", "lowest", "high_rank", "full", "reinforcement_learning"]


def learning_rate(
    architecture: Architecture, r: int, method: Method, task: TuningTask, s: TrainingSettingsBook
) -> LearningRate:
    """Peak rate: ten times that of full fine-tuning, by hidden size and family; clamped to what is usual."""
    full = s.base_learning_rate * (s.reference_hidden_size / architecture.hidden_size) ** width_exponent(
        width_family(architecture), s
    )
    raw = full * s.lora_over_full_learning_rate
    if method == "full":
        return LearningRate(two_digits(full), raw, "full")
    value = max(s.lowest_learning_rate, min(s.highest_learning_rate, raw))
    moved: Literal["", "highest", "lowest"] = "highest" if value < raw else "lowest" if value > raw else ""
    if task.kind == "reinforcement_learning":
        return LearningRate(two_digits(value * s.reinforcement_learning_share), raw, "reinforcement_learning")
    if r >= s.high_rank and value > s.high_rank_learning_rate:
        return LearningRate(s.high_rank_learning_rate, raw, "high_rank")
    return LearningRate(two_digits(value), raw, moved)


def two_digits(value: float) -> float:
    """Two significant digits: more would pretend."""
    return float(f"{value:.2g}")


def lora_plan(
    rank: RankChoice, targets: Targeted, has_experts: bool, task: TuningTask, s: TrainingSettingsBook
) -> LoraPlan:
    """The adapter at this rank."""
    rooted = rank.r >= s.rslora_from_rank
    small = task.train_examples < s.small_set_examples and task.kind != "reinforcement_learning"
    return LoraPlan(
        r=rank.r,
        lora_alpha=s.rslora_alpha if rooted else s.lora_alpha_per_rank * rank.r,
        lora_dropout=s.dropout_small_set if small and not has_experts else 0.0,
        target_modules=targets.modules,
        target_parameters=targets.parameters,
        use_rslora=rooted,
        use_dora=rank.r < s.dora_below_rank and not has_experts,
        bias="none",
        task_type="CAUSAL_LM",
    )


def update_scale(lora: LoraPlan) -> float:
    """What the adapter's product is multiplied with."""
    return lora.lora_alpha / (sqrt(lora.r) if lora.use_rslora else lora.r)


def optimizer(method: Method) -> Optimizer:
    """AdamW; paged for QLoRA, 8-bit when every parameter has states."""
    return {"lora": "adamw", "qlora": "paged_adamw", "full": "adamw_8bit"}[method]  # type: ignore[return-value]


def training_plan(
    task: TuningTask,
    found: Lengths,
    step: Batch,
    rate: LearningRate,
    passes: float,
    method: Method,
    gpu: GpuSpec,
    s: TrainingSettingsBook,
) -> TrainingPlan:
    """All hyperparameters together."""
    return TrainingPlan(
        learning_rate=rate.value,
        lr_scheduler_type="cosine",
        warmup_ratio=s.warmup_ratio if step.steps >= s.short_run_steps else s.warmup_ratio_short,
        num_epochs=passes,
        micro_batch_size=step.micro,
        gradient_accumulation_steps=step.accumulation,
        max_seq_length=found.max_seq_length,
        mean_seq_length=found.mean_seq_length,
        packing=found.packing,
        completion_only_loss=task.kind != "continued_pretraining",
        gradient_checkpointing=True,
        optimizer=optimizer(method),
        precision="bf16" if "bf16" in gpu.flops_per_second else "fp16",
        attention="sdpa",
        weight_decay=s.weight_decay,
        max_grad_norm=s.max_grad_norm_qlora if method == "qlora" else s.max_grad_norm,
        seed=s.seed,
        examples=task.train_examples,
        eval_examples=task.eval_examples,
    )


def hardware_plan(gpu: GpuSpec, count: int, sharded: bool) -> TrainingHardware:
    """GPUs and how they share the work."""
    return TrainingHardware(
        gpu=gpu.id, gpu_count=count, sharding="none" if count == 1 else "fsdp" if sharded else "ddp"
    )
