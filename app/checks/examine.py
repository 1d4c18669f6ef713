"""From a document to its findings."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from app.checks import about_approach, about_money, about_serving, about_tuning
from app.checks.advisor import Advisor
from app.checks.baseline import is_known
from app.checks.book import FindingBook
from app.checks.case import Case, request_of
from app.checks.config import Config
from app.checks.documents import Document
from app.checks.finding import ORDER, FailOn, Finding, Raw, fingerprint
from app.checks.moved import Moved, about_movement
from app.checks.proposal import Proposal
from app.checks.waivers import about_waivers, granted, waived
from app.errors import InputError, InputProblem
from app.records import record
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report
from app.schemas.validation import parse

CHECKS: tuple[Callable[[Case], Iterator[Raw]], ...] = (
    about_approach.approach,
    about_tuning.lora,
    about_tuning.labels,
    about_tuning.memory,
    about_tuning.hosted_end,
    about_serving.hosting,
    about_serving.licence,
    about_serving.latency,
    about_serving.memory,
    about_serving.context,
    about_money.training_budget,
    about_money.monthly_budget,
    about_money.limits,
    about_approach.prompt_baseline,
    about_approach.knowledge,
    about_approach.missing,
    about_approach.warnings,
    about_money.stale_prices,
)
"""Every check, those whose findings usually matter most first."""
INVALID = "PROPOSAL-INVALID"


@record(kw_only=True)
class Setting:
    """What all proposals of a run are checked with."""

    advisor: Advisor
    config: Config
    book: FindingBook
    as_of: date
    fail_on: FailOn
    baseline: Mapping[str, str]


@record(kw_only=True)
class Examined:
    """A document and what was found; `case` is None when it could not be read or answered."""

    document: Document
    case: Case | None
    findings: tuple[Finding, ...]
    moved: Moved | None = None

    @property
    def title(self) -> str:
        """What it is called."""
        return self.case.title if self.case else _title(self.document)


def _title(document: Document) -> str:
    told = document.data.get("title") if isinstance(document.data, dict) else None
    return told if isinstance(told, str) and told else document.file


@record
class _Asked:
    """A readable document with its question."""

    document: Document
    proposal: Proposal
    request: RecommendRequest


def answered(documents: Sequence[Document], setting: Setting) -> list[Case | Document]:
    """A case for each document that can be read and answered, else the document with its problems."""
    asked = [_asked(document, setting) for document in documents]
    reports = iter(setting.advisor.reports([a.request for a in asked if isinstance(a, _Asked)], setting.as_of))
    return [_case(a, next(reports), setting) if isinstance(a, _Asked) else a for a in asked]


def _asked(document: Document, setting: Setting) -> _Asked | Document:
    if document.problems:
        return document
    try:
        proposal = parse(Proposal, document.data)
        for number, waiver in enumerate(proposal.waivers):
            setting.book.kind(waiver.rule, f"/waivers/{number}/rule")
        return _Asked(document, proposal, request_of(proposal, setting.config, setting.as_of))
    except InputError as error:
        return replace(document, problems=error.problems)


def _case(asked: _Asked, report: Report | InputError, setting: Setting) -> Case | Document:
    document = asked.document
    if isinstance(report, InputError):
        return replace(document, problems=tuple(_placed(p) for p in report.problems))
    case = Case(
        document=document,
        proposal=asked.proposal,
        request=asked.request,
        report=report,
        advisor=setting.advisor,
        as_of=setting.as_of,
        config=setting.config,
        book=setting.book,
    )
    try:
        _ = case.offer, case.training if case.tunes else None  # names that only these look up are refused here
    except InputError as error:
        return replace(document, problems=error.problems)
    return case


def _placed(problem: InputProblem) -> InputProblem:
    """A GPU that only `tuning` names is refused where it stands; hints speak of commands, not of requests."""
    hint = (problem.hint or "").replace("GET the catalogue", "`tunewise serve` lists them at /catalogue:") or None
    return InputProblem(problem.pointer, problem.detail, hint)


def examine(case: Case, setting: Setting, moved: Moved | None = None) -> Examined:
    """Everything that is found about an answered proposal, worst first."""
    raw = [found for check in CHECKS for found in check(case)]
    if moved is not None:
        raw += about_movement(moved, setting.config.thresholds)
    waivers = granted(case.proposal.waivers, setting.config, case.document.file)
    found = list(waived(_finished(raw, case, setting), waivers, setting.book, setting.config, setting.as_of))
    more = about_waivers(waivers, setting.book, setting.config, setting.as_of)
    found += _finished(more, case, setting)
    judged = [_judged(finding, setting) for finding in found]
    judged.sort(key=lambda f: (f.state != "new", -ORDER[f.severity]))
    return Examined(document=case.document, case=case, findings=tuple(judged), moved=moved)


def unreadable(document: Document, setting: Setting) -> Examined:
    """The problems of a document that is no proposal, as findings."""
    kind = setting.book.kinds[INVALID]
    made = []
    for problem in document.problems:
        place = document.place(problem.pointer)
        detail = f"{problem.pointer.removeprefix('/').replace('/', '.')}: {problem.detail.rstrip('.')}."
        finding = Finding(
            rule=INVALID,
            title=kind.title,
            severity="error",
            message=detail.removeprefix(": "),
            why=kind.why,
            number="",
            change=problem.hint or kind.change,
            proposal=_title(document),
            file=document.file,
            line=place.line,
            column=place.column,
            pointer=problem.pointer,
            subject=problem.pointer,
            fingerprint=fingerprint(INVALID, f"{document.file}#{document.index}", problem.pointer),
            blocks=True,
        )
        made.append(finding)
    return Examined(document=document, case=None, findings=tuple(made))


def _finished(raw: Iterable[Raw], case: Case, setting: Setting) -> Iterator[Finding]:
    """With severity as configured, place, words and fingerprint; what is off is left out."""
    for found in raw:
        severity = setting.config.severities.get(found.rule, found.severity)
        if severity == "off":
            continue
        kind, place = setting.book.kinds[found.rule], case.document.place(found.pointer)
        yield Finding(
            rule=found.rule,
            title=kind.title,
            severity=severity,
            message=found.message,
            why=kind.why,
            number=found.number,
            change=found.change or kind.change,
            proposal=case.title,
            file=case.document.file,
            line=place.line,
            column=place.column,
            pointer=found.pointer,
            subject=found.subject,
            fingerprint=fingerprint(found.rule, identity(case.document, case.proposal), found.subject),
        )


def identity(document: Document, proposal: Proposal) -> str:
    """What a proposal is known by: its id; else its file and, from the second in a file on, its title."""
    if proposal.id is not None:
        return f"id:{proposal.id}"
    return document.file if document.index == 0 else f"{document.file}#{proposal.title or document.index}"


def _judged(finding: Finding, setting: Setting) -> Finding:
    if finding.state == "waived":
        return finding
    if is_known(finding.fingerprint, finding.severity, setting.baseline):
        return replace(finding, state="known")
    return replace(finding, blocks=ORDER[finding.severity] >= ORDER[setting.fail_on])
