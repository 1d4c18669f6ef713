"""The answer's files to download: what another tool trains, serves or prompts with, from the page's address alone."""

from datetime import UTC, datetime

from app.answers import Answers
from app.exporters import EXPORTERS, KITS, Exported
from app.pipeline.kits import kit_case
from app.schemas.recommend import RecommendRequest

TOOLS = {
    "peft": "PEFT adapter_config.json",
    "trl": "TRL script",
    "axolotl": "Axolotl YAML",
    "llama_factory": "LLaMA-Factory YAML",
    "unsloth": "Unsloth script",
    "serve": "How to merge and serve it",
}
"""What carries out a tuning plan."""
PROMPTING_TOOLS = {"prompt_kit": "Prompt kit"}
"""What carries out a prompting plan."""


def file_for(tool: str, request: RecommendRequest, answers: Answers) -> Exported | None:
    """The file; None for a tool that nobody knows. Raises InputError where a tool cannot do what is planned."""
    if tool in KITS:
        day = request.as_of or datetime.now(UTC).date()
        return KITS[tool](kit_case(request, answers.world, day))
    made = next((make for name, make in EXPORTERS.items() if name == tool), None)
    return made(answers.made(request).fine_tuning) if made else None
