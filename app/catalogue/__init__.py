"""Dated, sourced knowledge of the world: base models, GPUs, prices, tuning offers, assumptions.

`load_catalogue()` is the way in; the data lie in data/*.yaml beside the code, and every value there has a source
and a date. Prices are appended, never overwritten.
"""

from app.catalogue.catalogue import STALE_AFTER_DAYS, Catalogue
from app.catalogue.loading import load_catalogue

__all__ = ["STALE_AFTER_DAYS", "Catalogue", "load_catalogue"]
