"""What the reader of facts found in a text, as the names that the classifier was trained on.

Scoring never imports facts: the pipeline and the training pass plain values through here, so both see the same.
"""

from collections.abc import Mapping, Sequence

from app.schemas.facts import Span

VOLUME_BOUNDS = (1_000.0, 10_000.0, 100_000.0)
"""Requests a day: the codebook's bounds of the cost levels, and one order of magnitude below."""
LATENCY_BOUNDS = (1.0, 10.0, 60.0)
"""Seconds: the codebook's bounds of the latency levels, and what nobody waits for in front of a screen."""
_BUCKETS: Mapping[str, tuple[float, ...]] = {
    "requests_per_day": VOLUME_BOUNDS,
    "latency_p95_seconds": LATENCY_BOUNDS,
    "time_to_first_token_p95_seconds": LATENCY_BOUNDS,
}


def marks(
    signals: Mapping[str, Sequence[Span]], quantities: Mapping[str, tuple[float, Span]]
) -> dict[str, Sequence[Span]]:
    """The signals and, for each stated quantity, its name with a bucket, all with their places."""
    found: dict[str, Sequence[Span]] = dict(signals)
    for name, (value, span) in quantities.items():
        found[mark_of(name, value)] = (span,)
    return found


def mark_of(name: str, value: float) -> str:
    """`requests_per_day to 10000`, `latency_p95_seconds over 60`, or the bare name of a quantity without buckets."""
    bounds = _BUCKETS.get(name)
    if bounds is None:
        return name
    inclusive = name != "requests_per_day"  # one second is within the limit, 10,000 requests are of the next level
    below = next((bound for bound in bounds if value < bound or (inclusive and value == bound)), None)
    return f"{name} over {bounds[-1]:.0f}" if below is None else f"{name} to {below:.0f}"
