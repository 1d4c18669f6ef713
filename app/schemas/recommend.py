"""POST /recommend: what a caller asks."""

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from app.schemas.base import Names, Request
from app.schemas.vocabulary import (
    DataSensitivity,
    KnowledgeChanges,
    Method,
    OutputFormat,
    PromptingEffort,
    Stage,
    TaskType,
)

DESCRIPTION_MIN, DESCRIPTION_MAX = 20, 20_000
TOKENS_MAX = 2_000_000

Share = Annotated[float, Field(ge=0, le=1)]


def _date_from_text(value: object) -> object:
    """Strict mode takes no text for a date, JSON has nothing else: read ISO 8601 here and only here."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("Must be a date such as 2026-11-24.") from None


IsoDate = Annotated[date, BeforeValidator(_date_from_text)]


class Requirements(Request):
    """What the task needs. Every field is optional; what is left out is read from the description or assumed, and says so."""

    task_type: TaskType | None = Field(default=None, examples=["extraction"])
    """What the output is."""
    domain: str | None = Field(default=None, min_length=1, max_length=80, examples=["medical"])
    """The field whose knowledge the task needs."""
    languages: Names | None = Field(default=None, examples=[["en", "de"]])
    """Languages of input and output."""
    stage: Stage | None = Field(default=None, examples=["production"])
    """How far the project is."""
    requests_per_day: float | None = Field(default=None, ge=0, le=1e11, examples=[40000])
    """Planned requests on an ordinary day."""
    peak_requests_per_second: float | None = Field(default=None, gt=0, le=1e7, examples=[4])
    """Requests a second in the busiest minute."""
    input_tokens: int | None = Field(default=None, ge=0, le=TOKENS_MAX, examples=[900])
    """Tokens of the variable input per request, without instructions."""
    prompt_tokens: int | None = Field(default=None, ge=0, le=TOKENS_MAX, examples=[1500])
    """Tokens of instructions and examples that prompting needs per request."""
    output_tokens: int | None = Field(default=None, ge=1, le=TOKENS_MAX, examples=[60])
    """Tokens of the answer per request."""
    latency_p95_seconds: float | None = Field(default=None, gt=0, le=1e7, examples=[0.3])
    """Limit on the whole answer, 95th percentile."""
    time_to_first_token_p95_seconds: float | None = Field(default=None, gt=0, le=1e7, examples=[0.5])
    """Limit on the first token, 95th percentile."""
    output_format: OutputFormat | None = Field(default=None, examples=["json"])
    """The form of the output."""
    max_invalid_output_rate: Share | None = Field(default=None, examples=[0.001])
    """Share of answers that may break the form."""
    labelled_examples: int | None = Field(default=None, ge=0, le=10**11, examples=[12000])
    """Input and right output pairs that exist."""
    tokens_per_example: int | None = Field(default=None, ge=1, le=TOKENS_MAX, examples=[960])
    """Tokens of one training example, input and output."""
    prompted_quality: Share | None = Field(default=None, examples=[0.83])
    """Measured quality of the best prompt so far, as a fraction."""
    prompting_effort: PromptingEffort | None = Field(default=None, examples=["few_shot"])
    """How much work went into the prompt behind `prompted_quality`."""
    target_quality: Share | None = Field(default=None, examples=[0.92])
    """Quality needed, on the same metric."""
    knowledge_changes: KnowledgeChanges | None = Field(default=None, examples=["static"])
    """How often the facts behind right answers change."""
    self_hosting_required: bool | None = Field(default=None, examples=[False])
    """The base model must run on the caller's own machines."""
    data_sensitivity: DataSensitivity | None = Field(default=None, examples=["confidential"])
    """How sensitive the data are."""
    max_base_model_parameters: int | None = Field(default=None, ge=1_000_000, le=10**14, examples=[8_000_000_000])
    """Largest base model allowed."""
    training_budget_usd: float | None = Field(default=None, ge=0, le=1e12, examples=[500])
    """Dollars for training, once."""
    monthly_budget_usd: float | None = Field(default=None, ge=0, le=1e12, examples=[2000])
    """Dollars a month for running it."""
    horizon_months: int | None = Field(default=None, ge=1, le=120, examples=[12])
    """Months over which costs are compared."""


class Preferences(Request):
    """Choices the caller has made already; they win over ours."""

    prompted_model: str | None = Field(default=None, min_length=1, max_length=200, examples=["openai/gpt-5-mini"])
    """Hosted base model to prompt, an id from /catalogue/models."""
    base_model: str | None = Field(default=None, min_length=1, max_length=200, examples=["Qwen/Qwen3-8B"])
    """Base model to tune."""
    architecture: dict[str, Any] | None = Field(default=None, examples=[None])
    """`config.json` fields of a base model that is in no catalogue."""
    gpu: str | None = Field(default=None, min_length=1, max_length=64, examples=["L40S"])
    """GPU to train and serve on."""
    method: Method | None = Field(default=None, examples=["lora"])
    """Fine-tuning method."""
    usd_per_gpu_hour: float | None = Field(default=None, ge=0, le=10_000, examples=[1.9])
    """Your own price of a GPU-hour."""
    input_usd_per_million_tokens: float | None = Field(default=None, ge=0, le=100_000, examples=[0.25])
    """Your own contract price of input tokens of the prompted base model."""
    output_usd_per_million_tokens: float | None = Field(default=None, ge=0, le=100_000, examples=[2.0])
    """Your own contract price of output tokens of the prompted base model."""


class RecommendRequest(Request):
    """A task, and what is known about it."""

    title: str | None = Field(default=None, max_length=300, examples=["ICD-10 coding of discharge letters"])
    """A name for the task."""
    description: str = Field(
        min_length=DESCRIPTION_MIN,
        max_length=DESCRIPTION_MAX,
        examples=["Extract ICD-10 codes from discharge letters as strict JSON. 40,000 letters a day."],
    )
    """The task in free text, 20 to 20,000 characters."""
    requirements: Requirements = Requirements()
    """Known requirements."""
    preferences: Preferences = Preferences()
    """Choices already made."""
    as_of: IsoDate | None = Field(default=None, examples=["2026-11-24"])
    """Answer as of this day; today when left out."""


class BatchRequest(Request):
    """Up to 1,000 tasks; each gets its own answer or problem."""

    items: Annotated[list[Any], Field(min_length=1, max_length=1000)]
    """Recommend requests, each checked on its own."""
