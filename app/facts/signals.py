"""Signals and worded facts: pattern hits that stand outside of quotation marks and are not denied."""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from app.facts.lexicon import DOMAIN, FACT, SIGNAL, TASK, load_lexicon, read_data
from app.facts.patterns import Hit
from app.facts.quantities import Quantity
from app.facts.scope import BIT, DISMISSAL, NEGATION, RIVAL, Marked
from app.schemas.facts import Span

SUPPOSED = BIT["supposed"]
"""Imagined, not merely a condition: `unless it is practically free` asks for something."""
NEGATION_REACH = 5
"""Tokens before a hit in which a negation of the same clause silences it."""
DISMISSAL_REACH = 6
"""Tokens behind a hit in which `is not a concern` silences it."""
OBJECT_REACH = 7
"""Tokens behind a main verb that may name what it works on."""
_OPENERS = frozenset((":", "-", "—", "–"))
MAX_SPANS = 8
"""Spans kept of one signal: enough to show, bounded for hostile texts."""


def read_signals(marked: Marked, quantities: Mapping[str, Quantity]) -> Mapping[str, tuple[Span, ...]]:
    """Every signal of the text with the spans where it stands, in the order of the text."""
    signals = load_lexicon().signals
    found: dict[str, list[Span]] = {}
    for label, first, last in _hits(marked, SIGNAL):
        if not denied(marked, first, last, signals[label].negatable):
            _add(found.setdefault(label, []), (marked.tokens.starts[first], marked.tokens.ends[last - 1]))
    if (price := quantities.get("price_per_item")) is not None:
        found.setdefault("price_per_item", []).insert(0, price.span)
    return {name: tuple(spans) for name, spans in found.items()}


def read_worded_facts(marked: Marked, signals: Mapping[str, tuple[Span, ...]]) -> Mapping[str, tuple[str, Span]]:
    """Value and span of each fact that words tell; of several values the one listed first in facts.yaml."""
    said: dict[str, Span] = {}
    for label, first, last in _hits(marked, FACT):
        if label not in said and not denied(marked, first, last, True):
            said[label] = (marked.tokens.starts[first], marked.tokens.ends[last - 1])
    found: dict[str, tuple[str, Span]] = {}
    for name, values in load_lexicon().facts.items():
        for value, told_by in values.items():
            span = said.get(f"{name}={value}") or next((signals[s][0] for s in told_by if s in signals), None)
            if span is not None:
                found[name] = (value, span)
                break
    return found


def clear_winner(marked: Marked, prefix: str, at_least: float, lead: float) -> tuple[str, Span] | None:
    """The domain or task type that words speak of at least `at_least` times and `lead` times as often as any other."""
    counts: dict[str, float] = {}
    spans: dict[str, Span] = {}
    seen: set[tuple[str, int]] = set()
    for label, first, last in _hits(marked, prefix):
        if (label, first) in seen or denied(marked, first, last, True):
            continue
        seen.add((label, first))
        counts[label] = counts.get(label, 0) + 1
        spans.setdefault(label, (marked.tokens.starts[first], marked.tokens.ends[last - 1]))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if not ranked or ranked[0][1] < at_least or (len(ranked) > 1 and ranked[0][1] < lead * ranked[1][1]):
        return None
    return ranked[0][0], spans[ranked[0][0]]


@cache
def _leads() -> tuple[Mapping[str, str], Mapping[str, frozenset[str]]]:
    """Task type of each main verb, and the closed lists that go with them (data/tasks.yaml)."""
    data = read_data("tasks.yaml")
    verbs = {verb: task for task, words in data["lead_verbs"].items() for verb in words}
    lists = ("noun_verbs", "before_objects", "code_objects", "question_objects")
    return MappingProxyType(verbs), MappingProxyType({name: frozenset(data[name]) for name in lists})


def led_task(marked: Marked) -> tuple[str, Span] | None:
    """The task type of the plain verb that a sentence begins with; None when there is none, or two that differ."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    verbs, _ = _leads()
    if verbs.keys().isdisjoint(words):
        return None
    found: dict[str, Span] = {}
    for i, word in enumerate(words):
        if word in verbs and (i == 0 or sentence[i - 1] != sentence[i] or words[i - 1] in _OPENERS):
            task = None if marked.tokens.quoted[i] else _asked(words, i)
            if task is not None:
                found.setdefault(task, (marked.tokens.starts[i], marked.tokens.ends[i]))
    return next(iter(found.items())) if len(found) == 1 else None


def _asked(words: list[str], i: int) -> str | None:
    """What the verb at token i asks for: `Write a query` asks for code, `Label printers` for nothing."""
    verbs, lists = _leads()
    behind, task = words[i + 1 : i + 1 + OBJECT_REACH], verbs[words[i]]
    if words[i] in lists["noun_verbs"] and lists["before_objects"].isdisjoint(behind[:1]):
        return None
    if task in ("generation", "translation") and not lists["code_objects"].isdisjoint(behind):
        return "code"
    return None if task == "qa" and lists["question_objects"].isdisjoint(behind) else task


def _hits(marked: Marked, kind: str) -> Iterator[Hit]:
    """Hits of one kind outside of quotation marks."""
    quoted = marked.tokens.quoted
    return (hit for hit in marked.hits.get(kind, ()) if not quoted[hit[1]])


def denied(marked: Marked, first: int, last: int, negatable: bool) -> bool:
    """Negated, dismissed, somebody else's or hypothetical; a negation inside of the hit itself belongs to it."""
    clause, marks = marked.clause, marked.marks
    here = clause[first]
    before = 0
    for k in range(max(0, first - NEGATION_REACH), first):
        if clause[k] == here:
            before |= marks[k]
    if before & RIVAL and not before & NEGATION:
        return True
    if not negatable:
        return False
    if before & (NEGATION | DISMISSAL | SUPPOSED):
        return True
    there, behind = clause[last - 1], 0
    for k in range(last, min(len(marks), last + DISMISSAL_REACH)):
        if clause[k] == there:
            behind |= marks[k]
    return bool(behind & DISMISSAL)


def _add(spans: list[Span], span: Span) -> None:
    """Keep spans apart: one that overlaps the last joins it."""
    if spans and span[0] < spans[-1][1]:
        spans[-1] = (spans[-1][0], max(spans[-1][1], span[1]))
    elif len(spans) < MAX_SPANS:
        spans.append(span)


__all__ = ["DOMAIN", "TASK", "clear_winner", "denied", "led_task", "read_signals", "read_worded_facts"]
