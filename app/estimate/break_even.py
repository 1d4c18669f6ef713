"""Where prompting and tuning cost the same: by volume, by month, as a curve, and in one sentence."""

import math

from app.estimate.cost import Bill
from app.estimate.cost_lines import Curve, Step
from app.schemas.base import Range
from app.schemas.report import BreakEven, CurvePoint
from app.units import as_usd

CURVE_STEPS = range(-4, 5)
CURVE_FACTOR = math.sqrt(10.0)
"""Nine points, half a decade apart, from a hundredth to a hundred times the task's volume."""
DEFAULT_VOLUME = 1_000.0
"""Centre of the curve when the task has no volume."""
LEAST, MOST = 0.1, 1e12
"""Requests a day between which a crossing is looked for: costs do not move below, and nobody is above."""
BISECTIONS = 14
"""Halvings of a decade: to a part in five thousand."""
SIGNIFICANT = 3


def break_even(prompting: Bill, tuning: Bill, requests_per_day: float) -> BreakEven:
    """Where both bills cost the same over their horizon.

    The range of the crossing has prompting dear and tuning cheap at one end and the opposite at the other; when one end
    never crosses, it is left at the search's edge and the sentence says so.
    """
    if prompting.curves is None or tuning.curves is None:
        missing = "; ".join(why for why in (prompting.unknown(), tuning.unknown()) if why)
        return BreakEven(
            requests_per_day=None, requests_per_day_range=None, months=None, curve=(), why=f"Unknown: {missing}"
        )
    crossing = cheaper_above(prompting.curves[1], tuning.curves[1])  # 0: always, which is no crossing
    early = cheaper_above(prompting.curves[2], tuning.curves[0])
    late = cheaper_above(prompting.curves[0], tuning.curves[2])
    months = months_to_pay_back(prompting, tuning, requests_per_day)
    found = crossing is not None and crossing > 0
    return BreakEven(
        requests_per_day=crossing if found else None,
        requests_per_day_range=_range(early, crossing, late) if found and crossing is not None else None,
        months=months,
        curve=_curve(prompting, tuning, requests_per_day),
        why=_sentence(prompting, tuning, requests_per_day, crossing, early, late, months),
    )


def crossing_volume(prompting: Bill, tuning: Bill) -> float | None:
    """`requests_per_day` of `break_even` alone."""
    if prompting.curves is None or tuning.curves is None:
        return None
    return cheaper_above(prompting.curves[1], tuning.curves[1]) or None


def cheaper_above(prompting: Curve, tuning: Curve) -> float | None:
    """The volume from which on tuning is cheaper at every volume; 0 when it always is, None when it never is.

    Hosting grows by whole replicas, so that tuning may be cheaper within a step and dearer at the start of the next;
    the volume meant is the one from which that no longer happens.
    """
    if prompting.steps:
        return _searched(prompting, tuning)
    saved = prompting.slope - tuning.slope
    behind = tuning.fixed - prompting.fixed
    if not tuning.steps:
        return _straight(behind, saved)
    found = [v for step in tuning.steps if (v := _stepped(behind, saved, step)) is not None]
    return min(found, default=None)


def _stepped(behind: float, saved: float, step: Step) -> float | None:
    """A straight line against one kind of replica: the last replica at whose start tuning is still dearer decides."""
    per_replica = saved * step.takes - step.usd
    if per_replica <= 0:
        return None
    if math.isinf(per_replica):
        return _straight(behind + step.usd, saved)
    last = math.ceil((behind + step.usd) / per_replica - 1e-9)
    if last < 1:
        return 0.0
    return min(last * step.takes, max(0.0, (behind + last * step.usd) / saved))


def _straight(behind: float, saved: float) -> float | None:
    """Two straight lines: tuning starts `behind` and gains `saved` for each request a day."""
    if behind <= 0:
        return 0.0 if saved >= 0 else None
    return behind / saved if saved > 0 else None


def _searched(prompting: Curve, tuning: Curve) -> float | None:
    """The same where both have steps: downward by decades from a very large volume, then by halving."""
    high = MOST
    if tuning.at(high) >= prompting.at(high):
        return None
    while high > LEAST and tuning.at(high / 10) < prompting.at(high / 10):
        high /= 10
    if high <= LEAST:
        return 0.0
    low = high / 10
    for _ in range(BISECTIONS):
        middle = math.sqrt(low * high)
        if tuning.at(middle) < prompting.at(middle):
            high = middle
        else:
            low = middle
    return high


def months_to_pay_back(prompting: Bill, tuning: Bill, requests_per_day: float) -> float | None:
    """Months after which what tuning saves has paid for its start; 0 when it costs no more to start, None for never."""
    monthly_prompting, monthly_tuning = prompting.monthly_usd(requests_per_day), tuning.monthly_usd(requests_per_day)
    first_prompting, first_tuning = prompting.upfront_usd, tuning.upfront_usd
    if not (monthly_prompting and monthly_tuning and first_prompting and first_tuning):
        return None
    saved = monthly_prompting[1] - monthly_tuning[1]
    invested = first_tuning[1] - first_prompting[1]
    if saved <= 0:
        return None
    return max(0.0, invested / saved)


def _range(early: float | None, crossing: float, late: float | None) -> Range:
    low = crossing if early is None else min(early, crossing)
    return Range(low=low, expected=crossing, high=MOST if late is None else max(late, crossing))


def _curve(prompting: Bill, tuning: Bill, requests_per_day: float) -> tuple[CurvePoint, ...]:
    centre = requests_per_day if requests_per_day > 0 else DEFAULT_VOLUME
    return tuple(_point(prompting, tuning, centre * CURVE_FACTOR**k) for k in CURVE_STEPS)


def _point(prompting: Bill, tuning: Bill, volume: float) -> CurvePoint:
    return CurvePoint(
        requests_per_day=volume,
        prompt_engineering_usd=_spread(prompting, volume),
        fine_tuning_usd=_spread(tuning, volume),
    )


def _spread(bill: Bill, volume: float) -> Range:
    """Dollars a month with everything in it."""
    low, expected, high = (c.at(volume) / bill.horizon_months for c in bill.curves or ())
    return Range(low=low, expected=expected, high=high)


def _sentence(
    prompting: Bill,
    tuning: Bill,
    volume: float,
    crossing: float | None,
    early: float | None,
    late: float | None,
    months: float | None,
) -> str:
    tuned, prompted = _usd(tuning, volume), _usd(prompting, volume)
    here = f"At {_number(volume)} requests a day tuning costs {tuned} a month and prompting {prompted}"
    here += f", everything included over {tuning.horizon_months:g} months"
    if crossing is None:
        luck = f"it could from {_number(early)} requests a day if every uncertain figure falls its way" if early else ""
        return f"Tuning never becomes cheaper{', though ' + luck if luck else ''}. {here}."
    if crossing <= 0:
        return f"Tuning is always cheaper, at every volume. {here}."
    ends = f"{_number(early or 0.0)} to {_number(late) if late is not None else 'never'}"
    return f"Tuning is cheaper above {_number(crossing)} requests a day ({ends}). {here}{_payback(months)}."


def _payback(months: float | None) -> str:
    if months is None:
        return ""
    return f"; its start is paid back {f'after {months:.1f} months' if months >= 1 else 'within the first month'}"


def _usd(bill: Bill, volume: float) -> str:
    return as_usd(_spread(bill, volume).expected)


def _number(value: float) -> str:
    """Three significant digits with separators."""
    if value <= 0:
        return "0"
    digits = SIGNIFICANT - 1 - math.floor(math.log10(value))
    rounded = round(value, digits)
    return f"{rounded:,.0f}" if rounded == round(rounded) else f"{rounded:,.{digits}f}"
