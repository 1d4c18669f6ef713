"""How often the planned rank is within tolerance of published rank sweeps, beside constants; `make bench`.

A row of tests/cases/rank_points.jsonl is one sweep: the smallest of the tested ranks whose result is within the noise
(or 0.5 % of the loss) of the best. Tolerance is [r / 2, max(4r, 16)]; a row that is censored at one end is open there.
Where the sweep says that no adapter suffices, only a plan for full fine-tuning counts.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.planning.book import load_planning
from app.planning.rank import RankKind, plan_rank
from app.planning.settings import RankSettings

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "tests" / "cases" / "rank_points.jsonl"
RULES = ROOT / "rules" / "planning"
CONSTANTS = (8, 16, 32)
KINDS: dict[str, RankKind] = {
    "narrow": "narrow",
    "code": "code",
    "cpt": "continued_pretraining",
    "chat": "generation",
    "math": "generation",
}
INSUFFICIENT = "LoRA insufficient"
Planned = int | Literal["full"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One published sweep."""

    id: str
    source: str
    kind: RankKind
    parameters_per_rank: float
    learned: float
    """Supervised tokens, or episodes of reinforcement learning."""
    smallest: Planned
    """The smallest rank that matches the best; `full` where none does."""
    censored: Literal["no", "at_least", "at_most"]

    def range(self) -> tuple[float, float]:
        """Ranks within tolerance."""
        if self.smallest == "full":
            return float("inf"), float("inf")
        low = 0.0 if self.censored == "at_most" else self.smallest / 2
        high = float("inf") if self.censored == "at_least" else max(4.0 * self.smallest, 16.0)
        return low, high

    def accepts(self, planned: Planned) -> bool:
        """Whether a plan is within tolerance."""
        if planned == "full" or self.smallest == "full":
            return planned == self.smallest
        low, high = self.range()
        return low <= planned <= high


def sweeps(path: Path = ROWS) -> Iterator[Sweep]:
    """The rows of a file of sweeps."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        smallest = row["smallest_rank_matching_best"]
        yield Sweep(
            id=row["id"],
            source=row["source"],
            kind="reinforcement_learning" if row["method"] == "rl" else KINDS[row["task"]],
            parameters_per_rank=row["parameters_per_rank"],
            learned=row["supervised_tokens_or_episodes"],
            smallest="full" if smallest == INSUFFICIENT else int(smallest),
            censored=row["censored"],
        )


def planned(sweep: Sweep, settings: RankSettings) -> Planned:
    """What the rank model plans for a sweep's base model and data."""
    choice = plan_rank(settings, sweep.kind, sweep.parameters_per_rank, sweep.learned)
    return "full" if choice.full_recommended else choice.r


def hits(rows: list[Sweep], plan: Callable[[Sweep], Planned]) -> int:
    """Rows within tolerance."""
    return sum(row.accepts(plan(row)) for row in rows)


def main() -> None:
    """Print the table of hits and the misses."""
    settings, rows = load_planning(RULES).rank, list(sweeps())
    print(f"{'rank':<22}{'within tolerance':>18}")
    print(f"{'planned':<22}{hits(rows, lambda row: planned(row, settings)):>11} of {len(rows)}")
    for constant in CONSTANTS:
        print(f"{f'constant {constant}':<22}{hits(rows, lambda _, r=constant: r):>11} of {len(rows)}")  # type: ignore[misc]
    print(f"\nrows by source: {dict(Counter(row.source.split()[0] for row in rows))}")
    for row in rows:
        if not row.accepts(made := planned(row, settings)):
            print(f"miss: {row.id}: planned {made}, published {row.smallest} ({row.censored})")


if __name__ == "__main__":
    main()
