"""From plan to training: files for other tools, and their files read back. Only this room knows their names."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from app.errors import InputError
from app.exporters.exported import Exported
from app.exporters.prompt_kit import prompt_kit
from app.exporters.reading_back import READERS, ReadFormat, read_back
from app.exporters.run_line import RunFacts, run_facts
from app.exporters.serve import serve
from app.exporters.sheet import ReadBack
from app.exporters.to_axolotl import to_axolotl
from app.exporters.to_llama_factory import to_llama_factory
from app.exporters.to_peft import to_peft
from app.exporters.to_trl import to_trl
from app.exporters.to_unsloth import to_unsloth
from app.pipeline import World, training_estimate
from app.pipeline.kits import KitCase
from app.schemas.plan import FineTuningPlan
from app.schemas.training import TrainingEstimate

ExportFormat = Literal["peft", "trl", "axolotl", "llama_factory", "unsloth"]
KITS: Mapping[str, Callable[[KitCase], Exported]] = MappingProxyType({"serve": serve, "prompt_kit": prompt_kit})
"""What else a task's plans are carried out with: made from a worked-out task, not from a plan alone."""
EXPORTERS: Mapping[ExportFormat, Callable[[FineTuningPlan], Exported]] = MappingProxyType(
    {
        "peft": to_peft,
        "trl": to_trl,
        "axolotl": to_axolotl,
        "llama_factory": to_llama_factory,
        "unsloth": to_unsloth,
    }
)

__all__ = [
    "EXPORTERS",
    "KITS",
    "READERS",
    "ExportFormat",
    "Exported",
    "ReadBack",
    "ReadFormat",
    "RunFacts",
    "estimate_back",
    "export",
    "read_back",
    "run_facts",
]


def export(form: ExportFormat, plan: FineTuningPlan) -> Exported:
    """`plan` as the file of a training tool. Raises InputError where that tool cannot do what is planned."""
    return EXPORTERS[form](plan)


def estimate_back(form: ReadFormat, text: str, given: RunFacts, world: World) -> TrainingEstimate:
    """The training estimate of another tool's file, with what was assumed. Raises InputError pointing into the file."""
    found = read_back(form, text, given)
    try:
        made = training_estimate(found.request, world)
    except InputError as error:
        raise found.blame(error) from None
    return replace(made, assumptions=found.assumptions + made.assumptions, warnings=found.warnings + made.warnings)
