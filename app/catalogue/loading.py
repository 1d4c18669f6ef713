"""The catalogue, made once per state of its files."""

from functools import lru_cache
from pathlib import Path

from app.catalogue.catalogue import Catalogue
from app.catalogue.files import DATA
from app.errors import CatalogueError
from app.kept import kept

MOST_OVERLAYS = 8
"""Catalogues kept in memory; a service uses one."""


def load_catalogue(overlay: Path | None = None) -> Catalogue:
    """The catalogue, with an organisation's overlay on top; loaded once per overlay and state of its file.

    Raises CatalogueError with file, key and what to write instead.
    """
    if overlay is None:
        return _loaded(None, 0)
    try:
        changed = overlay.stat().st_mtime_ns
    except OSError as error:
        reason = f"{error.strerror}."
        raise CatalogueError(overlay.name, "the whole file", reason, "the path of a readable file.") from None
    return _loaded(overlay, changed)


@lru_cache(maxsize=MOST_OVERLAYS)
def _loaded(overlay: Path | None, _changed: int) -> Catalogue:
    shipped = sorted((f for f in DATA.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    if overlay is None:
        return kept("catalogue", shipped, lambda: _assembled(None))
    return kept("catalogue.overlaid", [*shipped, overlay], lambda: _assembled(overlay))


def _assembled(overlay: Path | None) -> Catalogue:
    from app.catalogue.assembly import assembled  # the schemas of the files take longer to load than what they made

    return assembled(overlay)
