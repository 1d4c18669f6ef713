"""The tables, as the newest migration leaves them. What a list shows is narrow, documents lie apart."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the key is an INTEGER."""
ID_LENGTH, WORD_LENGTH, TITLE_LENGTH, DIGEST_LENGTH = 64, 64, 300, 64


def _recommendation() -> ForeignKey:
    return ForeignKey("recommendations.number", ondelete="CASCADE")


recommendations = Table(
    "recommendations",
    metadata,
    Column("number", Number, primary_key=True),
    Column("id", String(ID_LENGTH), nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False, index=True),
    Column("title", String(TITLE_LENGTH)),
    Column("approach", String(WORD_LENGTH), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("close_call", Boolean, nullable=False),
    Column("state", String(WORD_LENGTH), nullable=False, server_default="open"),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("done_approach", String(WORD_LENGTH)),
    Column("recorded_at", DateTime(timezone=True)),
    Index(None, "approach", "number"),
    Index(None, "state", "number"),
    Index("ix_recommendations_decisions", "state", "approach", "done_approach", "confidence"),
)
"""One row per stored answer; `number` is the order of the list, `revision` what ETag and If-Match compare."""

documents = Table(
    "documents",
    metadata,
    Column("number", Number, _recommendation(), primary_key=True, autoincrement=False),
    Column("request", LargeBinary, nullable=False),
    Column("report", LargeBinary, nullable=False),
    Column("outcome", Text),
)
"""Request and report as the caller saw them (JSON, deflated), and the outcome (JSON)."""

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", String(WORD_LENGTH), primary_key=True),
    Column("key_digest", String(DIGEST_LENGTH), primary_key=True),
    Column("request_digest", String(DIGEST_LENGTH), nullable=False),
    Column("number", Number, _recommendation(), nullable=False, index=True),
)
"""Idempotency-Keys that were used, by caller; gone with what they made."""

deviations = Table(
    "deviations",
    metadata,
    Column("number", Number, _recommendation(), primary_key=True, autoincrement=False),
    Column("quantity", String(WORD_LENGTH), primary_key=True),
    Column("gpu", String(WORD_LENGTH), nullable=False),
    Column("framework", String(WORD_LENGTH), nullable=False),
    Column("log_ratio", Float, nullable=False),
    Column("inside", Integer, nullable=False),
    Column("applied_factor", Float, nullable=False, server_default="1"),
    Index("ix_deviations_cells", "quantity", "gpu", "framework", "applied_factor", "log_ratio", "inside"),
)
"""How far a measured quantity lay from its estimate: ln(measured / expected), 1 when it lay in the range, and the
accepted correction that the estimate held."""

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),
    Column("name", String(TITLE_LENGTH), nullable=False),
    Column("scopes", String(WORD_LENGTH), nullable=False),
    Column("salt", String(DIGEST_LENGTH), nullable=False),
    Column("digest", String(DIGEST_LENGTH), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
)
"""Keys as salted digests; a revoked key is one that has expired."""

rate_counts = Table(
    "rate_counts",
    metadata,
    Column("window_key", String(TITLE_LENGTH), primary_key=True),
    Column("hits", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
)
"""Requests of all replicas in a rate limit's window."""
