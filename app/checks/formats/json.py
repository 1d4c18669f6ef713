"""For programs: a versioned document, and the baseline of a later run."""

import json
from dataclasses import asdict
from typing import Any

from app import __version__
from app.checks.examine import Examined
from app.checks.finding import Finding
from app.checks.formats import words
from app.checks.moved import Moved
from app.checks.run import Result

VERSION = 1
"""Raised when a field is renamed or removed; new fields do not raise it."""


def render(result: Result) -> str:
    """The result as JSON."""
    made = {
        "version": VERSION,
        "tool": {"name": "tunewise", "version": __version__},
        "as_of": result.as_of.isoformat(),
        "fail_on": result.fail_on,
        "blocked": result.blocks,
        "headline": words.headline(result),
        "counts": {name: result.counts[name] for name in ("error", "warning", "info", "known", "waived")},
        "proposals": [_proposal(each) for each in result.examined],
        "findings": [finding_dict(finding) for finding in result.findings],
        "diff": None if result.base is None else {"base": result.base, "moved": [_moved(m) for m in result.moves]},
    }
    return json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"


def finding_dict(finding: Finding) -> dict[str, Any]:
    """A finding as JSON holds it."""
    waiver = finding.waiver
    return {
        "rule": finding.rule,
        "title": finding.title,
        "severity": finding.severity,
        "state": finding.state,
        "blocks": finding.blocks,
        "message": finding.message,
        "why": finding.why,
        "number": finding.number or None,
        "change": finding.change,
        "proposal": finding.proposal,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "pointer": finding.pointer,
        "subject": finding.subject or None,
        "fingerprint": finding.fingerprint,
        "help": words.DOCS + finding.rule,
        "waiver": waiver.model_dump(mode="json") if waiver is not None else None,
    }


def _proposal(each: Examined) -> dict[str, Any]:
    case, document = each.case, each.document
    made: dict[str, Any] = {
        "title": each.title,
        "file": document.file,
        "line": document.place("").line,
        "readable": case is not None,
    }
    if case is None:
        return made
    advice, told = case.report.recommendation, case.proposal
    return made | {
        "id": told.id,
        "owner": told.owner,
        "approach": told.approach,
        "advice": {
            "approach": advice.approach,
            "confidence": advice.confidence,
            "close_call": advice.close_call,
            "headline": advice.headline,
        },
        "option": case.option.id,
        "monthly_cost_usd": asdict(case.option.monthly_cost_usd) if case.option.monthly_cost_usd else None,
        "training_cost_usd": asdict(case.training_usd) if case.tunes and case.training_usd else None,
        "latency_p95_seconds": asdict(case.option.latency_p95_seconds) if case.option.latency_p95_seconds else None,
        "provenance": asdict(case.report.provenance),
    }


def _moved(moved: Moved) -> dict[str, Any]:
    return asdict(moved) | {"text": words.movement(moved)}
