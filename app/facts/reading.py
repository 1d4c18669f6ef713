"""Text and requirements together: what is known, where from, and where the two contradict each other."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from app.catalogue import Catalogue
from app.facts.defaults import requests_of_tasks
from app.facts.lexicon import load_lexicon, word_set
from app.facts.quantities import EVIDENCE_LIMIT
from app.facts.scan import CONVERSIONS, Scan, converted, scan
from app.schemas.facts import Facts, FactSource, Reading, Span
from app.schemas.recommend import RecommendRequest, Requirements
from app.schemas.vocabulary import TaskType

GIVEN = FactSource("given")
SEVERAL_STEPS = "several_steps"
"""Signal of an agent that takes several steps for a task."""
_COUNTED_CALLS = word_set("call_nouns")
_NAMES = tuple(Requirements.model_fields)
_COUNTS = frozenset(
    ("labelled_examples", "input_tokens", "prompt_tokens", "output_tokens", "tokens_per_example", "horizon_months")
)
_FAINT_DOMAINS = frozenset(("software", "general"))
"""Domains that a word such as `tech` or `search` names in passing; a more telling word beside it wins."""
SAME_WITHIN = 0.05
"""Text and requirement agree when they differ by less than this share: people round."""
UNSURE_TASK = 0.6
"""Probability of the classifier's task type below which clear words win. On rounds r1 to r4, each read by a classifier
that never saw it (2026-11-24): accuracy 0.741 without, 0.759 with it; of 36 answers changed the words were right in 25,
the classifier in 6."""
_UNTRUSTED_CONFLICTS = frozenset(
    ("task_type", "domain", "output_format", "languages", "stage", "prompting_effort", "data_sensitivity")
)
"""Facts that words only hint at: a given value that differs is no contradiction worth a caveat."""
_SAID = {"self_hosting_required": "that it must run on the caller's own machines"}


def read_facts(request: RecommendRequest, reading: Reading, catalogue: Catalogue) -> Facts:
    """What is known of the task: given values first, then what the text and the classifier say.

    `reading` is the classifier's view of the same text; its task type and domain are used unless it abstains.
    """
    seen = scan(request.description)
    found = _from_text(seen, request.description, reading, catalogue)
    known: dict[str, Any] = {name: value for name, (value, _) in found.items()}
    sources = {name: source for name, (_, source) in found.items()}
    _count_steps(seen, known, sources)
    conflicts: list[str] = []
    for name in _NAMES:
        given = getattr(request.requirements, name)
        if given is None:
            continue
        if name == "domain":
            given = domain_named(given)
        if name in found and (said := _conflict(name, given, *found[name])):
            conflicts.append(said)
        known[name], sources[name] = given, GIVEN
    return Facts(
        text=request.description,
        language=seen.language,
        signals=seen.signals,
        sources=sources,
        conflicts=tuple(conflicts),
        **known,
    )


def _count_steps(seen: Scan, known: dict[str, Any], sources: dict[str, FactSource]) -> None:
    """The tasks of an agent become requests, unless its calls, steps or turns are counted already."""
    source = sources.get("requests_per_day")
    if source is None or source.evidence is None or SEVERAL_STEPS not in seen.signals:
        return
    if not _COUNTED_CALLS.isdisjoint(source.evidence.lower().replace(",", " ").split()):
        return
    requests, why = requests_of_tasks(known["requests_per_day"])
    known["requests_per_day"] = requests
    sources["requests_per_day"] = FactSource(source.origin, f"{source.evidence} ({why})", source.span)


Found = dict[str, tuple[Any, FactSource]]


def _from_text(seen: Scan, text: str, reading: Reading, catalogue: Catalogue) -> Found:
    """Value and source of each fact that text and classifier tell."""
    rates, conversions = _rates(catalogue)
    found: Found = {}
    for name, one in seen.quantities.items():
        if name in Requirements.model_fields and (made := converted(one, rates, conversions)) is not None:
            value = round(made.value) if name in _COUNTS else made.value
            found[name] = (value, FactSource("inferred", _evidence(made.evidence, one.unit, value), made.span))
    for name, (word, span) in seen.worded.items():
        found[name] = (True if word == "true" else word, _words(text, span))
    if seen.languages is not None:
        found["languages"] = (seen.languages[0], _words(text, seen.languages[1]))
    task_type, task_probability = reading.task_type, reading.task_type_probability
    if seen.task_type is not None and task_probability < UNSURE_TASK:
        task_type = None
    _add_classified(found, "task_type", task_type, task_probability, seen.task_type, text)
    _add_classified(found, "domain", reading.domain, reading.domain_probability, seen.domain, text)
    return found


def _add_classified(
    found: Found, name: str, read: TaskType | str | None, probability: float, worded: tuple[str, Span] | None, text: str
) -> None:
    """The classifier's answer, or what the words clearly say where it abstains or is set aside."""
    if read is not None:
        found[name] = (read, FactSource("inferred", f"read by the classifier with probability {probability:.2f}"))
    elif worded is not None:
        found[name] = (worded[0], _words(text, worded[1]))


def _words(text: str, span: Span) -> FactSource:
    return FactSource("inferred", " ".join(text[span[0] : span[1]].split())[:EVIDENCE_LIMIT], span)


def _evidence(evidence: str, unit: str, value: float) -> str:
    """The words, and what a conversion made of them."""
    if not unit:
        return evidence
    return f"{evidence} (as {value:,.0f} {'tokens' if unit in CONVERSIONS else 'USD'})"


def _conflict(name: str, given: Any, said: Any, source: FactSource) -> str | None:
    """A sentence when text and given requirement contradict each other; None when they agree or the text only hints."""
    if name in _UNTRUSTED_CONFLICTS or source.span is None:
        return None
    if isinstance(given, bool | str):
        if given == said:
            return None
    elif abs(said - given) <= SAME_WITHIN * max(abs(said), abs(given)):
        return None
    shown = (
        f"{said:,.6g}" if isinstance(said, int | float) and not isinstance(said, bool) else _SAID.get(name, str(said))
    )
    wanted = f"{given:,.6g}" if isinstance(given, int | float) and not isinstance(given, bool) else str(given).lower()
    text = f"The description says {name} {shown} (“{source.evidence}”)"
    return f"{text}, the requirement given is {wanted}; the given value is used."


@lru_cache(maxsize=4)
def _rates(catalogue: Catalogue) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Dollars per unit of currency, and tokens per word and page, as the catalogue has them."""
    rates = {code: value.value for code, value in catalogue.currencies.items()} | {"USD": 1.0}
    named = {"words": "tokens_per_word", "pages": "tokens_per_page"}
    stated = {unit: catalogue.assumptions[name].value for unit, name in named.items() if name in catalogue.assumptions}
    return rates, {**CONVERSIONS, **stated}


@lru_cache(maxsize=1024)
def domain_named(name: str) -> str:
    """The codebook's domain for what a caller calls it; `other` when nothing fits."""
    names = load_lexicon().domain_names
    spelling = " ".join(name.lower().replace("-", " ").replace("_", " ").replace("/", " ").replace("&", " ").split())
    if (exact := names.get(spelling)) is not None:
        return exact
    words = spelling.split()
    parts = [" ".join(words[i : i + size]) for size in (2, 1) for i in range(len(words) - size + 1)]
    found = [names[part] for part in parts if part in names]
    telling = [domain for domain in found if domain not in _FAINT_DOMAINS]
    return (telling or found or ["other"])[0]
