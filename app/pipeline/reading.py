"""A text as the classifier reads it: with the signals and quantities that the reader of facts finds in it."""

from collections.abc import Mapping, Sequence

from app.facts import scan
from app.schemas.facts import Reading, Span
from app.scoring.classifier import Classifier
from app.scoring.marks import marks


def marks_of(text: str) -> Mapping[str, Sequence[Span]]:
    """Signals and bucketed quantities of a text, each with its places; training uses this very function."""
    found = scan(text)
    return marks(found.signals, {name: (q.value, q.span) for name, q in found.quantities.items()})


def read_text(text: str, classifier: Classifier) -> Reading:
    """The classifier's view of a description."""
    return classifier.read(text, marks_of(text))
