"""Recommendations with their documents, idempotency keys, access keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _recommendations()
    op.create_table(
        "documents",
        sa.Column("number", Number, autoincrement=False, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("report", sa.LargeBinary, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_documents"),
        _to_recommendation("documents"),
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.String(64), nullable=False),
        sa.Column("key_digest", sa.String(64), nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("number", Number, nullable=False),
        sa.PrimaryKeyConstraint("caller", "key_digest", name="pk_idempotency"),
        _to_recommendation("idempotency"),
    )
    op.create_index("ix_idempotency_number", "idempotency", ["number"])
    op.create_table(
        "access_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_access_keys"),
    )


def _recommendations() -> None:
    op.create_table(
        "recommendations",
        sa.Column("number", Number, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("title", sa.String(300)),
        sa.Column("approach", sa.String(64), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("close_call", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(64), nullable=False, server_default="open"),
        sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
        sa.Column("done_approach", sa.String(64)),
        sa.Column("recorded_at", Moment),
        sa.PrimaryKeyConstraint("number", name="pk_recommendations"),
        sa.UniqueConstraint("id", name="uq_recommendations_id"),
    )
    op.create_index("ix_recommendations_created_at", "recommendations", ["created_at"])
    op.create_index("ix_recommendations_approach_number", "recommendations", ["approach", "number"])
    op.create_index("ix_recommendations_state_number", "recommendations", ["state", "number"])


def _to_recommendation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["number"], ["recommendations.number"], name=f"fk_{table}_number", ondelete="CASCADE"
    )


def downgrade() -> None:
    """Drop them, with everything in them."""
    for table in ("access_keys", "idempotency", "documents", "recommendations"):
        op.drop_table(table)
