"""Where the catalogue's data files lie."""

from importlib.resources import files
from importlib.resources.abc import Traversable

DATA: Traversable = files("app.catalogue") / "data"
"""The folder of data files; the same in a checkout and in an installed wheel."""
