"""The answer of POST /recommend, and the pieces that scoring and decision exchange."""

from datetime import date, datetime
from typing import Any

from app.schemas.base import Assumption, Range, answer
from app.schemas.facts import Span
from app.schemas.plan import FineTuningPlan, PromptingPlan
from app.schemas.serving import ServingEstimate
from app.schemas.training import CostEstimate, TrainingEstimate
from app.schemas.vocabulary import Approach, Level, Need, Origin


@answer
class Evidence:
    """One piece of evidence for a score."""

    kind: str
    """`rule`, `classifier` or `quantity`."""
    id: str
    """Rule id, n-gram, or name of the quantity."""
    text: str
    """In words."""
    weight: float
    """Log-odds that it adds to the need."""
    span: Span | None = None
    """Where in the description it stands."""


@answer
class Score:
    """How strongly the task has a need."""

    value: float
    """0 to 1."""
    level: Level
    """In words."""
    evidence: tuple[Evidence, ...]
    """What it rests on; the weights add up to the log-odds of `value`."""
    disagreement: str | None = None
    """Said when rules and classifier point to different levels."""


@answer
class Reason:
    """One reason for the verdict."""

    code: str
    """Stable reason code."""
    text: str
    """In words."""
    toward: Approach
    """Which approach it supports."""
    weight: float
    """Log-odds toward fine-tuning; negative supports prompting. All weights add up to the log-odds."""
    evidence: tuple[str, ...]
    """Facts, scores and sources it rests on."""


@answer
class Recommendation:
    """What to do, how sure that is, and why."""

    approach: Approach
    """What to do."""
    confidence: float
    """Probability that this is the better approach, 0.5 to 1."""
    close_call: bool
    """The odds are near even; prompting, cheap and reversible, is then the default."""
    log_odds: float
    """Log-odds toward fine-tuning: the sum of the reasons' weights."""
    headline: str
    """The verdict in one sentence."""
    reasons: tuple[Reason, ...]
    """Strongest first."""
    caveats: tuple[str, ...]
    """What could make it wrong."""
    next_steps: tuple[str, ...]
    """What to do, in order."""


@answer
class EffectiveRequirement:
    """A requirement as it was used."""

    value: Any
    """The value."""
    origin: Origin
    """Given by the caller, inferred from the text, or a stated default."""
    evidence: str | None = None
    """The words it was read from, or the source of the default."""
    span: Span | None = None
    """Where those words stand in the description."""


@answer
class Option:
    """One way to do it."""

    id: str
    """`prompt_hosted`, `prompt_self_hosted`, `tune_self_hosted`, `tune_hosted`."""
    approach: Approach
    """Its approach."""
    title: str
    """In words."""
    rank: int
    """1 is best."""
    feasible: bool
    """It meets every hard requirement."""
    monthly_cost_usd: Range | None
    """Running cost a month; null when a price is unknown."""
    latency_p95_seconds: Range | None
    """95th percentile of the whole answer; null when unknown."""
    quality_risk: Level
    """Risk that it misses the quality."""
    effort: Level
    """Work to get there."""
    because: tuple[str, ...]
    """Why it ranks there, what blocks it, what is unknown."""
    upfront_cost_usd: Range | None = None
    """Labelling, training and evaluation before the first request; null when unknown."""
    days_to_start: Range | None = None
    """Working days until it can serve."""
    ends: date | None = None
    """The day the provider stops offering it; null when none is announced."""


@answer
class UnknownQuantity:
    """A quantity that is not known, and why."""

    name: str
    """The quantity."""
    why: str
    """The reason."""


@answer
class HostedServingEstimate:
    """Speed and price of a base model behind a provider's API; what a provider does not tell is null."""

    kv_cache_bytes_per_token: int | None
    """Not known of a hosted base model."""
    weight_bytes: int | None
    """Not known of a hosted base model."""
    max_concurrency: int | None
    """Set by the provider's rate limit."""
    time_to_first_token_seconds: Range
    """From request to first token."""
    time_per_output_token_seconds: Range
    """Between tokens."""
    latency_seconds: Range
    """The whole answer, typical."""
    latency_p95_seconds: Range
    """The whole answer, 95th percentile."""
    output_tokens_per_second: Range
    """Of one answer."""
    usd_per_million_output_tokens: Range | None
    """All token costs of a request over its output tokens."""
    usd_per_request: Range | None
    """Cost of one request."""
    fits: bool
    """The prompt and answer fit the context."""
    unknown: tuple[UnknownQuantity, ...]
    """What is null, and why."""
    assumptions: tuple[Assumption, ...]
    """What the estimate rests on."""
    warnings: tuple[str, ...]
    """What to know."""


@answer
class CurvePoint:
    """Monthly cost of both approaches at one volume, everything included and spread over the horizon."""

    requests_per_day: float
    """The volume."""
    prompt_engineering_usd: Range
    """Prompting, a month."""
    fine_tuning_usd: Range
    """Tuning, a month, one-off costs spread over the horizon."""


@answer
class BreakEven:
    """Where both approaches cost the same."""

    requests_per_day: float | None
    """The volume above which tuning is cheaper over the horizon; null when there is none."""
    requests_per_day_range: Range | None
    """The range of that volume."""
    months: float | None
    """Months after which tuning has paid back its start at the task's volume; null when never."""
    curve: tuple[CurvePoint, ...]
    """Points of both curves."""
    why: str
    """The result in one sentence, "never" and "always" included."""


@answer
class HorizonCost:
    """Total cost of one approach over the horizon."""

    horizon_months: int
    """Months."""
    upfront: CostEstimate
    """Before the first request."""
    monthly: CostEstimate
    """Each month."""
    total_usd: Range | None
    """Over the horizon."""


@answer
class BothServing:
    """Serving of both options."""

    prompt_engineering: HostedServingEstimate | ServingEstimate
    """Prompting: hosted, or on own GPUs when self-hosting is required."""
    fine_tuning: ServingEstimate
    """The tuned base model on own GPUs."""


@answer
class BothCosts:
    """Costs of both options over the horizon."""

    prompt_engineering: HorizonCost
    """Prompting."""
    fine_tuning: HorizonCost
    """Tuning."""


@answer
class Compute:
    """The numbers behind both options."""

    training: TrainingEstimate
    """Training the tuning plan as planned."""
    serving: BothServing
    """Serving."""
    costs: BothCosts
    """Money over the horizon."""
    break_even: BreakEven
    """Where they cost the same."""


@answer
class Sensitivity:
    """A requirement that flips the verdict when it crosses a threshold."""

    requirement: str
    """Its name."""
    current: Any
    """The value used."""
    threshold: Any
    """The nearest value found at which the verdict is the other one."""
    approach_beyond: Approach
    """The verdict there."""
    text: str
    """In words."""


@answer
class MissingFact:
    """A fact that nobody stated."""

    requirement: str
    """Its name."""
    question: str
    """What to ask."""
    could_change_approach: bool
    """Some plausible answer flips the verdict."""
    value: float
    """How much knowing it is worth, 0 to 1: the expected share of plausible answers that flip the verdict."""


@answer
class Precedent:
    """A published case that resembles the task."""

    id: str
    """Its id."""
    title: str
    """What was done."""
    outcome: Approach
    """What won."""
    similarity: float
    """0 to 1."""
    source: str
    """Where it is published."""
    lesson: str
    """What to take from it."""
    agrees: bool
    """It supports the verdict."""


@answer
class Provenance:
    """What produced the answer: with the same of these, the same answer."""

    service_version: str
    """Version of tunewise."""
    rules_digest: str
    """SHA-256 of rules and decision weights."""
    classifier_digest: str
    """SHA-256 of the classifier."""
    catalogue_digest: str
    """SHA-256 of the catalogue."""
    prices_as_of: date
    """Newest price used."""
    input_digest: str
    """SHA-256 of the canonical request."""


@answer
class Report:
    """The answer of POST /recommend. All but `id` and `created_at` follows from the request, the data and the day."""

    id: str
    """Id of this answer."""
    created_at: datetime
    """When it was made."""
    as_of: date
    """The day the answer is for."""
    recommendation: Recommendation
    """The verdict."""
    scores: dict[Need, Score]
    """The four needs."""
    effective_requirements: dict[str, EffectiveRequirement]
    """Every requirement as used, with its origin."""
    options: tuple[Option, ...]
    """Ranked."""
    fine_tuning: FineTuningPlan
    """The tuning plan."""
    prompting: PromptingPlan
    """The prompting plan."""
    compute: Compute
    """The numbers."""
    sensitivity: tuple[Sensitivity, ...]
    """What would flip the verdict."""
    missing: tuple[MissingFact, ...]
    """What is worth finding out."""
    precedents: tuple[Precedent, ...]
    """The nearest published cases, dissenting ones included."""
    warnings: tuple[str, ...]
    """Conflicts, stale prices, unsupported language."""
    provenance: Provenance
    """What produced it."""
