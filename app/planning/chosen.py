"""A candidate that was chosen, why, and what came next."""

from typing import Generic, TypeVar

from app.records import record
from app.schemas.plan import Because, RunnerUp

Spec = TypeVar("Spec")


@record
class Chosen(Generic[Spec]):
    """The candidate that a plan is made with."""

    spec: Spec
    because: Because
    runners_up: tuple[RunnerUp, ...]
    given: bool = False
    """The caller chose it."""
    misses: tuple[str, ...] = ()
    """Requirements that no candidate meets, or that the caller's choice breaks, as sentences."""
