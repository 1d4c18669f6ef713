"""How long requests wait, and how many run at once, when they arrive at random.

Arrivals are Poisson. A replica is two stations. Prefill is first come, first served with one server: its wait is
Allen-Cunneen's (Kleinrock; for one server the Pollaczek-Khinchine formula). Decoding serves all at once and slows down
with their number: Little's law gives the mean, and the number that a request meets is Poisson around it. When the cache
is full, requests wait for a slot: M/M/c by Sakasegawa's approximation (1977).
"""

import math

from app.estimate.serving_steps import StepTimes
from app.records import record

TAIL = 0.05
"""One request in twenty is slower than the 95th percentile."""
HALF = 0.5
NORMAL_P95 = 1.645
"""95th percentile of the standard normal distribution."""
PREFILL_VARIABILITY = 1.0
"""Squared coefficient of variation of prefill times: prompts differ about as much as their mean (Splitwise, arXiv
2311.18677, has more for code and less for chat)."""
FREE = 0.05
"""Utilisation up to which fewer than one request in twenty waits for a slot, however few slots there are."""
SATURATED = 0.99
"""Utilisation from which waiting is cut off: beyond it there is no steady state."""
STEPS, TOLERANCE = 12, 1e-3
SEARCH_STEPS, CLOSE = 6, 0.02
"""Of the rate within a limit: the search ends when the percentile is this close below it."""


@record
class Load:
    """One replica at one arrival rate; seconds."""

    requests_per_second: float
    others: float
    """Requests in flight that a new one meets, on average."""
    utilization: float
    """Arrival rate over what the replica can sustain."""
    first_token: float
    """Median, as is `latency`."""
    first_token_p95: float
    latency: float
    latency_p95: float


def slot_exponent(slots: float) -> float:
    """Sakasegawa's exponent: the share of requests that wait for one of `slots` is utilisation to this power."""
    return math.sqrt(2.0 * (max(1.0, slots) + 1.0)) - 1.0


def waiting(utilization: float, service_seconds: float, servers: float = 1.0, variability: float = 1.0) -> float:
    """Mean wait by Allen and Cunneen: M/M/c (Sakasegawa) times (1 + variability) / 2; Poisson arrivals."""
    busy = min(utilization, SATURATED)
    return _delayed(busy, servers) / (servers * (1.0 - busy)) * service_seconds * (1.0 + variability) / 2.0


def waiting_quantile(
    utilization: float, service_seconds: float, servers: float = 1.0, variability: float = 1.0, tail: float = TAIL
) -> float:
    """The wait that a share `tail` of requests exceed: the tail is exponential; 0 when no more than that wait."""
    delayed = _delayed(min(utilization, SATURATED), servers)
    if delayed <= tail:
        return 0.0
    mean_of_waiters = waiting(utilization, service_seconds, servers, variability) / delayed
    return mean_of_waiters * math.log(delayed / tail)


def _delayed(utilization: float, servers: float) -> float:
    """Share of requests that wait (Sakasegawa's approximation of Erlang C; exact for one server)."""
    return float(utilization ** slot_exponent(servers)) if servers != 1.0 else utilization


def capacity(steps: StepTimes) -> float:
    """Requests a second that one replica sustains with every slot taken; 0 when none fits."""
    return steps.slots / steps.answer_seconds(max(1.0, steps.slots)) if steps.slots >= 1.0 else 0.0


def others_at(steps: StepTimes, requests_per_second: float) -> float:
    """Mean number of other requests in flight: Little's law, n = rate * T(1 + n).

    T bends little, so that the secant through the last two guesses finds the fixed point in a few steps.
    """
    most = max(0.0, steps.slots - 1.0)
    if requests_per_second * steps.answer_seconds(1.0 + most) >= most:
        return most
    before, wanted_before = 0.0, requests_per_second * steps.answer_seconds(1.0)
    guess = min(wanted_before, most)
    for _ in range(STEPS):
        wanted = requests_per_second * steps.answer_seconds(1.0 + guess)
        if abs(wanted - guess) <= TOLERANCE * guess:
            break
        rise = (wanted - wanted_before) / (guess - before) if guess != before else 0.0
        before, wanted_before = guess, wanted
        guess = min(most, max(0.0, (wanted - rise * guess) / (1.0 - rise) if rise < 1.0 else (guess + most) / 2))
    return guess


def load_at(steps: StepTimes, requests_per_second: float, slower: float = 1.0) -> Load:
    """One replica at a rate; `slower` scales all its times (for the ends of a range)."""
    rate = requests_per_second * slower
    others = others_at(steps, rate)
    sustained = capacity(steps)
    return _load(steps, rate, others, min(rate / sustained, 1.0) if sustained else 1.0, slower)


def _load(steps: StepTimes, rate: float, others: float, utilization: float, slower: float = 1.0) -> Load:
    """Times at a known number of others; scaled at the end, since all of them scale alike."""
    token = steps.token_seconds(1.0 + others)
    own = steps.idle_first_token + min(others, 1.0) * token / 2.0
    answer = steps.idle_first_token + (steps.output_tokens - 1.0) * token
    wait = waiting_quantile(rate * steps.prefill, steps.prefill, 1.0, PREFILL_VARIABILITY, HALF)
    wait += waiting_quantile(utilization, answer, max(1.0, steps.slots), 1.0, HALF)
    latency_p95, first_token_p95 = _percentiles(steps, rate, others, utilization, token)
    return Load(
        requests_per_second=rate / slower,
        others=others,
        utilization=utilization,
        first_token=slower * (wait + own),
        first_token_p95=slower * first_token_p95,
        latency=slower * (wait + own + (steps.output_tokens - 1.0) * token),
        latency_p95=slower * latency_p95,
    )


def _percentiles(steps: StepTimes, rate: float, others: float, utilization: float, token: float) -> tuple[float, float]:
    """95th percentiles of the whole answer and of its first token; `token` is the step among `others`.

    The wait's and the number in flight's 95th percentiles are added up: the careful reading.
    """
    crowd = max(others, min(steps.slots - 1.0, others + NORMAL_P95 * math.sqrt(others)))
    written = steps.output_tokens - 1.0
    wait = 0.0
    if (busy := rate * steps.prefill) > TAIL:
        wait = waiting_quantile(busy, steps.prefill, 1.0, PREFILL_VARIABILITY)
    if utilization > FREE:
        wait += waiting_quantile(utilization, steps.idle_first_token + written * token, max(1.0, steps.slots))
    first = wait + steps.idle_first_token + min(others, 1.0) * token
    return first + written * steps.token_seconds(1.0 + crowd), first


def takes(steps: StepTimes, rate: float, latency_p95: float | None, first_token_p95: float | None) -> bool:
    """Whether a replica takes this rate within the limits."""
    others = others_at(steps, rate)
    token = steps.token_seconds(1.0 + others)
    latency, first = _percentiles(steps, rate, others, rate / (capacity(steps) or math.inf), token)
    return latency <= (latency_p95 or math.inf) and first <= (first_token_p95 or math.inf)


def rate_within(
    steps: StepTimes, target_utilization: float, latency_p95: float | None, first_token_p95: float | None
) -> float:
    """Most requests a second that one replica takes within the limits and the target; 0 when even an idle one is late.

    Percentiles rise nearly linearly with the number in flight, so that false position with bisection's guard finds it.
    """
    sustained = capacity(steps)
    top = target_utilization * sustained
    if not sustained or (latency_p95 is None and first_token_p95 is None):
        return top
    limits = (latency_p95 or math.inf, first_token_p95 or math.inf)
    under = _excess(steps, sustained, 0.0, limits)[0]
    if under > 0:
        return 0.0
    low, high, best = 0.0, others_at(steps, top), 0.0
    over, rate = _excess(steps, sustained, high, limits)
    if over <= 0:
        return top
    for _ in range(SEARCH_STEPS):
        share = min(0.9, max(0.02, -under / (over - under)))
        middle = low + share * (high - low)
        excess, rate = _excess(steps, sustained, middle, limits)
        if excess <= 0:
            low, under, best = middle, excess, rate
            if excess > -CLOSE:
                break
        else:
            high, over = middle, excess
    return best


def _excess(steps: StepTimes, sustained: float, others: float, limits: tuple[float, float]) -> tuple[float, float]:
    """By how much the tighter limit is missed (0 or less when both hold), and the rate that keeps `others` busy."""
    token = steps.token_seconds(1.0 + others)
    rate = others / (steps.idle_first_token + (steps.output_tokens - 1.0) * token)
    latency, first = _percentiles(steps, rate, others, rate / sustained, token)
    return max(latency / limits[0], first / limits[1]) - 1.0, rate
