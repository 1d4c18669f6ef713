"""SARIF 2.1.0, as code scanning reads it."""

import json
from typing import Any
from urllib.parse import quote

from app import __version__
from app.checks.book import FindingEntry, load_findings
from app.checks.finding import Finding
from app.checks.formats import words
from app.checks.formats.page import page
from app.checks.run import Result

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
FINGERPRINT = "tunewise/v1"


def render(result: Result) -> str:
    """The result as one SARIF run."""
    fired = dict.fromkeys(f.rule for f in result.findings)
    kinds = [kind for kind in load_findings().kinds.values() if kind.id in fired]
    index = {kind.id: number for number, kind in enumerate(kinds)}
    run = {
        "tool": {
            "driver": {
                "name": "tunewise",
                "semanticVersion": __version__,
                "informationUri": words.DOCS,
                "rules": [_rule(kind) for kind in kinds],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The folder that tunewise was run in."}}},
        "invocations": [{"executionSuccessful": not result.unreadable}],
        "results": [_result(finding, index) for finding in result.findings],
        "properties": {"asOf": result.as_of.isoformat(), "failOn": result.fail_on},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(kind: FindingEntry) -> dict[str, Any]:
    return {
        "id": kind.id,
        "name": "".join(part.capitalize() for part in kind.id.split("-")),
        "shortDescription": {"text": kind.title},
        "fullDescription": {"text": kind.why},
        "help": {"text": f"{kind.why}\n{kind.change}", "markdown": page(kind)},
        "helpUri": words.DOCS + kind.id,
        "defaultConfiguration": {"level": LEVELS[kind.severities[0]]},
        "properties": {"tags": ["tunewise", kind.id.split("-", maxsplit=1)[0].lower()], "waivable": kind.waivable},
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    text = " ".join(part for part in (finding.message, finding.change) if part)
    made: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": _location(finding)}],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "baselineState": "unchanged" if finding.state == "known" else "new",
        "properties": {"blocks": finding.blocks, "number": finding.number, "proposal": finding.proposal},
    }
    if finding.waiver is not None:
        told = finding.waiver
        why = f"{told.reason} ({told.owner}, until {told.expires.isoformat()})"
        made["suppressions"] = [{"kind": "inSource", "status": "accepted", "justification": why}]
    return made


def _location(finding: Finding) -> dict[str, Any]:
    absolute = finding.file.startswith("/")
    artifact: dict[str, Any] = {"uri": ("file://" if absolute else "") + quote(finding.file)}
    if not absolute:
        artifact["uriBaseId"] = "SRCROOT"
    return {"artifactLocation": artifact, "region": {"startLine": finding.line, "startColumn": finding.column}}
