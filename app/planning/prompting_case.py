"""What the techniques of a prompt are decided on, and the request that they shape."""

from dataclasses import dataclass

from app.planning.book import PlanningBook
from app.records import record
from app.schemas.facts import Facts, Workload
from app.schemas.plan import Technique
from app.schemas.world import BaseModelSpec, HostedModelSpec
from app.units import SECONDS_PER_DAY


@dataclass(slots=True)
class RequestPlan:
    """Tokens of one request while techniques change them, and what stood against caching and batches."""

    prompt: int
    """Instructions and examples."""
    fixed: int
    """Of these, what is the same in every request."""
    variable: int
    output: int
    cached: int = 0
    retrieval: int = 0
    passages_inside: bool = False
    """The passages were part of the assumed input."""
    thinks: bool = False
    """Steps were added to the output."""
    batch: bool = False
    not_cached: str = "there is no fixed part"
    not_batched: str = "It is not said that answers may come hours later"


@record(kw_only=True)
class PromptingCase:
    """A task, the base model that is prompted, and the request so far."""

    facts: Facts
    workload: Workload
    spec: HostedModelSpec | BaseModelSpec
    book: PlanningBook
    request: RequestPlan
    cache_hit_rate: float
    cache_lifetime_seconds: float

    @property
    def hosted(self) -> HostedModelSpec | None:
        """The provider's base model; None on own GPUs."""
        return self.spec if isinstance(self.spec, HostedModelSpec) else None

    @property
    def keeps_cache_warm(self) -> bool:
        """Requests come so often that the next finds the prefix of the last."""
        return self.workload.requests_per_day * self.cache_lifetime_seconds >= SECONDS_PER_DAY

    def technique(self, name: str, entry: str | None = None, **values: object) -> Technique:
        """A technique in the words of rules/planning/techniques.yaml; `entry` when it differs from the name."""
        text = self.book.techniques[entry or name]
        return Technique(name=name, because=text.template.format_map(values), source=text.source)
