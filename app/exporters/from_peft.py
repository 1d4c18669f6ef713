"""PEFT's adapter_config.json as a training run; a config.json may stand beside it as `architecture`."""

from typing import Any

from app.errors import InputError
from app.exporters.sheet import ReadBack, Sheet, names

UNMODELLED = {
    "modules_to_save": "modules that train in full take weights, gradients and states of their own.",
    "trainable_token_indices": "some rows of the embeddings train too.",
    "rank_pattern": "ranks differ from layer to layer; all are counted at r.",
    "layers_to_transform": "fewer layers get an adapter, so that fewer parameters train than counted.",
    "exclude_modules": "the excluded modules are counted all the same.",
    "layer_replication": "replicated layers are not counted.",
    "lora_bias": "biases of the adapters are not counted.",
    "use_bdlora": "the estimate is that of plain LoRA.",
    "use_qalora": "the estimate is that of plain LoRA.",
}
"""Keys that matter for the count or for memory and have no counterpart in the estimate -> what that means."""
LEGACY = ("revision", "eva_config", "megatron_config", "qalora_group_size", "peft_version", "merge_weights")


def from_peft(sheet: Sheet) -> ReadBack:
    """The run of a PEFT adapter. Raises InputError with pointers into the file."""
    kind = sheet.given("peft_type")
    if kind not in (None, "LORA"):
        said = f"peft_type {str(kind)[:20]} is not modelled."
        raise InputError.at(sheet.pointer("peft_type"), said, "LORA is.")
    sheet.put("base_model", sheet.given("base_model_name_or_path"), "base_model_name_or_path")
    sheet.put("method", "lora", "peft_type")
    sheet.put("lora/r", sheet.whole("r"), "r")
    sheet.put("lora/lora_alpha", sheet.number("lora_alpha"), "lora_alpha")
    sheet.put("lora/lora_dropout", sheet.number("lora_dropout"), "lora_dropout")
    sheet.put("lora/use_dora", sheet.flag("use_dora"), "use_dora")
    sheet.put("lora/use_rslora", sheet.flag("use_rslora"), "use_rslora")
    _targets(sheet)
    if sheet.given("bias") not in (None, "none"):
        sheet.warn(f"bias {str(sheet.given('bias'))[:20]!r} is not modelled: trained biases are not counted.")
    sheet.warn_unmodelled(UNMODELLED)
    sheet.warn("An adapter's file says nothing of batch, length and schedule: state them in `training`.")
    return sheet.finish("hf_peft")


def _targets(sheet: Sheet) -> None:
    modules: Any = sheet.given("target_modules")
    parameters = sheet.given("target_parameters")
    if parameters:
        sheet.put("lora/target_parameters", names(sheet, "target_parameters", parameters), "target_parameters")
    if isinstance(modules, str):
        sheet.put("lora/target_modules", modules, "target_modules")
    elif modules or parameters:
        sheet.put("lora/target_modules", names(sheet, "target_modules", modules or []), "target_modules")
    else:
        said = "No target is named; PEFT's own choice depends on its version."
        raise InputError.at(sheet.pointer("target_modules"), said, 'For example "all-linear".')
