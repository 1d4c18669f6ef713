"""A finding, and what its severity means."""

import hashlib
from typing import Literal

from app.checks.proposal import Waiver
from app.records import record

Severity = Literal["info", "warning", "error"]
FailOn = Literal["never", "info", "warning", "error"]
State = Literal["new", "known", "waived"]
ORDER: dict[str, int] = {"info": 0, "warning": 1, "error": 2, "never": 3}
"""One scale for severities and `--fail-on`."""
FINGERPRINT_HEX = 32
"""Hexadecimal digits of a fingerprint: 128 bits."""


@record(kw_only=True)
class Raw:
    """What a check says; where it stands and whether it counts is added by `app.checks.examine`."""

    rule: str
    severity: Severity
    message: str
    """One sentence: what is wrong here."""
    number: str = ""
    """The figures that support it."""
    change: str = ""
    """What to change here; the rule's own advice when empty."""
    pointer: str = ""
    """JSON Pointer to the value it is about."""
    subject: str = ""
    """What it is about, where a rule can fire more than once for a proposal."""


@record(kw_only=True)
class Finding:
    """Something about a proposal that its readers should know."""

    rule: str
    title: str
    severity: Severity
    message: str
    why: str
    number: str
    change: str
    proposal: str
    """Title of the proposal."""
    file: str
    line: int
    column: int
    pointer: str
    subject: str
    fingerprint: str
    """Stays the same while the rule keeps speaking about the same thing of the same proposal."""
    state: State = "new"
    blocks: bool = False
    """It makes the check fail."""
    waiver: Waiver | None = None


def fingerprint(rule: str, identity: str, subject: str) -> str:
    """A stable name for a finding: no line, no figure, no words of a message go into it."""
    joined = "\x1f".join((rule, identity, subject))
    return hashlib.sha256(joined.encode()).hexdigest()[:FINGERPRINT_HEX]
