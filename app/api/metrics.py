"""Prometheus metrics: requests by route template, and what the advice says.

Written on prometheus-client itself: prometheus-fastapi-instrumentator took 32 µs a request here, more than twice
our whole outer layer (14 µs), since it builds a Request, a Response and an empty asyncio.gather for each and
matches every route a second time.
"""

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.pipeline import World

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
UNMATCHED = "unmatched"
"""Route of a request that no route takes: addresses that strangers try must not become time series."""
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

requests = Counter("tunewise_http_requests", "Requests answered.", ("method", "route", "status"), registry=REGISTRY)
seconds = Histogram("tunewise_http_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS, registry=REGISTRY)
refused = Counter("tunewise_refused", "Requests refused before a route saw them.", ("code",), registry=REGISTRY)
verdicts = Counter("tunewise_verdicts", "Recommendations given.", ("approach",), registry=REGISTRY)
close_calls = Counter("tunewise_close_calls", "Recommendations whose odds were near even.", registry=REGISTRY)
rule_hits = Counter("tunewise_rule_hits", "Recommendations that a rule spoke in.", ("rule",), registry=REGISTRY)
stale_prices = Gauge(
    "tunewise_stale_prices", "Prices that nobody checked for 90 days.", registry=REGISTRY, multiprocess_mode="max"
)
ready = Gauge("tunewise_ready", "1 when requests should come.", registry=REGISTRY, multiprocess_mode="livemin")
wait = Gauge(
    "tunewise_event_loop_wait_seconds", "How long a request waits to be looked at.", registry=REGISTRY,
    multiprocess_mode="livemax",
)  # fmt: skip
store_seconds = Histogram(
    "tunewise_store_seconds", "Time of a store operation.", ("operation",), buckets=BUCKETS, registry=REGISTRY
)
store_failures = Counter(
    "tunewise_store_failures", "Store operations that found no database.", ("operation",), registry=REGISTRY
)

_counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
"""Children of `requests` and `seconds` by method, route and status: looking one up costs as much as counting."""


def request_answered(method: str, route: str, status: int, duration: float) -> None:
    """Count one request."""
    key = (method, route, status)
    found = _counted.get(key)
    if found is None:
        found = _counted[key] = (requests.labels(method, route, str(status)), seconds.labels(route))
    found[0].inc()
    found[1].observe(duration)


def store_observed(operation: str, duration: float, succeeded: bool) -> None:
    """Count one store operation."""
    store_seconds.labels(operation).observe(duration)
    if not succeeded:
        store_failures.labels(operation).inc()


_VERDICT = re.compile(rb'"recommendation":\{"approach":"(\w+)".*?"close_call":(true|false)')
_RULE = re.compile(rb'"kind":"rule","id":"([A-Z0-9-]+)"')
_HEAD = 400
"""Bytes of a report within which its verdict stands."""
_DIGEST_FROM, _DIGEST_TO = -67, -3
"""Where a report ends: `"input_digest":"<64 hex digits>"}}`."""
KEPT = 4096


class Tallies:
    """Counts what answered reports say; a report that is given again is not read again."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, bool, tuple[str, ...]]] = {}
        self._pending: dict[bytes, int] = {}

    def answered(self, report: bytes) -> None:
        """One report was given; costs a look-up unless it is new."""
        digest = report[_DIGEST_FROM:_DIGEST_TO]
        if digest not in self._known:
            self._read(digest, report)
        self._pending[digest] = self._pending.get(digest, 0) + 1

    def _read(self, digest: bytes, report: bytes) -> None:
        if len(self._known) >= KEPT:
            self.flush()
            self._known.clear()
        verdict = _VERDICT.search(report, 0, _HEAD)
        approach, close = (verdict[1].decode(), verdict[2] == b"true") if verdict else ("unknown", False)
        end = report.find(b'"effective_requirements"')
        rules = tuple({found.decode() for found in _RULE.findall(report, 0, max(end, 0))})
        self._known[digest] = (approach, close, rules)

    def flush(self) -> None:
        """Add what was answered since to the counters."""
        pending, self._pending = self._pending, {}
        for digest, times in pending.items():
            approach, close, rules = self._known[digest]
            verdicts.labels(approach).inc(times)
            close_calls.inc(times if close else 0)
            for rule in rules:
                rule_hits.labels(rule).inc(times)


def exposed(world: World | None, tallies: Tallies, ready_now: bool, waiting: float) -> bytes:
    """The text that Prometheus reads, of all worker processes together."""
    tallies.flush()
    ready.set(ready_now)
    wait.set(waiting)
    if world is not None:
        stale_prices.set(_count(world.catalogue.stale(datetime.now(UTC).date())))
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)


def _count(values: Iterable[object]) -> int:
    return sum(1 for _ in values)
