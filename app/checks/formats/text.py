"""For people in a terminal or a log; colour only on a terminal."""

import os
import sys

from app.checks.case import APPROACH_WORDS
from app.checks.examine import Examined
from app.checks.finding import Finding
from app.checks.formats import words
from app.checks.run import Result

COLOURS = {"error": "31;1", "warning": "33;1", "info": "36", "dim": "2", "bold": "1"}
WORDS = {"error": "error", "warning": "warning", "info": "note"}


def render(result: Result, colour: bool | None = None) -> str:
    """The result as text; `colour` None: as the terminal and NO_COLOR say."""
    wanted = _wanted() if colour is None else colour
    lines: list[str] = []
    for each in result.examined:
        lines += [*_proposal(each, wanted), ""]
    if result.base is not None:
        lines += [f"Since {result.base}:", *_moves(result), ""]
    lines.append(_paint(words.headline(result), "bold", wanted))
    return "\n".join(lines) + "\n"


def _wanted() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _paint(text: str, name: str, wanted: bool) -> str:
    return f"\x1b[{COLOURS[name]}m{text}\x1b[0m" if wanted else text


def _proposal(each: Examined, colour: bool) -> list[str]:
    lines = [_paint(f"{each.title}  {each.document.file}", "bold", colour)]
    if each.case is not None:
        option = each.case.option
        lines.append(
            f"  proposes {APPROACH_WORDS[each.case.proposal.approach]}; advice {words.advice(each.case)}; "
            f"{words.money(option.monthly_cost_usd)} a month"
            + (f"; training {words.money(each.case.training_usd)}" if each.case.tunes else "")
        )
    for finding in each.findings:
        lines += _finding(finding, colour)
    return lines if each.findings else [*lines, "  no findings"]


def _finding(finding: Finding, colour: bool) -> list[str]:
    word = _paint(f"{WORDS[finding.severity]}[{finding.rule}]", finding.severity, colour)
    standing = words.standing(finding)
    lines = [f"  {finding.file}:{finding.line}:{finding.column}: {word} {finding.message} ({standing})"]
    if finding.state == "waived":
        return lines
    lines += [f"      number: {finding.number}"] if finding.number else []
    return [*lines, f"      why:    {finding.why}", f"      change: {finding.change}"]


def _moves(result: Result) -> list[str]:
    moves = result.moves
    return [f"  {m.file}: {m.title}: {words.movement(m)}" for m in moves] if moves else ["  nothing moved"]
