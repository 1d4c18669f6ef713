"""Axolotl's YAML as a training run. Meanings from axolotl/utils/schemas and axolotl/loaders, version 0.19.0."""

from typing import Any

from app.errors import InputError
from app.exporters.hugging_face import OPTIMIZERS_READ
from app.exporters.sheet import ReadBack, Sheet, names

LEGACY = (
    "debug", "fsdp_config", "lora_out_dir", "lora_fan_in_fan_out", "gptq_groupsize", "gptq_model_v1",
    "flash_attn_fuse_qkv", "unsloth_cross_entropy_loss", "unsloth_lora_mlp", "unsloth_lora_qkv", "unsloth_lora_o",
    "load_4bit", "save_safetensors", "eval_batch_size", "model_type", "model_config", "model_kwargs",
    "model_revision", "push_to_hub_model_id", "dataset_processes", "is_mistral_derived_model",
)  # fmt: skip
"""Keys of earlier versions, which mean nothing for memory or time."""
UNMODELLED = {
    "lora_modules_to_save": "modules that train in full take weights, gradients and states of their own.",
    "unfrozen_parameters": "parameters that thaw take gradients and states of their own.",
    "peft_layers_to_transform": "fewer layers get an adapter, so that fewer parameters train than counted.",
    "lora_rank_pattern": "ranks differ from layer to layer; all are counted at lora_r.",
    "peft_trainable_token_indices": "some rows of the embeddings train too.",
    "relora": "the estimate is that of plain LoRA.",
    "rl": "preference training holds two answers, or two networks; the estimate is that of supervised tuning.",
    "reward_model": "the estimate is that of supervised tuning.",
    "activation_offloading": "activations move to the host, so that memory is less and time more.",
    "layer_offloading": "layers move to the host, so that memory is less and time more.",
    "tiled_mlp": "the MLP is computed in tiles, so that its activations take less.",
    "context_parallel_size": "sequences are divided among GPUs.",
    "sequence_parallel_degree": "sequences are divided among GPUs.",
    "quantize_moe_experts": "experts are counted in 16 bit.",
    "selective_checkpointing": "the estimate recomputes whole blocks.",
    "lisa_n_layers": "only some layers train at a time.",
    "qat": "quantisation-aware training keeps more than is counted.",
}
"""Keys that matter for memory or time and have no counterpart in the estimate -> what that means."""
SHARDED = {"zero1": "ddp", "zero2": "zero2", "zero3": "zero3"}


def from_axolotl(sheet: Sheet) -> ReadBack:
    """The run that an Axolotl file describes. Raises InputError with pointers into the file."""
    sheet.put("base_model", sheet.given("base_model"), "base_model")
    _method(sheet)
    _sequence(sheet)
    _steps(sheet)
    _memory(sheet)
    _loss(sheet)
    _sharding(sheet)
    sheet.warn_unmodelled(UNMODELLED)
    return sheet.finish("axolotl")


def _method(sheet: Sheet) -> None:
    adapter = sheet.given("adapter")
    if adapter not in (None, "lora", "qlora"):
        raise InputError.at(
            sheet.pointer("adapter"), f"The adapter {str(adapter)[:40]!r} is not modelled.", "lora or qlora."
        )
    quantization, key = "none", "adapter"
    for key, made in (("load_in_4bit", _four_bit(sheet)), ("load_in_8bit", "int8"), ("gptq", "gptq4")):
        if sheet.given(key):
            quantization = made
            break
    if adapter == "qlora" and quantization == "none":
        quantization, key = _four_bit(sheet), "adapter"
        sheet.assume("quantization", quantization, f"{sheet.label}: adapter qlora needs load_in_4bit")
    if adapter is None and quantization != "none":
        raise InputError.at(sheet.pointer(key), "Quantised weights cannot be trained in full.", "Set adapter: qlora.")
    method = "full" if adapter is None else "lora" if quantization == "none" else "qlora"
    sheet.put("method", method, "adapter")
    sheet.put("quantization", quantization, key)
    if adapter is not None:
        _lora(sheet)


def _four_bit(sheet: Sheet) -> str:
    """Axolotl quantises the scales too unless bnb_config_kwargs says otherwise (loaders/model.py)."""
    settings = sheet.given("bnb_config_kwargs")
    plain = isinstance(settings, dict) and settings.get("bnb_4bit_use_double_quant") is False
    return "nf4" if plain else "nf4_double"


def _lora(sheet: Sheet) -> None:
    if sheet.given("lora_r") is None:
        raise InputError.at(sheet.pointer("lora_r"), "The adapter's rank is missing.", "For example lora_r: 16.")
    sheet.put("lora/r", sheet.whole("lora_r"), "lora_r")
    sheet.put("lora/lora_alpha", sheet.number("lora_alpha"), "lora_alpha")
    sheet.put("lora/lora_dropout", sheet.number("lora_dropout"), "lora_dropout")
    sheet.put("lora/use_dora", bool(sheet.given("peft_use_dora")), "peft_use_dora")
    sheet.put("lora/use_rslora", bool(sheet.given("peft_use_rslora")), "peft_use_rslora")
    parameters = sheet.given("lora_target_parameters")
    if parameters:
        listed = [parameters] if isinstance(parameters, str) else names(sheet, "lora_target_parameters", parameters)
        sheet.put("lora/target_parameters", listed, "lora_target_parameters")
    modules = sheet.given("lora_target_modules")
    if sheet.given("lora_target_linear"):
        sheet.put("lora/target_modules", "all-linear", "lora_target_linear")
    elif modules:
        named = modules if isinstance(modules, str) else names(sheet, "lora_target_modules", modules)
        sheet.put("lora/target_modules", named, "lora_target_modules")
    elif parameters:
        sheet.put("lora/target_modules", [], "lora_target_modules")
    else:
        hint = "For example lora_target_linear: true."
        raise InputError.at(sheet.pointer("lora_target_modules"), "No target is named.", hint)


def _sequence(sheet: Sheet) -> None:
    length = sheet.whole("sequence_len", "max_seq_length")
    sheet.put("training/max_seq_length", length, "sequence_len")
    packing = bool(sheet.given("sample_packing"))
    if sheet.given("sample_packing") is None:
        sheet.assume("packing", False, f"{sheet.label}: sample_packing is off unless set")
    sheet.put("training/packing", packing, "sample_packing")
    if sheet.given("pad_to_sequence_len") and not packing and length is not None:
        sheet.put("training/mean_seq_length", float(length), "pad_to_sequence_len")
        sheet.put("training/packing", True, "pad_to_sequence_len")
        sheet.warn("pad_to_sequence_len fills every sequence: time is counted on full ones, padding included.")


def _steps(sheet: Sheet) -> None:
    micro = sheet.whole("micro_batch_size")
    accumulation = sheet.whole("gradient_accumulation_steps")
    sheet.put("training/micro_batch_size", micro, "micro_batch_size")
    sheet.put("training/gradient_accumulation_steps", accumulation, "gradient_accumulation_steps")
    most = sheet.given_whole("max_steps")
    if most and most > 0:
        sheet.put("training/examples", most * (micro or 1) * (accumulation or 1) * sheet.gpu_count, "max_steps")
        sheet.put("training/num_epochs", 1.0, "max_steps")
    else:
        sheet.put("training/num_epochs", sheet.number("num_epochs"), "num_epochs")
    theirs = str(sheet.value("optimizer"))
    ours = OPTIMIZERS_READ.get(theirs)
    if ours is None:
        sheet.warn(f"optimizer {theirs[:40]!r} is not modelled: its states are counted as AdamW's.")
    sheet.put("training/optimizer", ours or "adamw", "optimizer")


def _memory(sheet: Sheet) -> None:
    checkpointing = sheet.value("gradient_checkpointing")
    sheet.put("training/gradient_checkpointing", bool(checkpointing), "gradient_checkpointing")
    if isinstance(checkpointing, str):
        sheet.warn(
            f"gradient_checkpointing {checkpointing[:40]!r} is counted as plain: what it offloads stays on the card."
        )
    sheet.put("training/precision", _precision(sheet), "bf16")
    attention = _attention(sheet)
    if attention is None:
        sheet.assume("attention", "sdpa", "Transformers' default where no attention is named")
    sheet.put("training/attention", attention or "sdpa", "attn_implementation")
    sheet.put("training/torch_compile", bool(sheet.given("torch_compile")), "torch_compile")


def _precision(sheet: Sheet) -> str | None:
    """None leaves it to the GPU, as `bf16: auto` does."""
    if sheet.given("fp8"):
        return "fp8"
    if sheet.given("fp16") or sheet.given("float16"):
        return "fp16"
    found = sheet.given("bf16") if sheet.given("bf16") is not None else sheet.given("bfloat16")
    if found is None or found == "auto":
        sheet.assume("precision", "auto", f"{sheet.label}: bf16 auto, bf16 where the GPU has it, else fp16")
        return None
    return "bf16" if found else "fp32"


def _attention(sheet: Sheet) -> str | None:
    named = sheet.given("attn_implementation")
    if isinstance(named, str):
        return "eager" if named == "eager" else "sdpa" if named.startswith("sdpa") else "flash"
    for key in ("flash_attention", "xformers_attention", "flex_attention", "sage_attention", "s2_attention"):
        if sheet.given(key):
            return "flash"
    return "sdpa" if sheet.given("sdp_attention") else "eager" if sheet.given("eager_attention") else None


def _loss(sheet: Sheet) -> None:
    """How the loss over the vocabulary is computed."""
    plugins = sheet.given("plugins")
    loaded: list[Any] = plugins if isinstance(plugins, list) else []
    cut = any("cut_cross_entropy" in str(p) for p in loaded) and sheet.given("cut_cross_entropy") is not False
    if cut or sheet.given("cut_cross_entropy") or sheet.given("liger_fused_linear_cross_entropy"):
        sheet.put("training/cross_entropy", "fused_linear", "plugins")
    elif any(sheet.given(k) for k in ("liger_cross_entropy", "flash_attn_cross_entropy", "unsloth_cross_entropy_loss")):
        sheet.put("training/cross_entropy", "fused", "plugins")
    elif sheet.given("chunked_cross_entropy"):
        sheet.put("training/cross_entropy", "fused", "chunked_cross_entropy")
        sheet.warn("chunked_cross_entropy is counted as a fused loss.")


def _sharding(sheet: Sheet) -> None:
    file = sheet.given("deepspeed")
    settings = sheet.given("fsdp_config")
    if sheet.given("fsdp") or settings or sheet.given("fsdp_version"):
        sheet.put("hardware/sharding", "fsdp", "fsdp_config")
        if isinstance(settings, dict) and (settings.get("offload_params") or settings.get("fsdp_offload_params")):
            sheet.warn(
                "offload_params is not modelled: weights move to the host, so that memory is less and time more."
            )
    elif file:
        said = str(file).casefold().replace("stage", "zero").replace("_", "").replace("-", "")
        stage = next((ours for theirs, ours in SHARDED.items() if theirs in said), None)
        if stage is None:
            sheet.warn("The DeepSpeed file's name does not tell its stage: ZeRO-2 is assumed.")
        sheet.put("hardware/sharding", stage or "zero2", "deepspeed")
    elif (sheet.given_whole("tensor_parallel_size") or 1) > 1:
        sheet.put("hardware/sharding", "tensor_parallel", "tensor_parallel_size")
