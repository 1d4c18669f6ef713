"""Lines of a bill: quantity apart from unit price, with a range; and how a bill's total moves with the volume."""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from app.catalogue import STALE_AFTER_DAYS
from app.records import record
from app.schemas.base import Range
from app.schemas.training import CostEstimate, CostItem
from app.units import DAYS_PER_MONTH

HOURS_PER_DAY = 24
ROUNDING = 1e-9
"""Steps are rounded up only beyond this share of one."""


class Spread(NamedTuple):
    """Low and high of a line's cost over its expected cost."""

    low: float
    high: float


EXACT = Spread(1.0, 1.0)
TOKENS = Spread(0.85, 1.2)
"""Tokenizers differ by up to 30 % on the same text (catalogue: tokens_per_word), and lengths are means of a guess."""
LABOUR = Spread(0.5, 2.0)
"""Our judgement: effort estimates of software work are off by a factor of two either way before the work starts
(McConnell, Software Estimation, cone of uncertainty: 0.5 to 2 at approved requirements)."""
LABELS = Spread(0.5, 2.0)
"""Prices per label in the catalogue's source span more than this between providers."""


class Price(NamedTuple):
    """A unit price; `usd` is None when it is unknown, and `source` then says why."""

    usd: float | None
    source: str
    as_of: str | None

    @classmethod
    def dated(cls, usd: float | None, source: str, as_of: date | None) -> "Price":
        """A price with its day."""
        return cls(usd, source, as_of.isoformat() if as_of else None)


class Line(NamedTuple):
    """One line; over the horizon's start, a month, or a single request."""

    name: str
    quantity: float
    unit: str
    price: Price
    spread: Spread

    def item(self, times: float = 1.0) -> CostItem:
        """The line as the answer shows it, `times` as often."""
        quantity, usd = self.quantity * times, self.price.usd
        return CostItem(
            name=self.name,
            quantity=quantity,
            unit=self.unit,
            unit_price_usd=usd,
            cost_usd=None if usd is None else quantity * usd,
            source=self.price.source,
            as_of=self.price.as_of,
        )


def stale_lines(items: Iterable[CostItem], today: date) -> tuple[str, ...]:
    """A sentence for each distinct price that is older than 90 days; the caller's own prices have no date."""
    said: dict[str, None] = {}
    for item in items:
        if item.as_of is None or item.unit_price_usd is None or not item.quantity:
            continue
        age = (today - date.fromisoformat(item.as_of)).days
        if age > STALE_AFTER_DAYS:
            said[f'The price behind "{item.name}" is {age} days old ({item.as_of}).'] = None
    return tuple(said)


Triple = tuple[float, float, float]
"""Low, expected, high."""


def summed(lines: Sequence[Line]) -> Triple | None:
    """What lines cost together; None when one that is needed has no price. Ends add up: the careful reading."""
    low = expected = high = 0.0
    for line in lines:
        if line.price.usd is None:
            if line.quantity:
                return None
            continue
        cost = line.quantity * line.price.usd
        low, expected, high = low + cost * line.spread.low, expected + cost, high + cost * line.spread.high
    return low, expected, high


def cost_estimate(items: Sequence[CostItem], total: Triple | None) -> CostEstimate:
    """Items with their total."""
    usd = None if total is None else Range(low=total[0], expected=total[1], high=total[2])
    return CostEstimate(items=tuple(items), total_usd=usd)


class Step(NamedTuple):
    """One kind of replica."""

    usd: float
    """Dollars of one over the horizon."""
    takes: float
    """Requests a day that one takes."""


class Curve(NamedTuple):
    """Dollars over the horizon as a function of requests a day: a fixed part, a slope, and steps for replicas."""

    fixed: float
    slope: float
    """Dollars for each request a day."""
    steps: tuple[Step, ...] = ()
    """Kinds of replica to choose from; empty without hosting."""

    def at(self, requests_per_day: float) -> float:
        """The dollars at a volume, with the kind of replica that is cheapest there; at least one is paid."""
        flat = self.fixed + self.slope * requests_per_day
        if not self.steps:
            return flat
        cheapest = math.inf
        for usd, takes in self.steps:
            cost = usd * step_count(takes, requests_per_day)
            if cost < cheapest:
                cheapest = cost
        return flat + cheapest


def step_count(takes: float, requests_per_day: float) -> int:
    """Replicas at a volume, at least one; one that takes nothing, because it does not fit, is counted once."""
    if takes <= 0:
        return 1
    return max(1, math.ceil(requests_per_day / takes - ROUNDING))


@record(kw_only=True)
class HostingKind:
    """One kind of replica that a provider rents out by the hour."""

    name: str
    price: Price
    gpus: int
    """GPUs of one replica."""
    takes: Triple
    """Requests a day of the task's shape that one takes: slow, expected, quick."""


@record(kw_only=True)
class Hosting:
    """GPUs paid by the hour, all hours of every replica; or, for a batch, the hours of work alone."""

    kinds: tuple[HostingKind, ...]
    """The planned one first."""
    hours_per_month: float
    """Hours that a replica is paid for; 0 when only work is paid."""

    @property
    def known(self) -> bool:
        """Whether the planned kind has a price."""
        return self.kinds[0].price.usd is not None

    def curve(self, corner: int, months: float) -> Curve:
        """Its part of the bill's curve; the low corner (0) has the quickest replicas."""
        if not self.hours_per_month:
            hours = _hours_per_request(self.kinds[0], corner)
            return Curve(0.0, (self.kinds[0].price.usd or 0.0) * hours * DAYS_PER_MONTH * months)
        paid = self.hours_per_month * months
        made = (Step(k.price.usd * k.gpus * paid, k.takes[2 - corner]) for k in self.kinds if k.price.usd is not None)
        return Curve(0.0, 0.0, tuple(made))

    def line(self, requests_per_day: float) -> Line:
        """GPU-hours of a month, of the kind that is cheapest at the volume."""
        kind = min(self.kinds, key=lambda k: self._usd(k, requests_per_day))
        return Line(kind.name, self._hours(kind, requests_per_day), "GPU-hour", kind.price, EXACT)

    def _hours(self, kind: HostingKind, requests_per_day: float) -> float:
        if not self.hours_per_month:
            return requests_per_day * DAYS_PER_MONTH * _hours_per_request(kind, 1)
        return step_count(kind.takes[1], requests_per_day) * kind.gpus * self.hours_per_month

    def _usd(self, kind: HostingKind, requests_per_day: float) -> float:
        return math.inf if kind.price.usd is None else kind.price.usd * self._hours(kind, requests_per_day)


def _hours_per_request(kind: HostingKind, corner: int) -> float:
    takes = kind.takes[2 - corner]
    return kind.gpus * HOURS_PER_DAY / takes if takes > 0 else 0.0
