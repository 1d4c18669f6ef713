"""Who answers: the engine in this process, or (in app/cli) a running service."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from app.errors import InputError, UnknownNameError
from app.pipeline import World, advise, training_estimate
from app.records import record
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report
from app.schemas.training import TrainingEstimate, TrainingRequest
from app.schemas.world import HostedTuningOffer


@record
class Licence:
    """Under which terms a base model may be used."""

    base_model: str
    license: str
    commercial_use: bool


class Advisor(Protocol):
    """What checks ask. Unknown names raise InputError."""

    def reports(self, requests: Sequence[RecommendRequest], as_of: date) -> Sequence[Report | InputError]:
        """One answer or one refusal per request, in order."""

    def training(self, request: TrainingRequest) -> TrainingEstimate:
        """The estimate of a run as the team wants it."""

    def licence(self, base_model: str) -> Licence | None:
        """The licence of a base model; None when it is in no catalogue."""

    def offer(self, name: str) -> HostedTuningOffer:
        """A provider's tuning offer. Raises UnknownNameError."""


class LocalAdvisor:
    """The engine in this process."""

    def __init__(self, world: World) -> None:
        self.world = world

    def reports(self, requests: Sequence[RecommendRequest], as_of: date) -> Sequence[Report | InputError]:
        """One answer or one refusal per request, in order."""
        return [self._report(request, as_of) for request in requests]

    def _report(self, request: RecommendRequest, as_of: date) -> Report | InputError:
        try:
            return advise(request, self.world, as_of)
        except InputError as error:
            return error

    def training(self, request: TrainingRequest) -> TrainingEstimate:
        """The estimate of a run as the team wants it."""
        return training_estimate(request, self.world)

    def licence(self, base_model: str) -> Licence | None:
        """The licence of a base model; None when it is in no catalogue."""
        try:
            spec = self.world.catalogue.base_model(base_model)
        except UnknownNameError:
            return None
        return Licence(spec.id, spec.license, spec.commercial_use)

    def offer(self, name: str) -> HostedTuningOffer:
        """A provider's tuning offer. Raises UnknownNameError."""
        return offer_named(name, self.world.catalogue.tuning_offers)


def offer_named(name: str, offers: Sequence[HostedTuningOffer]) -> HostedTuningOffer:
    """The offer of that id. Raises UnknownNameError at the proposal's field."""
    found = next((offer for offer in offers if offer.id.casefold() == name.casefold()), None)
    if found is None:
        raise UnknownNameError("/tuning/hosted", "tuning offer", name, [offer.id for offer in offers])
    return found
