"""List, read and calibration at 100,000 stored recommendations beside a store of 100: `python -m bench.store [URL]`.

Without a URL on SQLite in a temporary folder. Every tenth row has an outcome with measurements.
"""

import itertools
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text

from app.answers import Answers
from app.api.examples import RECOMMEND_EXAMPLES
from app.pipeline import load_world
from app.schemas.recommend import RecommendRequest
from app.store import Store
from app.store.records import DEFLATE_LEVEL
from app.store.tables import deviations, documents, recommendations

FEW, MANY = 100, 100_000
ROWS = 1000
"""Rows of one INSERT."""
OUTCOME_EVERY = 10
CALLS, CALIBRATIONS = 300, 30
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds: median and 99th percentile."""

    p50: float
    p99: float


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/t.sqlite3"
        store, blob = Store(url), report()
        fill(store, 0, FEW, blob)
        before = measured(store, FEW)
        started = time.perf_counter()
        fill(store, FEW, MANY, blob)
        took = time.perf_counter() - started
        after = measured(store, MANY)
        print(
            f"{store.url.get_backend_name()}: {MANY - FEW:,} rows with reports of {len(blob):,} bytes in {took:.0f} s"
        )
        print(f"{'milliseconds':24} {'p50':>8} {'p99':>8}   at {FEW} rows {'p50':>8} {'p99':>8}")
        for name, found in after.items():
            print(
                f"{name:24} {found.p50:8.2f} {found.p99:8.2f} {'':15} {before[name].p50:8.2f} {before[name].p99:8.2f}"
            )
        store.close()


def report() -> bytes:
    """A real report as it is stored, so that rows weigh what they weigh."""
    request = RecommendRequest.model_validate(RECOMMEND_EXAMPLES["icd10_coding"]["value"])
    return zlib.compress(Answers(load_world(), 0).report(request), DEFLATE_LEVEL)


def record_id(number: int) -> str:
    """The id of row `number`."""
    return f"rec_{random.Random(number).getrandbits(128):032x}"


def fill(store: Store, first: int, end: int, blob: bytes) -> None:
    """Rows `first` to `end`, in bulk."""
    asked = zlib.compress(b'{"description":"..."}')
    store.prepare()
    for start in range(first, end, ROWS):
        rows = range(start, min(end, start + ROWS))
        with store.engine().execution_options(writes=True).begin() as connection:
            connection.execute(insert(recommendations), [_row(number) for number in rows])
            connection.execute(insert(documents), [{"number": n + 1, "request": asked, "report": blob} for n in rows])
            found = [made for number in rows if number % OUTCOME_EVERY == 0 for made in _deviations(number)]
            connection.execute(insert(deviations), found)
    with store.engine().connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _row(number: int) -> dict[str, Any]:
    chance = random.Random(number)
    done = number % OUTCOME_EVERY == 0
    approach = chance.choice(["fine_tuning", "prompt_engineering"])
    return {
        "number": number + 1,
        "id": record_id(number),
        "created_at": START + timedelta(seconds=number),
        "title": f"task {number}",
        "approach": approach,
        "confidence": chance.uniform(0.5, 1.0),
        "close_call": False,
        "state": "done" if done else "open",
        "revision": 1,
        "done_approach": approach if done else None,
        "recorded_at": START if done else None,
    }


def _deviations(number: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(number)
    for quantity in ("train_seconds", "peak_reserved_bytes"):
        yield {
            "number": number + 1,
            "quantity": quantity,
            "gpu": chance.choice(["L4", "L40S", "A100-80GB", "H100-80GB"]),
            "framework": chance.choice(["hf_peft", "axolotl"]),
            "log_ratio": chance.gauss(0.05, 0.2),
            "inside": 1,
        }


def measured(store: Store, rows: int) -> dict[str, Figures]:
    """Each operation by itself, at places all over the table."""
    places = random.Random(1)
    pages = itertools.chain([None], _cursors(store))
    return {
        "read one": _figures(CALLS, lambda: store.get(record_id(places.randrange(rows)))),
        "first page of 100": _figures(CALLS, lambda: store.page(100, None, None, None)),
        "pages of 20, onward": _figures(CALLS, lambda: store.page(20, next(pages, None), None, None)),
        "page by state": _figures(CALLS, lambda: store.page(20, None, None, "done")),
        "page by approach": _figures(CALLS, lambda: store.page(20, None, "fine_tuning", None)),
        "calibration": _figures(CALIBRATIONS, lambda: store.calibration(START.date())),
    }


def _cursors(store: Store) -> Iterator[str]:
    cursor = None
    while cursor := store.page(20, cursor, None, None).next_cursor:
        yield cursor


def _figures(calls: int, work: Callable[[], object]) -> Figures:
    took = []
    for _ in range(calls):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    took.sort()
    return Figures(took[calls // 2], took[min(calls - 1, int(0.99 * calls))])


if __name__ == "__main__":
    main()
