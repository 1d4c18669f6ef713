"""Stored recommendations, their outcomes, and how predictions compare with them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.schemas.base import Request, answer
from app.schemas.report import Report
from app.schemas.vocabulary import Approach, Framework

State = Literal["open", "accepted", "overridden", "done"]
Quantity = Literal["monthly_cost_usd", "latency_p95_seconds", "peak_reserved_bytes", "train_seconds"]
NOTE_MAX = 4000


class Measured(Request):
    """What was measured once it was built; leave out what nobody measured."""

    quality: float | None = Field(default=None, ge=0, le=1, examples=[0.93])
    """Share of right answers on an evaluation set."""
    monthly_cost_usd: float | None = Field(default=None, gt=0, le=1e9, examples=[640.0])
    """What it cost in a month."""
    latency_p95_seconds: float | None = Field(default=None, gt=0, le=86_400, examples=[0.24])
    """95th percentile of the whole answer."""
    peak_reserved_bytes: float | None = Field(default=None, gt=0, le=1e13, examples=[23_400_000_000])
    """Most memory that the training reserved on one GPU."""
    train_seconds: float | None = Field(default=None, gt=0, le=1e9, examples=[5400.0])
    """How long the training took."""
    gpu: str | None = Field(default=None, min_length=1, max_length=64, examples=["L40S"])
    """The GPU it was trained on; left out: the plan's. Memory and time on another GPU are kept, but not compared."""
    framework: Framework | None = Field(default=None, examples=["hf_peft"])
    """What it was trained with; left out: what the estimate assumed."""


class OutcomeRequest(Request):
    """What became of a recommendation."""

    approach: Approach = Field(examples=["fine_tuning"])
    """What was done."""
    state: State = Field(examples=["done"])
    """`open`: undecided; `accepted`: it will be done as recommended; `overridden`: otherwise; `done`: it runs."""
    note: str | None = Field(default=None, max_length=NOTE_MAX, examples=["Latency on one L4 was enough."])
    """In your words."""
    measured: Measured = Measured()
    """What was measured."""


@answer
class Outcome:
    """What became of a recommendation, as recorded."""

    approach: Approach
    """What was done."""
    state: State
    """Where it stands."""
    note: str | None
    """In the recorder's words."""
    measured: dict[str, Any]
    """What was measured."""
    recorded_at: datetime
    """When this was recorded."""


@answer
class OutcomeRecorded:
    """The outcome as it now stands; the new revision is in `ETag` too."""

    id: str
    """The recommendation."""
    revision: int
    """The new revision."""
    outcome: Outcome
    """The outcome."""


@answer
class StoredRecommendation:
    """A stored answer with what it was asked and what became of it."""

    id: str
    """Its id, that of the report."""
    created_at: datetime
    """When it was made."""
    title: str | None
    """The task's name, if it has one."""
    state: State
    """`open` until an outcome is recorded."""
    revision: int
    """Counts outcomes recorded; `ETag` and `If-Match` carry it."""
    request: dict[str, Any]
    """What was asked."""
    report: Report
    """The answer, as it was given."""
    outcome: Outcome | None
    """What became of it."""


@answer
class StoredSummary:
    """A stored recommendation in a list."""

    id: str
    """Its id."""
    created_at: datetime
    """When it was made."""
    title: str | None
    """The task's name, if it has one."""
    approach: Approach
    """What was recommended."""
    confidence: float
    """How sure that was, 0.5 to 1."""
    close_call: bool
    """Whether the odds were near even."""
    state: State
    """Where it stands."""
    done_approach: Approach | None
    """What was done, if recorded."""
    revision: int
    """Counts outcomes recorded."""


@answer
class StoredPage:
    """A page of stored recommendations, newest first."""

    items: tuple[StoredSummary, ...]
    """The page."""
    next_cursor: str | None
    """`cursor` of the next page; null on the last."""


@answer
class ReliabilityBin:
    """Verdicts of like confidence, beside how often they were followed."""

    low: float
    """Confidence from here,"""
    high: float
    """to here."""
    count: int
    """Verdicts with an outcome."""
    mean_confidence: float
    """Their mean confidence."""
    hit_rate: float
    """Share where what was done is what had been recommended."""


@answer
class DecisionCalibration:
    """How verdicts compare with what was done."""

    count: int
    """Recommendations whose outcome is recorded and not open."""
    hit_rate: float | None
    """Share where what was done is what had been recommended; null without outcomes."""
    hit_rate_low: float | None
    """Lower end of its 95 % Wilson interval."""
    hit_rate_high: float | None
    """Upper end."""
    brier: float | None
    """Mean squared distance of confidence from hit (1) or miss (0); 0.25 is what a coin reaches."""
    overridden: int
    """Outcomes where the other approach was done."""
    reliability: tuple[ReliabilityBin, ...]
    """By confidence."""


@answer
class Deviation:
    """How far measurements of one quantity lie from their estimates."""

    quantity: Quantity
    """The quantity."""
    gpu: str | None
    """The GPU it was measured on; null where it plays no part."""
    framework: str | None
    """The framework; null where it plays no part."""
    count: int
    """Measurements."""
    factor: float
    """Geometric mean of measured over expected: above 1, estimates are too low. Expected is with the accepted
    correction, where there is one."""
    spread: float
    """Typical further deviation, as a factor (exponential of the standard deviation of the log ratios)."""
    inside: float
    """Share of measurements between `low` and `high`; 0.8 is what the ranges promise."""


@answer
class Correction:
    """A correction that an operator may accept; nothing changes by itself."""

    quantity: Quantity
    """What it corrects."""
    gpu: str | None
    """On which GPU."""
    framework: str | None
    """In which framework."""
    factor: float
    """Multiply the estimate by this."""
    factor_low: float
    """Lower end of its 95 % interval."""
    factor_high: float
    """Upper end."""
    count: int
    """Measurements it rests on."""
    why: str
    """In words."""
    action: str
    """What an operator who accepts it does."""
    overlay: str | None
    """The YAML that accepts it, for the catalogue overlay: the product, where a correction is in force there already;
    null where the estimate takes no factor."""


@answer
class CalibrationReport:
    """How decisions and estimates compare with the outcomes recorded so far."""

    stored: int
    """Stored recommendations."""
    decisions: DecisionCalibration
    """Verdicts."""
    deviations: tuple[Deviation, ...]
    """Estimates, by quantity, GPU and framework."""
    corrections: tuple[Correction, ...]
    """Offered where at least five measurements agree that an estimate is off."""
    limits: tuple[str, ...]
    """What these figures do not say."""
