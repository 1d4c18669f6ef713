"""`tunewise check`: paths in, a result out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from app.checks.case import Case
from app.checks.discover import SUFFIXES, proposal_files
from app.checks.documents import Document, read_bytes, read_file
from app.checks.examine import Examined, Setting, answered, examine, unreadable
from app.checks.finding import FailOn, Finding
from app.checks.git_base import BaseBranch
from app.checks.moved import Moved, Side, movement, side
from app.errors import nearest_names
from app.records import record

KIND = "Proposal"


@record(kw_only=True)
class Result:
    """What a run found."""

    examined: tuple[Examined, ...]
    removed: tuple[Moved, ...]
    """Proposals that the base branch had."""
    base: str | None
    """The base branch compared with."""
    as_of: date
    fail_on: FailOn
    notes: tuple[str, ...]
    """What was passed over, for stderr."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, proposal by proposal."""
        return tuple(finding for each in self.examined for finding in each.findings)

    @property
    def counts(self) -> Counter[str]:
        """New findings by severity, and the others by state."""
        return Counter(f.severity if f.state == "new" else f.state for f in self.findings)

    @property
    def unreadable(self) -> tuple[Examined, ...]:
        """Documents that are no proposals, or that cannot be answered."""
        return tuple(each for each in self.examined if each.case is None)

    @property
    def blocks(self) -> bool:
        """Some finding makes the check fail."""
        return any(finding.blocks for finding in self.findings)

    @property
    def moves(self) -> tuple[Moved, ...]:
        """What moved since the base branch."""
        return tuple(e.moved for e in self.examined if e.moved and e.moved.change != "same") + self.removed


def run(paths: Sequence[str], setting: Setting, base: BaseBranch | None = None) -> Result:
    """Read, answer and examine every proposal under the paths. Raises InputError for paths that do not exist."""
    files = proposal_files(paths, setting.config.ignore)
    documents, notes = _proposals(document for name in files for document in read_file(Path(name), name))
    cases = answered(documents, setting)
    before = _Before(base, setting) if base else None
    examined = [_examined(item, setting, before) for item in cases]
    return Result(
        examined=tuple(examined),
        removed=before.removed(paths, files) if before else (),
        base=base.ref if base else None,
        as_of=setting.as_of,
        fail_on=setting.fail_on,
        notes=notes,
    )


def _examined(item: Case | Document, setting: Setting, before: "_Before | None") -> Examined:
    if isinstance(item, Document):
        return unreadable(item, setting)
    return examine(item, setting, before.movement(item) if before else None)


def _proposals(documents: Iterable[Document]) -> tuple[list[Document], tuple[str, ...]]:
    """The documents that are meant as proposals, and a note for each that is something else."""
    kept, notes = [], []
    for document in documents:
        other = _other_kind(document)
        if other is None:
            kept.append(document)
        else:
            notes.append(f"{document.file}:{document.place('').line}: kind {other}, no proposal: passed over.")
    return kept, tuple(notes)


def _other_kind(document: Document) -> str | None:
    """Another kind that a document of a mixed file says it is; None for a proposal, a misspelt or a nameless one."""
    told = document.data.get("kind") if isinstance(document.data, dict) else None
    if not isinstance(told, str) or told == KIND or document.file.lower().endswith(SUFFIXES):
        return None
    return None if nearest_names(told, (KIND,)) else told[:80]


class _Before:
    """The proposals as they were on the base branch."""

    def __init__(self, base: BaseBranch, setting: Setting) -> None:
        self.base, self.setting = base, setting
        self.read: dict[str, list[Case | Document]] = {}

    def cases(self, file: str) -> list[Case | Document]:
        """The proposals of a file as it was."""
        if file not in self.read:
            data = self.base.read(file)
            documents, _ = _proposals(read_bytes(data, file)) if data is not None else ([], ())
            self.read[file] = answered(documents, self.setting)
        return self.read[file]

    def movement(self, case: Case) -> Moved:
        """What became of a proposal."""
        if case.document.text.encode() == (self.base.read(case.document.file) or b"").removeprefix(b"\xef\xbb\xbf"):
            return movement(case, side(case))
        found = self._same_proposal(case)
        if found is None:
            return movement(case, None)
        return movement(case, None, unreadable=True) if isinstance(found, Document) else movement(case, side(found))

    def _same_proposal(self, case: Case) -> Case | Document | None:
        was = self.cases(case.document.file)
        by_id = [c for c in was if isinstance(c, Case) and c.proposal.id and c.proposal.id == case.proposal.id]
        titled = [c for c in was if isinstance(c, Case) and c.proposal.title == case.proposal.title]
        there = [c for c in was if (c.document if isinstance(c, Case) else c).index == case.document.index]
        return next(iter(by_id or titled or there), None)

    def removed(self, paths: Sequence[str], files: Sequence[str]) -> tuple[Moved, ...]:
        """Proposal files that are there no more."""
        gone = [f for f in self.base.files(paths) if f.lower().endswith(SUFFIXES) and f not in files]
        gone = [f for f in gone if not Path(f).exists()]
        return tuple(_removed(case) for file in gone for case in self.cases(file) if isinstance(case, Case))


def _removed(case: Case) -> Moved:
    before: Side = side(case)
    return Moved(file=case.document.file, title=case.title, change="removed", before=before, after=None)
