"""A hundred thousand stored recommendations: nothing that people wait for grows with them.

Reports are short here, to spare the disk: `python -m bench.store` prints the figures with reports of their real weight.
"""

import zlib

from app.store import Store
from bench.store import FEW, MANY, START, fill, measured

BLOB = zlib.compress(b'{"short":true}')
WAIT_MS, CALIBRATION_MS = 100.0, 1000.0
"""Loose, since checks share their machine; what is meant is some milliseconds, and a tenth of a second."""


def test_a_hundred_thousand_rows(database_url: str) -> None:
    store = Store(database_url)
    fill(store, 0, FEW, BLOB)
    before = measured(store, FEW)
    fill(store, FEW, MANY, BLOB)
    after = measured(store, MANY)
    for name, found in after.items():
        print(
            f"{name:24} p50 {found.p50:7.2f} ms  p99 {found.p99:7.2f} ms   with {FEW} rows {before[name].p99:7.2f} ms"
        )
        assert found.p99 < (CALIBRATION_MS if name == "calibration" else WAIT_MS), name
    assert store.calibration(START.date()).stored == MANY
    store.close()
