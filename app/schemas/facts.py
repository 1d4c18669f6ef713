"""What is known about the task at hand: the result of reading text and requirements."""

from collections.abc import Mapping
from dataclasses import field

from app.records import record
from app.schemas.vocabulary import (
    DataSensitivity,
    KnowledgeChanges,
    Need,
    Origin,
    OutputFormat,
    PromptingEffort,
    Stage,
    TaskType,
)

Span = tuple[int, int]
"""Start and end (exclusive) of a piece of the description, in characters."""


@record
class FactSource:
    """Where a fact comes from: the caller, a span of the text, or a stated default."""

    origin: Origin
    evidence: str | None = None
    span: Span | None = None


@record(kw_only=True)
class Facts:
    """Known facts (given or inferred), `None` where nothing is known. Names and units are those of the request.

    `sources[name]` tells each known fact's origin. `signals` are words of the text with a meaning for rules and
    decision (declared in app/facts/data/signals.yaml), each with the spans where it stands outside of negation.
    """

    text: str
    language: str = "en"
    task_type: TaskType | None = None
    domain: str | None = None
    languages: tuple[str, ...] | None = None
    stage: Stage | None = None
    requests_per_day: float | None = None
    peak_requests_per_second: float | None = None
    input_tokens: float | None = None
    prompt_tokens: float | None = None
    output_tokens: float | None = None
    latency_p95_seconds: float | None = None
    time_to_first_token_p95_seconds: float | None = None
    output_format: OutputFormat | None = None
    max_invalid_output_rate: float | None = None
    labelled_examples: float | None = None
    tokens_per_example: float | None = None
    prompted_quality: float | None = None
    prompting_effort: PromptingEffort | None = None
    target_quality: float | None = None
    knowledge_changes: KnowledgeChanges | None = None
    self_hosting_required: bool | None = None
    data_sensitivity: DataSensitivity | None = None
    max_base_model_parameters: float | None = None
    training_budget_usd: float | None = None
    monthly_budget_usd: float | None = None
    horizon_months: float | None = None
    signals: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    sources: Mapping[str, FactSource] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    """Sentences: the text says one thing, the given requirement another (which wins)."""


@record(kw_only=True)
class Workload:
    """The numbers that every estimate needs, none missing: known facts, else stated defaults of the task type.

    `defaulted` names the fields that are defaults, with the source of each.
    """

    task_type: TaskType
    requests_per_day: float
    peak_requests_per_second: float
    input_tokens: float
    prompt_tokens: float
    output_tokens: float
    labelled_examples: float
    tokens_per_example: float
    horizon_months: float
    defaulted: Mapping[str, str] = field(default_factory=dict)


@record
class TokenContribution:
    """What one n-gram of the text adds to a classifier's log-odds, and where it stands first."""

    text: str
    weight: float
    span: Span | None


@record
class NeedReading:
    """The classifier's view of one need: log-odds that the need is high, level probabilities, and why."""

    need: Need
    log_odds: float
    level_probabilities: tuple[float, float, float]
    contributions: tuple[TokenContribution, ...]


@record
class Reading:
    """The classifier's view of a text. `task_type` and `domain` are None when it abstains."""

    needs: Mapping[Need, NeedReading]
    task_type: TaskType | None
    task_type_probability: float
    domain: str | None
    domain_probability: float
