"""The nearest published cases: by task type, domain, needs, facts and words, dissenting ones included.

Cases are rules/precedents.yaml. Everything that does not depend on the request is computed at load: word weights by
inverse document frequency (rare words tell more), an index from word to cases, and the buckets of each case's facts.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import log, log10, sqrt
from pathlib import Path
from typing import Literal, get_args

from app.catalogue.strict_yaml import Entry, read, validated
from app.records import record
from app.schemas.facts import Facts
from app.schemas.report import Precedent, Score
from app.schemas.vocabulary import Approach, KnowledgeChanges, Need, OutputFormat, TaskType

SHOWN = 5
"""Precedents per answer."""
SHARE_TASK, SHARE_DOMAIN, SHARE_SIGNALS, SHARE_FACTS, SHARE_WORDS = 0.3, 0.1, 0.25, 0.1, 0.25
"""What each likeness counts for in the similarity, which is 1 for the same task in the same words. Ours."""
NEAR_TASKS: tuple[frozenset[TaskType], ...] = (
    frozenset(("classification", "ranking")),
    frozenset(("classification", "extraction")),
    frozenset(("qa", "conversation")),
    frozenset(("qa", "reasoning")),
    frozenset(("reasoning", "code")),
    frozenset(("generation", "summarization")),
    frozenset(("generation", "translation")),
    frozenset(("tool_use", "conversation")),
    frozenset(("ranking", "recommendation")),
)
"""Pairs of task types that teach about each other; they count half."""
MOST_WORDS = 400
"""Different words of a description that are compared: bounds the time for long ones."""
_WORD = re.compile(r"[^\W\d_]{3,40}")
_COMMON = 0.2
"""Words in more than this share of the cases tell nothing."""


class CaseFacts(Entry):
    """Facts that the source states."""

    requests_per_day: float | None = None
    latency_p95_seconds: float | None = None
    labelled_examples: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    knowledge_changes: KnowledgeChanges | None = None
    output_format: OutputFormat | None = None
    prompted_quality: float | None = None
    target_quality: float | None = None
    self_hosting_required: bool | None = None
    data_sensitivity: str | None = None
    max_base_model_parameters: float | None = None


class CaseEntry(Entry):
    """A published case."""

    id: str
    """Stable id."""
    title: str
    """What was done."""
    source: str
    """Where it is published."""
    year: int | None = None
    """When the comparison was made, where known."""
    kind: Literal["measured", "production"]
    """A measured comparison, or a report from production."""
    strength: Literal["strong", "weak"]
    """How well the source supports the outcome."""
    outcome: Approach
    """What won."""
    task_type: TaskType
    """The task type."""
    domain: str | None = None
    """The domain, by the names that facts use."""
    facts: CaseFacts = CaseFacts()
    """What the source states."""
    situation: str
    """The task as it stood before the outcome was known."""
    lesson: str
    """What to take from it."""


class CaseFile(Entry):
    """rules/precedents.yaml."""

    precedents: list[CaseEntry]
    """Every case."""


Postings = Mapping[str, tuple[tuple[int, float], ...]]
"""From a word, signal or fact to the cases that have it, each with a share."""


@record
class Precedents:
    """Cases in the order of their ids, and what was computed of them once."""

    cases: tuple[CaseEntry, ...]
    tasks: Mapping[TaskType | None, tuple[float, ...]]
    """Likeness of each case to a task type, as a share of the similarity."""
    domains: Postings
    words: Postings
    """With the word's share of the case's word vector."""
    word_rarity: Mapping[str, float]
    """Inverse document frequency."""
    signals: Postings
    signal_rarity: Mapping[str, float]
    signal_totals: tuple[float, ...]
    """Rarities of each case's signals, added up."""
    stated: Postings
    stated_counts: tuple[int, ...]
    """Number of facts that each case states."""


def load_precedents(path: Path, signals_of: Callable[[str], frozenset[str]] | None = None) -> Precedents:
    """The cases of `path`. `signals_of` reads the signals of a text, when likeness of needs is to count.

    Raises CatalogueError with file, key and what to write instead.
    """
    entries = validated(CaseFile, read(path), path.name).precedents
    cases = tuple(sorted(entries, key=lambda c: c.id))
    bags = [frozenset(words(c.situation)) for c in cases]
    word_rarity = {w: r for w, r in _rarity(bags).items() if r >= log(1 / _COMMON)}
    lengths = [sqrt(sum(word_rarity.get(w, 0.0) ** 2 for w in bag)) or 1.0 for bag in bags]
    signals = [signals_of(c.situation) if signals_of else frozenset[str]() for c in cases]
    signal_rarity = _rarity(signals)
    stated = [buckets(c.facts) for c in cases]
    return Precedents(
        cases=cases,
        tasks={task: tuple(_task_share(task, c.task_type) for c in cases) for task in (*get_args(TaskType), None)},
        domains=_postings([frozenset({c.domain} if c.domain else ()) for c in cases], lambda _, __: SHARE_DOMAIN),
        words=_postings(
            [bag & word_rarity.keys() for bag in bags], lambda w, i: SHARE_WORDS * word_rarity[w] / lengths[i]
        ),
        word_rarity=word_rarity,
        signals=_postings(signals, lambda s, _: signal_rarity[s]),
        signal_rarity=signal_rarity,
        signal_totals=tuple(sum(signal_rarity[s] for s in sorted(each)) for each in signals),
        stated=_postings(stated, lambda _, __: 1.0),
        stated_counts=tuple(len(each) for each in stated),
    )


def _rarity(bags: Sequence[frozenset[str]]) -> dict[str, float]:
    """Inverse document frequency, log(bags / bags that have the word): 0 for a word that all have."""
    counts = Counter(w for bag in bags for w in bag)
    return {w: log(len(bags) / counts[w]) for w in sorted(counts)}


def _postings(bags: Sequence[frozenset[str]], share: Callable[[str, int], float]) -> Postings:
    made: dict[str, list[tuple[int, float]]] = {}
    for number, bag in enumerate(bags):
        for word in sorted(bag):
            made.setdefault(word, []).append((number, share(word, number)))
    return {word: tuple(found) for word, found in made.items()}


def _task_share(asked: TaskType | None, had: TaskType) -> float:
    if asked == had:
        return SHARE_TASK
    return SHARE_TASK / 2 if asked is not None and frozenset((asked, had)) in NEAR_TASKS else 0.0


def words(text: str) -> list[str]:
    """Words of a text without their plural s, in lower case; at most `MOST_WORDS` different ones."""
    found = dict.fromkeys(_WORD.findall(text.lower()))
    return [w[:-1] if w.endswith("s") and not w.endswith("ss") else w for w in list(found)[:MOST_WORDS]]


def nearest(
    facts: Facts,
    scores: Mapping[Need, Score],  # noqa: ARG001 - the interface; the signals behind the needs are compared
    precedents: Precedents,
    approach: Approach,
) -> tuple[Precedent, ...]:
    """The most similar cases, best first, of which at least one dissents from `approach` when any case does."""
    likeness = similarities(facts, precedents)
    order = sorted(range(len(likeness)), key=likeness.__getitem__, reverse=True)  # stable: equal ones by id
    cases = precedents.cases
    shown = order[:SHOWN]
    if all(cases[i].outcome == approach for i in shown):
        dissent = next((i for i in order if cases[i].outcome != approach), None)
        if dissent is not None:
            shown = [*shown[: SHOWN - 1], dissent]
    return tuple(_told(cases[i], likeness[i], approach) for i in shown)


def similarities(facts: Facts, precedents: Precedents) -> list[float]:
    """Likeness of each case to the task, 0 to 1."""
    made = list(precedents.tasks[facts.task_type])
    for number, share in precedents.domains.get(facts.domain or "", ()):
        made[number] += share
    _add_words(made, facts.text, precedents)
    _add_signals(made, facts, precedents)
    _add_stated(made, facts, precedents)
    return made


def _add_words(made: list[float], text: str, precedents: Precedents) -> None:
    """Cosine of inverse-document-frequency vectors, over words that the cases know."""
    rarity = precedents.word_rarity
    known = [(w, rarity[w]) for w in words(text) if w in rarity]
    length = sqrt(sum(weight * weight for _, weight in known)) or 1.0
    for word, weight in known:
        part = weight / length
        for number, share in precedents.words[word]:
            made[number] += part * share


def _add_signals(made: list[float], facts: Facts, precedents: Precedents) -> None:
    """Shared signals over all signals of both, each by its rarity."""
    here = 0.0
    shared: dict[int, float] = {}
    for signal in facts.signals:
        here += precedents.signal_rarity.get(signal, 1.0)
        for number, rarity in precedents.signals.get(signal, ()):
            shared[number] = shared.get(number, 0.0) + rarity
    totals = precedents.signal_totals
    for number, both in shared.items():
        made[number] += SHARE_SIGNALS * both / (here + totals[number] - both)


def _add_stated(made: list[float], facts: Facts, precedents: Precedents) -> None:
    """Shared facts over the smaller number of stated ones."""
    here = buckets(facts)
    shared: dict[int, int] = {}
    for fact in here:
        for number, _ in precedents.stated.get(fact, ()):
            shared[number] = shared.get(number, 0) + 1
    counts = precedents.stated_counts
    for number, both in shared.items():
        made[number] += SHARE_FACTS * both / min(len(here), counts[number])


def buckets(facts: Facts | CaseFacts) -> frozenset[str]:
    """Stated facts, numbers to the nearest power of ten, for comparison."""
    found = []
    for name in ("requests_per_day", "latency_p95_seconds", "labelled_examples"):
        value = getattr(facts, name)
        if value:
            found.append(f"{name}:{round(log10(value))}")
    for name in ("knowledge_changes", "output_format", "self_hosting_required"):
        value = getattr(facts, name)
        if value is not None and value is not False:
            found.append(f"{name}:{value}")
    return frozenset(found)


def _told(case: CaseEntry, likeness: float, approach: Approach) -> Precedent:
    when = f" ({case.year})" if case.year else ""
    return Precedent(
        id=case.id,
        title=f"{case.title}{when}",
        outcome=case.outcome,
        similarity=round(min(1.0, likeness), 4),
        source=case.source,
        lesson=case.lesson if case.strength == "strong" else f"{case.lesson} (Weak evidence.)",
        agrees=case.outcome == approach,
    )
