"""A task, its scores and figures, to be changed by each test in the one thing that it is about."""

from collections.abc import Callable
from typing import Any

import pytest

from app.decision import DecisionBook, Verdict, decide, load_decision
from app.decision.conditions import Situation
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, FactSource, Workload
from app.shipped import shipped

FIGURES: dict[str, Any] = {
    "horizon_months": 12,
    "prompt_hosted": True,
    "prompt_fits_context": True,
    "prompt_monthly_usd": 300.0,
    "prompt_upfront_usd": 1000.0,
    "prompt_total_usd": None,
    "prompt_latency_p95_seconds": 2.0,
    "prompt_time_to_first_token_seconds": 0.6,
    "tune_fits_gpu": True,
    "tune_training_usd": 5.0,
    "tune_monthly_usd": 900.0,
    "tune_upfront_usd": 4000.0,
    "tune_total_usd": None,
    "tune_latency_p95_seconds": 0.3,
    "tune_time_to_first_token_seconds": 0.1,
    "tune_hosted_offered": True,
    "tuned_base_model_parameters": 8e9,
    "break_even_requests_per_day": None,
}


def figures(**changes: Any) -> Comparison:
    return Comparison(**{**FIGURES, **changes})


def facts(*signals: str, **known: Any) -> Facts:
    """Facts as if the caller had stated them; signals without a place in the text."""
    sources = {name: FactSource("given") for name in known if name not in ("text", "language")}
    return Facts(**{"text": "A task.", "signals": dict.fromkeys(signals, ()), "sources": sources, **known})


WORK = Workload(
    task_type="extraction",
    requests_per_day=1000,
    peak_requests_per_second=1,
    input_tokens=900,
    prompt_tokens=1000,
    output_tokens=100,
    labelled_examples=1000,
    tokens_per_example=1000,
    horizon_months=12,
    defaulted={"requests_per_day": "a default"},
)


@pytest.fixture(scope="session")
def book() -> DecisionBook:
    return load_decision(shipped("rules") / "decision", shipped("models/decision.json"))


@pytest.fixture
def make_facts() -> Callable[..., Facts]:
    return facts


@pytest.fixture
def make_figures() -> Callable[..., Comparison]:
    return figures


@pytest.fixture
def work() -> Workload:
    return WORK


@pytest.fixture
def verdict_of(book: DecisionBook) -> Callable[..., Verdict]:
    """The verdict for facts, with the usual figures."""

    def verdict(task: Facts, comparison: Comparison | None = None) -> Verdict:
        return decide({}, task, WORK, comparison or figures(), book)

    return verdict


@pytest.fixture
def situation() -> Callable[..., Situation]:
    def make(*signals: str, **known: Any) -> Situation:
        return Situation(facts(*signals, **known), {}, figures())

    return make


@pytest.fixture(scope="session")
def work_session() -> Workload:
    return WORK


@pytest.fixture(scope="session")
def builders() -> tuple[Callable[..., Facts], Callable[..., Comparison]]:
    """For properties, which want fixtures that outlive one example."""
    return facts, figures
