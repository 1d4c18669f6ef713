"""Precision and recall of the quantity grammar: `python -m bench.quantities [TABLE or CORPUS ...] [--misses]`.

A quantity counts as right within 2 % of the expected value, money within 10 % (exchange rates differ by day).
quantities_unseen.yaml was written by somebody who never saw the grammar and is never tuned on: it is read only with
`--unseen`, by its figures alone. quantities_heldout.yaml and quantities_development2.yaml were such until 2026-11-24,
of development since.
`--corpus` measures against what the writers of the training corpus labelled, all its rounds that are no held-out ones
together, and how long a text takes to read.
"""

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from app.facts.scan import CONVERSIONS, read_quantities, scan

CASES = Path(__file__).parents[1] / "tests" / "cases"
DEVELOPMENT = (
    "quantities.yaml", "quantities_more.yaml", "quantities_neighbours.yaml", "quantities_wordings.yaml",
    "quantities_wordings2.yaml", "quantities_wordings3.yaml", "quantities_heldout.yaml", "quantities_development2.yaml",
)  # fmt: skip
HELD_OUT = "quantities_unseen.yaml"
TABLES = tuple(CASES / name for name in DEVELOPMENT)
CORPUS_ROUNDS = ("r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8")
CORPUS_FOLDER = Path(__file__).parents[1] / "models" / "data" / "corpus"
CORPUS = tuple(path for name in CORPUS_ROUNDS if (path := CORPUS_FOLDER / f"{name}.jsonl").exists())
"""Rounds r5 to r8 were held out until 2026-11-24; of later rounds only figures are printed, never their texts."""
READINGS = 3
"""Times that each text is read: the least counts, since other work on the machine is no cost of reading."""
RATES = {"USD": 1.0, "EUR": 1.08, "GBP": 1.27, "CHF": 1.13, "INR": 0.012, "JPY": 0.0066}
"""The rates that the tables were written with."""
TOLERANCE, MONEY_TOLERANCE = 0.02, 0.10
RECORDED = frozenset((
    "requests_per_day", "peak_requests_per_second", "latency_p95_seconds", "time_to_first_token_p95_seconds",
    "labelled_examples", "input_tokens", "prompt_tokens", "output_tokens", "monthly_budget_usd", "training_budget_usd",
    "prompted_quality", "target_quality",
))  # fmt: skip
Row = tuple[str, Mapping[str, float]]


def rows(path: Path) -> Iterator[Row]:
    """Texts and what is to be read from them, of a phrase table or a labelled corpus."""
    if path.suffix == ".jsonl":
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield row["text"], row["quantities"]
    else:
        for row in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield row["text"], row["expect"]


def expected_elsewhere(path: Path) -> frozenset[str]:
    """What a table does not record: the corpus follows the codebook, which has no peaks."""
    return frozenset(("peak_requests_per_second",)) if path.suffix == ".jsonl" else frozenset()


def is_right(name: str, found: float, wanted: float) -> bool:
    """Equal within the tolerance."""
    tolerance = MONEY_TOLERANCE if name.endswith("_usd") else TOLERANCE
    return abs(found - wanted) <= tolerance * abs(wanted) + 1e-12


def measure(path: Path, show: bool, only: str | None = None) -> dict[str, Counter[str]]:
    """Counts of right, wrong and missed quantities by name."""
    counts: dict[str, Counter[str]] = {}
    conversions = (
        {} if path.suffix == ".jsonl" else CONVERSIONS
    )  # the corpus records tokens only where tokens are stated
    for text, expected in rows(path):
        recorded = RECORDED - expected_elsewhere(path)
        found = {k: q.value for k, q in read_quantities(text, RATES, conversions).items() if k in recorded}
        for name in {*found, *expected}:
            one = counts.setdefault(name, Counter())
            right = name in found and name in expected and is_right(name, found[name], expected[name])
            one["right"] += right
            one["found"] += name in found
            one["expected"] += name in expected
            if show and not right and only in (None, name):
                print(f"  {name}: expected {expected.get(name)}, found {found.get(name)}: {text}")
    return counts


def shown(counts: Counter[str]) -> str:
    """Precision and recall as text."""
    precision = counts["right"] / counts["found"] if counts["found"] else 1.0
    recall = counts["right"] / counts["expected"] if counts["expected"] else 1.0
    right, found, expected = counts["right"], counts["found"], counts["expected"]
    return f"precision {precision:.3f} ({right}/{found})  recall {recall:.3f} ({right}/{expected})"


def microseconds(paths: Iterable[Path]) -> list[float]:
    """CPU time of reading each text anew."""
    return [1e6 * min(_read_once(text) for _ in range(READINGS)) for path in paths for text, _ in rows(path)]


def _read_once(text: str) -> float:
    scan.cache_clear()
    start = time.thread_time()
    scan(text)
    return time.thread_time() - start


def print_corpus(only: str | None, show: bool) -> None:
    """Figures of the corpus as a whole, and the time that a text takes."""
    total: dict[str, Counter[str]] = {}
    for path in CORPUS:
        for name, counts in measure(path, show, only).items():
            total.setdefault(name, Counter()).update(counts)
    print(f"corpus, {len(CORPUS)} rounds: {shown(sum(total.values(), Counter[str]()))}")
    for name in sorted(total):
        print(f"  {name:36s}{shown(total[name])}")
    taken = microseconds(CORPUS)
    print(f"time per text: mean {statistics.mean(taken):.0f} us, median {statistics.median(taken):.0f} us")


def main() -> None:
    """Print the figures of every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, default=TABLES)
    parser.add_argument(
        "--misses", action="store_true", help="print what was misread (never of held-out or frozen texts)"
    )
    parser.add_argument("--only", help="one quantity")
    parser.add_argument("--corpus", action="store_true", help="measure against the labels of the training corpus")
    parser.add_argument("--unseen", action="store_true", help="measure on the held-out table alone")
    arguments = parser.parse_args()
    if arguments.corpus:
        print_corpus(arguments.only, arguments.misses)
        return
    for path in (CASES / HELD_OUT,) if arguments.unseen else arguments.paths:
        hidden = path.name == HELD_OUT or (path.suffix == ".jsonl" and path.resolve() not in CORPUS)
        counts = measure(path, arguments.misses and not hidden, arguments.only)
        total: Counter[str] = sum(counts.values(), Counter[str]())
        print(f"{path.name}: {shown(total)}")
        for name in sorted(counts):
            print(f"  {name:36s}{shown(counts[name])}")


if __name__ == "__main__":
    main()
