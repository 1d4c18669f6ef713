"""Hosted prompting: price of a request, first token, tail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimate.hosted import FIRST_TOKEN_P95, PREFILL_TOKENS_PER_SECOND, TOKEN_P95, cacheable_tokens, estimate_hosted
from app.schemas.report import HostedServingEstimate
from app.schemas.world import HostedModelSpec
from tests.unit.estimate.serving_cases import hosted


def estimate(
    spec: HostedModelSpec | None = None,
    prompt: float = 2000,
    cached: float = 1600,
    read: float = 900,
    written: float = 61,
    **changes: float | bool,
) -> HostedServingEstimate:
    return estimate_hosted(
        spec or hosted(),
        prompt_tokens=prompt,
        cached_prompt_tokens=cached,
        input_tokens=read,
        output_tokens=written,
        **changes,  # type: ignore[arg-type]
    )


PRICES = [
    # what changes, dollars of one request by hand: 2,000 of prompt (1,600 cached), 900 read, 61 written
    ({}, (1300 * 0.25 + 1600 * 0.025 + 61 * 2.0) / 1e6),
    ({"cached": 0}, (2900 * 0.25 + 61 * 2.0) / 1e6),
    ({"prompt": 1000, "cached": 800}, (1900 * 0.25 + 61 * 2.0) / 1e6),  # below the shortest cached prefix
    ({"batch": True}, (1300 * 0.125 + 1600 * 0.025 + 61 * 1.0) / 1e6),
    ({"input_usd_per_million_tokens": 0.2}, (1300 * 0.2 + 1600 * 0.02 + 61 * 2.0) / 1e6),  # cached keeps its tenth
    ({"batch": True, "input_usd_per_million_tokens": 0.2}, (1300 * 0.2 + 1600 * 0.02 + 61 * 1.0) / 1e6),  # as agreed
    ({"output_usd_per_million_tokens": 1.0}, (1300 * 0.25 + 1600 * 0.025 + 61 * 1.0) / 1e6),
    ({"spec": hosted(cached_usd=None)}, (2900 * 0.25 + 61 * 2.0) / 1e6),
    ({"spec": hosted(cache_min_tokens=None)}, (2900 * 0.25 + 61 * 2.0) / 1e6),
    ({"spec": hosted(batch_factor=None), "batch": True}, (1300 * 0.25 + 1600 * 0.025 + 61 * 2.0) / 1e6),
    ({"spec": hosted(cached_usd=0.9)}, (2900 * 0.25 + 61 * 2.0) / 1e6),  # a cached token never costs more
]


@pytest.mark.parametrize(("changes", "expected"), PRICES)
def test_price_of_a_request_by_hand(changes: dict[str, object], expected: float) -> None:
    made = estimate(**changes)  # type: ignore[arg-type]
    assert made.usd_per_request is not None
    assert made.usd_per_request.expected == pytest.approx(expected)
    assert made.usd_per_million_output_tokens is not None
    assert made.usd_per_million_output_tokens.expected == pytest.approx(expected / 61 * 1e6)


def test_latency_by_hand() -> None:
    made = estimate()
    first = 0.8 + 1300 / PREFILL_TOKENS_PER_SECOND[1]
    assert made.time_to_first_token_seconds.expected == pytest.approx(first)
    assert made.latency_seconds.expected == pytest.approx(first + 60 / 100)
    assert made.latency_p95_seconds.expected == pytest.approx(FIRST_TOKEN_P95 * first + TOKEN_P95 * 60 / 100)
    assert made.time_to_first_token_seconds.high == pytest.approx(2.0 + 1300 / PREFILL_TOKENS_PER_SECOND[0])


def test_what_is_unknown_is_null_with_a_reason() -> None:
    made = estimate(hosted(input_usd=None))
    assert made.usd_per_request is None
    assert "usd_per_request" in {u.name for u in made.unknown}
    assert {"weight_bytes", "max_concurrency"} <= {u.name for u in made.unknown}
    given_price = estimate(hosted(input_usd=None), input_usd_per_million_tokens=0.5)
    assert given_price.usd_per_request is not None


def test_contract_prices_are_marked() -> None:
    made = estimate(input_usd_per_million_tokens=0.2, output_usd_per_million_tokens=1.0)
    price = next(a for a in made.assumptions if a.name == "token_prices")
    assert (price.origin, price.value) == ("given", 0.2)


def test_a_batch_is_not_quick_and_says_so() -> None:
    made = estimate(batch=True)
    assert made.latency_seconds.high == 86_400
    assert any("Batch" in w for w in made.warnings)


def test_a_prompt_beyond_the_context_does_not_fit() -> None:
    made = estimate(prompt=127_900)
    assert not made.fits
    assert any("context" in w for w in made.warnings)


def test_the_rate_limit_that_the_peak_needs_is_said() -> None:
    made = estimate(peak_requests_per_second=10.0)
    needed = next(a for a in made.assumptions if a.name == "tokens_per_minute_at_peak")
    assert needed.value == 10 * 60 * (2000 + 900 + 61)
    assert any("1,776,600 tokens a minute" in w for w in made.warnings)
    quiet = estimate(peak_requests_per_second=0.01)
    assert not any("a minute" in w for w in quiet.warnings)


def test_a_short_prompt_that_was_to_be_cached_is_said_not_to_be() -> None:
    assert cacheable_tokens(hosted(), 1000, 900) == 0
    assert any("Nothing is cached" in w for w in estimate(prompt=1000, cached=900).warnings)


@given(
    prompt=st.integers(0, 50_000),
    less=st.floats(0, 1),
    more=st.floats(0, 1),
    cached_usd=st.none() | st.floats(0, 5),
    contract=st.none() | st.floats(0, 5),
    batch=st.booleans(),
    factor=st.none() | st.floats(0.1, 1),
)
def test_more_cached_tokens_never_cost_more(
    prompt: int,
    less: float,
    more: float,
    cached_usd: float | None,
    contract: float | None,
    batch: bool,
    factor: float | None,
) -> None:
    spec = hosted(cached_usd=cached_usd, batch_factor=factor)
    low, high = sorted((less, more))
    costs = []
    for share in (low, high):
        made = estimate_hosted(
            spec,
            prompt_tokens=prompt,
            cached_prompt_tokens=share * prompt,
            input_tokens=500,
            output_tokens=50,
            batch=batch,
            input_usd_per_million_tokens=contract,
        )
        assert made.usd_per_request is not None
        costs.append(made.usd_per_request.expected)
    assert costs[1] <= costs[0] * (1 + 1e-12)
