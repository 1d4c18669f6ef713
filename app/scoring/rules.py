"""The needs rules: argued judgements in rules/<need>.yaml, loaded strictly and evaluated as CEL.

`load_rules(folder)` reads one file per need, refuses what is wrong (unknown key, duplicate id, unknown name, a
condition that fails on an unknown fact, a missing firing or quiet example, weight 0) and gives a `RuleBook`.
`RuleBook.evaluate(facts, comparison)` gives the evidence per need. A rule that fails is "not evaluated": it is
reported with weight 0 and never taken for false.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any

from app.catalogue.strict_yaml import read, validated
from app.errors import CatalogueError, UnknownNameError
from app.kept import kept
from app.records import record
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, Span
from app.schemas.report import Evidence
from app.schemas.vocabulary import NEEDS, Need
from app.scoring.conditions import FACT_DEFAULTS, Condition, Known, compile_condition, flat, known_names
from app.scoring.rule_schema import ReferenceEntry, RuleEntry, RuleFile, Status, example_context

QUOTE_MAX = 60
"""Characters of the description that a piece of evidence quotes."""


@record
class Example:
    """A case of a rule's own: values by flat CEL name, and whether the rule fires."""

    given: Mapping[str, Any]
    values: Mapping[str, Any]
    fires: bool


@record
class Rule:
    """A loaded rule; fields as in `RuleEntry`, `when` compiled."""

    id: str
    title: str
    status: Status
    need: Need
    when: Condition
    weight: float
    medium: float
    because: str
    known_limits: str
    reference: tuple[ReferenceEntry, ...]
    examples: tuple[Example, ...]


@record(kw_only=True)
class RuleEvidence(Evidence):
    """Evidence of a rule that fired, with what it says about a middle level."""

    medium: float = 0.0
    """Log-odds on the need being medium rather than low, where it is not high."""


@dataclass(frozen=True)
class RuleBook:
    """All rules, ready to evaluate; immutable. `digest` is the SHA-256 of their content, layout and comments apart."""

    rules: tuple[Rule, ...]
    digest: str

    def __getitem__(self, rule_id: str) -> Rule:
        """The rule of that id, whatever its case. Raises UnknownNameError with the nearest ids."""
        found = self._by_id.get(rule_id.upper())
        if found is None:
            raise UnknownNameError("/id", "rule", rule_id, self._by_id)
        return found

    @cached_property
    def _by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def _active(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.status != "retired")

    @cached_property
    def _names(self) -> dict[str, tuple[str, ...]]:
        """Names that active rules read, by group."""
        found = dict.fromkeys(pair for rule in self._active for pair in rule.when.names)
        return {group: tuple(n for g, n in found if g == group) for group in ("facts", "signals", "options")}

    @property
    def signal_names(self) -> frozenset[str]:
        """Signals that some rule reads."""
        return frozenset(self._names["signals"])

    def evaluate(self, facts: Facts, comparison: Comparison) -> dict[Need, tuple[Evidence, ...]]:
        """Evidence of every rule that fires, per need, in the order of the files; weights are log-odds."""
        values = self._values(facts, comparison)
        made: dict[Need, list[Evidence]] = {need: [] for need in NEEDS}
        for rule in self._active:
            outcome = rule.when.outcome(values)
            if outcome is True:
                made[rule.need].append(_evidence(rule, facts))
            elif outcome is not False:
                made[rule.need].append(_not_evaluated(rule, outcome))
        return {need: tuple(evidence) for need, evidence in made.items()}

    def _values(self, facts: Facts, comparison: Comparison) -> dict[str, Any]:
        """The CEL variables that some rule reads, by flat name."""
        present = facts.signals
        values: dict[str, Any] = {variable: name in present for variable, name in self._signal_variables}
        for variable, read_fact in self._fact_variables:
            value = read_fact(facts)
            values[variable] = float(value) if value.__class__ is int else value  # CEL does not mix int and double
        for variable, read_option in self._option_variables:
            values[variable] = read_option(comparison)
        return values

    @cached_property
    def _signal_variables(self) -> tuple[tuple[str, str], ...]:
        return tuple((flat("signals", name), name) for name in self._names["signals"])

    @cached_property
    def _fact_variables(self) -> tuple[tuple[str, Any], ...]:
        return tuple((flat("facts", name), attrgetter(name)) for name in self._names["facts"])

    @cached_property
    def _option_variables(self) -> tuple[tuple[str, Any], ...]:
        return tuple((flat("options", name), attrgetter(name)) for name in self._names["options"])


def _evidence(rule: Rule, facts: Facts) -> Evidence:
    span = _span(rule.when, facts)
    text = rule.title if span is None else f"{rule.title} (“{_quote(facts.text, span)}”)"
    counted = float(rule.status == "stable")
    return RuleEvidence(
        kind="rule", id=rule.id, text=text, weight=rule.weight * counted, medium=rule.medium * counted, span=span
    )


def _not_evaluated(rule: Rule, why: str) -> Evidence:
    return Evidence(kind="rule", id=rule.id, text=f"Not evaluated: {rule.title} ({why})", weight=0.0)


def _span(condition: Condition, facts: Facts) -> Span | None:
    """Where the first name of the condition that was read from the description stands in it."""
    for group, name in condition.names:
        if group == "signals" and facts.signals.get(name):
            return facts.signals[name][0]
        source = facts.sources.get(name) if group == "facts" else None
        if source is not None and source.span is not None:
            return source.span
    return None


def _quote(text: str, span: Span) -> str:
    quoted = " ".join(text[span[0] : span[1]].split())
    return quoted if len(quoted) <= QUOTE_MAX else quoted[: QUOTE_MAX - 1] + "…"


def load_rules(folder: Path, known_signals: Collection[str] | None = None) -> RuleBook:
    """The rules in `folder`, one file per need. Raises CatalogueError with file, key and what to write.

    `known_signals`: the declared signal names, against which rules are held; without them any signal name goes.
    """
    if known_signals is not None:
        return _read(folder, known_signals)
    return kept("rules", [folder / f"{need}.yaml" for need in NEEDS], lambda: _read(folder, None))


def _read(folder: Path, known_signals: Collection[str] | None) -> RuleBook:
    known = known_names(None if known_signals is None else frozenset(known_signals))
    rules: dict[str, Rule] = {}
    contents: list[Any] = []
    for need in NEEDS:
        file = f"{need}.yaml"
        raw = read(folder / file)
        contents.append(raw)
        for index, entry in enumerate(validated(RuleFile, raw, file).rules):
            key = f"rules.{index}"
            if entry.id in rules:
                raise CatalogueError(file, f"{key}.id", f"Duplicate id {entry.id}.", "an id that no other rule has.")
            if entry.need != need:
                raise CatalogueError(
                    file,
                    f"{key}.need",
                    f"A rule about {entry.need}.",
                    f"need: {need}, or move it to {entry.need}.yaml.",
                )
            rules[entry.id] = _rule(entry, known, file, key)
    digest = hashlib.sha256(json.dumps(contents, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return RuleBook(tuple(rules.values()), digest)


_SAME_IN_RULE = ("id", "title", "status", "need", "weight", "medium", "because", "known_limits")


def _rule(entry: RuleEntry, known: Known, file: str, key: str) -> Rule:
    condition = compile_condition(entry.when, known, file, f"{key}.when")
    for fires, word in ((True, "firing"), (False, "quiet")):
        if not any(example.fires == fires for example in entry.examples):
            write = f"an example {{given: {{...}}, fires: {str(fires).lower()}}} of {entry.id}."
            raise CatalogueError(file, f"{key}.examples", f"No {word} example.", write)
    examples = []
    for index, example in enumerate(entry.examples):
        where = f"{key}.examples.{index}.given"
        values = _complete(condition, example_context(example.given, known, file, where))
        examples.append(Example(example.given, values, example.fires))
    same = {name: getattr(entry, name) for name in _SAME_IN_RULE}
    return Rule(**same, when=condition, reference=tuple(entry.reference), examples=tuple(examples))


def _complete(condition: Condition, values: dict[str, Any]) -> dict[str, Any]:
    """Values for every name of the condition: what the example leaves out is unknown, and a signal is off."""
    unknown = {"facts": FACT_DEFAULTS, "signals": {}, "options": {}}
    off = {"facts": None, "signals": False, "options": None}
    made = {flat(group, name): unknown[group].get(name, off[group]) for group, name in condition.names}
    return made | values


def run_examples(book: RuleBook) -> tuple[str, ...]:
    """Every rule's own examples, retired rules' too: one sentence per example that comes out wrong."""
    return tuple(failure for rule in book.rules for failure in _failures(rule))


def _failures(rule: Rule) -> Iterable[str]:
    for example in rule.examples:
        outcome = rule.when.outcome(example.values)
        if outcome != example.fires:
            wanted = "should fire" if example.fires else "should be quiet"
            got = f"fails: {outcome}" if isinstance(outcome, str) else "does not"
            yield f"{rule.id}: {wanted} on {dict(example.given)}, {got}"


def explain(book: RuleBook, rule_id: str) -> str:
    """A rule in words, for people. Raises UnknownNameError with the nearest ids."""
    rule = book[rule_id]
    counted = {"stable": "", "experimental": " (on trial: shown, counts 0)", "retired": " (retired: not used)"}
    direction = "toward" if rule.weight > 0 else "against"
    lines = [
        f"{rule.id}: {rule.title}",
        f"Need: {rule.need}, {direction} it by {abs(rule.weight):g} log-odds{_middle(rule)}{counted[rule.status]}",
        f"When: {rule.when.source}",
        f"Because: {rule.because}",
        f"Known limits: {rule.known_limits}",
        *(f"Reference: {reference.title} <{reference.href}>" for reference in rule.reference),
        *(f"Example: {'fires' if e.fires else 'quiet'} on {_in_words(e.given)}" for e in rule.examples),
    ]
    return "\n".join(lines)


def _middle(rule: Rule) -> str:
    return f"; {rule.medium:+g} on medium rather than low" if rule.medium else ""


def _in_words(given: Mapping[str, Any]) -> str:
    facts = {name: value for name, value in given.items() if name not in ("signals", "options")}
    parts = [f"{name} = {value}" for name, value in {**facts, **given.get("options", {})}.items()]
    return ", ".join(parts + [f"signal {name}" for name in given.get("signals", ())]) or "nothing known"
