"""GitLab's code quality report."""

import json

from app.checks.finding import Finding
from app.checks.run import Result

SEVERITIES = {"error": "critical", "warning": "major", "info": "info"}


def render(result: Result) -> str:
    """One entry a finding; waived ones are left out, GitLab compares the rest with the target branch itself."""
    made = [_entry(finding) for finding in result.findings if finding.state != "waived"]
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _entry(finding: Finding) -> dict[str, object]:
    severity = "blocker" if finding.blocks else SEVERITIES[finding.severity]
    return {
        "description": f"{finding.message} {finding.change}",
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": severity,
        "location": {"path": finding.file, "lines": {"begin": finding.line}},
    }
