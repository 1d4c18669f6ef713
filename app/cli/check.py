"""`tunewise check`: the arguments, the formats, the exit code."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.exits import BAD_INPUT, FINDING, NO_PROPOSAL, PASS
from app.errors import InputError, InputProblem, nearest_names
from app.records import record

if TYPE_CHECKING:
    from app.checks.advisor import Advisor
    from app.checks.config import Config
    from app.checks.examine import Setting
    from app.checks.finding import FailOn
    from app.checks.run import Result

LEVELS = ("never", "info", "warning", "error")


@record(kw_only=True)
class Arguments:
    """What the command line says."""

    paths: Sequence[str]
    formats: Sequence[str]
    fail_on: str | None
    baseline: str | None
    config: str | None
    diff: str | None
    url: str | None
    timeout: float
    as_of: str | None
    thresholds: Sequence[str]


@record
class Output:
    """A format and where it goes; None: stdout."""

    name: str
    path: Path | None


def check(arguments: Arguments) -> int:
    """Check, write every format, and give the exit code. Raises InputError and UnreachableError."""
    from app.checks.run import run

    outputs = outputs_of(arguments.formats)
    setting = _setting(arguments)
    base = None
    if arguments.diff is not None:
        from app.checks.git_base import BaseBranch

        base = BaseBranch(arguments.diff)
    result = run(arguments.paths or ["."], setting, base)
    for note in result.notes:
        _say(note)
    _write(result, outputs)
    return _exit_code(result, arguments.paths)


def outputs_of(formats: Sequence[str]) -> list[Output]:
    """`FORMAT` or `FORMAT=PATH`, at most one of them on stdout. Raises InputError."""
    from app.checks.formats import NAMES

    made = []
    for text in formats or ("text",):
        name, given, path = text.partition("=")
        if name not in NAMES:
            near = nearest_names(name, NAMES, limit=1)
            hint = f"Did you mean {near[0]}?" if near else f"One of: {', '.join(NAMES)}."
            raise InputError.at("", f"--format {text[:80]}: unknown format.", hint)
        if given and not path:
            raise InputError.at("", f"--format {text[:80]}: the path is missing.")
        made.append(Output(name, Path(path) if path else None))
    if sum(output.path is None for output in made) > 1:
        raise InputError.at("", "Two formats on stdout would run into each other.", "Give all but one a path.")
    return made


def _setting(arguments: Arguments) -> "Setting":
    from app.checks.baseline import load_baseline
    from app.checks.book import load_findings
    from app.checks.config import load_config
    from app.checks.examine import Setting

    book = load_findings()
    config, folder = load_config(arguments.config, book)
    config = _with_thresholds(config, arguments.thresholds)
    named = arguments.baseline
    baseline_path = Path(named) if named else folder / config.baseline if config.baseline else None
    return Setting(
        advisor=_advisor(arguments, config, folder),
        config=config,
        book=book,
        as_of=_day(arguments.as_of),
        fail_on=_level(arguments.fail_on, config),
        baseline=load_baseline(str(baseline_path), baseline_path) if baseline_path else {},
    )


def _level(told: str | None, config: "Config") -> "FailOn":
    from app.checks.finding import FailOn  # noqa: F401 - the type of the answer

    level = told or config.fail_on or "error"
    if level not in LEVELS:
        raise InputError.at("", f"--fail-on {level[:40]}: unknown.", f"One of: {', '.join(LEVELS)}.")
    return level  # type: ignore[return-value]  # checked above


def _day(told: str | None) -> date:
    if told is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise InputError.at("", f"--as-of {told[:40]}: no date.", "Write it as 2026-11-24.") from None


def _with_thresholds(config: "Config", told: Sequence[str]) -> "Config":
    from app.checks.config import Thresholds
    from app.schemas.validation import parse

    if not told:
        return config
    values: dict[str, object] = config.thresholds.model_dump(exclude_none=True)
    for text in told:
        name, _, value = text.partition("=")
        try:
            values[name] = float(value)
        except ValueError:
            raise InputError.at("", f"--threshold {text[:80]}: no number.", "Write NAME=NUMBER.") from None
    try:
        return config.model_copy(update={"thresholds": parse(Thresholds, values)})
    except InputError as error:
        at = [
            InputProblem("", f"--threshold {p.pointer.removeprefix('/')}: {p.detail}", p.hint) for p in error.problems
        ]
        raise InputError(at) from None


def _advisor(arguments: Arguments, config: "Config", folder: Path) -> "Advisor":
    if arguments.url is not None:
        from app.cli.remote_advisor import RemoteAdvisor

        return RemoteAdvisor(arguments.url, os.environ.get("TUNEWISE_API_KEY"), arguments.timeout)
    from app.checks.advisor import LocalAdvisor
    from app.pipeline import load_world
    from app.shipped import named_overlay

    overlay = folder / config.catalogue_overlay if config.catalogue_overlay else named_overlay()
    world = load_world(overlay)
    if config.rules is not None:
        from app.checks.own_rules import with_own_rules

        world = with_own_rules(world, folder / config.rules)
    return LocalAdvisor(world)


def _write(result: "Result", outputs: Sequence[Output]) -> None:
    """Files first, so that a closed pipe on stdout loses none of them."""
    from app.checks.formats import renderer

    for output in sorted(outputs, key=lambda o: o.path is None):
        text = renderer(output.name)(result)
        if output.path is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            continue
        try:
            output.path.parent.mkdir(parents=True, exist_ok=True)
            output.path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError.at("", f"{output.path}: {error.strerror or 'cannot be written'}.") from None


def _exit_code(result: "Result", paths: Sequence[str]) -> int:
    for each in result.unreadable:
        for finding, problem in zip(each.findings, each.document.problems, strict=True):
            told = " ".join(part for part in (finding.message, problem.hint) if part)
            _say(f"{finding.file}:{finding.line}:{finding.column}: {told}")
    if result.unreadable:
        return BAD_INPUT
    if not result.examined:
        _say(f"no proposal found in {', '.join(paths) or 'this folder'}: files are called *.proposal.yaml.")
        return NO_PROPOSAL
    return FINDING if result.blocks else PASS


def _say(text: str) -> None:
    print(f"tunewise: {text}", file=sys.stderr)
