"""The decision's judgements (rules/decision/*.yaml) and fitted weights (models/decision.json), checked once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from app.catalogue.strict_yaml import Entry, read, validated
from app.decision.conditions import (
    FACT_NAMES,
    Condition,
    Growth,
    Names,
    Situation,
    Slope,
    Words,
    compiled,
    growing,
    names_in,
    tuple_from_list,
)
from app.errors import CatalogueError
from app.schemas.vocabulary import Approach, Level

WEIGHT_DECIMALS = 4
"""Weights are kept to this many decimals, so that they add up to the log-odds exactly as printed."""


class SourceEntry(Entry):
    """Where a judgement comes from."""

    title: str
    """What it is."""
    href: str
    """Where it is."""


class Prior(Entry):
    """What is believed of a reason's weight before any case is looked at."""

    weight: float = Field(ge=0, le=6)
    """Log-odds toward the reason's approach."""
    sources: Words
    """Keys of the file's `sources`."""
    why: str
    """The argument, in one sentence."""


class ReasonEntry(Entry):
    """A reason for one of the approaches."""

    code: str = Field(pattern=r"^[A-Z][A-Z0-9_]+$")
    """Stable reason code."""
    toward: Approach
    """The approach it supports; no fitted weight may contradict it."""
    about: Literal["quality", "data", "running", "team"]
    """What it is about: the quality reached, the data to learn from, running it, or how the team works."""
    short: str
    """The reason as a clause that goes on from "because"."""
    text: str
    """In words, for people who decide."""
    prior: Prior
    """Its weight before fitting."""
    when: Condition | None = None
    """When it holds; always, when left out (the starting point)."""
    grows: Growth | Slope | None = None
    """How strongly it holds."""
    fitted: bool = True
    """False: too rare in the cases to be fitted; the prior is used."""


class ReasonFile(Entry):
    """rules/decision/reasons.yaml."""

    sources: dict[str, SourceEntry]
    """Every source, once."""
    reasons: list[ReasonEntry]
    """Every reason."""

    @model_validator(mode="after")
    def _consistent(self) -> "ReasonFile":
        codes = [r.code for r in self.reasons]
        twice = sorted({c for c in codes if codes.count(c) > 1})
        if twice:
            raise ValueError(f"code {twice[0]} stands twice")
        for reason in self.reasons:
            lost = [s for s in reason.prior.sources if s not in self.sources]
            if lost or not reason.prior.sources:
                raise ValueError(f"{reason.code} needs a prior with known sources, found {lost}")
        return self


class Answer(Entry):
    """One plausible answer to a question."""

    value: float | bool | str
    """The value of the fact."""
    share: float = Field(gt=0, le=1)
    """How likely it is, before asking."""
    needs_task: Words = ()
    """Task types for which it is plausible; all when empty."""


class QuestionEntry(Entry):
    """A fact worth asking for, with its plausible answers."""

    fact: str
    """The fact."""
    question: str
    """What to ask."""
    answers: list[Answer]
    """What people answer."""
    source: str
    """Where the shares come from."""

    @model_validator(mode="after")
    def _known(self) -> "QuestionEntry":
        if self.fact not in FACT_NAMES:
            raise ValueError(f"no fact is called {self.fact!r}")
        return self


class RangeEntry(Entry):
    """Over which values a requirement is moved to find where the verdict flips."""

    fact: str
    """The requirement."""
    label: str
    """The requirement in words."""
    low: float | None = None
    """Smallest plausible value."""
    high: float | None = None
    """Largest plausible value."""
    values: Annotated[tuple[str | bool, ...], BeforeValidator(tuple_from_list)] = ()
    """Values of a closed vocabulary, instead of low and high."""
    whole: bool = False
    """Only whole numbers make sense."""
    ratio: float = Field(default=0.02, gt=0)
    """Bisection stops when the two sides differ by less than this share."""
    source: str
    """Why this range."""

    @model_validator(mode="after")
    def _known(self) -> "RangeEntry":
        if self.fact not in FACT_NAMES:
            raise ValueError(f"no fact is called {self.fact!r}")
        bounds = self.low is not None and self.high is not None and 0 < self.low < self.high
        if bounds == bool(self.values):
            raise ValueError(f"{self.fact} needs either 0 < low < high, or values")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value of a numeric range."""
        return (self.low or 0.0, self.high or 0.0)


class GateEntry(Entry):
    """What makes an approach impossible, or nearly so."""

    code: str
    """Stable code, shown as a reason."""
    toward: Approach
    """The approach that remains."""
    weight: float = Field(gt=0)
    """Log-odds toward the approach that remains."""
    short: str
    """The gate as a clause that goes on from "because"."""
    text: str
    """In words."""
    source: str
    """Why, and why so strong."""


class DecisionSettings(Entry):
    """Numbers of the decision that are judgements."""

    close_call_log_odds: float = Field(gt=0)
    """Within this distance of even odds it is a close call, and prompting is the default."""
    foreign_language_trust: float = Field(ge=0, le=1)
    """Share of the log-odds that is trusted when the text is not English."""
    few_labels: float
    """Examples below which tuning has nothing to learn from."""
    latency_slack: float = Field(gt=0)
    """An option misses a latency limit when its expected p95 is more than this many times the limit."""
    evaluation_examples: float
    """Examples for a first measurement of prompting."""
    least_evaluation_examples: float
    """Fewest examples for a measurement, when labelled ones are few."""
    age_of_evidence: str
    """How old the cases behind the weights are, as a caveat."""
    source: str
    """Where these numbers come from."""


class DaysEntry(Entry):
    """Working days until an option can serve."""

    low: float
    """A quick team."""
    expected: float
    """Usual."""
    high: float
    """A slow one."""


class OptionEntry(Entry):
    """What is assumed of one way to do it, beside its figures."""

    title: str
    """In words."""
    approach: Approach
    """Its approach."""
    days: DaysEntry
    """Working days until it can serve."""
    effort: Level
    """Work to get there, when labelled examples exist."""
    source: str
    """Where that comes from."""


class JudgementFile(Entry):
    """rules/decision/judgements.yaml."""

    settings: DecisionSettings
    """Numbers."""
    gates: list[GateEntry]
    """Gates."""
    questions: list[QuestionEntry]
    """Facts worth asking for."""
    ranges: list[RangeEntry]
    """Requirements that are moved."""
    options: dict[str, OptionEntry]
    """The four ways to do it."""
    labelling_days: DaysEntry
    """Working days for labelling, when examples are lacking."""


FILES = ("reasons.yaml", "judgements.yaml")
"""The files of rules/decision."""


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """A reason, compiled."""

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
    names: Names
    sources: tuple[str, ...]

    def value(self, situation: Situation) -> float:
        """How strongly it holds, 0 to 1."""
        if self.holds is not None and not self.holds(situation):
            return 0.0
        return 1.0 if self.grown is None else self.grown(situation)


@dataclass(frozen=True, slots=True)
class DecisionBook:
    """Everything that the decision needs beside the task: reasons with weights, gates, questions, ranges."""

    reasons: tuple[ReasonRule, ...]
    settings: DecisionSettings
    gates: Mapping[str, GateEntry]
    questions: tuple[QuestionEntry, ...]
    ranges: tuple[RangeEntry, ...]
    options: Mapping[str, OptionEntry]
    labelling_days: DaysEntry
    sources: Mapping[str, SourceEntry]
    digest: str
    """SHA-256 of judgements and weights."""

    @property
    def by_code(self) -> dict[str, ReasonRule]:
        """Reasons by their code."""
        return {r.code: r for r in self.reasons}


def load_decision(folder: Path, weights: Path | None) -> DecisionBook:
    """Read `folder` (rules/decision) and the fitted weights; without `weights` the priors are used.

    Raises CatalogueError with file, key and what to write instead.
    """
    raw = {name: read(folder / name) for name in FILES}
    reasons = validated(ReasonFile, raw["reasons.yaml"], "reasons.yaml")
    rest = validated(JudgementFile, raw["judgements.yaml"], "judgements.yaml")
    fitted = read_weights(weights) if weights is not None else {}
    rules = tuple(_rule(entry, reasons.sources, fitted if weights is not None else None) for entry in reasons.reasons)
    lost = sorted(set(fitted) - {r.code for r in rules})
    if lost:
        raise _unfitted(lost[0], "A weight without a reason.")
    return DecisionBook(
        reasons=rules,
        settings=rest.settings,
        gates={g.code: g for g in rest.gates},
        questions=tuple(rest.questions),
        ranges=tuple(rest.ranges),
        options=rest.options,
        labelling_days=rest.labelling_days,
        sources=reasons.sources,
        digest=_digest(raw, fitted),
    )


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
        names=names,
        sources=tuple(sources[s].title for s in entry.prior.sources),
    )


def _unfitted(code: str, detail: str) -> CatalogueError:
    return CatalogueError("decision.json", code, detail, "`make train` to fit the weights anew.")


def _digest(raw: Mapping[str, Any], fitted: Mapping[str, float]) -> str:
    """SHA-256 over judgements and weights with keys in order."""
    canonical = json.dumps([raw, fitted], sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
