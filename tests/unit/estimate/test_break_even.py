"""Break-even: against brute force, with never and always, by volume and by month."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimate.break_even import break_even, cheaper_above, months_to_pay_back
from app.estimate.cost import Bill, RequestTokens, Work, prompting_bill, tuning_bill
from app.estimate.cost_lines import Curve, Step
from app.estimate.deployment import Limits, plan_deployment
from app.schemas.report import BreakEven
from tests.unit.estimate.serving_cases import architecture, assumptions, gpu, hosted, training

INFINITY = math.inf
CROSSINGS = [
    # prompting, tuning, volume from which on tuning is cheaper
    (Curve(0, 1), Curve(1000, 0), 1000),
    (Curve(0, 1), Curve(1000, 0.5), 2000),
    (Curve(0, 1), Curve(1000, 1), None),
    (Curve(0, 1), Curve(1000, 2), None),
    (Curve(1000, 1), Curve(0, 1), 0),
    (Curve(1000, 1), Curve(0, 2), None),  # cheaper below a thousand only
    (Curve(0, 1), Curve(0, 0, (Step(1000, INFINITY),)), 1000),
    (Curve(0, 1), Curve(500, 0, (Step(1000, INFINITY),)), 1500),
    (Curve(0, 1), Curve(500, 0, (Step(1000, 10_000),)), 1500),
    (Curve(0, 1), Curve(500, 0, (Step(1000, 1_600),)), 3500),  # cheaper above 1,500 and 2,500, until a replica more
    (Curve(0, 1), Curve(500, 0, (Step(1000, 1000),)), None),  # a replica never earns its price
    (Curve(0, 1), Curve(500, 0, (Step(1000, 1000), Step(3000, 9000))), 3500),
    (Curve(5000, 1), Curve(0, 0, (Step(1000, 9000),)), 0),
    (Curve(0, 0, (Step(1000, 500),)), Curve(0, 0, (Step(1000, 2000),)), 500),
    (Curve(0, 0, (Step(1000, 2000),)), Curve(0, 0, (Step(1000, 500),)), None),
]


@pytest.mark.parametrize(("prompting", "tuning", "expected"), CROSSINGS)
def test_crossings_by_hand(prompting: Curve, tuning: Curve, expected: float | None) -> None:
    found = cheaper_above(prompting, tuning)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-3))


@given(
    behind=st.floats(-1e4, 1e6),
    saved=st.floats(1e-3, 10),
    usd=st.floats(1, 1e5),
    takes=st.floats(10, 1e6),
    beyond=st.floats(1.001, 1e3),
)
def test_beyond_the_crossing_tuning_stays_cheaper_and_just_below_it_is_not(
    behind: float, saved: float, usd: float, takes: float, beyond: float
) -> None:
    prompting, tuning = Curve(0, saved), Curve(behind, 0, (Step(usd, takes),))
    found = cheaper_above(prompting, tuning)
    if found is None:
        assert saved * takes <= usd
        return
    assert tuning.at(found * beyond + 1e-6) <= prompting.at(found * beyond + 1e-6) * (1 + 1e-6) + 1e-3
    if found > 1e-3:
        just_below = found * (1 - 1e-6)
        at_step = found * (1 + 1e-6)
        dearer = tuning.at(just_below) >= prompting.at(just_below) * (1 - 1e-5)
        assert dearer or tuning.at(at_step) >= prompting.at(at_step) * (1 - 1e-5)


def bills(
    output_usd: float = 2.0, gpu_usd: float = 1.5, horizon_months: float = 12, needed: float = 2000, **assumed: float
) -> tuple[Bill, Bill]:
    work = Work(horizon_months=horizon_months, task_type="extraction", labelled_examples=2000)
    plan = plan_deployment(
        architecture(),
        [gpu("L40S", gpu_usd)],
        input_tokens=900,
        output_tokens=60,
        requests_per_day=40_000,
        peak_requests_per_second=2.0,
        limits=Limits(),
    )
    prompting = prompting_bill(
        hosted(output_usd=output_usd), RequestTokens(2000, 1600, 900, 60), work, assumptions(**assumed)
    )
    return prompting, tuning_bill(plan, training(), needed, work, assumptions(**assumed))


def made(prompting: Bill, tuning: Bill, volume: float = 40_000) -> BreakEven:
    return break_even(prompting, tuning, volume)


def test_the_crossing_is_where_the_totals_meet() -> None:
    prompting, tuning = bills()
    found = made(prompting, tuning)
    assert found.requests_per_day is not None
    one, two = prompting.total_usd(found.requests_per_day), tuning.total_usd(found.requests_per_day)
    assert one is not None
    assert two is not None
    assert one.expected == pytest.approx(two.expected, rel=1e-3)


def test_the_crossing_by_hand() -> None:
    """Tuning's year: 2,000 + 150 + 12 + 5,000 and each month 1,095 + 0.25 + 100/12 + 50 + 400 + 500; prompting's: 2,000
    and 200 a month; each request costs 485 millionths of a dollar."""
    prompting, tuning = bills()
    tuned = 7_162 + 12 * (1_095 + 0.25 + 100 / 12 + 50 + 900)
    prompted = 2_000 + 12 * 200
    crossing = (tuned - prompted) / (485e-6 * 365)
    assert made(prompting, tuning).requests_per_day == pytest.approx(crossing)


def test_it_does_not_depend_on_the_volume_asked_at() -> None:
    prompting, tuning = bills()
    crossings = {made(prompting, tuning, v).requests_per_day for v in (1, 500, 40_000, 1e7)}
    assert len(crossings) == 1


def test_the_range_is_that_of_the_corners() -> None:
    found = made(*bills())
    held = found.requests_per_day_range
    assert held is not None
    assert held.expected == found.requests_per_day
    assert held.low < held.expected < held.high


def test_the_curve_has_nine_points_around_the_volume() -> None:
    found = made(*bills())
    volumes = [p.requests_per_day for p in found.curve]
    assert len(volumes) == 9
    assert volumes[4] == 40_000
    assert (volumes[0], volumes[-1]) == pytest.approx((400, 4_000_000))
    assert all(b / a == pytest.approx(math.sqrt(10)) for a, b in pairwise(volumes))
    assert all(p.fine_tuning_usd.low <= p.fine_tuning_usd.expected <= p.fine_tuning_usd.high for p in found.curve)


def test_the_curve_is_the_total_spread_over_the_horizon() -> None:
    prompting, tuning = bills()
    point = made(prompting, tuning).curve[4]
    total = tuning.total_usd(40_000)
    assert total is not None
    assert point.fine_tuning_usd.expected == pytest.approx(total.expected / 12)


def test_never() -> None:
    """Prompting at next to nothing a token."""
    free = prompting_bill(
        hosted(input_usd=1e-6, cached_usd=1e-6, output_usd=1e-6),
        RequestTokens(2000, 1600, 900, 60),
        Work(horizon_months=12, task_type="extraction", labelled_examples=2000),
        assumptions(),
    )
    found = made(free, bills()[1])
    assert (found.requests_per_day, found.requests_per_day_range, found.months) == (None, None, None)
    assert found.why.startswith("Tuning never becomes cheaper.")


def test_always() -> None:
    """A GPU for nothing, and prompts that need more care than GPUs."""
    prompting, tuning = bills(
        gpu_usd=0.0,
        prompt_maintenance_hours_per_month=50.0,
        tuning_engineering_hours=0.0,
    )
    found = made(prompting, tuning)
    assert found.requests_per_day is None
    assert found.why.startswith("Tuning is always cheaper")


def test_months_by_hand() -> None:
    prompting, tuning = bills()
    volume = 400_000.0
    replicas = math.ceil(volume / (tuning.hosting.kinds[0].takes[1] if tuning.hosting else 1))
    saved = 200 + volume * 365 / 12 * 485e-6 - (replicas * 1_095 + 0.25 + 100 / 12 + 50 + 900)
    assert months_to_pay_back(prompting, tuning, volume) == pytest.approx((7_162 - 2_000) / saved)
    assert f"paid back after {5162 / saved:.1f} months" in made(prompting, tuning, volume).why
    assert made(prompting, tuning, 100 * volume).why.endswith("paid back within the first month.")


def test_months_never_when_nothing_is_saved() -> None:
    assert made(*bills(), volume=50).months is None


def test_an_unknown_price_is_said() -> None:
    found = made(
        prompting_bill(hosted(output_usd=None), RequestTokens(0, 0, 9, 9), bills_work(), assumptions()), bills()[1]
    )
    assert found.requests_per_day is None
    assert found.curve == ()
    assert found.why.startswith("Unknown: output tokens: No token price")


def bills_work() -> Work:
    return Work(horizon_months=12, task_type="extraction", labelled_examples=2000)


def test_the_sentence_names_volume_range_and_both_costs() -> None:
    prompting, tuning = bills()
    found = made(prompting, tuning)
    assert found.why.startswith(
        f"Tuning is cheaper above {round(found.requests_per_day or 0, -3):,.0f} requests a day ("
    )
    assert "At 40,000 requests a day tuning costs $" in found.why
    assert "over 12 months" in found.why


@given(output_usd=st.floats(0.01, 50), more=st.floats(1, 5), gpu_usd=st.floats(0.1, 10))
def test_dearer_prompting_never_raises_the_crossing(output_usd: float, more: float, gpu_usd: float) -> None:
    one = made(*bills(output_usd, gpu_usd)).requests_per_day
    two = made(*bills(output_usd * more, gpu_usd)).requests_per_day
    if one is not None and two is not None:
        assert two <= one * (1 + 1e-9)
    assert not (one is not None and two is None)
