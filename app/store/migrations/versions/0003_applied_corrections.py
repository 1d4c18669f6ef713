"""The accepted correction that an estimate held, beside its deviation, filled from the reports stored so far."""

import json
import zlib

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CELLS, COLUMN = "ix_deviations_cells", "applied_factor"
BEFORE = ["quantity", "gpu", "framework", "log_ratio", "inside"]
AFTER = ["quantity", "gpu", "framework", COLUMN, "log_ratio", "inside"]
ROWS = 500
"""Documents read at a time: a large database must not be held in memory."""
MARK = b"_correction"
"""In every report whose training estimate was corrected; the rest need not be read as JSON."""


def upgrade() -> None:
    """Add the column, fill it, and let the index of calibration hold it."""
    op.add_column("deviations", sa.Column(COLUMN, sa.Float, nullable=False, server_default="1"))
    _fill()
    op.drop_index(CELLS, "deviations")
    op.create_index(CELLS, "deviations", AFTER)


def _fill() -> None:
    connection, last = op.get_bind(), 0
    page = sa.text(
        "SELECT number, report FROM documents WHERE number > :last AND number IN (SELECT number FROM deviations) "
        "ORDER BY number LIMIT :rows"
    )
    change = sa.text("UPDATE deviations SET applied_factor = :factor WHERE number = :number AND quantity = :quantity")
    while rows := connection.execute(page, {"last": last, "rows": ROWS}).all():
        made = [row for number, report in rows for row in _of(number, zlib.decompress(bytes(report)))]
        if made:
            connection.execute(change, made)
        last = rows[-1][0]


def _of(number: int, report: bytes) -> list[dict[str, object]]:
    if MARK not in report:
        return []
    told = {a["name"]: a["value"] for a in json.loads(report)["compute"]["training"]["assumptions"]}
    return [
        {"number": number, "quantity": quantity, "factor": told[f"{quantity}_correction"]}
        for quantity in ("peak_reserved_bytes", "train_seconds")
        if f"{quantity}_correction" in told
    ]


def downgrade() -> None:
    """Take the column away; reports keep what they were corrected by, so that going forward again loses nothing."""
    op.drop_index(CELLS, "deviations")
    op.drop_column("deviations", COLUMN)
    op.create_index(CELLS, "deviations", BEFORE)
