"""The signals of a text as the classifier's features: the same function that the pipeline calls when serving."""


def signals_of(text: str) -> frozenset[str]:  # noqa: ARG001
    """Names of what the reader of facts finds in `text`; none until that reader exists."""
    return frozenset()
