"""Answers of the reading routes: catalogue, rules, health, batch."""

from datetime import date

from app.schemas.base import answer
from app.schemas.problem import Problem
from app.schemas.report import Report
from app.schemas.world import GpuPrice, GpuSpec, HostedModelSpec, HostedTuningOffer, Reference


@answer
class BaseModelEntry:
    """A base model that can be tuned."""

    id: str
    """Hugging Face id."""
    family: str
    """Family."""
    model_type: str
    """`model_type` of its config.json."""
    total_parameters: int
    """All parameters, tied embeddings once."""
    active_parameters: int
    """Parameters that one token passes through."""
    license: str
    """Licence."""
    commercial_use: bool
    """Commercial use is allowed."""
    max_position_embeddings: int
    """Context length in tokens."""
    released: date
    """Release date."""
    languages: tuple[str, ...]
    """Languages it was trained for."""
    references: tuple[Reference, ...]
    """Sources."""


@answer
class ModelListing:
    """GET /catalogue/models."""

    base_models: tuple[BaseModelEntry, ...]
    """Base models to tune."""
    hosted_models: tuple[HostedModelSpec, ...]
    """Base models to prompt, by token."""
    tuning_offers: tuple[HostedTuningOffer, ...]
    """Where fine-tuning is offered, and until when."""
    catalogue_digest: str
    """Digest of the catalogue."""


@answer
class GpuListing:
    """GET /catalogue/gpus."""

    gpus: tuple[GpuSpec, ...]
    """GPUs."""
    catalogue_digest: str
    """Digest of the catalogue."""


@answer
class GpuPriceEntry:
    """A price of a GPU-hour."""

    gpu: str
    """GPU id."""
    price: GpuPrice
    """The price."""


@answer
class TokenPriceEntry:
    """Token prices of a hosted base model."""

    hosted_model: str
    """Its id."""
    input_usd_per_million_tokens: float | None
    """Input."""
    cached_input_usd_per_million_tokens: float | None
    """Cached input."""
    output_usd_per_million_tokens: float | None
    """Output."""
    batch_factor: float | None
    """Batch over ordinary price."""
    as_of: date
    """Date."""
    source: str
    """Source."""


@answer
class PriceListing:
    """GET /catalogue/prices."""

    gpu_hours: tuple[GpuPriceEntry, ...]
    """GPU-hours."""
    tokens: tuple[TokenPriceEntry, ...]
    """Tokens."""
    prices_as_of: date
    """The newest of them."""
    stale: tuple[str, ...]
    """Prices older than 90 days today."""


@answer
class RuleEntry:
    """A rule of the four needs."""

    id: str
    """Stable id."""
    title: str
    """In one line."""
    status: str
    """`experimental`, `stable` or `retired`."""
    need: str
    """The need it speaks about."""
    when: str
    """Its condition, in CEL."""
    weight: float
    """Log-odds it adds when it holds."""
    because: str
    """Why."""
    known_limits: str
    """What it does not say."""
    reference: tuple[Reference, ...]
    """Sources."""


@answer
class RuleListing:
    """GET /rules."""

    rules: tuple[RuleEntry, ...]
    """All rules."""
    rules_digest: str
    """Digest of rules and decision weights."""


@answer
class Health:
    """GET /healthz and /readyz."""

    status: str
    """`ok`."""
    service_version: str
    """Version of tunewise."""


@answer
class BatchResult:
    """One answer or one problem."""

    index: int
    """Position in the request."""
    status: int
    """HTTP status that the item alone would have had."""
    report: Report | None = None
    """The answer."""
    problem: Problem | None = None
    """The problem."""


@answer
class BatchAnswer:
    """POST /recommend/batch, in the order of the request."""

    items: tuple[BatchResult, ...]
    """One per item."""
