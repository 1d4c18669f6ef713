"""Settings of the service, from environment variables that start with TUNEWISE_."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may set; every field has a safe default."""

    model_config = SettingsConfigDict(env_prefix="TUNEWISE_", frozen=True)

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Port to listen on."""
    workers: int = Field(default=1, ge=1, le=256)
    """Processes that serve."""
    max_body_bytes: int = Field(default=256 * 1024, ge=1024)
    """Largest body of a single request; larger ones get 413."""
    max_batch_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024)
    """Largest body of a batch request."""
    answer_cache_entries: int = Field(default=1024, ge=0)
    """Answers kept for requests that come again; the same input gives the same answer."""
    database_url: str | None = None
    """Where recommendations are stored: postgresql://... or sqlite:///...; a SQLite file under ./var when left out."""
    database_schema: Literal["auto", "manual"] = "auto"
    """Whether the service brings the database's schema up to date by itself, or waits for `tunewise migrate`."""
    store_threads: int = Field(default=4, ge=1, le=64)
    """Threads that wait for the database, so that the event loop need not."""
    retention_days: int | None = Field(default=None, ge=1)
    """Stored recommendations older than this are deleted; kept when left out."""
    keys: str = ""
    """Access keys beside those in the database: entries made by `tunewise keys add --entry`."""
    key_refresh_seconds: float = Field(default=5.0, gt=0)
    """How soon a key that was added, rotated or revoked elsewhere counts here."""
    rate_per_key: str = "6000/minute"
    """Requests that a key may make, over all replicas; empty: no limit."""
    rate_per_address: str = "6000/minute"
    """Requests from one address where keys are needed; empty: no limit."""
    rate_failed_keys: str = "20/minute"
    """Wrong keys from one address before it has to wait."""
    max_concurrent_requests: int = Field(default=256, ge=1)
    """Requests under way in one process; more get 503."""
    max_wait_seconds: float = Field(default=0.5, gt=0)
    """When a request would wait longer than this to be looked at, new ones get 503."""
    body_timeout_seconds: float = Field(default=10.0, gt=0)
    """A body that has not arrived by then is refused."""
    request_timeout_seconds: float = Field(default=60.0, gt=0)
    """A request that has no answer by then gets 503."""
    drain_seconds: float = Field(default=1.0, ge=0)
    """How long after SIGTERM requests are still taken, while /readyz says no."""
    log_format: Literal["json", "text"] = "json"
    """How log lines are written."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged: `info` holds one line a request."""
    log_descriptions: bool = False
    """Log request bodies and exception texts, which may hold descriptions."""
    telemetry: bool = False
    """OpenTelemetry spans by FastAPI's own instrumentation, through the OTEL_* environment."""
    catalogue_overlay: Path | None = None
    """Folder of YAML files laid over the catalogue: own prices, base models, GPUs."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
