"""Recommendations small enough to write many of, with just what the store reads in a report."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.store.records import New

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOT_CORRECTED: Mapping[str, float] = {}


def span(expected: float) -> dict[str, float]:
    """A range that reaches a fifth below and above."""
    return {"low": 0.8 * expected, "expected": expected, "high": 1.2 * expected}


def new(number: int, corrected: Mapping[str, float] = NOT_CORRECTED, **changes: Any) -> New:
    """The recommendation of a number, its estimate `corrected` by accepted factors of quantities."""
    told = [{"name": f"{quantity}_correction", "value": factor} for quantity, factor in corrected.items()]
    report = {
        "options": [
            {"approach": "fine_tuning", "rank": 2, "monthly_cost_usd": span(900.0), "latency_p95_seconds": None},
            {"approach": "fine_tuning", "rank": 1, "monthly_cost_usd": span(500.0), "latency_p95_seconds": span(0.4)},
            {"approach": "prompt_engineering", "rank": 3, "monthly_cost_usd": None, "latency_p95_seconds": span(2.0)},
        ],
        "fine_tuning": {"hardware": {"gpu": "L40S"}},
        "compute": {
            "training": {
                "memory": {"peak_reserved_bytes": span(20e9)},
                "train_seconds": span(4000.0),
                "assumptions": [{"name": "framework", "value": "axolotl"}, *told],
            }
        },
    }
    values: dict[str, Any] = {
        "id": f"rec_{number:032x}",
        "created_at": NOW,
        "title": None,
        "approach": "fine_tuning",
        "confidence": 0.75,
        "close_call": False,
        "request": b'{"description":"..."}',
        "report": json.dumps(report).encode(),
    }
    return New(**{**values, **changes})


def report_of(made: New) -> dict[str, Any]:
    """Its report, read."""
    found: dict[str, Any] = json.loads(made.report)
    return found
