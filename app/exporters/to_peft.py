"""PEFT: `adapter_config.json`, as `LoraConfig.from_pretrained` reads it."""

import json

from app.exporters.exported import JSON, Exported
from app.exporters.hugging_face import check, refuse
from app.exporters.writing import whole
from app.schemas.plan import FineTuningPlan


def to_peft(plan: FineTuningPlan) -> Exported:
    """The adapter alone: PEFT has no place for a schedule, and JSON none for the reasons. Raises InputError."""
    check(plan)
    lora = plan.lora
    if lora is None:
        raise refuse("/method", "PEFT", "holds adapters; full fine-tuning has none.", "Export to trl.")
    made = {
        "peft_type": "LORA",
        "task_type": lora.task_type,
        "base_model_name_or_path": plan.base_model,
        "inference_mode": False,
        "r": lora.r,
        "lora_alpha": whole(lora.lora_alpha),
        "lora_dropout": lora.lora_dropout,
        "target_modules": list(lora.target_modules),
        "target_parameters": list(lora.target_parameters) or None,
        "use_rslora": lora.use_rslora,
        "use_dora": lora.use_dora,
        "bias": lora.bias,
        "init_lora_weights": True,
        "modules_to_save": None,
    }
    return Exported(text=json.dumps(made, indent=2) + "\n", media_type=JSON, file_name="adapter_config.json")
