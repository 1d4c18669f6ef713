"""How predictions compare with outcomes: sums made by the database, figures made of them here."""

import math
from datetime import date
from typing import Any

from sqlalchemy import Connection, case, func, select

from app.records import record
from app.schemas.stored import CalibrationReport, Correction, DecisionCalibration, Deviation, ReliabilityBin
from app.store.acceptance import NONE_IN_FORCE, InForce, action, overlay_entry, place_of
from app.store.tables import deviations, recommendations

EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bins of confidence, which is never under one half."""
DECIDED = ("accepted", "overridden", "done")
FEWEST = 5
"""Measurements that a correction rests on at least: below, one odd run moves the mean by more than the usual error."""
Z95 = 1.959964
"""The normal distribution's two-sided 95 % point."""
LIMITS = (
    "A hit means that what was recommended was done, not that the other approach would have failed.",
    "Recommendations without an outcome are not counted; teams record what went well more readily.",
    "Memory and time are compared only where the run used the planned GPU and framework, and only for recommendations "
    "made under the correction that is in force now (under none, where there is none).",
)


@record(kw_only=True)
class _Bin:
    count: int
    confidence: float
    hits: int
    squares: float


def calibration(connection: Connection, today: date, in_force: InForce = NONE_IN_FORCE) -> CalibrationReport:
    """Everything recorded so far; corrections are offered as of `today`, on top of those `in_force`."""
    found = tuple(deviation for row in connection.execute(_CELLS) if (deviation := _deviation(row, in_force)))
    offered = (correction(deviation, today, in_force.get(place_of(deviation))) for deviation in found)
    return CalibrationReport(
        stored=connection.execute(select(func.count()).select_from(recommendations)).scalar_one(),
        decisions=_decisions({row.bin: _bin(row) for row in connection.execute(_BINS)}),
        deviations=found,
        corrections=tuple(made for made in offered if made),
        limits=LIMITS,
    )


_hit = case((recommendations.c.approach == recommendations.c.done_approach, 1), else_=0)
_confidence = recommendations.c.confidence
_bin_of = case(*((_confidence < edge, number) for number, edge in enumerate(EDGES[1:])), else_=len(EDGES) - 2)
_BINS = (
    select(
        _bin_of.label("bin"),
        func.count().label("many"),
        func.sum(_confidence).label("confidence"),
        func.sum(_hit).label("hits"),
        func.sum((_confidence - _hit) * (_confidence - _hit)).label("squares"),
    )
    .where(recommendations.c.state.in_(DECIDED))
    .group_by(_bin_of)
)
_ratio = deviations.c.log_ratio
_CELLS = (
    select(
        deviations.c.quantity,
        deviations.c.gpu,
        deviations.c.framework,
        deviations.c.applied_factor,
        func.count().label("many"),
        func.avg(_ratio).label("mean"),
        func.avg(_ratio * _ratio).label("mean_square"),
        func.avg(deviations.c.inside * 1.0).label("inside"),
    )
    .group_by(deviations.c.quantity, deviations.c.gpu, deviations.c.framework, deviations.c.applied_factor)
    .order_by(deviations.c.quantity, deviations.c.gpu, deviations.c.framework)
)


def _bin(row: Any) -> _Bin:
    return _Bin(count=row.many, confidence=float(row.confidence), hits=int(row.hits), squares=float(row.squares))


def _decisions(bins: dict[int, _Bin]) -> DecisionCalibration:
    count = sum(found.count for found in bins.values())
    hits = sum(found.hits for found in bins.values())
    low, high = wilson(hits, count) if count else (None, None)
    return DecisionCalibration(
        count=count,
        hit_rate=hits / count if count else None,
        hit_rate_low=low,
        hit_rate_high=high,
        brier=sum(found.squares for found in bins.values()) / count if count else None,
        overridden=count - hits,
        reliability=tuple(_reliability(number, bins[number]) for number in sorted(bins)),
    )


def _reliability(number: int, found: _Bin) -> ReliabilityBin:
    return ReliabilityBin(
        low=EDGES[number],
        high=EDGES[number + 1],
        count=found.count,
        mean_confidence=found.confidence / found.count,
        hit_rate=found.hits / found.count,
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share; `count` > 0. Ref: Wilson 1927; Brown, Cai, DasGupta 2001."""
    share, z2 = hits / count, Z95 * Z95
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def _deviation(row: Any, in_force: InForce) -> Deviation | None:
    """What estimates under the factor in force miss; None for those under another one, which say nothing of it."""
    if row.applied_factor != in_force.get((row.quantity, row.gpu, row.framework), 1.0):
        return None
    mean = float(row.mean)
    variance = max(0.0, float(row.mean_square) - mean * mean)
    return Deviation(
        quantity=row.quantity,
        gpu=row.gpu or None,
        framework=row.framework or None,
        count=row.many,
        factor=math.exp(mean),
        spread=math.exp(math.sqrt(variance * row.many / (row.many - 1))) if row.many > 1 else 1.0,
        inside=float(row.inside),
    )


def correction(found: Deviation, today: date, before: float | None = None) -> Correction | None:
    """A factor where enough measurements say that the estimate is off, else None; `before` is the one in force."""
    if found.count < FEWEST:
        return None
    half = t95(found.count - 1) * math.log(found.spread) / math.sqrt(found.count)
    low, high = found.factor * math.exp(-half), found.factor * math.exp(half)
    if low <= 1.0 <= high:
        return None
    way = "low" if found.factor > 1 else "high"
    return Correction(
        quantity=found.quantity,
        gpu=found.gpu,
        framework=found.framework,
        factor=found.factor,
        factor_low=low,
        factor_high=high,
        count=found.count,
        why=f"{found.count} measurements: the estimate was too {way}, by {found.factor:.2f} on (geometric) average.",
        action=action(found, before),
        overlay=overlay_entry(found, (low, high), before, today),
    )


def t95(degrees: int) -> float:
    """Student's two-sided 95 % point, within 2 % from 4 degrees on.

    Ref: Abramowitz and Stegun 26.7.5, two terms. 4: 2.73 (exact 2.776), 30: 2.042.
    """
    z = Z95
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
