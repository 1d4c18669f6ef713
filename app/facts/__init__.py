"""Reading a task: description and requirements in, facts out, each with its origin and its words.

`scan` reads the text alone (quantities, signals, language); `read_facts` joins it with the caller's requirements
and the classifier's view; `workload` fills what nobody said with stated defaults.
"""

from app.facts.defaults import effective_requirements, workload
from app.facts.lexicon import lexicon_files
from app.facts.reading import domain_named, read_facts
from app.facts.scan import Scan, read_quantities, scan

__all__ = [
    "Scan",
    "domain_named",
    "effective_requirements",
    "lexicon_files",
    "read_facts",
    "read_quantities",
    "scan",
    "workload",
]
