"""Deviations of measured from estimated quantities, filled from the outcomes so far; counts of rate limits."""

import json
import math
import zlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
deviations = sa.table(
    "deviations", *(sa.column(name) for name in ("number", "quantity", "gpu", "framework", "log_ratio", "inside"))
)
ROWS = 500
"""Documents read at a time: a large database must not be held in memory."""


def upgrade() -> None:
    """Make the tables and fill the first from what is stored."""
    op.create_table(
        "deviations",
        sa.Column("number", Number, autoincrement=False, nullable=False),
        sa.Column("quantity", sa.String(64), nullable=False),
        sa.Column("gpu", sa.String(64), nullable=False),
        sa.Column("framework", sa.String(64), nullable=False),
        sa.Column("log_ratio", sa.Float, nullable=False),
        sa.Column("inside", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("number", "quantity", name="pk_deviations"),
        sa.ForeignKeyConstraint(
            ["number"], ["recommendations.number"], name="fk_deviations_number", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_deviations_cells", "deviations", ["quantity", "gpu", "framework", "log_ratio", "inside"])
    op.create_index(
        "ix_recommendations_decisions", "recommendations", ["state", "approach", "done_approach", "confidence"]
    )
    op.create_table(
        "rate_counts",
        sa.Column("window_key", sa.String(300), nullable=False),
        sa.Column("hits", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("window_key", name="pk_rate_counts"),
    )
    op.create_index("ix_rate_counts_expires_at", "rate_counts", ["expires_at"])
    _fill()


def _fill() -> None:
    connection, last = op.get_bind(), 0
    page = sa.text(
        "SELECT number, report, outcome FROM documents WHERE outcome IS NOT NULL AND number > :last "
        "ORDER BY number LIMIT :rows"
    )
    while rows := connection.execute(page, {"last": last, "rows": ROWS}).all():
        made = [row for number, report, outcome in rows for row in _of(number, bytes(report), json.loads(outcome))]
        if made:
            connection.execute(deviations.insert(), made)
        last = rows[-1][0]


def _of(number: int, report: bytes, outcome: dict[str, Any]) -> list[dict[str, Any]]:
    told, found = json.loads(zlib.decompress(report)), outcome.get("measured") or {}
    training, plan = told["compute"]["training"], told["fine_tuning"]["hardware"]["gpu"]
    frameworks = [a["value"] for a in training["assumptions"] if a["name"] == "framework"]
    done = [o for o in told["options"] if o["approach"] == outcome["approach"]]
    first = min(done, key=lambda option: option["rank"]) if done else {}
    ranges = {
        "peak_reserved_bytes": training["memory"]["peak_reserved_bytes"],
        "train_seconds": training["train_seconds"],
        "monthly_cost_usd": first.get("monthly_cost_usd"),
        "latency_p95_seconds": first.get("latency_p95_seconds"),
    }
    where = (found.get("gpu") or plan, found.get("framework") or (frameworks or ["hf_peft"])[0])
    same = where == (plan, (frameworks or ["hf_peft"])[0])
    rows = []
    for quantity, span in ranges.items():
        trained = quantity in ("peak_reserved_bytes", "train_seconds")
        measured = found.get(quantity)
        if not measured or not span or span["expected"] <= 0 or (trained and not same):
            continue
        rows.append({
            "number": number, "quantity": quantity,
            "gpu": where[0] if trained else "", "framework": where[1] if trained else "",
            "log_ratio": math.log(measured / span["expected"]),
            "inside": int(span["low"] <= measured <= span["high"]),
        })  # fmt: skip
    return rows


def downgrade() -> None:
    """Drop the tables; outcomes stay in the documents, so that going forward again loses nothing."""
    op.drop_table("rate_counts")
    op.drop_table("deviations")
    op.drop_index("ix_recommendations_decisions", "recommendations")
