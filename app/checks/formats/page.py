"""A finding's page: what it means, when it appears, what to do."""

import json
from typing import Any

from app.checks.book import FindingEntry, FindingExample


def page(kind: FindingEntry) -> str:
    """The page in Markdown; `tunewise explain ID` prints it, docs/findings/ holds it."""
    lines = [
        f"# {kind.id}: {kind.title}",
        "",
        f"Severity: {', '.join(kind.severities)}. {kind.severity_text}",
        "",
        f"Blocks: {_blocks(kind)} Can be waived: {'yes' if kind.waivable else 'no'}.",
        "",
        f"Why: {kind.why}",
        "",
        f"What to change: {kind.change}",
        "",
        "Examples, laid over the proposal in `rules/findings.yaml`:",
        "",
        *(f"* {_example(example)}" for example in kind.examples),
        "",
        *(f"* Reference: [{r.title}]({r.href})" for r in kind.reference),
    ]
    return "\n".join(lines) + "\n"


def _blocks(kind: FindingEntry) -> str:
    if kind.severities == ["error"]:
        return "yes, unless `--fail-on never`."
    return "when it is an error." if "error" in kind.severities else "only with a lower `--fail-on`."


def _example(example: FindingExample) -> str:
    told = _text(example.given) if example.given else "unchanged"
    more = f" with the configuration {_text(example.config)}" if example.config else ""
    more += (
        f" against the base branch {_text(example.base) if example.base else 'unchanged'}"
        if example.base is not None
        else ""
    )
    more += f" on {example.as_of}" if example.as_of else ""
    found = f"appears{f' as {example.severity}' if example.severity else ''}" if example.fires else "does not appear"
    return f"{told}{more}: {found}"


def _text(value: dict[str, Any]) -> str:
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"
