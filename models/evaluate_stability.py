"""Measure whether the same task, said by four people, gets the same verdict: `python -m models.evaluate_stability`.

Reads models/data/paraphrases.jsonl (60 tasks, each in four wordings with the same facts, written before the readers'
patterns were looked at). Prints and writes models/results/stability.json and stability.md: the share of groups and of
pairs that agree on the approach. A group with a close call in it is reported apart. Each group that disagrees is listed
with the reasons that differ, and every stated fact that was not read alike is counted, by requirement.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

from app.pipeline import World, advise, load_world
from app.schemas.recommend import RecommendRequest

PARAPHRASES = Path(__file__).parent / "data" / "paraphrases.jsonl"
RESULTS = Path(__file__).parent / "results"
AS_OF = date(2026, 11, 24)
"""The day that the advice is for: fixed, so that the figures do not age."""
NOTES = RESULTS / "stability_notes.md"
"""What people found behind the disagreements, put at the end of the report."""
TARGET = 0.9
"""Groups outside close calls that agree, at least."""
NOTABLE = 0.3
"""Log-odds by which one reason must differ within a group to be listed: less moves a probability by under 0.075."""
READ = ("inferred",)
"""Origins of a requirement that come from the words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one wording was answered: the approach, how near to the line, and what it rests on."""

    id: str
    approach: str
    close_call: bool
    log_odds: float
    reasons: Mapping[str, float] = field(default_factory=dict)
    """Weight of each reason toward tuning, by code."""
    read: Mapping[str, Any] = field(default_factory=dict)
    """Requirements that were read from the words."""


def share(hits: Sequence[bool]) -> float | None:
    """Share of true ones; None of none."""
    return sum(hits) / len(hits) if hits else None


def unanimous(group: Sequence[Verdict]) -> bool:
    """All wordings got the same approach."""
    return len({v.approach for v in group}) == 1


def pairs(group: Sequence[Verdict]) -> list[bool]:
    """For each pair of wordings, whether the approach is the same."""
    return [a.approach == b.approach for a, b in combinations(group, 2)]


def differing(group: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    """Reasons whose weight differs by NOTABLE or more between wordings: code, then weight by wording; widest first."""
    codes = sorted({code for v in group for code in v.reasons})
    by_code = {code: {v.id: round(v.reasons.get(code, 0.0), 2) for v in group} for code in codes}
    spread = {code: max(held.values()) - min(held.values()) for code, held in by_code.items()}
    return {c: by_code[c] for c in sorted(codes, key=lambda c: -spread[c]) if spread[c] >= NOTABLE}


def unlike(group: Sequence[Verdict]) -> dict[str, dict[str, Any]]:
    """Requirements that the wordings were not read alike in: name, then what each was read as (None: nothing)."""
    names = sorted({name for v in group for name in v.read})
    held = {name: {v.id: v.read.get(name) for v in group} for name in names}
    return {name: by for name, by in held.items() if len({json.dumps(value) for value in by.values()}) > 1}


def stability(groups: Mapping[str, Sequence[Verdict]]) -> dict[str, Any]:
    """All figures of the groups: agreement with close calls apart, the groups that disagree, facts read unlike."""
    clear = {g: held for g, held in groups.items() if not any(v.close_call for v in held)}
    close = {g: held for g, held in groups.items() if g not in clear}
    split = [g for g in groups if not unanimous(groups[g])]
    misread = Counter(name for held in groups.values() for name in unlike(held))
    return {
        "groups": len(groups),
        "target": TARGET,
        "outside_close_calls": _agreement(clear),
        "with_a_close_call": _agreement(close),
        "pairs_without_a_close_call": share(
            [a.approach == b.approach for held in groups.values() for a, b in combinations(_clear(held), 2)]
        ),
        "verdicts": dict(Counter(v.approach for held in groups.values() for v in held)),
        "mean_spread_log_odds": sum(map(_spread, groups.values())) / len(groups),
        "requirements_read_unlike": dict(misread.most_common()),
        "disagreeing": [_told(g, groups[g], g in close) for g in split],
        "read_unlike": {g: unlike(held) for g, held in groups.items() if unlike(held)},
    }


def _clear(group: Sequence[Verdict]) -> list[Verdict]:
    return [v for v in group if not v.close_call]


def _spread(group: Sequence[Verdict]) -> float:
    """Between the wordings that lie furthest apart, in log-odds."""
    return max(v.log_odds for v in group) - min(v.log_odds for v in group)


def _agreement(groups: Mapping[str, Sequence[Verdict]]) -> dict[str, Any]:
    return {
        "groups": len(groups),
        "groups_agree": share([unanimous(held) for held in groups.values()]),
        "pairs_agree": share([same for held in groups.values() for same in pairs(held)]),
    }


def _told(name: str, group: Sequence[Verdict], close: bool) -> dict[str, Any]:
    """One group that disagrees, in full."""
    return {
        "group": name,
        "close_call": close,
        "verdicts": {v.id: {"approach": v.approach, "log_odds": round(v.log_odds, 2)} for v in group},
        "reasons_that_differ": differing(group),
        "read_unlike": unlike(group),
    }


def answered(rows: Sequence[Mapping[str, str]], world: World) -> dict[str, list[Verdict]]:
    """The pipeline's verdict on every row, by group."""
    made: dict[str, list[Verdict]] = {}
    for row in rows:
        report = advise(RecommendRequest(description=row["text"]), world, AS_OF)
        said = report.recommendation
        made.setdefault(row["group"], []).append(
            Verdict(
                id=row["id"],
                approach=said.approach,
                close_call=said.close_call,
                log_odds=said.log_odds,
                reasons={reason.code: reason.weight for reason in said.reasons},
                read={k: r.value for k, r in report.effective_requirements.items() if r.origin in READ},
            )
        )
    return made


def as_text(made: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """The figures as Markdown, with the wordings of the groups that disagree."""
    lines = [
        "# Verdict stability: the same task in four wordings",
        "",
        f"{made['groups']} groups of 4 (`models/data/paraphrases.jsonl`), advice as of {AS_OF}. "
        f"Aim: {TARGET:.0%} of the groups outside close calls agree. Mean spread within a group: "
        f"{made['mean_spread_log_odds']:.2f} log-odds. Verdicts: "
        + ", ".join(f"{count} {approach}" for approach, count in sorted(made["verdicts"].items()))
        + ".",
        "",
        "| | groups | all four agree | pairs agree |",
        "|---|---|---|---|",
        _row("**no close call in the group**", made["outside_close_calls"]),
        _row("a close call in the group", made["with_a_close_call"]),
        "",
        f"Pairs of two wordings that are no close calls, in any group: {_percent(made['pairs_without_a_close_call'])}.",
        "",
        "Requirements that some wording of a group was read otherwise in (number of groups): "
        + (", ".join(f"{name} {count}" for name, count in made["requirements_read_unlike"].items()) or "none")
        + ".",
        "",
        "## Groups that disagree",
    ]
    for told in made["disagreeing"]:
        lines += ["", f"### {told['group']}{' (close call)' if told['close_call'] else ''}", ""]
        for wording, verdict in told["verdicts"].items():
            text = texts[wording].replace("\n", " / ")
            lines.append(f"* {wording}: {verdict['approach']} ({verdict['log_odds']:+.2f}). {text}")
        lines += ["", *_differences(told)]
    return "\n".join(lines) + "\n"


def _differences(told: Mapping[str, Any]) -> list[str]:
    reasons = [f"    * {code}: {_by_wording(by)}" for code, by in told["reasons_that_differ"].items()]
    facts = [f"    * {name}: {_by_wording(by)}" for name, by in told["read_unlike"].items()]
    return ["* Reasons that differ:", *reasons, "* Facts read unlike:", *(facts or ["    * none"])]


def _by_wording(by: Mapping[str, Any]) -> str:
    return ", ".join(f"{wording[-1]} {value}" for wording, value in by.items())


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def _row(name: str, figures: Mapping[str, Any]) -> str:
    return (
        f"| {name} | {figures['groups']} | {_percent(figures['groups_agree'])} | {_percent(figures['pairs_agree'])} |"
    )


def main() -> None:
    """Answer, measure, print, write."""
    rows = [json.loads(line) for line in PARAPHRASES.read_text(encoding="utf-8").splitlines()]
    made = stability(answered(rows, load_world()))
    text = as_text(made, {row["id"]: row["text"] for row in rows})
    text += f"\n{NOTES.read_text(encoding='utf-8')}" if NOTES.exists() else ""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stability.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (RESULTS / "stability.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
