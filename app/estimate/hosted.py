"""A base model behind a provider's API: what a request costs and how soon it is answered."""

from app.records import record
from app.schemas.base import Assumption, Range
from app.schemas.report import HostedServingEstimate, UnknownQuantity
from app.schemas.world import HostedModelSpec
from app.units import MILLION

PREFILL_TOKENS_PER_SECOND = (10_000.0, 30_000.0, 90_000.0)
"""Low, expected, high rate at which providers read an uncached prompt. From OpenAI's cookbook on prompt caching: a
cached prefix saves 67 % of the time to first token at 150,000 tokens and 7 % at 1,024: 75,000 and 18,000 tokens a
second for an otherwise 0.75 to 1 second first token; base models differ by size."""
FIRST_TOKEN_P95 = 2.5
"""95th percentile of the time to first token over its median: 2.3 to 3 in twelve hosted base models (deploybase.ai, LLM
API latency comparison, March 2026)."""
TOKEN_P95 = 1.6
"""The same of the time between tokens: our judgement, from the spread of output speeds that Artificial Analysis shows
over days."""
BATCH_SECONDS = (60.0, 3_600.0 * 6, 3_600.0 * 24)
"""Batch interfaces promise an answer within 24 hours (OpenAI, Anthropic, Google batch guides, 2026); how soon within is
not promised, the expected figure is our judgement."""

RATE_LIMIT_TOKENS_PER_MINUTE = (200_000.0, 150_000_000.0)
"""Tokens a minute that a new account and the highest tier may use of a small base model (OpenAI, rate limits by usage
tier, 2026); other providers have tiers of the same order."""

RATE_LIMIT = "Set by the provider's rate limit, which depends on the account."
UNKNOWN = (
    UnknownQuantity(name="kv_cache_bytes_per_token", why="The provider does not publish the architecture."),
    UnknownQuantity(name="weight_bytes", why="The provider does not publish the size."),
    UnknownQuantity(name="max_concurrency", why=RATE_LIMIT),
)


@record(kw_only=True)
class RequestPrices:
    """Dollars per million tokens as billed for this use; null where unknown."""

    input_usd: float | None
    cached_usd: float | None
    output_usd: float | None
    input_source: str
    output_source: str
    as_of: str | None
    """Date of the list prices; null when all are the caller's own."""
    warnings: tuple[str, ...]


def request_prices(
    spec: HostedModelSpec,
    *,
    batch: bool = False,
    input_usd_per_million_tokens: float | None = None,
    output_usd_per_million_tokens: float | None = None,
) -> RequestPrices:
    """What is billed: contract prices where given, else list prices, with the batch discount if there is one.

    A cached token never costs more than an uncached one. Under a contract price of input, cached tokens keep the list's
    ratio to uncached ones.
    """
    listed, said = spec.prices, []
    factor = 1.0
    if batch and listed.batch_factor is not None:
        factor = listed.batch_factor
    elif batch:
        said.append(f"No batch price of {spec.id} is on record: ordinary prices are used.")
    given_in, given_out = input_usd_per_million_tokens, output_usd_per_million_tokens
    base = given_in if given_in is not None else listed.input_usd
    cached = _cached_price(base, spec, given_in is not None)
    paid = _times(base, factor if given_in is None else 1.0)
    source = f"{listed.source}{', batch price' if factor != 1.0 else ''}"
    return RequestPrices(
        input_usd=paid,
        cached_usd=min(cached, paid) if cached is not None and paid is not None else paid,
        output_usd=given_out if given_out is not None else _times(listed.output_usd, factor),
        input_source="your contract price" if given_in is not None else source,
        output_source="your contract price" if given_out is not None else source,
        as_of=None if given_in is not None and given_out is not None else listed.as_of.isoformat(),
        warnings=tuple(said),
    )


def _cached_price(base: float | None, spec: HostedModelSpec, is_contract: bool) -> float | None:
    """Price of a token read from the cache; the input price when the provider does not cache."""
    listed = spec.prices
    if base is None or spec.cache_min_tokens is None or listed.cached_input_usd is None:
        return base
    if not is_contract:
        return min(base, listed.cached_input_usd)
    return base * min(1.0, listed.cached_input_usd / listed.input_usd) if listed.input_usd else base


def _times(price: float | None, factor: float) -> float | None:
    return None if price is None else price * factor


def cacheable_tokens(spec: HostedModelSpec, prompt_tokens: float, cached_prompt_tokens: float) -> float:
    """Prompt tokens that can come from the cache: none below the provider's shortest prefix."""
    if spec.cache_min_tokens is None or prompt_tokens < spec.cache_min_tokens:
        return 0.0
    return max(0.0, min(cached_prompt_tokens, prompt_tokens))


def request_usd(prices: RequestPrices, uncached: float, cached: float, output: float) -> float | None:
    """Dollars of one request; None when a price that it needs is unknown."""
    if prices.input_usd is None or prices.output_usd is None or prices.cached_usd is None:
        return None
    return (uncached * prices.input_usd + cached * prices.cached_usd + output * prices.output_usd) / MILLION


def estimate_hosted(
    spec: HostedModelSpec,
    *,
    prompt_tokens: float,
    cached_prompt_tokens: float,
    input_tokens: float,
    output_tokens: float,
    batch: bool = False,
    input_usd_per_million_tokens: float | None = None,
    output_usd_per_million_tokens: float | None = None,
    peak_requests_per_second: float | None = None,
) -> HostedServingEstimate:
    """Speed and price of one request.

    `prompt_tokens` are instructions and examples, of which `cached_prompt_tokens` are read from the cache in the steady
    state; `input_tokens` is what differs from request to request, retrieved passages included. With the peak rate, the
    answer says which rate limit it needs.
    """
    prices = request_prices(
        spec,
        batch=batch,
        input_usd_per_million_tokens=input_usd_per_million_tokens,
        output_usd_per_million_tokens=output_usd_per_million_tokens,
    )
    cached = cacheable_tokens(spec, prompt_tokens, cached_prompt_tokens)
    uncached = prompt_tokens - cached + input_tokens
    cost = request_usd(prices, uncached, cached, output_tokens)
    first, token = _first_token(spec, uncached), _token(spec)
    total = prompt_tokens + input_tokens + output_tokens
    fits = total <= spec.context_tokens
    needed = None if batch or peak_requests_per_second is None else peak_requests_per_second * 60 * total
    per_request = None if cost is None else Range(low=cost, expected=cost, high=cost)
    latency, slow = _waits(first, token, output_tokens, batch)
    return HostedServingEstimate(
        kv_cache_bytes_per_token=None,
        weight_bytes=None,
        max_concurrency=None,
        time_to_first_token_seconds=first,
        time_per_output_token_seconds=token,
        latency_seconds=latency,
        latency_p95_seconds=slow,
        output_tokens_per_second=_speed(spec),
        usd_per_million_output_tokens=None
        if per_request is None
        else per_request.scaled(MILLION / max(output_tokens, 1.0)),
        usd_per_request=per_request,
        fits=fits,
        unknown=UNKNOWN if cost is not None else (*UNKNOWN, _no_price(spec)),
        assumptions=(*_assumptions(spec, prices, cached, batch), *_peak_assumption(needed)),
        warnings=tuple(_warnings(spec, prices, fits, batch, prompt_tokens, cached_prompt_tokens, needed)),
    )


def _waits(first: Range, token: Range, output_tokens: float, batch: bool) -> tuple[Range, Range]:
    """Seconds until the whole answer is there: the usual wait and the 95th percentile."""
    if batch:
        low, expected, high = BATCH_SECONDS
        return (Range(low=low, expected=expected, high=high),) * 2
    written = max(0.0, output_tokens - 1.0)
    slow = first.scaled(FIRST_TOKEN_P95).plus(token.scaled(TOKEN_P95 * written))
    return first.plus(token.scaled(written)), slow


def _first_token(spec: HostedModelSpec, uncached: float) -> Range:
    """Time to first token of a short prompt, and reading the rest of this one."""
    low, expected, high = spec.time_to_first_token_seconds
    slow, usual, quick = PREFILL_TOKENS_PER_SECOND
    return Range(low=low + uncached / quick, expected=expected + uncached / usual, high=high + uncached / slow)


def _token(spec: HostedModelSpec) -> Range:
    slow, usual, quick = spec.output_tokens_per_second
    return Range(low=1.0 / quick, expected=1.0 / usual, high=1.0 / slow)


def _speed(spec: HostedModelSpec) -> Range:
    low, expected, high = spec.output_tokens_per_second
    return Range(low=low, expected=expected, high=high)


def _no_price(spec: HostedModelSpec) -> UnknownQuantity:
    return UnknownQuantity(name="usd_per_request", why=f"A token price of {spec.id} is not on record.")


READING = Assumption(
    name="prompt_reading_tokens_per_second",
    value=PREFILL_TOKENS_PER_SECOND[1],
    origin="default",
    source="OpenAI cookbook, prompt caching: savings in time to first token at 1,024 and 150,000 tokens; a third to "
    "three times this.",
)
TAIL = Assumption(
    name="first_token_p95_over_median",
    value=FIRST_TOKEN_P95,
    origin="default",
    source="2.3 to 3 over twelve hosted base models (deploybase.ai, March 2026); between tokens 1.6, our judgement.",
)
BATCH = Assumption(
    name="batch_turnaround_seconds",
    value=BATCH_SECONDS[2],
    origin="default",
    source="Batch interfaces promise an answer within a day; how soon within is not promised.",
)


def _assumptions(spec: HostedModelSpec, prices: RequestPrices, cached: float, batch: bool) -> tuple[Assumption, ...]:
    origin = "given" if prices.as_of is None else "catalogue"
    dated = f" ({prices.as_of})" if prices.as_of else ""
    return (
        Assumption(name="speed", value=spec.output_tokens_per_second[1], origin="catalogue", source=spec.speed_source),
        READING,
        BATCH if batch else TAIL,
        Assumption(name="token_prices", value=prices.input_usd, origin=origin, source=f"{prices.input_source}{dated}"),
        Assumption(
            name="cached_prompt_tokens",
            value=cached,
            origin="default",
            source="Tokens of the fixed prompt that come from the provider's cache, on average over requests.",
        ),
    )


def _peak_assumption(needed: float | None) -> tuple[Assumption, ...]:
    if needed is None:
        return ()
    source = "Peak requests a second times all tokens of a request; cached tokens count toward most rate limits."
    return (Assumption(name="tokens_per_minute_at_peak", value=round(needed), origin="inferred", source=source),)


def _warnings(
    spec: HostedModelSpec,
    prices: RequestPrices,
    fits: bool,
    batch: bool,
    prompt: float,
    wanted: float,
    needed: float | None,
) -> list[str]:
    said = list(prices.warnings)
    if not fits:
        said.append(f"Prompt and answer exceed the context of {spec.context_tokens:,} tokens.")
    if wanted > 0 and spec.cache_min_tokens is not None and prompt < spec.cache_min_tokens:
        said.append(f"Nothing is cached: the fixed prompt is shorter than {spec.cache_min_tokens:,} tokens.")
    if batch:
        said.append("Batch interface: answers come within a day, not at once.")
    if needed is not None and needed > RATE_LIMIT_TOKENS_PER_MINUTE[0]:
        low, high = RATE_LIMIT_TOKENS_PER_MINUTE
        said.append(
            f"The peak needs {needed:,.0f} tokens a minute; limits run from {low:,.0f} (new account) to {high:,.0f}."
        )
    return said
