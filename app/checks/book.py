"""rules/findings.yaml: what each finding means, how severe it is and what it rests on."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from app.catalogue.strict_yaml import Entry, read, validated
from app.checks.finding import Severity
from app.checks.proposal import RULE_ID
from app.errors import CatalogueError, UnknownNameError
from app.kept import kept
from app.records import record
from app.scoring.rule_schema import ReferenceEntry
from app.shipped import shipped

FILE = "findings.yaml"
Text = Annotated[str, Field(min_length=1, max_length=900)]


class SettingEntry(Entry):
    """A number that checks compare with."""

    value: float
    """The number."""
    why: Text
    """Why it is this one."""


class FindingExample(Entry):
    """A proposal, as a change of `base`, and whether the finding appears."""

    given: dict[str, Any]
    """Laid over `base`; null takes a field away."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Configuration under which it is checked."""
    base: dict[str, Any] | None = None
    """The version on the base branch, laid over the shipped one; findings about what moved need it."""
    as_of: str | None = None
    """The day, when another than the file's."""
    fires: bool
    """Whether the finding appears."""
    severity: Severity | None = None
    """How severe it is then."""


class FindingEntry(Entry):
    """One kind of finding."""

    id: Annotated[str, Field(pattern=RULE_ID, max_length=60)]
    """Stable; never renamed, never given a second meaning."""
    title: Text
    """In a few words."""
    severities: Annotated[list[Severity], Field(min_length=1, max_length=3)]
    """What it can be, worst first."""
    severity_text: Text
    """When it is which."""
    waivable: bool
    """False: no waiver silences it."""
    why: Text
    """Why it matters."""
    change: Text
    """What to do about it."""
    reference: Annotated[list[ReferenceEntry], Field(min_length=1)]
    """What it rests on."""
    examples: Annotated[list[FindingExample], Field(min_length=2)]
    """At least one where it appears and one where it does not."""


class FindingFile(Entry):
    """All of them."""

    as_of: str
    """The day on which the examples are checked."""
    base: dict[str, Any]
    """A proposal without any finding that matters; examples change it."""
    settings: dict[str, SettingEntry]
    """Numbers that checks compare with."""
    findings: Annotated[list[FindingEntry], Field(min_length=1)]
    """In the order of the documentation."""


@record
class FindingBook:
    """The kinds of finding by id, and the numbers."""

    kinds: Mapping[str, FindingEntry]
    settings: Mapping[str, float]
    file: FindingFile

    def kind(self, rule: str, pointer: str = "/id") -> FindingEntry:
        """The kind of that id. Raises UnknownNameError with the nearest ids."""
        found = self.kinds.get(rule.upper())
        if found is None:
            raise UnknownNameError(pointer, "finding", rule, self.kinds)
        return found


@lru_cache(maxsize=2)
def load_findings(folder: Path | None = None) -> FindingBook:
    """The shipped findings. Raises CatalogueError with file, key and what to write."""
    path = (folder or shipped("rules")) / FILE
    return kept("findings", [path], lambda: _read(path))


def _read(path: Path) -> FindingBook:
    entries = validated(FindingFile, read(path), FILE)
    kinds: dict[str, FindingEntry] = {}
    for number, entry in enumerate(entries.findings):
        if entry.id in kinds:
            raise CatalogueError(FILE, f"findings.{number}.id", f"Duplicate id {entry.id}.", "an id of its own.")
        if {e.fires for e in entry.examples} != {True, False}:
            write = "at least one example with `fires: true` and one with `fires: false`."
            raise CatalogueError(FILE, f"findings.{number}.examples", f"{entry.id} shows one side only.", write)
        kinds[entry.id] = entry
    return FindingBook(kinds, {name: s.value for name, s in entries.settings.items()}, entries)
