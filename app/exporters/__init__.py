"""From plan to training: files for other tools, and their files read back. Only this room knows their names."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from app.exporters.exported import Exported
from app.exporters.to_axolotl import to_axolotl
from app.exporters.to_llama_factory import to_llama_factory
from app.exporters.to_peft import to_peft
from app.exporters.to_trl import to_trl
from app.exporters.to_unsloth import to_unsloth
from app.schemas.plan import FineTuningPlan

ExportFormat = Literal["peft", "trl", "axolotl", "llama_factory", "unsloth"]
EXPORTERS: Mapping[ExportFormat, Callable[[FineTuningPlan], Exported]] = MappingProxyType(
    {
        "peft": to_peft,
        "trl": to_trl,
        "axolotl": to_axolotl,
        "llama_factory": to_llama_factory,
        "unsloth": to_unsloth,
    }
)

__all__ = ["EXPORTERS", "ExportFormat", "Exported", "export"]


def export(form: ExportFormat, plan: FineTuningPlan) -> Exported:
    """`plan` as the file of a training tool. Raises InputError where that tool cannot do what is planned."""
    return EXPORTERS[form](plan)
