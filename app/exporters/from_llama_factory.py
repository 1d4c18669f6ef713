"""LLaMA-Factory's YAML as a training run. Meanings from llamafactory/hparams and llamafactory/model, version 0.9.5."""

from app.errors import InputError
from app.exporters.hugging_face import OPTIMIZERS_READ
from app.exporters.sheet import ReadBack, Sheet, names

LEGACY = (
    "warmup_ratio", "overwrite_output_dir", "evaluation_strategy", "save_safetensors", "logging_dir",
    "include_inputs_for_metrics", "fp16_opt_level", "half_precision_backend", "bf16_full_eval", "group_by_length",
    "adapter_name_or_path", "use_unsloth_gc", "enable_thinking", "resize_vocab", "mask_history", "no_cuda",
    "gradient_checkpointing", "gradient_checkpointing_kwargs", "max_length", "save_on_each_node", "visual_inputs",
    "use_mps_device", "dispatch_batches", "split_batches", "tpu_num_cores", "ray_run_name", "ray_storage_path",
    "resources_per_worker", "placement_strategy", "use_legacy_prediction_loop",
)  # fmt: skip
"""Keys of other versions of LLaMA-Factory and of Transformers 4, which mean nothing for memory or time."""
UNMODELLED = {
    "additional_target": "modules that train in full take weights, gradients and states of their own.",
    "use_galore": "gradients are projected, so that the optimizer's states take less.",
    "use_apollo": "gradients are projected, so that the optimizer's states take less.",
    "use_badam": "only a block of parameters trains at a time.",
    "use_adam_mini": "the optimizer's states take less.",
    "use_muon": "its states are counted as AdamW's.",
    "use_llama_pro": "only the added blocks train.",
    "shift_attn": "the estimate is that of full attention.",
    "mixture_of_depths": "the estimate is that of a plain decoder.",
    "fp8": "the estimate is that of 16 bit.",
    "use_kt": "experts move to the host.",
    "use_ref_model": "a second network is held.",
    "pissa_init": "the initialisation takes memory once.",
}
"""Keys that matter for memory or time and have no counterpart in the estimate -> what that means."""
ATTENTION = {"sdpa": "sdpa", "fa2": "flash", "fa3": "flash", "disabled": "eager"}
SUPERVISED = ("sft", "pt")


def from_llama_factory(sheet: Sheet) -> ReadBack:
    """The run that a LLaMA-Factory file describes. Raises InputError with pointers into the file."""
    sheet.put("base_model", sheet.given("model_name_or_path"), "model_name_or_path")
    stage = sheet.value("stage")
    if stage not in SUPERVISED:
        sheet.warn(
            f"stage {str(stage)[:20]} is not modelled: it holds two answers, or two networks; the estimate is that of "
            "supervised tuning."
        )
    _method(sheet)
    _sequence(sheet)
    _steps(sheet)
    _memory(sheet)
    _sharding(sheet)
    sheet.warn_unmodelled(UNMODELLED)
    return sheet.finish("hf_peft")


def _method(sheet: Sheet) -> None:
    kind = sheet.value("finetuning_type", "method")
    if kind not in ("lora", "full"):
        said = f"finetuning_type {str(kind)[:20]} is not modelled."
        raise InputError.at(sheet.pointer("finetuning_type"), said, "lora or full.")
    quantization = _quantization(sheet)
    if kind == "full" and quantization != "none":
        hint = "Set finetuning_type: lora."
        raise InputError.at(sheet.pointer("quantization_bit"), "Quantised weights cannot be trained in full.", hint)
    sheet.put("method", kind if kind == "full" or quantization == "none" else "qlora", "finetuning_type")
    sheet.put("quantization", quantization, "quantization_bit")
    if quantization != "none":
        sheet.put("training/upcast_norms_and_embeddings", sheet.flag("upcast_layernorm"), "upcast_layernorm")
    if kind == "lora":
        _lora(sheet)


def _quantization(sheet: Sheet) -> str:
    bits = sheet.given_whole("quantization_bit")
    if bits is None:
        return "none"
    method = str(sheet.value("quantization_method"))
    if method not in ("bnb", "bitsandbytes") or bits not in (4, 8):
        said = f"{bits} bits by {method[:20]} are not modelled."
        raise InputError.at(sheet.pointer("quantization_bit"), said, "4 or 8 bits by bnb.")
    if bits == 8:
        return "int8"
    if sheet.value("quantization_type") != "nf4":
        sheet.warn("quantization_type fp4 is counted as nf4, which is as large.")
    return "nf4_double" if sheet.flag("double_quantization") else "nf4"


def _lora(sheet: Sheet) -> None:
    sheet.put("lora/r", sheet.whole("lora_rank", "lora.r"), "lora_rank")
    alpha = sheet.given("lora_alpha")
    if alpha is None:
        sheet.assume("lora_alpha", "2r", f"{sheet.label}: twice lora_rank")
    else:
        sheet.put("lora/lora_alpha", sheet.number("lora_alpha"), "lora_alpha")
    sheet.put("lora/lora_dropout", sheet.number("lora_dropout"), "lora_dropout")
    target = sheet.value("lora_target", "target_modules")
    words = target.split(",") if isinstance(target, str) else names(sheet, "lora_target", target)
    listed = [word.strip() for word in words if word.strip()]
    sheet.put("lora/target_modules", "all-linear" if "all" in listed else listed, "lora_target")
    sheet.put("lora/use_dora", bool(sheet.given("use_dora")), "use_dora")
    sheet.put("lora/use_rslora", bool(sheet.given("use_rslora")), "use_rslora")


def _sequence(sheet: Sheet) -> None:
    packing = sheet.given("packing")
    if packing is None:
        packing = bool(sheet.given("neat_packing")) or sheet.value("stage") == "pt"
        sheet.assume("packing", packing, f"{sheet.label}: on in pre-training and with neat_packing, else off")
    packed = bool(packing) or bool(sheet.given("neat_packing"))
    length = sheet.whole("cutoff_len", "max_seq_length")
    if packed and length is not None:
        length -= 1  # LLaMA-Factory takes one off when it packs (hparams/data_args.py)
    sheet.put("training/max_seq_length", length, "cutoff_len")
    sheet.put("training/packing", packed, "packing")


def _steps(sheet: Sheet) -> None:
    micro = sheet.whole("per_device_train_batch_size", "micro_batch_size")
    accumulation = sheet.whole("gradient_accumulation_steps")
    sheet.put("training/micro_batch_size", micro, "per_device_train_batch_size")
    sheet.put("training/gradient_accumulation_steps", accumulation, "gradient_accumulation_steps")
    steps, rows = sheet.given_whole("max_steps"), sheet.given_whole("max_samples")
    if steps and steps > 0:
        sheet.put("training/examples", steps * (micro or 1) * (accumulation or 1) * sheet.gpu_count, "max_steps")
        sheet.put("training/num_epochs", 1.0, "max_steps")
    else:
        sets = max(1, len([name for name in str(sheet.given("dataset") or "").split(",") if name.strip()]))
        rows = rows * sets if rows is not None else None
        sheet.put("training/examples", rows, "max_samples")
        sheet.put("training/num_epochs", sheet.number("num_train_epochs", "num_epochs"), "num_train_epochs")
        if rows is not None and sheet.facts.examples is None:
            sheet.assume("examples", rows, f"max_samples rows at most of each data set, {sets} named")
    theirs = str(sheet.value("optim", "optimizer"))
    ours = OPTIMIZERS_READ.get(theirs)
    if ours is None:
        sheet.warn(f"optim {theirs[:40]!r} is not modelled: its states are counted as AdamW's.")
    sheet.put("training/optimizer", ours or "adamw", "optim")


def _memory(sheet: Sheet) -> None:
    off = sheet.flag("disable_gradient_checkpointing")
    sheet.put("training/gradient_checkpointing", not off, "disable_gradient_checkpointing")
    precision, key = _precision(sheet)
    sheet.put("training/precision", precision, key)
    found = str(sheet.value("flash_attn", "attention"))
    if found == "auto":
        sheet.assume("attention", "sdpa", f"{sheet.label}: flash_attn auto leaves it to Transformers")
    sheet.put("training/attention", ATTENTION.get(found, "sdpa"), "flash_attn")
    if sheet.given("enable_liger_kernel"):
        sheet.put("training/cross_entropy", "fused_linear", "enable_liger_kernel")
    sheet.put("training/torch_compile", bool(sheet.given("torch_compile")), "torch_compile")
    if sheet.given("use_unsloth"):
        sheet.put("training/framework", "unsloth", "use_unsloth")


def _precision(sheet: Sheet) -> tuple[str, str]:
    """Precision, and the key that says so. Full tuning in mixed precision keeps fp32 weights (model/adapter.py)."""
    if sheet.given("pure_bf16"):
        return "bf16", "pure_bf16"
    for key in ("bf16", "fp16"):
        if sheet.given(key):
            sharded = sheet.given("deepspeed") or sheet.given("fsdp")
            if sheet.given("finetuning_type") == "full" and not sharded:
                sheet.warn(
                    f"Full tuning with {key} keeps fp32 weights, which is how memory is counted; it then computes "
                    "faster than estimated. pure_bf16 would keep 16-bit weights."
                )
                return "fp32", key
            return key, key
    sheet.assume("precision", "fp32", f"{sheet.label}: neither bf16 nor fp16 is set")
    return "fp32", "bf16"


def _sharding(sheet: Sheet) -> None:
    file = sheet.given("deepspeed")
    if sheet.given("fsdp"):
        sheet.put("hardware/sharding", "fsdp", "fsdp")
    elif file:
        said = str(file).casefold()
        stage = next((f"zero{n}" for n in (3, 2) if f"z{n}" in said or f"zero{n}" in said or f"stage{n}" in said), None)
        if stage is None:
            sheet.warn("The DeepSpeed file's name does not tell its stage: ZeRO-2 is assumed.")
        sheet.put("hardware/sharding", stage or "zero2", "deepspeed")
