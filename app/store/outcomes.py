"""Outcomes on a connection: record one over the revision that its author read, and note how far estimates were off."""

import json
import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from app.records import record
from app.schemas.stored import OutcomeRequest
from app.schemas.world import correction_name
from app.store.acceptance import TRAINED
from app.store.records import get, refusal
from app.store.tables import deviations, documents, recommendations

DEFAULT_FRAMEWORK = "hf_peft"
"""What a training estimate assumes when it names no framework."""


@record(kw_only=True)
class Recorded:
    """An outcome as stored: its JSON, and the revision it made."""

    revision: int
    outcome: bytes


def record_outcome(
    connection: Connection, record_id: str, revision: int | None, outcome: OutcomeRequest, moment: datetime
) -> Recorded:
    """Record it; `revision` None means any. Raises MissingError, StaleError: the later of two writers learns of it."""
    wanted = update(recommendations).where(recommendations.c.id == record_id)
    if revision is not None:
        wanted = wanted.where(recommendations.c.revision == revision)
    row = connection.execute(
        wanted.values(
            state=outcome.state,
            done_approach=outcome.approach,
            recorded_at=moment,
            revision=recommendations.c.revision + 1,
        ).returning(recommendations.c.number, recommendations.c.revision)
    ).first()
    if row is None:
        raise refusal(connection, record_id)
    text = _json(outcome, moment)
    connection.execute(update(documents).where(documents.c.number == row.number).values(outcome=text))
    _note(connection, row.number, record_id, outcome)
    return Recorded(revision=row.revision, outcome=text.encode())


def _json(outcome: OutcomeRequest, moment: datetime) -> str:
    told = {
        "approach": outcome.approach,
        "state": outcome.state,
        "note": outcome.note,
        "measured": outcome.measured.model_dump(exclude_none=True),
        "recorded_at": moment.isoformat().replace("+00:00", "Z"),
    }
    return json.dumps(told, separators=(",", ":"))


def _note(connection: Connection, number: int, record_id: str, outcome: OutcomeRequest) -> None:
    connection.execute(delete(deviations).where(deviations.c.number == number))
    if not outcome.measured.model_dump(exclude_none=True):
        return
    report = json.loads(get(connection, record_id).report)
    rows = [{"number": number, **row} for row in deviations_of(report, outcome)]
    if rows:
        connection.execute(insert(deviations), rows)


def deviations_of(report: dict[str, Any], outcome: OutcomeRequest) -> Iterator[dict[str, Any]]:
    """One row for each quantity that was both estimated and measured under the same circumstances."""
    measured = outcome.measured.model_dump(exclude_none=True)
    planned = (report["fine_tuning"]["hardware"]["gpu"], _framework(report))
    ran = (measured.get("gpu", planned[0]), measured.get("framework", planned[1]))
    for quantity, span in _estimated(report, outcome.approach).items():
        found, trained = measured.get(quantity), quantity in TRAINED
        if not found or not span or span["expected"] <= 0 or (trained and ran != planned):
            continue
        yield {
            "quantity": quantity,
            "gpu": ran[0] if trained else "",
            "framework": ran[1] if trained else "",
            "log_ratio": math.log(found / span["expected"]),
            "inside": int(span["low"] <= found <= span["high"]),
            "applied_factor": _assumed(report, correction_name(quantity)) or 1.0,
        }


def _estimated(report: dict[str, Any], approach: str) -> dict[str, dict[str, float] | None]:
    """The estimates of what was done: the training plan, and the best ranked option of the approach."""
    training = report["compute"]["training"]
    done = [option for option in report["options"] if option["approach"] == approach]
    first = min(done, key=lambda option: int(option["rank"])) if done else {}
    return {
        "peak_reserved_bytes": training["memory"]["peak_reserved_bytes"],
        "train_seconds": training["train_seconds"],
        "monthly_cost_usd": first.get("monthly_cost_usd"),
        "latency_p95_seconds": first.get("latency_p95_seconds"),
    }


def _framework(report: dict[str, Any]) -> str:
    return str(_assumed(report, "framework") or DEFAULT_FRAMEWORK)


def _assumed(report: dict[str, Any], name: str) -> Any:
    """The value of an assumption of the training estimate; None when it made none of that name."""
    return next((a["value"] for a in report["compute"]["training"]["assumptions"] if a["name"] == name), None)
