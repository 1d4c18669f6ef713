"""Bills line by line, in round figures; and what must hold of any bill."""

import math
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalogue import load_catalogue
from app.estimate.cost import (
    Bill,
    RequestTokens,
    Work,
    hosted_tuning_bill,
    offer_outlasts,
    prompting_bill,
    prompting_costs,
    tuning_bill,
    tuning_costs,
)
from app.estimate.cost_lines import Curve, Step, stale_lines
from app.estimate.deployment import Deployment, Limits, plan_deployment
from app.schemas.world import GpuSpec, HostedTuningOffer
from tests.unit.estimate.serving_cases import DAY, architecture, assumptions, gpu, hosted, line, training

TOKENS = RequestTokens(prompt=2000, cached=1600, input=900, output=60)


def work(**changes: Any) -> Work:
    given_: dict[str, Any] = {"horizon_months": 12, "task_type": "extraction", "labelled_examples": 2000, **changes}
    return Work(**given_)


def deployment(
    requests_per_day: float = 40_000,
    offered: list[GpuSpec] | None = None,
    own_price: float | None = None,
    nobody_waits: bool = False,
) -> Deployment:
    return plan_deployment(
        architecture(),
        offered or [gpu("L40S", 1.5)],
        input_tokens=900,
        output_tokens=60,
        requests_per_day=requests_per_day,
        peak_requests_per_second=4 * requests_per_day / 86_400,
        limits=Limits(nobody_waits=nobody_waits),
        usd_per_gpu_hour=own_price,
    )


def offer(**changes: Any) -> HostedTuningOffer:
    given_: dict[str, Any] = {
        "id": "somewhere/small",
        "provider": "Somewhere",
        "base_model": "small",
        "parameter_range": None,
        "training_usd_per_million_tokens": 3.0,
        "input_usd_per_million_tokens": 0.3,
        "cached_input_usd_per_million_tokens": None,
        "output_usd_per_million_tokens": 1.2,
        "hosting_usd_per_hour": None,
        "hosting": "serverless",
        "max_parameters_note": "",
        "closed_to_new_users": None,
        "ends": None,
        "as_of": DAY,
        "checked": DAY,
        "references": (),
        **changes,
    }
    return HostedTuningOffer(**given_)


def prompted(**changes: Any) -> Bill:
    return prompting_bill(hosted(), TOKENS, work(), assumptions(), **changes)


def tuned(plan: Deployment | None = None, needed: float = 2000, **changes: Any) -> Bill:
    return tuning_bill(plan or deployment(), training(), needed, work(**changes), assumptions())


def test_prompting_line_by_line() -> None:
    made = prompting_costs(prompted(), 40_000)
    month = 40_000 * 365 / 12 / 1e6  # million requests
    assert line(made, "writing and measuring") == (20, 100, 2000)
    assert line(made, "labelling the evaluation") == (0, 0.5, 0)
    assert line(made, "input tokens") == pytest.approx((1300 * month, 0.25, 1300 * month * 0.25))
    assert line(made, "cached input") == pytest.approx((1600 * month, 0.025, 1600 * month * 0.025))
    assert line(made, "output") == pytest.approx((60 * month, 2.0, 60 * month * 2))
    assert line(made, "prompt maintenance") == (2, 100, 200)
    assert made.monthly.total_usd is not None
    monthly = 200 + month * (325 + 40 + 120)
    assert made.monthly.total_usd.expected == pytest.approx(monthly)
    assert made.total_usd is not None
    assert made.total_usd.expected == pytest.approx(2000 + 12 * monthly)


def test_tuning_line_by_line() -> None:
    made = tuning_costs(tuned(knowledge_changes="slow", labelled_examples=1500), 40_000)
    assert line(made, "writing and measuring") == (20, 100, 2000)
    assert line(made, "labelling training") == (500, 0.5, 250)
    assert line(made, "labelling the evaluation") == (300, 0.5, 150)
    assert line(made, "training, 4 attempts") == (8, 1.5, 12)
    assert line(made, "tuning, measuring") == (50, 100, 5000)
    assert line(made, "L40S hosting") == (730, 1.5, 1095)
    assert line(made, "retraining, 4 times a year") == pytest.approx((2 / 3, 1.5, 1))
    assert line(made, "labels for retraining") == pytest.approx((200 / 3, 0.5, 100 / 3))
    assert line(made, "retraining work") == (2, 100, 200)
    assert line(made, "maintenance of the tuned") == (4, 100, 400)
    assert line(made, "running GPU servers") == (5, 100, 500)
    assert made.total_usd is not None
    monthly = 1095 + 1 + 100 / 3 + 200 + 400 + 500
    assert made.total_usd.expected == pytest.approx(2000 + 250 + 150 + 12 + 5000 + 12 * monthly)


def test_ranges_are_those_of_the_lines() -> None:
    made = tuned(labelled_examples=1500).at(40_000)
    assert made.upfront.total_usd is not None
    low = 0.5 * (2000 + 250 + 150 + 5000) + 12 * 0.5
    high = 2 * (2000 + 250 + 150 + 5000) + 12 * 1.5
    assert (made.upfront.total_usd.low, made.upfront.total_usd.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("task_type", "expert", "expected"),
    [
        ("classification", False, 0.1),
        ("ranking", False, 0.1),
        ("extraction", False, 0.5),
        ("tool_use", False, 0.5),
        ("generation", False, 4.0),
        ("qa", True, 20.0),
        ("classification", True, 0.5),
    ],
)
def test_labels_cost_what_their_kind_costs(task_type: Any, expert: bool, expected: float) -> None:
    made = tuned(task_type=task_type, expert_labels=expert, labelled_examples=0).at(100)
    quantity, price, _ = line(made, "labelling training")
    assert quantity == 2000
    assert price == pytest.approx(expected)


def test_a_prompt_that_exists_is_not_paid_again() -> None:
    made = prompting_bill(hosted(), TOKENS, work(prompt_exists=True), assumptions()).at(10)
    assert line(made, "writing and measuring")[2] == 0


def test_every_priced_line_names_source_and_date() -> None:
    for made in (prompted().at(100), tuned().at(100)):
        for item in (*made.upfront.items, *made.monthly.items):
            assert item.source
            assert item.as_of == DAY.isoformat()
            assert item.cost_usd == pytest.approx(item.quantity * (item.unit_price_usd or 0))


def test_an_unknown_price_is_null_with_its_reason_and_leaves_no_total() -> None:
    unknown = prompting_bill(hosted(output_usd=None), TOKENS, work(), assumptions())
    made = unknown.at(1000)
    assert line(made, "output")[1:] == (None, None)
    assert made.total_usd is None
    assert made.monthly.total_usd is None
    assert made.upfront.total_usd is not None
    assert "not on record" in str(unknown.unknown()) or "No token price" in str(unknown.unknown())
    nowhere = tuned(deployment(offered=[replace(gpu(), usd_per_hour=None)]))
    assert nowhere.at(1000).total_usd is None
    assert "usd_per_gpu_hour" in str(nowhere.unknown())
    assert tuning_bill(deployment(), training(None), 0, work(), assumptions()).at(1).total_usd is None


def test_own_prices_win_and_are_marked() -> None:
    made = tuned(deployment(own_price=0.9)).at(40_000)
    hosting = next(i for i in made.monthly.items if i.name.endswith("hosting"))
    assert (hosting.unit_price_usd, hosting.source, hosting.as_of) == (0.9, "your own price", None)
    contract = prompted(input_usd_per_million_tokens=0.1, output_usd_per_million_tokens=1.0).at(1000)
    read = next(i for i in contract.monthly.items if i.name == "input tokens")
    assert (read.unit_price_usd, read.source) == (0.1, "your contract price")


def test_prompting_on_own_gpus_pays_hours_and_operation() -> None:
    made = prompting_bill(deployment(), TOKENS, work(), assumptions()).at(40_000)
    assert line(made, "L40S hosting") == (730, 1.5, 1095)
    assert line(made, "running GPU servers") == (5, 100, 500)
    assert not any("tokens" in i.name for i in made.monthly.items)


def test_a_batch_pays_the_hours_of_work() -> None:
    plan = deployment(nobody_waits=True)
    made = tuned(plan).at(40_000)
    hours, _, _ = line(made, "L40S hosting")
    takes = plan.options[0].requests_per_second.expected
    assert hours == pytest.approx(40_000 * 365 / 12 / takes / 3600)
    assert hours < 730


def test_replicas_are_steps_and_at_least_one_is_paid() -> None:
    bill = tuned()
    takes = deployment().options[0].requests_per_second.expected * 86_400 / 4
    for volume, replicas in ((0, 1), (takes * 0.99, 1), (takes * 1.01, 2), (takes * 2.5, 3)):
        assert line(bill.at(volume), "L40S hosting")[0] == replicas * 730


def test_old_prices_are_said_to_be_old() -> None:
    items = prompted().at(100).monthly.items
    assert stale_lines(items, date(2027, 1, 30)) == ()
    said = stale_lines(items, date(2027, 1, 31))
    assert said[0] == 'The price behind "input tokens" is 91 days old (2026-11-01).'
    assert len(said) == 4
    own = prompted(input_usd_per_million_tokens=1.0, output_usd_per_million_tokens=1.0).at(100).monthly.items
    assert stale_lines(own, date(2027, 1, 31)) == (
        'The price behind "prompt maintenance" is 91 days old (2026-11-01).',
    )


def test_the_low_end_follows_the_load_and_the_high_end_has_slow_replicas() -> None:
    """Peak four times the mean: 2.9 replicas' worth at peak is 0.73 on average."""
    bill = tuned()
    takes = deployment().options[0].requests_per_second.expected * 86_400 / 4
    made, fixed = bill.total_usd(2.9 * takes), bill.total_usd(0)
    assert made is not None
    assert fixed is not None
    replica = 12 * 730 * 1.5
    assert made.low - fixed.low == pytest.approx(0)
    assert made.expected - fixed.expected == pytest.approx(2 * replica)
    assert made.high - fixed.high == pytest.approx((math.ceil(2.9 * 1.3) - 1) * replica)


# ---- tuning at a provider


def test_serverless_tuning_line_by_line() -> None:
    made = hosted_tuning_bill(offer(), 5e6, RequestTokens(0, 0, 900, 60), 2000, work(), assumptions()).at(40_000)
    month = 40_000 * 365 / 12 / 1e6
    assert line(made, "training, 4 attempts") == (20, 3.0, 60)
    assert line(made, "input tokens") == pytest.approx((900 * month, 0.3, 900 * month * 0.3))
    assert line(made, "output tokens") == pytest.approx((60 * month, 1.2, 60 * month * 1.2))
    assert not any("GPU" in i.name for i in made.monthly.items)


def test_dedicated_hosting_takes_as_many_gpus_as_our_own_would() -> None:
    dedicated = offer(hosting="dedicated", hosting_usd_per_hour=4.0)
    busy = deployment(4_000_000)
    bill = hosted_tuning_bill(dedicated, 5e6, TOKENS, 2000, work(), assumptions(), busy)
    assert line(bill.at(4_000_000), "L40S dedicated")[0] == 730 * busy.estimate.replicas
    alone = hosted_tuning_bill(dedicated, 5e6, TOKENS, 2000, work(), assumptions())
    assert line(alone.at(4_000_000), "dedicated") == (730, 4.0, 2920)


def test_an_offer_without_a_price_has_no_total() -> None:
    made = hosted_tuning_bill(offer(output_usd_per_million_tokens=None), 5e6, TOKENS, 2000, work(), assumptions())
    assert made.at(100).total_usd is None
    assert "price of output" in str(made.unknown())


@pytest.mark.parametrize(
    ("changes", "as_of", "months", "expected"),
    [
        ({}, date(2026, 11, 24), 12, True),
        ({"ends": date(2027, 1, 6)}, date(2026, 11, 24), 12, False),
        ({"ends": date(2027, 1, 6)}, date(2026, 11, 24), 1, True),
        ({"ends": date(2026, 11, 1)}, date(2026, 11, 24), 1, False),
        ({"closed_to_new_users": date(2026, 5, 7)}, date(2026, 11, 24), 1, False),
        ({"closed_to_new_users": date(2026, 5, 7)}, date(2026, 5, 6), 1, True),
        ({"ends": date(2027, 11, 24)}, date(2026, 11, 24), 12, True),
        ({"ends": date(2027, 11, 23)}, date(2026, 11, 24), 12, False),
    ],
)
def test_an_offer_that_ends_before_the_horizon_does_not_count(
    changes: dict[str, date], as_of: date, months: float, expected: bool
) -> None:
    assert offer_outlasts(offer(**changes), as_of, months) is expected


def test_no_offer_of_openai_outlasts_a_year() -> None:
    offers = [o for o in load_catalogue().tuning_offers if o.provider == "OpenAI"]
    assert offers
    assert not any(offer_outlasts(o, date(2026, 11, 24), 12) for o in offers)


# ---- what holds of any bill

VOLUMES = st.floats(0, 1e8)
GPU_PRICES = st.floats(0.05, 20.0)


@given(few=VOLUMES, more=VOLUMES, own=st.none() | GPU_PRICES, nobody_waits=st.booleans())
def test_cost_never_falls_with_volume(few: float, more: float, own: float | None, nobody_waits: bool) -> None:
    low, high = sorted((few, more))
    several = [gpu("L4", 0.7), gpu("L40S", 1.5), gpu("H100-80GB", 3.5)]
    for bill in (
        prompted(),
        tuned(deployment(offered=several, own_price=own, nobody_waits=nobody_waits)),
        prompting_bill(deployment(offered=several), TOKENS, work(), assumptions()),
        hosted_tuning_bill(offer(), 5e6, TOKENS, 2000, work(), assumptions()),
    ):
        one, two = bill.total_usd(low), bill.total_usd(high)
        assert one is not None
        assert two is not None
        for end in ("low", "expected", "high"):
            assert getattr(one, end) <= getattr(two, end) * (1 + 1e-12)
        assert one.low <= one.expected <= one.high


@settings(deadline=None)
@given(price=GPU_PRICES, cheaper=st.floats(0, 1), volume=VOLUMES, listed=st.booleans())
def test_a_cheaper_gpu_hour_never_makes_tuning_dearer(
    price: float, cheaper: float, volume: float, listed: bool
) -> None:
    def total(usd_per_hour: float) -> float:
        if listed:
            plan = deployment(offered=[gpu("L4", 0.7), gpu("L40S", usd_per_hour), gpu("H100-80GB", 3.5)])
        else:
            plan = deployment(own_price=usd_per_hour)
        made = tuning_bill(plan, training(2.0, usd_per_hour), 2000, work(), assumptions()).total_usd(volume)
        assert made is not None
        return made.expected

    assert total(price * cheaper) <= total(price) * (1 + 1e-9)


@given(less=st.floats(0, 2000), more=st.floats(0, 2000), volume=VOLUMES, batch=st.booleans())
def test_more_cached_tokens_never_make_prompting_dearer(less: float, more: float, volume: float, batch: bool) -> None:
    totals = []
    for cached in sorted((less, more)):
        bill = prompting_bill(hosted(), TOKENS._replace(cached=cached), work(), assumptions(), batch=batch)
        made = bill.total_usd(volume)
        assert made is not None
        totals.append(made)
    assert totals[1].expected <= totals[0].expected * (1 + 1e-12)


@given(volume=VOLUMES, months=st.integers(1, 60))
def test_lines_add_up_to_the_totals(volume: float, months: int) -> None:
    for bill in (
        prompting_bill(hosted(), TOKENS, work(horizon_months=months), assumptions()),
        tuned(horizon_months=months),
    ):
        made = bill.at(volume)
        assert made.upfront.total_usd is not None
        assert made.monthly.total_usd is not None
        assert made.total_usd is not None
        upfront = math.fsum(i.cost_usd or 0 for i in made.upfront.items)
        monthly = math.fsum(i.cost_usd or 0 for i in made.monthly.items)
        assert made.upfront.total_usd.expected == pytest.approx(upfront)
        assert made.monthly.total_usd.expected == pytest.approx(monthly)
        assert made.total_usd.expected == pytest.approx(upfront + months * monthly)


def test_the_cheapest_kind_of_replica_is_used_at_each_volume() -> None:
    curve = Curve(10.0, 0.0, (Step(100.0, 50.0), Step(160.0, 200.0)))
    assert [curve.at(v) for v in (0, 50, 51, 200, 201, 250, 400)] == [110, 110, 170, 170, 330, 330, 330]
