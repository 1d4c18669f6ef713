"""The signals of a text as features of the classifier: what app/pipeline passes to it when serving."""

from functools import lru_cache

from app.pipeline.reading import marks_of


@lru_cache(maxsize=10_000)
def signals_of(text: str) -> frozenset[str]:
    """Names of the signals and bucketed quantities that the reader of facts finds in `text`."""
    return frozenset(marks_of(text))
