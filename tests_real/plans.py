"""The recorded plans of the ordinary tests, exported."""

import json
from pathlib import Path
from typing import Any

from app.schemas.plan import FineTuningPlan
from app.schemas.plan_body import PlanBody
from app.schemas.validation import parse

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("lora_extraction", "qlora_classification", "full_pretraining", "lora_experts")


def plan(name: str, **changes: dict[str, Any] | Any) -> FineTuningPlan:
    """A recorded plan; a change of a section is merged into it."""
    document = json.loads((ROOT / "tests" / "cases" / "plans" / f"{name}.json").read_text(encoding="utf-8"))
    for key, value in changes.items():
        document[key] = document[key] | value if isinstance(value, dict) else value
    return parse(PlanBody, document).plan()
