"""GitHub workflow commands: annotations at the line."""

from app.checks.finding import Finding
from app.checks.formats import words
from app.checks.run import Result

COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(result: Result) -> str:
    """One command a finding (waived ones left out), then the headline for the log."""
    lines = [_command(finding) for finding in result.findings if finding.state != "waived"]
    return "\n".join([*lines, _data(words.headline(result))]) + "\n"


def _command(finding: Finding) -> str:
    command = "notice" if finding.state == "known" else COMMANDS[finding.severity]
    places = f"file={_property(finding.file)},line={finding.line},col={finding.column}"
    title = _property(f"{finding.rule} ({words.standing(finding)})")
    return f"::{command} {places},title={title}::{_data(f'{finding.message} {finding.change}')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
