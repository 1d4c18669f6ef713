"""The decided cases, read as the service would read them: by description alone, or with their stated facts.

Only `description` and `requirements` of a case reach the reader; title, source, strength and outcome never do.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.catalogue import load_catalogue
from app.decision.conditions import Situation
from app.facts import read_facts
from app.schemas.comparison import Comparison
from app.schemas.recommend import RecommendRequest, Requirements
from app.scoring.classifier import load_classifier
from app.scoring.needs import score
from app.scoring.rules import load_rules
from app.scoring.thresholds import load_thresholds
from app.settings import shipped

CASES = Path(__file__).parent / "data" / "cases.jsonl"
UNKNOWN_FIGURES = Comparison(
    horizon_months=12,
    prompt_hosted=True,
    prompt_fits_context=True,
    prompt_monthly_usd=None,
    prompt_upfront_usd=None,
    prompt_total_usd=None,
    prompt_latency_p95_seconds=None,
    prompt_time_to_first_token_seconds=None,
    tune_fits_gpu=True,
    tune_training_usd=None,
    tune_monthly_usd=None,
    tune_upfront_usd=None,
    tune_total_usd=None,
    tune_latency_p95_seconds=None,
    tune_time_to_first_token_seconds=None,
    tune_hosted_offered=True,
    tuned_base_model_parameters=8e9,
    break_even_requests_per_day=None,
)
"""Fitting looks at facts and scores; reasons that look at the options' figures keep their priors."""


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


def reader() -> Callable[[RecommendRequest], Situation]:
    """Reads a request as far as the decision needs it: facts and scores, figures unknown."""
    catalogue = load_catalogue()
    classifier = load_classifier(shipped("models/classifier.json"))
    rules = load_rules(shipped("rules"))
    thresholds = load_thresholds(shipped("rules"))

    def read(request: RecommendRequest) -> Situation:
        reading = classifier.read(request.description)
        facts = read_facts(request, reading, catalogue)
        scores = score(rules.evaluate(facts, UNKNOWN_FIGURES), reading, thresholds)
        return Situation(facts, scores, UNKNOWN_FIGURES)

    return read


def situations(cases: Sequence[Case], with_facts: bool) -> list[Situation]:
    """Every case as read."""
    read = reader()
    return [read(request_of(case, with_facts)) for case in cases]
