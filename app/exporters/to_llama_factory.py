"""LLaMA-Factory: one YAML file for `llamafactory-cli train`."""

import re
from math import ceil

from app.exporters.exported import YAML, Exported
from app.exporters.hugging_face import (
    check,
    data_comment,
    optimizer_name,
    optimizer_reason,
    refuse,
    run_comment,
    steps,
    whole_alpha,
)
from app.exporters.run_line import run_line
from app.exporters.writing import Entry, Reasons, comments, heading, yaml_text
from app.schemas.plan import FineTuningPlan

TOOL = "LLaMA-Factory"
FLASH = {"sdpa": "sdpa", "eager": "disabled", "flash": "fa2"}
TEMPLATES = (
    (r"deepseek.*r1", "deepseekr1"),
    (r"qwen3.*(instruct|coder)", "qwen3_nothink"),
    (r"qwen3", "qwen3"),
    (r"qwen2", "qwen"),
    (r"llama-?3", "llama3"),
    (r"llama-?2", "llama2"),
    (r"gemma-?3", "gemma3"),
    (r"gemma-?2", "gemma2"),
    (r"mistral-7b|mixtral", "mistral"),
    (r"phi-?4(?!-mini)", "phi4"),
    (r"phi-?4-mini", "phi4_mini"),
    (r"phi-?3-(mini|medium)", "phi"),
    (r"gpt-?oss", "gpt_oss"),
    (r"granite-?3", "granite3"),
    (r"smollm2?-", "smollm2"),
)
"""Pattern of a base model's id -> name in llamafactory/data/template.py (its README's table of supported ones)."""
INFO_CHAT = (
    '{"train": {"file_name": "train.jsonl", "formatting": "sharegpt", "columns": {"messages": "messages"}, '
    '"tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", '
    '"system_tag": "system"}}}'
)
INFO_TEXT = '{"train": {"file_name": "train.jsonl", "columns": {"prompt": "text"}}}'


def to_llama_factory(plan: FineTuningPlan) -> Exported:
    """The configuration. Raises InputError for what LLaMA-Factory cannot do as planned."""
    check(plan)
    sections = (_base(plan), _adapter(plan), _data(plan), _steps(plan), _memory(plan), _running(plan))
    info = INFO_CHAT if plan.training.completion_only_loss else INFO_TEXT
    header = [
        *comments(heading(plan, TOOL), "Checked against the argument classes of LLaMA-Factory 0.9.5."),
        *run_comment(_launch(plan)),
        *data_comment(plan),
        "# data/dataset_info.json names the file:",
        f"#   {info}",
        *comments(Reasons(plan)("method"), Reasons(plan)("hardware.gpu"), *plan.limits),
        run_line(plan),
    ]
    text = yaml_text(header, (s for s in sections if s), Reasons(plan).sources())
    return Exported(text=text, media_type=YAML, file_name="llama_factory.yaml")


def template(base_model: str) -> str | None:
    """The template of a base model's family; None where the tokenizer's own is better asked."""
    name = base_model.casefold()
    return next((made for pattern, made in TEMPLATES if re.search(pattern, name)), None)


def _launch(plan: FineTuningPlan) -> str:
    if plan.hardware.gpu_count > 1 and plan.hardware.sharding == "fsdp":
        config = "examples/accelerate/fsdp2_config.yaml"
        return f"accelerate launch --config_file {config} src/train.py llama_factory.yaml"
    several = "FORCE_TORCHRUN=1 " if plan.hardware.gpu_count > 1 else ""
    return f"{several}llamafactory-cli train llama_factory.yaml"


def _base(plan: FineTuningPlan) -> list[Entry]:
    why = Reasons(plan)
    entries = [Entry("model_name_or_path", plan.base_model, why("base_model"))]
    if plan.quantization in ("nf4", "nf4_double"):
        entries += [
            Entry("quantization_bit", 4, why("quantization")),
            Entry("quantization_method", "bnb"),
            Entry("quantization_type", "nf4"),
            Entry("double_quantization", plan.quantization == "nf4_double"),
        ]
    if plan.quantization == "int8":
        entries += [Entry("quantization_bit", 8, why("quantization")), Entry("quantization_method", "bnb")]
    if plan.quantization == "gptq4":
        entries[0] = Entry("model_name_or_path", plan.base_model, "Must be a GPTQ checkpoint of 4 bits.")
    if plan.quantization in ("nf4", "nf4_double", "int8"):
        entries.append(Entry("upcast_layernorm", True, "As the estimate counts it, and as LLaMA-Factory recommends."))
    return entries


def _adapter(plan: FineTuningPlan) -> list[Entry]:
    lora, why = plan.lora, Reasons(plan)
    chat = plan.training.completion_only_loss
    entries = [Entry("stage", "sft" if chat else "pt"), Entry("do_train", True)]
    if lora is None:
        return [*entries, Entry("finetuning_type", "full", why("method"))]
    if lora.target_parameters:
        hint = "Export to peft, trl or axolotl, or leave the experts out."
        raise refuse("/lora/target_parameters", TOOL, "has no key for expert parameters.", hint)
    return [
        *entries,
        Entry("finetuning_type", "lora"),
        Entry("lora_rank", lora.r, why("lora.r")),
        Entry("lora_alpha", whole_alpha(plan, TOOL), why("lora.lora_alpha")),
        Entry("lora_dropout", lora.lora_dropout, why("lora.lora_dropout")),
        Entry("lora_target", ",".join(lora.target_modules), why("lora.target_modules")),
        Entry("use_rslora", lora.use_rslora, why("lora.use_rslora")),
        Entry("use_dora", lora.use_dora, why("lora.use_dora")),
    ]


def _data(plan: FineTuningPlan) -> list[Entry]:
    t, why = plan.training, Reasons(plan)
    entries = [
        Entry("dataset", "train", "The name in data/dataset_info.json; put yours there."),
        Entry("dataset_dir", "data"),
    ]
    if t.completion_only_loss:
        named = template(plan.base_model)
        if named:
            entries.append(Entry("template", named, "Serve with the same template."))
        else:
            said = "No template is named, so that the tokenizer's own is read; name one if the base model has none."
            entries[-1] = Entry("dataset_dir", "data", said)
        entries.append(Entry("train_on_prompt", False, why("training.completion_only_loss")))
    entries += [
        Entry("cutoff_len", _cutoff(plan), why("training.max_seq_length")),
        Entry("packing", t.packing, why("training.packing")),
    ]
    if t.packing and t.completion_only_loss:
        entries.append(Entry("neat_packing", True, "Packed examples do not see each other."))
    if t.eval_examples:
        entries.append(Entry("val_size", t.eval_examples, why("training.eval_examples")))
    return entries


def _cutoff(plan: FineTuningPlan) -> int:
    """LLaMA-Factory takes one off when it packs (hparams/data_args.py)."""
    t = plan.training
    return t.max_seq_length + 1 if t.packing else t.max_seq_length


def _steps(plan: FineTuningPlan) -> list[Entry]:
    t, why = plan.training, Reasons(plan)
    count = steps(plan)
    share = f"{t.warmup_ratio:.0%} of {count:,} steps; change it with the number of rows."
    return [
        Entry("per_device_train_batch_size", t.micro_batch_size, why("training.micro_batch_size")),
        Entry(
            "gradient_accumulation_steps", t.gradient_accumulation_steps, why("training.gradient_accumulation_steps")
        ),
        Entry("num_train_epochs", t.num_epochs, why("training.num_epochs")),
        Entry("learning_rate", t.learning_rate, why("training.learning_rate")),
        Entry("lr_scheduler_type", t.lr_scheduler_type, why("training.lr_scheduler_type")),
        Entry("warmup_steps", ceil(t.warmup_ratio * count), share),
        Entry("optim", optimizer_name(plan), optimizer_reason(plan)),
        Entry("weight_decay", t.weight_decay, why("training.weight_decay")),
        Entry("max_grad_norm", t.max_grad_norm, why("training.max_grad_norm")),
        Entry("seed", t.seed, why("training.seed")),
    ]


def _memory(plan: FineTuningPlan) -> list[Entry]:
    t, why = plan.training, Reasons(plan)
    precision = why("training.precision")
    entries = [Entry("fp16", t.precision == "fp16", precision if t.precision != "bf16" else "")]
    if plan.method == "full" and t.precision == "bf16":
        entries.append(Entry("pure_bf16", True, "Weights stay in bf16, as planned; bf16 alone would keep fp32 copies."))
    else:
        entries.append(Entry("bf16", t.precision == "bf16", precision if t.precision == "bf16" else ""))
    entries += [
        Entry("disable_gradient_checkpointing", not t.gradient_checkpointing, why("training.gradient_checkpointing")),
        Entry("flash_attn", FLASH[t.attention], why("training.attention")),
    ]
    if plan.hardware.gpu_count > 1 and plan.hardware.sharding in ("zero2", "zero3"):
        stage = plan.hardware.sharding.removeprefix("zero")
        said = Reasons(plan)("hardware.gpu_count", "hardware.sharding")
        entries.append(Entry("deepspeed", f"examples/deepspeed/ds_z{stage}_config.json", said))
    return entries


def _running(plan: FineTuningPlan) -> list[Entry]:
    entries = [Entry("output_dir", "out"), Entry("logging_steps", 10), Entry("save_strategy", "epoch")]
    entries.append(Entry("report_to", "none"))
    if plan.training.eval_examples:
        entries += [
            Entry("eval_strategy", "epoch"),
            Entry("per_device_eval_batch_size", plan.training.micro_batch_size),
        ]
    return entries
