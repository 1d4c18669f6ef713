"""Names that every tool on top of Transformers shares, what none can carry out, and the rows that all of them read."""

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType

from app.errors import InputError, InputProblem
from app.estimate.training_settings import check_method
from app.exporters.writing import Entry, Reasons, comments
from app.planning.training_requests import training_request
from app.schemas.plan import FineTuningPlan
from app.schemas.vocabulary import Attention, Optimizer, Precision

OPTIMIZERS: Mapping[Optimizer, str] = MappingProxyType(
    {
        "adamw": "adamw_torch",
        "adamw_8bit": "adamw_8bit",
        "paged_adamw": "paged_adamw_32bit",
        "paged_adamw_8bit": "paged_adamw_8bit",
        "sgd": "sgd",
    }
)
"""Our names -> `transformers.training_args.OptimizerNames`."""
OPTIMIZERS_READ: Mapping[str, Optimizer] = MappingProxyType(
    {
        **{theirs: ours for ours, theirs in OPTIMIZERS.items()},
        "adamw_torch_fused": "adamw",
        "adamw_hf": "adamw",
        "adamw_apex_fused": "adamw",
        "adamw_torch_8bit": "adamw_8bit",
        "adamw_bnb_8bit": "adamw_8bit",
    }
)
"""Their names -> ours: optimizers whose states take the same memory."""
ATTENTION: Mapping[Attention, str] = MappingProxyType({"sdpa": "sdpa", "eager": "eager", "flash": "flash_attention_2"})
"""Our names -> `attn_implementation`."""
DTYPES: Mapping[Precision, str] = MappingProxyType({"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"})
"""Our names -> attributes of torch."""
ROWS_CHAT = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "the answer"}]}'
"""A row to learn answers from; a system message may come first."""
ROWS_TEXT = '{"text": "..."}'
"""A row of running text."""


SHARDED_OPTIMIZERS: Mapping[Optimizer, str] = MappingProxyType({"adamw_8bit": "adamw_torch_8bit"})
"""Instead of the above where FSDP shards parameters: bitsandbytes does not step on sharded tensors, torchao does."""


def optimizer_name(plan: FineTuningPlan) -> str:
    """The optimizer, by Transformers' name."""
    ours = plan.training.optimizer
    sharded = plan.hardware.sharding == "fsdp" and plan.hardware.gpu_count > 1
    return SHARDED_OPTIMIZERS.get(ours, OPTIMIZERS[ours]) if sharded else OPTIMIZERS[ours]


def optimizer_reason(plan: FineTuningPlan) -> str:
    """The plan's reason, and a word where the tool may not step as planned."""
    said = Reasons(plan)("training.optimizer")
    paged = plan.training.optimizer in ("paged_adamw", "paged_adamw_8bit")
    if paged and plan.hardware.sharding == "fsdp" and plan.hardware.gpu_count > 1:
        said += " Should bitsandbytes refuse tensors that FSDP shards, take adamw_torch."
    return said.strip()


def run_comment(command: str) -> list[str]:
    """The command that starts the run, in one line."""
    return ["# Run:", f"#   {command}"]


def rows(plan: FineTuningPlan) -> str:
    """The format of a training row."""
    return ROWS_CHAT if plan.training.completion_only_loss else ROWS_TEXT


def data_comment(plan: FineTuningPlan) -> list[str]:
    """Comment lines: what the data file must hold, and how many rows the plan counts on."""
    t = plan.training
    count = (
        f"The plan counts on {t.examples:,} rows to train on and {t.eval_examples:,} more, unseen, to evaluate with."
    )
    return ["# Data: UTF-8, one JSON object a line:", f"#   {rows(plan)}", *comments(count)]


def steps(plan: FineTuningPlan) -> int:
    """Optimizer steps of the run."""
    t = plan.training
    sequences = t.examples
    if t.packing:
        sequences = ceil(t.examples * t.mean_seq_length / t.max_seq_length)
    per_step = t.micro_batch_size * t.gradient_accumulation_steps * plan.hardware.gpu_count
    return max(1, ceil(sequences / per_step * t.num_epochs))


def eval_share(plan: FineTuningPlan) -> float:
    """Share of all rows that is kept for evaluation."""
    t = plan.training
    return round(t.eval_examples / (t.examples + t.eval_examples), 6)


def check(plan: FineTuningPlan) -> None:
    """Raises InputError for a plan that no tool can train."""
    check_method(training_request(plan))
    problems: list[InputProblem] = []
    lora, t = plan.lora, plan.training
    if lora is not None and not lora.target_modules and not lora.target_parameters:
        problems.append(InputProblem("/lora/target_modules", "No target is named."))
    if lora is not None and lora.target_parameters and (lora.lora_dropout or lora.use_dora):
        field, name = ("use_dora", "DoRA") if lora.use_dora else ("lora_dropout", "dropout")
        problems.append(InputProblem(f"/lora/{field}", f"PEFT has no {name} for expert parameters.", "Leave it off."))
    if t.precision == "fp8":
        hint = 'Set precision "bf16"; fp8 needs a recipe of its own in every tool.'
        problems.append(InputProblem("/training/precision", "fp8 training is not exported.", hint))
    if plan.hardware.sharding == "tensor_parallel":
        hint = 'Set sharding "fsdp".'
        problems.append(
            InputProblem("/hardware/sharding", "These tools do not train adapters with tensor parallelism.", hint)
        )
    if t.mean_seq_length > t.max_seq_length:
        problems.append(InputProblem("/training/mean_seq_length", "The mean exceeds max_seq_length."))
    if problems:
        raise InputError(problems)


def refuse(pointer: str, tool: str, what: str, hint: str) -> InputError:
    """A plan that this tool cannot carry out as planned: said, never bent."""
    return InputError.at(pointer, f"{tool} {what}", hint, "not_exportable")


def whole_alpha(plan: FineTuningPlan, tool: str) -> int:
    """lora_alpha where a tool takes whole numbers alone. Raises InputError."""
    alpha = plan.lora.lora_alpha if plan.lora else 0.0
    if alpha != int(alpha):
        raise refuse(
            "/lora/lora_alpha", tool, "takes whole numbers alone.", "Round lora_alpha, or export to peft or trl."
        )
    return int(alpha)


def sft_entries(plan: FineTuningPlan) -> list[Entry]:
    """Arguments of Transformers' TrainingArguments and TRL's SFTConfig, each with its reason."""
    t, why = plan.training, Reasons(plan)
    return [
        Entry("num_train_epochs", t.num_epochs, why("training.num_epochs")),
        Entry("per_device_train_batch_size", t.micro_batch_size, why("training.micro_batch_size")),
        Entry(
            "gradient_accumulation_steps", t.gradient_accumulation_steps, why("training.gradient_accumulation_steps")
        ),
        Entry("learning_rate", t.learning_rate, why("training.learning_rate")),
        Entry("lr_scheduler_type", t.lr_scheduler_type, why("training.lr_scheduler_type")),
        Entry(
            "warmup_steps",
            ceil(t.warmup_ratio * steps(plan)),
            why("training.warmup_ratio"),
        ),
        Entry("optim", optimizer_name(plan), optimizer_reason(plan)),
        Entry("weight_decay", t.weight_decay, why("training.weight_decay")),
        Entry("max_grad_norm", t.max_grad_norm, why("training.max_grad_norm")),
        Entry("seed", t.seed, why("training.seed")),
        Entry("bf16", t.precision == "bf16", why("training.precision")),
        Entry("fp16", t.precision == "fp16"),
        Entry("gradient_checkpointing", t.gradient_checkpointing, why("training.gradient_checkpointing")),
        Entry("max_length", t.max_seq_length, why("training.max_seq_length")),
        Entry("packing", t.packing, why("training.packing")),
    ]
