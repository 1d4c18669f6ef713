"""Where data lie: what ships with tunewise, and the overlay that an organisation names."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
OVERLAY = "TUNEWISE_CATALOGUE_OVERLAY"
"""The one setting that the command line needs too; read here, since all settings together take long to load."""


def shipped(part: str) -> Path:
    """Folder or file that ships with tunewise: `rules`, `models/classifier.json`, ...

    In a checkout these stand beside the package, in an installed wheel inside it.
    """
    beside = PACKAGE.parent / part
    return beside if (PACKAGE.parent / "pyproject.toml").is_file() else PACKAGE / "bundled" / part


def named_overlay() -> Path | None:
    """The file that the environment lays over the catalogue."""
    named = os.environ.get(OVERLAY)
    return Path(named) if named else None
