"""When a reason holds: small declarative conditions over facts, signals, scores and both options' figures.

A condition is data (rules/decision/*.yaml), compiled once into a test. What is unknown never satisfies a
condition: a fact's absence supports neither approach.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from math import log
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from app.catalogue.strict_yaml import Entry
from app.records import record
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts
from app.schemas.report import Score
from app.schemas.vocabulary import Need

FACT_NAMES = frozenset(f.name for f in fields(Facts)) - {"text", "signals", "sources", "conflicts"}
OPTION_NAMES = frozenset(f.name for f in fields(Comparison)) | {"cost_ratio"}


def tuple_from_list(value: object) -> object:
    """Strict mode takes no list for a tuple; YAML has nothing else."""
    return tuple(value) if isinstance(value, list) else value


Words = Annotated[tuple[str, ...], BeforeValidator(tuple_from_list)]


@record
class Situation:
    """Everything that a condition may look at."""

    facts: Facts
    scores: Mapping[Need, Score]
    comparison: Comparison


Test = Callable[[Situation], bool]
Measure = Callable[[Situation], float | None]


class Condition(Entry):
    """One test, or several joined by `all`, `any` or `none`."""

    signal: Words = ()
    """Names of signals; one of them stands in the text."""
    fact: str | None = None
    """Name of a fact."""
    score: Need | None = None
    """Need whose score (0 to 1) is compared."""
    option: str | None = None
    """Figure of the comparison of both options."""
    derived: Literal["quality_gap"] | None = None
    """A figure made of two facts: `quality_gap` is target_quality minus prompted_quality."""
    one_of: Annotated[tuple[str | bool, ...], BeforeValidator(tuple_from_list)] = ()
    """Values of `fact`."""
    at_least: float | None = None
    """Lower bound, included."""
    below: float | None = None
    """Upper bound, excluded."""
    unknown: str | None = None
    """Name of a fact that nobody stated: lets words of the text speak when the figure itself is not there."""
    given: str | None = None
    """Name of a fact that the caller stated; one that was read from the text may be misread."""
    all: Annotated[tuple["Condition", ...], BeforeValidator(tuple_from_list)] = ()
    """Every one holds."""
    any: Annotated[tuple["Condition", ...], BeforeValidator(tuple_from_list)] = ()
    """At least one holds."""
    none: Annotated[tuple["Condition", ...], BeforeValidator(tuple_from_list)] = ()
    """Not one holds."""

    @model_validator(mode="after")
    def _names_known(self) -> "Condition":
        for name in (self.fact, self.unknown, self.given):
            if name is not None and name not in FACT_NAMES:
                raise ValueError(f"no fact is called {name!r}")
        if self.option is not None and self.option not in OPTION_NAMES:
            raise ValueError(f"the comparison has no figure {self.option!r}")
        measured = [n for n in (self.fact, self.score, self.option, self.derived) if n is not None]
        if len(measured) > 1:
            raise ValueError("compare one of fact, score, option and derived; join several with all or any")
        bounded = bool(self.one_of) or self.at_least is not None or self.below is not None
        if bool(measured) != bounded:
            raise ValueError("fact, score, option, derived need one_of, at_least or below; these need one of them")
        if not (measured or self.signal or self.unknown or self.given or self.all or self.any or self.none):
            raise ValueError("an empty condition always holds")
        return self


class Growth(Entry):
    """How a reason's value grows from 0 to 1 with a quantity, in its logarithm; 1 where the quantity is unknown."""

    fact: str | None = None
    """Name of a fact."""
    option: str | None = None
    """Figure of the comparison."""
    start: float = Field(gt=0)
    """Value 0 here."""
    full: float = Field(gt=0)
    """Value 1 here; below `start` when the reason weakens with the quantity."""
    unknown: float = Field(default=1.0, ge=0, le=1)
    """The value when the quantity is not known but the condition holds."""


class Slope(Entry):
    """How a reason's value grows from 0 to 1 with the score of a need."""

    score: Need
    """The need."""
    start: float = Field(ge=0, le=1)
    """Value 0 here."""
    full: float = Field(ge=0, le=1)
    """Value 1 here."""


def quality_gap(situation: Situation) -> float | None:
    """How far the prompt is from the quality that is needed; negative beyond it, None when either is unknown."""
    wanted, reached = situation.facts.target_quality, situation.facts.prompted_quality
    return None if wanted is None or reached is None else wanted - reached


def measure_of(fact: str | None, score: Need | None, option: str | None) -> Measure:
    """How the named quantity is read; None where it is unknown."""
    if fact is not None:
        return lambda s: getattr(s.facts, fact)
    if score is not None:
        return lambda s: s.scores[score].value if score in s.scores else None
    assert option is not None  # noqa: S101 - Condition has checked it
    return lambda s: getattr(s.comparison, option)


def compiled(condition: Condition) -> Test:
    """The test that a condition describes."""
    parts: list[Test] = []
    if condition.signal:
        names = frozenset(condition.signal)
        parts.append(lambda s: not names.isdisjoint(s.facts.signals))
    if condition.unknown is not None:
        name = condition.unknown
        parts.append(lambda s: getattr(s.facts, name) is None)
    if condition.given is not None:
        parts.append(_given(condition.given))
    if condition.fact or condition.score or condition.option or condition.derived:
        parts.append(_comparing(condition))
    if condition.all:
        parts.extend(compiled(c) for c in condition.all)
    if condition.any:
        choices = tuple(compiled(c) for c in condition.any)
        parts.append(lambda s: any(test(s) for test in choices))
    if condition.none:
        refused = tuple(compiled(c) for c in condition.none)
        parts.append(lambda s: not any(test(s) for test in refused))
    if len(parts) == 1:
        return parts[0]
    every = tuple(parts)
    return lambda s: all(test(s) for test in every)


def _given(name: str) -> Test:
    def stated(situation: Situation) -> bool:
        source = situation.facts.sources.get(name)
        return source is not None and source.origin == "given"

    return stated


def _comparing(condition: Condition) -> Test:
    derived = condition.derived is not None
    read = quality_gap if derived else measure_of(condition.fact, condition.score, condition.option)
    if condition.one_of:
        allowed = frozenset(condition.one_of)
        return lambda s: read(s) in allowed
    low = float("-inf") if condition.at_least is None else condition.at_least
    high = float("inf") if condition.below is None else condition.below

    def within(situation: Situation) -> bool:
        value = read(situation)
        return value is not None and low <= value < high

    return within


def growing(growth: Growth | Slope) -> Callable[[Situation], float]:
    """The value, 0 to 1, that a growth or slope describes."""
    if isinstance(growth, Slope):
        need, start, width = growth.score, growth.start, growth.full - growth.start
        return lambda s: min(1.0, max(0.0, (s.scores[need].value - start) / width)) if need in s.scores else 0.0
    read = measure_of(growth.fact, None, growth.option)
    origin, span, otherwise = log(growth.start), log(growth.full) - log(growth.start), growth.unknown

    def grown(situation: Situation) -> float:
        value = read(situation)
        if value is None:
            return otherwise
        return min(1.0, max(0.0, (log(value) - origin) / span)) if value > 0 else float(span < 0)

    return grown


@record
class Names:
    """What a condition looks at."""

    signals: frozenset[str] = frozenset()
    facts: frozenset[str] = frozenset()
    scores: frozenset[Need] = frozenset()
    options: frozenset[str] = frozenset()
    consulted: frozenset[str] = frozenset()
    """Facts whose being unknown, or whose value in a `none`, changes the outcome without being evidence."""

    def plus(self, other: "Names") -> "Names":
        """Both together."""
        return Names(
            self.signals | other.signals,
            self.facts | other.facts,
            self.scores | other.scores,
            self.options | other.options,
            self.consulted | other.consulted,
        )


def names_in(condition: Condition) -> Names:
    """Signals, facts, scores and options that a condition looks at; those under `none` are consulted only."""
    facts = {condition.fact} if condition.fact else set()
    if condition.derived:
        facts |= {"target_quality", "prompted_quality"}
    made = Names(
        frozenset(condition.signal),
        frozenset(facts),
        frozenset({condition.score} if condition.score else ()),
        frozenset({condition.option} if condition.option else ()),
        frozenset(n for n in (condition.unknown, condition.given) if n),
    )
    for part in (*condition.all, *condition.any):
        made = made.plus(names_in(part))
    for part in condition.none:
        inner = names_in(part)
        made = made.plus(Names(options=inner.options, scores=inner.scores, consulted=inner.facts | inner.consulted))
    return made
