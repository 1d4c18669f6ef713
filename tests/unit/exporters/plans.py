"""Recorded tuning plans (answers of POST /plan/lora), so that golden exports change with exporters alone."""

import copy
import json
from pathlib import Path
from typing import Any

from app.schemas.plan import FineTuningPlan
from app.schemas.plan_body import PlanBody
from app.schemas.validation import parse
from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "cases" / "plans"
GOLDEN_PLANS = ("lora_extraction", "qlora_classification", "full_pretraining")
ALL_PLANS = (*GOLDEN_PLANS, "lora_experts")
EXPORTS: Path = ROOT / "tests" / "golden" / "exports"


def document(name: str, **changes: Any) -> dict[str, Any]:
    """A recorded plan's JSON; `training__seed=1` changes a field inside."""
    made: dict[str, Any] = copy.deepcopy(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    for path, value in changes.items():
        *owners, last = path.split("__")
        here = made
        for owner in owners:
            here = here[owner]
        here[last] = value
    return made


def plan(name: str, **changes: Any) -> FineTuningPlan:
    """A recorded plan, as the body of a request gives it."""
    return parse(PlanBody, document(name, **changes)).plan()
