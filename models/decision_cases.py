"""The decided cases, read as the service would read them: by description alone, or with their stated facts.

Only `description` and `requirements` of a case reach the reader; title, source, strength and outcome never do.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.decision.conditions import Situation
from app.facts import read_facts
from app.pipeline import World, load_world
from app.pipeline.case import Inputs, work_out
from app.pipeline.reading import read_text
from app.schemas.recommend import RecommendRequest, Requirements

CASES = Path(__file__).parent / "data" / "cases.jsonl"
AS_OF = date(2026, 11, 24)
"""The day on which the cases are asked; prices of both options depend on it, the fitted reasons hardly."""


@dataclass(frozen=True)
class Case:
    """One case; `group` names its source, whose cases stand or fall together."""

    id: str
    group: str
    kind: str
    strength: str
    outcome: str
    description: str
    requirements: dict[str, Any]

    @property
    def tuned(self) -> float:
        """1 where tuning won."""
        return float(self.outcome == "fine_tuning")


def load_cases(path: Path = CASES) -> list[Case]:
    """The decided cases; ties count for neither side and are left out."""
    made = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["outcome"] != "tie":
            made.append(Case(**{name: row[name] for name in Case.__dataclass_fields__}))
    return made


def request_of(case: Case, with_facts: bool) -> RecommendRequest:
    """The request that a caller with this task would send."""
    requirements = Requirements(**case.requirements) if with_facts else Requirements()
    return RecommendRequest(description=case.description, requirements=requirements)


def reader(world: World | None = None) -> Callable[[RecommendRequest], Situation]:
    """Reads a request as the service does, as far as the decision needs it: facts, scores, both options' figures."""
    here = world or load_world()

    def read(request: RecommendRequest) -> Situation:
        reading = read_text(request.description, here.classifier)
        facts = read_facts(request, reading, here.catalogue)
        inputs = Inputs(reading=reading, preferences=request.preferences, as_of=AS_OF, world=here)
        return work_out(facts, inputs).verdict.situation

    return read


def situations(cases: Sequence[Case], with_facts: bool) -> list[Situation]:
    """Every case as read."""
    read = reader()
    return [read(request_of(case, with_facts)) for case in cases]
