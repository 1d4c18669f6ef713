"""The schema of every file in data/: what an entry may say, must say, and in which unit."""

from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from app.catalogue.strict_yaml import Entry
from app.schemas.vocabulary import Framework, Precision, TaskType, TrainedQuantity
from app.units import GB, GIB

Positive = Annotated[float, Field(gt=0)]
Price = Annotated[float, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]
Keys = Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
AssumptionUnit = Literal[
    "USD",
    "USD/hour",
    "USD/example",
    "USD/kWh",
    "examples",
    "attempts",
    "times",
    "tokens",
    "tokens/word",
    "tokens/page",
    "tokens/character",
    "words/minute",
    "hours",
    "hours/month",
    "days",
    "ratio",
    "seconds",
]
SI: dict[str, float] = {"GiB": GIB, "MiB": 2.0**20, "GB/s": GB, "TB/s": 1e12, "TFLOP/s": 1e12, "W": 1.0}
"""Bytes, bytes per second, FLOP per second or watts in one of the unit."""


class SourceEntry(Entry):
    """Where values come from; entries refer to it by key."""

    title: Text
    """What it is."""
    href: Text = Field(pattern=r"^https?://")
    """Where it is."""
    date: date
    """The day it speaks of: publication, or the day it was read when it has none."""
    grade: Literal["A", "B", "C"] = "A"
    """A: the provider's own text; B: a copy in a repository or data set; C: a third party, unverified."""


class SourcedFile(Entry):
    """A file whose entries refer to `sources` by key."""

    sources: dict[str, SourceEntry]

    @model_validator(mode="after")
    def _sources_are_known(self) -> "SourcedFile":
        known = set(self.sources)
        for key in _source_keys(self):
            if key not in known:
                listed = ", ".join(sorted(known))
                raise ValueError(
                    f"Source {key!r} is not listed. Write instead: one of `sources` ({listed}), or add it."
                )
        return self


def _source_keys(entry: Any) -> set[str]:
    """Every source key that an entry or anything in it refers to."""
    if isinstance(entry, dict):
        return set().union(*(_source_keys(v) for v in entry.values()))
    if isinstance(entry, tuple):
        return set().union(*(_source_keys(v) for v in entry))
    if not isinstance(entry, Entry):
        return set()
    named = {k for f in ("source", "sources", "speed_source") for k in _names(getattr(entry, f, None))}
    return named.union(*(_source_keys(getattr(entry, f)) for f in type(entry).model_fields))


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()


class Dated(Entry):
    """A value that changes: append a dated one, never overwrite; a correction says so in `note`."""

    values: dict[date, Price] = Field(min_length=1)
    """The value from each day on."""
    source: Text
    """Key of its source."""
    checked: date
    """The day somebody last compared value and source."""
    note: str | None = None
    """What a reader should know."""

    @model_validator(mode="after")
    def _checked_is_not_before_the_newest_value(self) -> "Dated":
        if max(self.values) > self.checked:
            newest = max(self.values)
            raise ValueError(
                f"`checked` {self.checked} is before the newest value, {newest}. Write instead: a day from {newest} on."
            )
        return self


class AssumptionEntry(Dated):
    """A named number that estimates rest on."""

    description: Text
    """What it is."""
    unit: AssumptionUnit
    """Its unit."""
    judgement: bool = False
    """True when the number is our own judgement and the source only supports its order of magnitude."""


class Quantity(Entry):
    """A fixed property of a piece of hardware."""

    value: Positive
    """The number, in `unit`."""
    unit: str
    """Its unit; the kinds of quantity below say which are allowed."""
    source: Text
    """Key of its source."""

    @property
    def si(self) -> float:
        """The value in bytes, bytes per second, FLOP per second or watts."""
        return self.value * SI[self.unit]


class Memory(Quantity):
    """An amount of memory; GB is refused, because data sheets mean either by it."""

    unit: Literal["GiB", "MiB"]


class Bandwidth(Quantity):
    """Bytes moved per second."""

    unit: Literal["GB/s", "TB/s"]


class Rate(Quantity):
    """Floating-point operations per second."""

    unit: Literal["TFLOP/s"]


class Power(Quantity):
    """Electric power."""

    unit: Literal["W"]


class GpuEntry(Entry):
    """One GPU."""

    name: Text
    memory: Memory
    """As the driver reports it to a process (torch.cuda total memory), less than the label says."""
    bandwidth: Bandwidth
    flops: dict[Precision, Rate] = Field(min_length=1)
    """Dense tensor peaks with fp32 accumulation; data sheets often print twice that (sparsity)."""
    link: Bandwidth
    """One way, to the next GPU of the machine."""
    board_power: Power
    compute_capability: Text
    sources: Keys
    note: str | None = None


class GpuFile(SourcedFile):
    """data/gpus.yaml"""

    gpus: dict[str, GpuEntry]


class GpuPriceEntry(Dated):
    """What one provider asks for one GPU-hour."""

    gpu: Text
    provider: Text
    terms: Literal["on_demand", "spot", "reserved", "serverless", "marketplace", "contract"]
    unit: Literal["USD/hour"]


class GpuPriceFile(SourcedFile):
    """data/gpu_prices.yaml"""

    gpu_prices: tuple[GpuPriceEntry, ...] = Field(strict=False)


class BaseModelEntry(Entry):
    """A base model; `config` holds the fields of its config.json that shape it."""

    family: Text
    config: dict[str, Any]
    total_parameters: int = Field(gt=0)
    active_parameters: int = Field(gt=0)
    """Parameters that one token passes through; equal to the total when dense."""
    license: Text
    commercial_use: bool
    max_position_embeddings: int = Field(gt=0)
    released: date
    languages: Keys
    gated: bool
    modalities: Keys = ("text",)
    instruct_id: str | None
    aliases: tuple[Text, ...] = Field(default=(), strict=False)
    """Other Hugging Face ids of the same shape."""
    chat_template: str | None
    quality_index: float | None = Field(default=None, ge=0, le=1)
    sources: Keys


class BaseModelFile(SourcedFile):
    """data/base_models.yaml"""

    base_models: dict[str, BaseModelEntry]


class TokenPriceValues(Entry):
    """Dollars per million tokens from a day on."""

    input: Price
    cached_input: Price | None = None
    output: Price
    batch_factor: float | None = Field(default=None, gt=0, le=1)


class TokenPriceEntry(Entry):
    """Token prices of a hosted base model."""

    unit: Literal["USD/1M tokens"]
    values: dict[date, TokenPriceValues] = Field(min_length=1)
    source: Text
    checked: date
    note: str | None = None


class TokenPriceFile(SourcedFile):
    """data/token_prices.yaml"""

    token_prices: dict[str, TokenPriceEntry]


Triple = Annotated[tuple[Positive, Positive, Positive], Field(strict=False)]


class HostedEntry(Entry):
    """A hosted base model."""

    provider: Text
    name: Text
    genai_prices: dict[Literal["provider", "model"], Text] | None = None
    """How genai-prices calls it; null when its prices are our own."""
    tier: Literal["small", "medium", "frontier"]
    context_tokens: int = Field(gt=0)
    cache_min_tokens: int | None = Field(default=None, gt=0)
    time_to_first_token_seconds: Triple
    output_tokens_per_second: Triple
    speed_source: Text
    structured_output: bool
    released: date
    sources: Keys

    @model_validator(mode="after")
    def _ranges_rise(self) -> "HostedEntry":
        for triple in (self.time_to_first_token_seconds, self.output_tokens_per_second):
            if list(triple) != sorted(triple):
                raise ValueError(f"The range {list(triple)} falls. Write instead: low, expected, high in this order.")
        return self


class HostedFile(SourcedFile):
    """data/hosted_models.yaml"""

    hosted_models: dict[str, HostedEntry]


class TuningOfferEntry(Entry):
    """A place that tunes."""

    provider: Text
    base_model: Text
    parameters: Annotated[tuple[int, int], Field(strict=False)] | None = None
    """Total parameters that the offer takes, when it is by size."""
    unit: Literal["USD/1M tokens"]
    training: Price | None
    input: Price | None
    cached_input: Price | None = None
    output: Price | None
    hosting_usd_per_hour: Price | None = None
    hosting: Literal["serverless", "dedicated"]
    limits: Text
    closed_to_new_users: date | None = None
    ends: date | None = None
    as_of: date
    checked: date
    sources: Keys


class TuningFile(SourcedFile):
    """data/tuning_offers.yaml"""

    tuning_offers: dict[str, TuningOfferEntry]


class TaskDefaultsEntry(Entry):
    """Token counts assumed of a task type."""

    input_tokens: int = Field(gt=0)
    output_tokens: int = Field(gt=0)
    prompt_tokens: int = Field(gt=0)
    source: Text


class AssumptionFile(SourcedFile):
    """data/assumptions.yaml"""

    assumptions: dict[str, AssumptionEntry]
    task_defaults: dict[TaskType, TaskDefaultsEntry]

    @model_validator(mode="after")
    def _every_task_type_has_defaults(self) -> "AssumptionFile":
        if lacking := sorted(set(get_args(TaskType)) - set(self.task_defaults)):
            raise ValueError(f"`task_defaults` lacks {lacking}. Write instead: an entry for every task type.")
        return self


class CurrencyEntry(Dated):
    """Dollars for one unit of a currency."""

    unit: Literal["USD"]


class CurrencyFile(SourcedFile):
    """data/currencies.yaml"""

    currencies: dict[str, CurrencyEntry]


class CorrectionEntry(Entry):
    """A factor of GET /calibration that the organisation accepted; its source is what the organisation measured."""

    quantity: TrainedQuantity
    gpu: Text
    framework: Framework
    factor: Positive
    """Measured over estimated, as shipped: the product where a factor was accepted on top of another."""
    factor_low: Positive
    """Lower end of its 95 % interval."""
    factor_high: Positive
    count: int = Field(ge=2)
    """Measurements; an interval takes two."""
    as_of: date
    """The day of the report that offered it."""
    evidence: Text
    """What it rests on."""
    note: str | None = None

    @model_validator(mode="after")
    def _interval_holds_the_factor(self) -> "CorrectionEntry":
        if not self.factor_low <= self.factor <= self.factor_high:
            raise ValueError(
                f"The interval {self.factor_low} to {self.factor_high} does not hold the factor {self.factor}. "
                "Write instead: factor_low, factor and factor_high as GET /calibration offers them."
            )
        return self


class OverlayFile(SourcedFile):
    """An organisation's own file: contract prices, more base models, other assumptions, accepted corrections."""

    gpus: dict[str, GpuEntry] = Field(default={})
    gpu_prices: tuple[GpuPriceEntry, ...] = Field(default=(), strict=False)
    base_models: dict[str, BaseModelEntry] = Field(default={})
    hosted_models: dict[str, HostedEntry] = Field(default={})
    token_prices: dict[str, TokenPriceEntry] = Field(default={})
    tuning_offers: dict[str, TuningOfferEntry] = Field(default={})
    assumptions: dict[str, AssumptionEntry] = Field(default={})
    currencies: dict[str, CurrencyEntry] = Field(default={})
    corrections: tuple[CorrectionEntry, ...] = Field(default=(), strict=False)
