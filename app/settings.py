"""Settings of the service, from environment variables that start with TUNEWISE_, and where shipped data lie."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PACKAGE = Path(__file__).resolve().parent


class Settings(BaseSettings):
    """What an operator may set; every field has a safe default."""

    model_config = SettingsConfigDict(env_prefix="TUNEWISE_", frozen=True, use_attribute_docstrings=True)

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
    catalogue_overlay: Path | None = None
    """Folder of YAML files laid over the catalogue: own prices, base models, GPUs."""


def shipped(part: str) -> Path:
    """Folder or file that ships with tunewise: `rules`, `models/classifier.json`, ...

    In a checkout these stand beside the package, in an installed wheel inside it.
    """
    beside = PACKAGE.parent / part
    return beside if (PACKAGE.parent / "pyproject.toml").is_file() else PACKAGE / "bundled" / part


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
