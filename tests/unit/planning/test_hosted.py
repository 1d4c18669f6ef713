"""Hosted base models chosen by ability against bill, limits and dates."""

from datetime import date
from typing import Any

import pytest

from app.catalogue import Catalogue
from app.errors import UnknownNameError
from app.planning import Chosen, choose_hosted
from app.schemas.facts import Facts
from app.schemas.recommend import Preferences
from app.schemas.vocabulary import TaskType
from app.schemas.world import HostedModelSpec
from tests.unit.planning.planning_cases import BOOK, HOSTED, TODAY, WORLD, facts, hosted, workload, world


def choose(
    known: Facts | None = None,
    task: TaskType = "extraction",
    catalogue: Catalogue = WORLD,
    as_of: date = TODAY,
    **preferences: Any,
) -> Chosen[HostedModelSpec]:
    known = known or facts()
    own = Preferences(**preferences)
    return choose_hosted(known, workload(known, task), catalogue, own, as_of, book=BOOK)


@pytest.mark.parametrize(
    ("task", "known", "chosen"),
    [
        ("classification", {"requests_per_day": 50.0}, "p/top"),  # a few dollars a month
        ("classification", {"requests_per_day": 250_000.0}, "p/small"),
        ("reasoning", {"requests_per_day": 2_000.0}, "p/top"),
        ("reasoning", {"requests_per_day": 250_000.0, "monthly_budget_usd": 3_000.0}, "p/small"),
        ("classification", {"requests_per_day": 60_000.0}, "p/small"),
        ("classification", {"requests_per_day": 0.0}, "p/top"),
    ],
)
def test_ability_is_weighed_against_the_monthly_bill(task: TaskType, known: dict[str, Any], chosen: str) -> None:
    assert choose(facts(**known), task).spec.id == chosen


def test_a_missed_target_buys_a_better_tier() -> None:
    at = {"requests_per_day": 30_000.0}
    before = choose(facts(**at), "classification")
    after = choose(facts(**at, prompted_quality=0.8, target_quality=0.9), "classification")
    tiers = ["small", "medium", "frontier"]
    assert tiers.index(after.spec.tier) > tiers.index(before.spec.tier)


def test_a_latency_limit_prefers_what_answers_in_time_and_says_when_nothing_does() -> None:
    quick = hosted("quick", "small", 0.3, 1.0, time_to_first_token_seconds=(0.05, 0.1, 0.2))
    quick_world = world(hosted_models=(*HOSTED, quick))
    assert choose(facts(requests_per_day=50.0), catalogue=quick_world).spec.id == "p/top"
    # 2.5 x (0.1 + 1700 / 30000) + 1.6 x 100 / 100 = 2.0 s
    assert choose(facts(latency_p95_seconds=2.1), catalogue=quick_world).spec.id == "p/quick"
    missed = choose(facts(latency_p95_seconds=0.5))
    assert "over the limit of 500 ms" in missed.misses[0]
    assert "none on record answers within 500 ms" in missed.because.text


def test_a_limit_missed_for_ability_names_what_would_meet_it() -> None:
    """That none answers in time is said only where it is true."""
    weak = hosted("weak", "small", 90.0, 90.0, time_to_first_token_seconds=(0.05, 0.1, 0.2))
    missed = choose(
        facts(latency_p95_seconds=2.1, requests_per_day=50_000.0), catalogue=world(hosted_models=(*HOSTED, weak))
    )
    assert missed.spec.id != "p/weak"
    assert "none on record" not in missed.because.text
    assert "over the limit of 2.1 s; p/weak (small tier, 2 s) meets it" in missed.because.text


def test_a_context_that_is_too_short_is_not_chosen() -> None:
    short = hosted("short", "frontier", 0.01, 0.01, context_tokens=1000)
    assert choose(catalogue=world(hosted_models=(*HOSTED, short))).spec.id != "p/short"
    alone = choose(catalogue=world(hosted_models=(short,)))
    assert "reads 1,000 tokens" in alone.misses[0]


def test_without_a_schema_json_goes_elsewhere() -> None:
    free = hosted("free", "small", 0.1, 0.4, structured_output=False, released=date(2026, 11, 1))
    pair = world(hosted_models=(HOSTED[0], free))
    assert choose(facts(output_format="free_text"), catalogue=pair).spec.id == "p/free"
    assert choose(facts(output_format="json"), catalogue=pair).spec.id == "p/small"


def test_release_dates_and_dated_prices_hold() -> None:
    new = hosted("new", "frontier", 0.01, 0.01, released=date(2027, 1, 1))
    assert choose(catalogue=world(hosted_models=(*HOSTED, new))).spec.id != "p/new"
    assert "released after" in choose(as_of=date(2020, 1, 1)).misses[0]


def test_an_unknown_price_is_never_the_cheapest() -> None:
    unpriced = hosted("unpriced", "small", None, None)
    assert choose(catalogue=world(hosted_models=(HOSTED[0], unpriced))).spec.id == "p/small"
    assert choose(catalogue=world(hosted_models=(unpriced,))).spec.id == "p/unpriced"


def test_the_callers_choice_wins() -> None:
    chosen = choose(prompted_model="p/small", known=facts(latency_p95_seconds=0.1))
    assert chosen.spec.id == "p/small"
    assert chosen.given
    assert chosen.misses
    assert [r.name for r in chosen.runners_up] == ["p/top", "p/medium"]
    assert choose(prompted_model="medium").spec.id == "p/medium"
    with pytest.raises(UnknownNameError) as unknown:
        choose(prompted_model="p/nothing")
    assert unknown.value.problems[0].pointer == "/preferences/prompted_model"


def test_runners_up_say_what_sets_them_apart() -> None:
    older = hosted("older", "frontier", 3.0, 15.0, released=date(2025, 1, 1))
    dear = hosted("dear", "frontier", 9.0, 45.0)
    chosen = choose(facts(requests_per_day=50.0), catalogue=world(hosted_models=(*HOSTED, older, dear)))
    texts = {r.name: r.text for r in chosen.runners_up}
    assert chosen.spec.id == "p/top"
    assert "3.0 times the price" in texts["p/dear"]
    assert "older (January 2025)" in texts["p/older"]
    assert "less able" in texts["p/medium"]
