"""The signals of a text as features of the classifier: what app/pipeline passes to it when serving."""

from app.facts import scan


def signals_of(text: str) -> frozenset[str]:
    """Names of the signals that the reader of facts finds in `text`."""
    return frozenset(scan(text).signals)
