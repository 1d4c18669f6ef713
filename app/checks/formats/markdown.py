"""For a comment on a merge request: a headline, at most five rows, the rest folded, a hidden tag to find it again."""

from app.checks.case import APPROACH_WORDS
from app.checks.examine import Examined
from app.checks.finding import Finding
from app.checks.formats import words
from app.checks.run import Result

TAG = "<!-- tunewise-check -->"
"""First line of the comment: the same comment is updated in place."""
MOST_ROWS = 5
LONGEST = 60_000
"""Characters: GitHub refuses comments over 65,536."""
SIGNS = {"error": "❌", "warning": "⚠️", "info": "ℹ️"}


def render(result: Result) -> str:
    """The result as GitHub and GitLab read Markdown."""
    sign = "❌" if result.blocks else "⚠️" if result.counts["warning"] else "✅"
    lines = [TAG, f"### {sign} tunewise: {words.headline(result)}", ""]
    shown = [f for f in result.findings if f.state == "new"]
    shown.sort(key=lambda f: (not f.blocks, list(SIGNS).index(f.severity)))
    lines += _table(shown[:MOST_ROWS])
    lines += _fold(f"{words.plural(len(shown) - MOST_ROWS, 'more finding')}", _table(shown[MOST_ROWS:]))
    if result.base is not None and result.moves:
        rows = [f"| {_code(m.file)} | {_cell(m.title)} | {_cell(words.movement(m))} |" for m in result.moves]
        lines += [
            f"**Since `{_cell(result.base)}`**",
            "",
            "| file | proposal | moved |",
            "|---|---|---|",
            *rows[:MOST_ROWS],
            "",
        ]
        lines += _fold(
            words.plural(len(rows) - MOST_ROWS, "more change"), rows[MOST_ROWS:], "| file | proposal | moved |"
        )
    lines += _fold("Verdicts and costs", _proposals(result))
    quiet = [f for f in result.findings if f.state != "new"]
    lines += _fold(f"{words.plural(len(quiet), 'finding')} known or waived", _table(quiet))
    lines += [
        f"<sub>As of {result.as_of.isoformat()}; fails on {result.fail_on}. `tunewise explain ID` says more.</sub>"
    ]
    return _cut("\n".join(lines)) + "\n"


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rpartition("\n")[0] + "\n\nCut here: see the log of the job for the rest.\n"


def _table(findings: list[Finding]) -> list[str]:
    if not findings:
        return []
    rows = ["| | finding | where | what to change |", "|---|---|---|---|"]
    for f in findings:
        standing = "" if f.state == "new" and not f.blocks else f" **{_cell(words.standing(f))}**"
        rows.append(
            f"| {SIGNS[f.severity]} | **[{f.rule}]({words.DOCS}{f.rule})** {_cell(f.message)}{standing} "
            f"| {_code(f'{f.file}:{f.line}')} | {_cell(f.change)} |"
        )
    return [*rows, ""]


def _fold(summary: str, lines: list[str], head: str = "") -> list[str]:
    if not lines:
        return []
    top = [head, "|---|---|---|"] if head else []
    return [f"<details><summary>{summary}</summary>", "", *top, *lines, "", "</details>", ""]


def _proposals(result: Result) -> list[str]:
    rows = [_row(each) for each in result.examined if each.case is not None]
    head = ["| proposal | proposes | advice | a month | training |", "|---|---|---|---|---|"]
    return [*head, *rows] if rows else []


def _row(each: Examined) -> str:
    case = each.case
    assert case is not None  # noqa: S101 - the caller looked
    training = words.money(case.training_usd) if case.tunes else "–"
    cells = (
        case.title,
        APPROACH_WORDS[case.proposal.approach],
        words.advice(case),
        words.money(case.option.monthly_cost_usd),
        training,
    )
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    """Text that can break neither the table nor the comment: no markup, no mention, no hidden comment."""
    flat = " ".join(text.split()).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for sign in "|`*_[]~#":
        flat = flat.replace(sign, "\\" + sign)
    return flat.replace("@", "@\u200b").replace("://", ":\u200b//")


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"
