"""Token prices by way of genai-prices, offline.

genai-prices ships its data, but importing it takes most of a second, and a newer release may change an old answer. So
the prices of listed hosted base models are recorded, dated, in data/token_prices.yaml by bench/record_token_prices.py;
a test compares the record with the installed release. An overlay may list more and leave their prices to this module.
genai-prices is imported only here and only on demand; its updater, the one part that would use the network, is never
started.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from importlib.metadata import version as installed
from typing import Any

from app.catalogue.entries import TokenPriceValues

_MANY = 1_000
"""Tokens priced at once, small enough for the first price tier of every provider."""
_PER_MILLION = 1_000_000 / _MANY


def version() -> str:
    """The installed release of genai-prices."""
    return installed("genai-prices")


def look_up(provider: str, model_ref: str, since: date) -> dict[date, TokenPriceValues]:
    """Prices by the day they start, from `since` on, announced ones included. Raises LookupError for an unknown name.

    Prices are those of short prompts: some providers ask more from 100,000 or 200,000 input tokens on.
    """
    made: dict[date, TokenPriceValues] = {}
    for day in sorted({since, *(d for d in _starts(provider, model_ref) if d > since)}):
        values = _on(provider, model_ref, day)
        if not made or values != made[max(made)]:
            made[day] = values
    return made


def _starts(provider: str, model_ref: str) -> Iterable[date]:
    """The days on which genai-prices knows a price to change."""
    from genai_prices import data_snapshot

    _, info = data_snapshot.get_snapshot().find_provider_model(model_ref, None, provider, None)
    variants: list[Any] = list(info.price_variants or [])
    conditional: list[Any] = info.prices if isinstance(info.prices, list) else []
    starts = (getattr(each.constraint, "start_date", None) for each in (*conditional, *variants))
    return [day for day in starts if day is not None]


def _on(provider: str, model_ref: str, day: date) -> TokenPriceValues:
    fresh = _price(provider, model_ref, day, input_tokens=_MANY)
    output = _price(provider, model_ref, day, output_tokens=_MANY)
    cached = _price(provider, model_ref, day, input_tokens=_MANY, cache_read_tokens=_MANY)
    batch = _price(provider, model_ref, day, batch=True, input_tokens=_MANY, output_tokens=_MANY)
    both = fresh + output
    return TokenPriceValues(
        input=fresh,
        cached_input=cached if cached < fresh else None,
        output=output,
        batch_factor=round(batch / both, 4) if batch < both else None,
    )


def _price(provider: str, model_ref: str, day: date, batch: bool = False, **usage: int) -> float:
    """Dollars per million of the tokens in `usage`, at noon of a day."""
    from genai_prices import Usage, calc_price

    made = calc_price(
        Usage(**usage),
        model_ref,
        provider_id=provider,
        genai_request_timestamp=datetime.combine(day, time(12), UTC),
        price_context={"processing": "batch"} if batch else None,  # service_tier="batch" is silently ignored
    )
    return round(float(made.total_price) * _PER_MILLION, 6)
