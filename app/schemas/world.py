"""What the catalogue knows of the world, in the form the stages read it."""

from dataclasses import replace
from datetime import date

from app.records import record
from app.schemas.architecture import Architecture
from app.schemas.base import answer
from app.schemas.vocabulary import Framework, Precision, TaskType, TrainedQuantity


@answer
class Reference:
    """A source."""

    title: str
    """What it is."""
    href: str
    """Where it is."""


@answer
class DatedValue:
    """A number that was true on a day."""

    value: float
    """The number, in `unit`."""
    unit: str
    """The unit."""
    as_of: date
    """The day it was published or read."""
    source: str
    """Title and address of the source."""
    checked: date
    """The day somebody last compared value and source."""


@answer
class GpuPrice:
    """A dated price of one GPU-hour."""

    provider: str
    """Who asks it."""
    terms: str
    """`on_demand`, `serverless`, `reserved`, `spot`, `marketplace` or `contract`."""
    price: DatedValue
    """Dollars per GPU-hour."""


@answer
class GpuSpec:
    """One GPU; rates are dense tensor peaks."""

    id: str
    """Id in requests."""
    name: str
    """Its full name."""
    memory_bytes: int
    """Memory as the driver reports it."""
    bandwidth_bytes_per_second: float
    """Memory bandwidth."""
    flops_per_second: dict[Precision, float]
    """Dense tensor peak by precision; a precision that the GPU lacks is absent."""
    link_bytes_per_second: float
    """One-way bandwidth to the next GPU of the same machine (NVLink, or PCIe when it has none)."""
    board_power_watts: float
    """Power limit of the board."""
    compute_capability: str
    """CUDA compute capability, or `gfx` name on AMD."""
    usd_per_hour: DatedValue | None
    """The price used when the caller names none: a contract price, else the lower median of the on-demand prices (else of
    managed, marketplace, spot ones); null when none is on record."""
    prices: tuple[GpuPrice, ...]
    """Every dated price on record."""
    references: tuple[Reference, ...]
    """Where the figures come from."""


@record(kw_only=True)
class AcceptedCorrection:
    """A factor on training estimates that an organisation accepted: measured over estimated, on one GPU and framework."""

    quantity: TrainedQuantity
    gpu: str
    framework: Framework
    factor: float
    factor_low: float
    """Lower end of the 95 % interval of `factor`."""
    factor_high: float
    count: int
    """Measurements that it rests on."""
    source: str
    """The overlay, the day of acceptance and what it rests on, in a line."""


def correction_name(quantity: str) -> str:
    """The assumption by which an estimate tells the accepted factor in it; outcomes are compared under the same one."""
    return f"{quantity}_correction"


@record(kw_only=True)
class BaseModelSpec:
    """A base model that teams tune; `architecture` holds the shape."""

    id: str
    family: str
    architecture: Architecture
    total_parameters: int
    active_parameters: int
    license: str
    commercial_use: bool
    max_position_embeddings: int
    released: date
    languages: tuple[str, ...]
    gated: bool
    modalities: tuple[str, ...]
    instruct_id: str | None
    chat_template: str | None
    quality_index: float | None
    """A coarse general-ability figure in 0..1 for choosing among candidates, with its source in the catalogue."""
    references: tuple[Reference, ...]


@answer
class TokenPrices:
    """Prices of one hosted base model, dollars per million tokens; null where not offered or unknown."""

    input_usd: float | None
    """Uncached input."""
    cached_input_usd: float | None
    """Input read from the prompt cache."""
    output_usd: float | None
    """Output."""
    batch_factor: float | None
    """Batch price over ordinary price; null when no batch price is known."""
    as_of: date
    """Date of the prices."""
    source: str
    """Where they come from."""
    checked: date
    """The day somebody last compared prices and source."""


@answer
class HostedModelSpec:
    """A base model offered per token by a provider, for prompting."""

    id: str
    """`provider/name`."""
    provider: str
    """Who offers it."""
    name: str
    """The provider's name for it."""
    tier: str
    """`small`, `medium` or `frontier`: how able it is, coarsely."""
    prices: TokenPrices
    """Token prices in force when they were last checked."""
    price_history: tuple[TokenPrices, ...]
    """Every price on record, oldest first; the last ones may be announced for a day to come."""
    context_tokens: int
    """Longest context."""
    cache_min_tokens: int | None
    """Shortest prompt prefix that is cached; null when not cached."""
    time_to_first_token_seconds: tuple[float, float, float]
    """Low, expected, high, for a short prompt."""
    output_tokens_per_second: tuple[float, float, float]
    """Low, expected, high, of one answer."""
    speed_source: str
    """Where the two figures above come from."""
    structured_output: bool
    """Can be held to a JSON schema."""
    released: date
    """Release date."""
    references: tuple[Reference, ...]
    """Sources."""

    def prices_on(self, day: date) -> TokenPrices:
        """The token prices of a day; the oldest on record for a day before them."""
        known = [p for p in self.price_history if p.as_of <= day]
        return known[-1] if known else self.price_history[0]


@answer
class HostedTuningOffer:
    """A place that tunes and serves a base model for its customers."""

    id: str
    """`provider/name`."""
    provider: str
    """Who offers it."""
    base_model: str
    """What is tuned: a catalogue id or the provider's own name."""
    parameter_range: tuple[int, int] | None
    """Any open base model with total parameters in this range (both ends included); null for a single base model."""
    training_usd_per_million_tokens: float | None
    """Training price; null when unknown."""
    input_usd_per_million_tokens: float | None
    """Price of input to the tuned result; null when unknown or billed by the hour."""
    cached_input_usd_per_million_tokens: float | None
    """Cached input; null when not offered."""
    output_usd_per_million_tokens: float | None
    """Price of its output."""
    hosting_usd_per_hour: float | None
    """Dedicated hosting; null when serverless or unknown."""
    hosting: str
    """`serverless` or `dedicated`."""
    max_parameters_note: str
    """Limits worth knowing."""
    closed_to_new_users: date | None
    """From this day new customers are refused."""
    ends: date | None
    """The last day of training or serving, whichever comes first."""
    as_of: date
    """Date of the prices."""
    checked: date
    """The day somebody last compared prices and source."""
    references: tuple[Reference, ...]
    """Sources."""

    def takes(self, base_model: BaseModelSpec) -> bool:
        """Whether this base model can be tuned here."""
        if self.parameter_range is None:
            return base_model.id == self.base_model
        return self.parameter_range[0] <= base_model.total_parameters <= self.parameter_range[1]

    def open_on(self, day: date, new_user: bool = True) -> bool:
        """Whether a customer can still start on a day; `new_user` for one that has no account with tuning yet."""
        closed = self.closed_to_new_users is not None and new_user and day >= self.closed_to_new_users
        return not closed and (self.ends is None or day < self.ends)


@answer
class TaskDefaults:
    """What is assumed of a task type when nothing is said, with its source."""

    task_type: TaskType
    """The task type."""
    input_tokens: int
    """Variable input per request."""
    output_tokens: int
    """Output per request."""
    prompt_tokens: int
    """Instructions and examples that prompting needs."""
    source: str
    """Where the figures come from."""


@answer
class StaleValue:
    """A price and its age."""

    name: str
    """What it is the price of."""
    file: str
    """The data file that holds it."""
    as_of: date
    """The day of its newest value."""
    checked: date
    """The day somebody last compared value and source."""
    source: str
    """Title and address of the source."""
    age_days: int = 0
    """Days since `checked`."""

    def aged(self, today: date) -> "StaleValue":
        """The same price with its age on a day."""
        return replace(self, age_days=(today - self.checked).days)
