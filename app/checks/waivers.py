"""Waivers: a finding that somebody answers for until a day, unless its kind cannot be waived."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from app.checks.book import FindingBook
from app.checks.config import Config
from app.checks.discover import is_ignored
from app.checks.finding import Finding, Raw
from app.checks.proposal import Waiver


@dataclass(slots=True)
class Granted:
    """A waiver, where it stands, and whether it silenced anything."""

    waiver: Waiver
    pointer: str
    """Where it stands in the proposal; empty for one of the organisation."""
    used: bool = field(default=False)

    def covers(self, finding: Finding, today: date) -> bool:
        """Whether it is about this finding and still holds."""
        told = self.waiver
        about = told.rule == finding.rule and told.subject in (None, finding.subject)
        return about and today <= told.expires


def granted(own: Sequence[Waiver], config: Config, file: str) -> list[Granted]:
    """The waivers of a proposal and those that the organisation grants its file."""
    mine = [Granted(waiver, f"/waivers/{n}") for n, waiver in enumerate(own)]
    return mine + [Granted(waiver, "") for waiver in config.waivers if is_ignored(file, waiver.paths)]


def waived(
    findings: Iterable[Finding], waivers: Sequence[Granted], book: FindingBook, config: Config, today: date
) -> Iterator[Finding]:
    """The findings, those that a waiver covers marked so; marks the waivers that were used."""
    for finding in findings:
        found = next((w for w in waivers if w.covers(finding, today)), None)
        if found is None or not _may(finding.rule, found, book, config):
            yield finding
            continue
        found.used = True
        yield replace(finding, state="waived", waiver=found.waiver)


def _may(rule: str, found: Granted, book: FindingBook, config: Config) -> bool:
    return book.kinds[rule].waivable and not (found.pointer and rule in config.unwaivable)


def about_waivers(waivers: Sequence[Granted], book: FindingBook, config: Config, today: date) -> Iterator[Raw]:
    """Waivers of the proposal itself that are refused, have expired or silence nothing."""
    for found in waivers:
        told = found.waiver
        if not found.pointer:
            continue
        about = {"pointer": found.pointer, "subject": f"{told.rule} {told.subject or ''}".strip()}
        if not _may(told.rule, found, book, config):
            by = "its kind" if not book.kinds[told.rule].waivable else "the organisation"
            message = f"{told.rule} cannot be waived ({by} forbids it)."
            yield Raw(rule="WAIVER-REFUSED", severity="error", message=message, **about)
        elif today > told.expires:
            message = f"The waiver of {told.rule} by {told.owner} expired on {told.expires.isoformat()}."
            days = f"{(today - told.expires).days} days ago"
            yield Raw(rule="WAIVER-EXPIRED", severity="warning", message=message, number=days, **about)
        elif not found.used:
            message = f"The waiver of {told.rule} silences nothing: there is no such finding."
            yield Raw(rule="WAIVER-UNUSED", severity="info", message=message, **about)
