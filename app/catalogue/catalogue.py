"""The catalogue: everything tunewise knows of the world, dated, sourced and frozen."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date

from app.errors import UnknownNameError
from app.records import record
from app.schemas.vocabulary import Framework, TaskType
from app.schemas.world import (
    AcceptedCorrection,
    BaseModelSpec,
    DatedValue,
    GpuSpec,
    HostedModelSpec,
    HostedTuningOffer,
    StaleValue,
    TaskDefaults,
)

STALE_AFTER_DAYS = 90
"""Prices checked longer ago than this are reported as stale (issue 4: 90 days)."""


@record(kw_only=True, eq=False)
class Catalogue:
    """What the stages read; made by `load_catalogue`. Look-ups raise UnknownNameError at a JSON pointer."""

    base_models: Mapping[str, BaseModelSpec]
    """By Hugging Face id."""
    base_model_aliases: Mapping[str, BaseModelSpec]
    """Other Hugging Face ids of the same shape (instruct variants, old names), each with its own id."""
    gpus: Mapping[str, GpuSpec]
    """By the contract's id."""
    hosted_models: Mapping[str, HostedModelSpec]
    """By `provider/name`."""
    tuning_offers: tuple[HostedTuningOffer, ...]
    """Where fine-tuning is offered, and until when."""
    task_defaults: Mapping[TaskType, TaskDefaults]
    """Token counts assumed of each task type."""
    currencies: Mapping[str, DatedValue]
    """Dollars for one unit, by ISO 4217 code."""
    assumptions: Mapping[str, DatedValue]
    """Named numbers that estimates rest on."""
    prices: tuple[StaleValue, ...]
    """Every price with its dates, oldest check first; ages are filled in by `stale`."""
    digest: str
    """SHA-256 over the canonical data, overlay included."""
    prices_as_of: date
    """The day of the newest price."""
    folded: Mapping[str, str]
    """Ids of base models by their lower-case form: the Hub does not tell them apart."""
    corrections: Mapping[tuple[str, Framework], tuple[AcceptedCorrection, ...]] = field(default_factory=dict)
    """Factors on training estimates that the organisation accepted, by GPU and framework."""

    def base_model(self, base_model_id: str, pointer: str = "/base_model") -> BaseModelSpec:
        """The base model of this Hugging Face id, letter case aside."""
        found = self.base_models.get(base_model_id) or self.base_model_aliases.get(base_model_id)
        if found is None and (known := self.folded.get(base_model_id.casefold())):
            found = self.base_models.get(known) or self.base_model_aliases[known]
        if found is None:
            known_ids = [*self.base_models, *self.base_model_aliases]
            raise UnknownNameError(pointer, "base model", base_model_id, known_ids)
        return found

    def gpu(self, gpu_id: str, pointer: str = "/gpu") -> GpuSpec:
        """The GPU of this id."""
        if (found := self.gpus.get(gpu_id)) is None:
            raise UnknownNameError(pointer, "GPU", gpu_id, self.gpus)
        return found

    def hosted_model(self, hosted_id: str, pointer: str = "/prompted_model") -> HostedModelSpec:
        """The hosted base model of this id, `provider/name`, or of the provider's name alone when it is unique."""
        found = self.hosted_models.get(hosted_id)
        if found is None:
            named = [spec for spec in self.hosted_models.values() if spec.name == hosted_id]
            found = named[0] if len(named) == 1 else None
        if found is None:
            raise UnknownNameError(pointer, "hosted model", hosted_id, self.hosted_models)
        return found

    def stale(self, as_of: date, max_age_days: int = STALE_AFTER_DAYS) -> tuple[StaleValue, ...]:
        """Prices that nobody has compared with their source for more than `max_age_days`, oldest first."""
        return tuple(p.aged(as_of) for p in self.prices if (as_of - p.checked).days > max_age_days)
