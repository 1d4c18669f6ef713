"""What may stand in rules/decision/*.yaml: reasons, gates, questions, ranges and options, each with its source."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from app.catalogue.strict_yaml import Entry
from app.decision.conditions import FACT_NAMES, Condition, Growth, Slope, Words, tuple_from_list
from app.schemas.vocabulary import Approach, Level


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
    short_known: str | None = None
    """The same with the task's own figures, as `{fact}`, for when they are known."""
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
    assumed: bool = False
    """When nobody stated it, the default that costs were computed for is moved instead."""
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
    moved_by: Words
    """Facts that can open or shut it."""
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
