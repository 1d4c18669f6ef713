"""The decision's judgements (rules/decision/*.yaml) and fitted weights (models/decision.json), checked once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from app.catalogue.strict_yaml import read, validated
from app.decision.conditions import Condition, Names, Situation, Slope, compiled, growing, names_in
from app.decision.entries import (
    DaysEntry,
    DecisionSettings,
    GateEntry,
    JudgementFile,
    OptionEntry,
    QuestionEntry,
    RangeEntry,
    ReasonEntry,
    ReasonFile,
    SourceEntry,
)
from app.errors import CatalogueError
from app.kept import kept
from app.records import record
from app.schemas.vocabulary import NEEDS, Approach, Need

WEIGHT_DECIMALS = 4
"""Weights are kept to this many decimals, so that they add up to the log-odds exactly as printed."""
LEAST_STRENGTH = 0.02
"""A reason that holds less than this is not worth saying, so it does not count either."""
FILES = ("reasons.yaml", "judgements.yaml")
"""The files of rules/decision."""
NeedsRead = Mapping[str, frozenset[Need]]
"""From a fact to the needs whose scores it can change."""
ALL_NEEDS: frozenset[Need] = frozenset(NEEDS)


@record(eq=False)
class ReasonRule:
    """A reason, compiled; compared by identity, which is cheap."""

    code: str
    toward: Approach
    text: str
    weight: float
    """Log-odds toward fine-tuning at value 1: negative for reasons toward prompting."""
    prior: float
    """The same before fitting."""
    fitted: bool
    holds: Callable[[Situation], bool] | None
    grown: Callable[[Situation], float] | None
    about: str
    short: str
    short_known: str | None
    names: Names
    when: Condition | None
    needed: frozenset[str]
    """Facts without which it cannot hold."""
    sources: tuple[str, ...]

    def value(self, situation: Situation) -> float:
        """How strongly it holds, 0 to 1."""
        if self.holds is not None and not self.holds(situation):
            return 0.0
        if self.grown is None:
            return 1.0
        grown = self.grown(situation)
        return grown if grown >= LEAST_STRENGTH else 0.0


@record
class Index:
    """Reasons by what makes them hold, so that only those are tried that can."""

    by_signal: Mapping[str, tuple[ReasonRule, ...]]
    """Reasons that hold when one of their signals stands in the text, and otherwise never."""
    by_task: Mapping[str, tuple[ReasonRule, ...]]
    """Reasons that hold for a task type, and otherwise never."""
    others: tuple[ReasonRule, ...]


@record
class DecisionBook:
    """Everything that the decision needs beside the task: reasons with weights, gates, questions, ranges."""

    reasons: tuple[ReasonRule, ...]
    index: Index
    settings: DecisionSettings
    gates: Mapping[str, GateEntry]
    questions: tuple[QuestionEntry, ...]
    ranges: tuple[RangeEntry, ...]
    options: Mapping[str, OptionEntry]
    labelling_days: DaysEntry
    sources: Mapping[str, SourceEntry]
    digest: str
    """SHA-256 of judgements and weights."""
    needs_read: NeedsRead | None = None
    """Which scores a fact can change; None: every fact may change every score."""

    def needs_moved(self, fact: str) -> frozenset[Need]:
        """Needs whose scores `fact` can change."""
        return ALL_NEEDS if self.needs_read is None else self.needs_read.get(fact, frozenset())

    @property
    def by_code(self) -> dict[str, ReasonRule]:
        """Reasons by their code."""
        return {r.code: r for r in self.reasons}


def load_decision(folder: Path, weights: Path | None, needs_read: NeedsRead | None = None) -> DecisionBook:
    """Read `folder` (rules/decision) and the fitted weights; without `weights` the priors are used.

    `needs_read` tells which scores each fact can change (from the rules of the needs); knowing it saves evaluations
    when sensitivity is looked for, leaving it out changes no result.

    Raises CatalogueError with file, key and what to write instead.
    """
    raw, reasons, rest = kept("decision", [folder / name for name in FILES], lambda: _files(folder))
    fitted = read_weights(weights) if weights is not None else {}
    rules = tuple(_rule(entry, reasons.sources, fitted if weights is not None else None) for entry in reasons.reasons)
    lost = sorted(set(fitted) - {r.code for r in rules})
    if lost:
        raise _unfitted(lost[0], "A weight without a reason.")
    return DecisionBook(
        reasons=rules,
        index=_index(rules),
        settings=rest.settings,
        gates={g.code: g for g in rest.gates},
        questions=tuple(rest.questions),
        ranges=tuple(rest.ranges),
        options=rest.options,
        labelling_days=rest.labelling_days,
        sources=reasons.sources,
        digest=_digest(raw, fitted),
        needs_read=needs_read,
    )


def _files(folder: Path) -> tuple[dict[str, Any], ReasonFile, JudgementFile]:
    """The files as they are, and checked."""
    raw = {name: read(folder / name) for name in FILES}
    reasons = validated(ReasonFile, raw["reasons.yaml"], "reasons.yaml")
    return raw, reasons, validated(JudgementFile, raw["judgements.yaml"], "judgements.yaml")


def read_weights(path: Path) -> dict[str, float]:
    """Fitted weights by reason code. Raises CatalogueError."""
    try:
        made = json.loads(path.read_text(encoding="utf-8"))["weights"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CatalogueError(path.name, "weights", f"Cannot be read: {error}.", "`make train` to fit anew.") from None
    return {str(code): float(weight) for code, weight in made.items()}


def _rule(entry: ReasonEntry, sources: Mapping[str, SourceEntry], fitted: Mapping[str, float] | None) -> ReasonRule:
    sign = 1.0 if entry.toward == "fine_tuning" else -1.0
    prior = sign * entry.prior.weight
    weight = prior
    if fitted is not None and entry.fitted:
        if entry.code not in fitted:
            raise _unfitted(entry.code, "The reason has no fitted weight.")
        weight = fitted[entry.code]
        if weight * sign < 0:
            raise _unfitted(entry.code, f"The weight speaks against {entry.toward}, the reason for it.")
    names = names_in(entry.when) if entry.when else Names()
    if isinstance(entry.grows, Slope):
        names = names.plus(Names(scores=frozenset({entry.grows.score})))
    elif entry.grows is not None:
        fact, option = entry.grows.fact, entry.grows.option
        names = names.plus(
            Names(facts=frozenset({fact} if fact else ()), options=frozenset({option} if option else ()))
        )
    return ReasonRule(
        code=entry.code,
        toward=entry.toward,
        text=entry.text,
        weight=round(weight, WEIGHT_DECIMALS),
        prior=prior,
        fitted=entry.fitted,
        holds=compiled(entry.when) if entry.when else None,
        grown=growing(entry.grows) if entry.grows else None,
        about=entry.about,
        short=entry.short,
        short_known=entry.short_known,
        names=names,
        when=entry.when,
        needed=_needed(entry.when),
        sources=tuple(sources[s].title for s in entry.prior.sources),
    )


def _needed(when: Condition | None) -> frozenset[str]:
    """Facts that must be known for the condition to hold."""
    if when is None:
        return frozenset()
    own = {name for name in (when.fact, when.given) if name}
    if when.derived:
        own |= {"target_quality", "prompted_quality"}
    return frozenset(own).union(*(_needed(part) for part in when.all))


def _index(rules: tuple[ReasonRule, ...]) -> Index:
    by_signal: dict[str, list[ReasonRule]] = {}
    by_task: dict[str, list[ReasonRule]] = {}
    others: list[ReasonRule] = []
    for rule in rules:
        if (signals := _only_signals(rule.when)) is not None:
            for signal in signals:
                by_signal.setdefault(signal, []).append(rule)
        elif (tasks := _only_tasks(rule.when)) is not None:
            for task in tasks:
                by_task.setdefault(task, []).append(rule)
        else:
            others.append(rule)
    return Index(
        {signal: tuple(found) for signal, found in by_signal.items()},
        {task: tuple(found) for task, found in by_task.items()},
        tuple(others),
    )


def _only_signals(when: Condition | None) -> tuple[str, ...] | None:
    """Signals of which one must stand in the text for the condition to hold; None when it can hold without."""
    if when is None:
        return None
    if when.signal:
        return when.signal
    return next((part.signal for part in when.all if part.signal), None)


def _only_tasks(when: Condition | None) -> tuple[str, ...] | None:
    """Task types of which one is needed for the condition to hold; None when it can hold without."""
    if when is None or when.fact != "task_type":
        return None
    return cast("tuple[str, ...]", when.one_of)


def _unfitted(code: str, detail: str) -> CatalogueError:
    return CatalogueError("decision.json", code, detail, "`make train` to fit the weights anew.")


def _digest(raw: Mapping[str, Any], fitted: Mapping[str, float]) -> str:
    """SHA-256 over judgements and weights with keys in order."""
    canonical = json.dumps([raw, fitted], sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
