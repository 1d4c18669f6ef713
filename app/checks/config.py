""".tunewise.yaml: what an organisation sets for all of its proposals."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from app.checks.book import FindingBook
from app.checks.documents import Document, read_file
from app.checks.finding import FailOn, Severity
from app.checks.proposal import RULE_ID, Waiver
from app.errors import InputError, InputProblem
from app.schemas.base import Names, Request, tuple_from_list
from app.schemas.recommend import Preferences, Requirements
from app.schemas.validation import parse

DEFAULT_FILE = ".tunewise.yaml"
SCHEMA_ID = "https://tunewise.dev/schemas/config.schema.json"
NEVER_OFF = frozenset(("PROPOSAL-INVALID",))
RuleId = Annotated[str, Field(pattern=RULE_ID, max_length=60)]
Amount = Annotated[float, Field(ge=0, le=1e12)]


class Thresholds(Request):
    """Limits in dollars and percent; none is set unless it is written down."""

    over_budget_usd: Amount | None = Field(default=None, examples=[100])
    """The expected cost may exceed the budget by so much; more is an error, less a note."""
    over_budget_percent: Amount | None = Field(default=None, examples=[10])
    """The same in percent of the budget."""
    under_budget_usd: Amount | None = Field(default=None, examples=[5000])
    """A budget that exceeds even the high end by more than this is a warning: money that could go elsewhere."""
    under_budget_percent: Amount | None = Field(default=None, examples=[200])
    """The same in percent of the high end."""
    monthly_usd: Amount | None = Field(default=None, examples=[10000])
    """The expected monthly cost of any proposal."""
    training_usd: Amount | None = Field(default=None, examples=[2000])
    """The expected training cost of any proposal."""
    rise_usd: Amount | None = Field(default=None, examples=[500])
    """With --diff: the expected monthly cost may rise by so much."""
    rise_percent: Amount | None = Field(default=None, examples=[20])
    """With --diff: the same in percent."""
    fall_usd: Amount | None = Field(default=None, examples=[500])
    """With --diff: a fall by more than this is worth a look."""
    fall_percent: Amount | None = Field(default=None, examples=[50])
    """With --diff: the same in percent."""


class Prices(Request):
    """Contract prices of the organisation, used wherever a proposal names none."""

    usd_per_gpu_hour: float | None = Field(default=None, ge=0, le=10_000, examples=[1.9])
    """A GPU-hour."""
    input_usd_per_million_tokens: float | None = Field(default=None, ge=0, le=100_000, examples=[0.25])
    """Input tokens of the prompted base model."""
    output_usd_per_million_tokens: float | None = Field(default=None, ge=0, le=100_000, examples=[2.0])
    """Output tokens of the prompted base model."""


class Defaults(Request):
    """Fields of every proposal that does not set them itself."""

    requirements: Requirements = Requirements()
    """As in a proposal."""
    preferences: Preferences = Preferences()
    """As in a proposal."""


class OrganisationWaiver(Waiver):
    """A waiver for many proposals."""

    paths: Names = ("*",)
    """Patterns of files, such as `archive/*`."""


class Config(Request):
    """The configuration of `tunewise check`; paths in it are relative to its own folder."""

    model_config = ConfigDict(json_schema_extra={"$id": SCHEMA_ID})

    version: Literal[1] = 1
    """Version of this format."""
    fail_on: FailOn | None = None
    """Severity from which the check fails; `--fail-on` wins."""
    ignore: Names = ()
    """Patterns of files that are not checked."""
    defaults: Defaults = Defaults()
    """Organisation defaults."""
    prices: Prices = Prices()
    """Contract prices."""
    severities: dict[RuleId, Severity | Literal["off"]] = Field(default={}, examples=[{"BASELINE-MISSING": "error"}])
    """Another severity for a finding, or `off`."""
    thresholds: Thresholds = Thresholds()
    """Limits in dollars and percent."""
    unwaivable: Annotated[tuple[RuleId, ...], BeforeValidator(tuple_from_list)] = ()
    """Findings that no waiver of a proposal silences, besides those that never can be."""
    waivers: Annotated[tuple[OrganisationWaiver, ...], BeforeValidator(tuple_from_list)] = ()
    """Waivers that the organisation grants."""
    baseline: str | None = Field(default=None, min_length=1)
    """A former `--format json` result; findings in it do not fail the check."""
    catalogue_overlay: str | None = Field(default=None, min_length=1)
    """YAML file of own prices, base models and GPUs, laid over the catalogue."""
    rules: str | None = Field(default=None, min_length=1)
    """Folder of the organisation's own rules of the four needs."""


def load_config(name: str | None, book: FindingBook) -> tuple[Config, Path]:
    """The configuration and the folder that its paths are relative to. Raises InputError with the line.

    Without a name, `.tunewise.yaml` of the working folder counts when there is one.
    """
    path = Path(name or DEFAULT_FILE)
    if name is None and not path.is_file():
        return Config(), Path()
    documents = read_file(path, path.as_posix())
    if len(documents) != 1:
        raise InputError.at("", f"{path.as_posix()}: must hold one YAML document, not {len(documents)}.")
    config = in_file(documents[0])
    unknown = [*config.severities, *config.unwaivable, *(w.rule for w in config.waivers)]
    for rule in unknown:
        book.kind(rule, f"{path.as_posix()}: {rule}")
    if silenced := NEVER_OFF.intersection(r for r, s in config.severities.items() if s == "off"):
        raise InputError.at(f"/severities/{min(silenced)}", f"{path.as_posix()}: {min(silenced)} cannot be off.")
    return config, path.parent


def in_file(document: Document) -> Config:
    """The configuration in a document; problems name file and line."""
    try:
        if document.problems:
            raise InputError(document.problems)
        return parse(Config, document.data)
    except InputError as error:
        places = [InputProblem(p.pointer, _with_line(document, p), p.hint) for p in error.problems]
        raise InputError(places, error.code) from None


def _with_line(document: Document, problem: InputProblem) -> str:
    return f"{document.file}:{document.place(problem.pointer).line}: {problem.detail}"
