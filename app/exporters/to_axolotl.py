"""Axolotl: one YAML file for `axolotl train`."""

from app.exporters.exported import YAML, Exported
from app.exporters.hugging_face import (
    ATTENTION,
    check,
    data_comment,
    eval_share,
    optimizer_name,
    optimizer_reason,
    run_comment,
    whole_alpha,
)
from app.exporters.run_line import run_line
from app.exporters.writing import Entry, Reasons, Scalar, comments, heading, yaml_text
from app.schemas.plan import FineTuningPlan

TOOL = "Axolotl"


def to_axolotl(plan: FineTuningPlan) -> Exported:
    """The configuration. Raises InputError for what Axolotl cannot do as planned."""
    check(plan)
    sections = (_base(plan), _adapter(plan), _data(plan), _sequence(plan), _steps(plan), _memory(plan), _running(plan))
    header = [
        *comments(heading(plan, TOOL), "Checked against the schema of Axolotl 0.19.0."),
        *run_comment("axolotl train axolotl.yaml"),
        *data_comment(plan),
        *comments(Reasons(plan)("method"), Reasons(plan)("hardware.gpu"), *plan.limits),
        run_line(plan),
    ]
    return Exported(
        text=yaml_text(header, (s for s in sections if s), Reasons(plan).sources()),
        media_type=YAML,
        file_name="axolotl.yaml",
    )


def _base(plan: FineTuningPlan) -> list[Entry]:
    why = Reasons(plan)
    entries = [Entry("base_model", plan.base_model, why("base_model"))]
    if plan.quantization in ("nf4", "nf4_double"):
        entries.append(Entry("load_in_4bit", True, why("quantization")))
    if plan.quantization == "nf4":
        entries.append(Entry("bnb_config_kwargs", {"bnb_4bit_use_double_quant": False}))
    if plan.quantization == "int8":
        entries.append(Entry("load_in_8bit", True, why("quantization")))
    if plan.quantization == "gptq4":
        entries.append(Entry("gptq", True, "base_model must be a GPTQ checkpoint of 4 bits."))
    return entries


def _adapter(plan: FineTuningPlan) -> list[Entry]:
    lora, why = plan.lora, Reasons(plan)
    if lora is None:
        return []
    four_bit = plan.quantization in ("nf4", "nf4_double")
    entries = [
        Entry("adapter", "qlora" if four_bit else "lora"),
        Entry("lora_r", lora.r, why("lora.r")),
        Entry("lora_alpha", whole_alpha(plan, TOOL), why("lora.lora_alpha")),
        Entry("lora_dropout", lora.lora_dropout, why("lora.lora_dropout")),
    ]
    if lora.target_modules:
        entries.append(Entry("lora_target_modules", lora.target_modules, why("lora.target_modules")))
    if lora.target_parameters:
        entries.append(Entry("lora_target_parameters", lora.target_parameters, why("lora.target_parameters")))
    return [
        *entries,
        Entry("peft_use_rslora", lora.use_rslora, why("lora.use_rslora")),
        Entry("peft_use_dora", lora.use_dora, why("lora.use_dora")),
    ]


def _data(plan: FineTuningPlan) -> list[Entry]:
    chat, why = plan.training.completion_only_loss, Reasons(plan)
    row: dict[str, Scalar | list[str]] = {"path": "train.jsonl", "ds_type": "json"}
    if chat:
        row |= {"type": "chat_template", "field_messages": "messages", "roles_to_train": ["assistant"]}
        row["train_on_eos"] = "turn"
    else:
        row |= {"type": "completion", "field": "text"}
    loss = why("training.completion_only_loss")
    entries = [Entry("datasets", [row], "Put the path of your rows here.")]
    if chat:
        said = "The tokenizer's own template; ChatML where the base model has none. Serve with the tokenizer it saves."
        entries.append(Entry("chat_template", "tokenizer_default_fallback_chatml", said))
        entries.append(Entry("train_on_inputs", False, loss))
    return [*entries, Entry("val_set_size", eval_share(plan), why("training.eval_examples"))]


def _sequence(plan: FineTuningPlan) -> list[Entry]:
    t, why = plan.training, Reasons(plan)
    entries = [
        Entry("sequence_len", t.max_seq_length, why("training.max_seq_length")),
        Entry("excess_length_strategy", "truncate", "Longer examples are cut, as planned; Axolotl would drop them."),
        Entry("sample_packing", t.packing, why("training.packing")),
    ]
    if t.packing:
        entries += [Entry("eval_sample_packing", True), Entry("pad_to_sequence_len", True)]
    return entries


def _steps(plan: FineTuningPlan) -> list[Entry]:
    t, why = plan.training, Reasons(plan)
    return [
        Entry("micro_batch_size", t.micro_batch_size, why("training.micro_batch_size")),
        Entry(
            "gradient_accumulation_steps", t.gradient_accumulation_steps, why("training.gradient_accumulation_steps")
        ),
        Entry("num_epochs", t.num_epochs, why("training.num_epochs")),
        Entry("learning_rate", t.learning_rate, why("training.learning_rate")),
        Entry("lr_scheduler", t.lr_scheduler_type, why("training.lr_scheduler_type")),
        Entry("warmup_ratio", t.warmup_ratio, why("training.warmup_ratio")),
        Entry("optimizer", optimizer_name(plan), optimizer_reason(plan)),
        Entry("weight_decay", t.weight_decay, why("training.weight_decay")),
        Entry("max_grad_norm", t.max_grad_norm, why("training.max_grad_norm")),
        Entry("seed", t.seed, why("training.seed")),
    ]


def _memory(plan: FineTuningPlan) -> list[Entry]:
    t, why = plan.training, Reasons(plan)
    entries = [
        Entry("bf16", t.precision == "bf16", why("training.precision")),
        Entry("fp16", t.precision == "fp16"),
        Entry("gradient_checkpointing", t.gradient_checkpointing, why("training.gradient_checkpointing")),
    ]
    if t.gradient_checkpointing:
        entries.append(Entry("gradient_checkpointing_kwargs", {"use_reentrant": False}))
    return [*entries, Entry("attn_implementation", ATTENTION[t.attention], why("training.attention")), *_sharding(plan)]


def _sharding(plan: FineTuningPlan) -> list[Entry]:
    if plan.hardware.gpu_count == 1:
        return []
    why = Reasons(plan)("hardware.gpu_count", "hardware.sharding")
    if plan.hardware.sharding == "fsdp":
        settings: dict[str, Scalar] = {
            "reshard_after_forward": True,
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "state_dict_type": "FULL_STATE_DICT",
        }
        return [Entry("fsdp_version", 2, why), Entry("fsdp_config", settings)]
    if plan.hardware.sharding in ("zero2", "zero3"):
        file = f"deepspeed_configs/{plan.hardware.sharding}.json"
        return [Entry("deepspeed", file, f"axolotl fetch deepspeed_configs brings the file. {why}")]
    return []


def _running(plan: FineTuningPlan) -> list[Entry]:
    entries = [Entry("output_dir", "./out"), Entry("logging_steps", 10), Entry("saves_per_epoch", 1)]
    return [*entries, Entry("evals_per_epoch", 1)] if plan.training.eval_examples else entries
