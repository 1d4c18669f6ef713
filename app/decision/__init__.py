"""The decision: from scores, facts and both options' figures to an approach, its odds, and what would change them.

`load_decision` reads judgements and weights once; `decide` is the verdict; `recommendation`, `options`,
`sensitivity` and `missing` tell it, rank what can be done, and look for what would flip it.
"""

from app.decision.book import DecisionBook, load_decision
from app.decision.missing import missing
from app.decision.odds import Verdict, decide
from app.decision.options import OptionFigures, options
from app.decision.reach import needs_read_by
from app.decision.sensitivity import sensitivity
from app.decision.words import recommendation

__all__ = [
    "DecisionBook",
    "OptionFigures",
    "Verdict",
    "decide",
    "load_decision",
    "missing",
    "needs_read_by",
    "options",
    "recommendation",
    "sensitivity",
]
