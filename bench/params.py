"""Adapter and base counts beside PEFT's own: how many are exact.

    python -m bench.params [--rows FILE ...] [--failures]

Each row of a case file is a config.json with the total that PyTorch counts, and adapters with the trainable parameters
that PEFT counts; bench/params_from_peft.py writes such rows.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from app.catalogue.architectures import read_architecture
from app.errors import InputError
from app.estimate.params import adapter, inventory

CASES = Path(__file__).parent.parent / "tests" / "cases"
FILES = (CASES / "adapter_parameters.jsonl", CASES / "adapter_parameters_layouts.jsonl")


@dataclass(frozen=True, slots=True)
class Count:
    """One count beside the true one."""

    source: str
    model_type: str
    base_model: str
    lora: str
    """The adapter's settings as JSON; empty for the base model's total."""
    true: int
    counted: int | str
    """Our count, or the error."""

    @property
    def is_exact(self) -> bool:
        """To the last parameter."""
        return self.counted == self.true


def counts(path: Path) -> Iterator[Count]:
    """Totals and adapters of every row in a case file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        architecture, _ = read_architecture(row["config"])
        parts = inventory(architecture)
        about = (row["source"], architecture.model_type, row["base_model"])
        yield Count(*about, "", row["total_parameters"], parts.total_parameters)
        for lora, true in row["adapters"]:
            try:
                counted: int | str = adapter(parts, **lora).trainable_parameters
            except InputError as error:
                counted = str(error)
            yield Count(*about, json.dumps(lora), true, counted)


def table(found: Sequence[Count]) -> Iterator[str]:
    """Exact counts by source and model type."""
    groups: defaultdict[tuple[str, str], list[Count]] = defaultdict(list)
    for count in found:
        groups[count.source, count.model_type].append(count)
    yield f"{'source':45} {'model_type':14} {'base counts':>12} {'adapter counts':>15}"
    for (source, model_type), group in sorted(groups.items()):
        yield f"{source[:45]:45} {model_type:14} {_share(group, False):>12} {_share(group, True):>15}"
    yield f"{'all':45} {'':14} {_share(found, False):>12} {_share(found, True):>15}"


def _share(group: Sequence[Count], of_adapters: bool) -> str:
    chosen = [c for c in group if bool(c.lora) == of_adapters]
    return f"{sum(c.is_exact for c in chosen)}/{len(chosen)}"


def main() -> int:
    """Print the table; 1 when a count is off."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=Path, nargs="+", default=FILES, help="case files")
    arguments.add_argument("--failures", action="store_true", help="list every count that is off")
    chosen = arguments.parse_args()
    started = perf_counter()
    found = [count for path in chosen.rows for count in counts(path)]
    seconds = perf_counter() - started
    print("\n".join(table(found)))
    print(f"{len(found)} counts in {seconds:.2f} s, reading the table of layouts included")
    wrong = [c for c in found if not c.is_exact]
    for count in wrong if chosen.failures else ():
        print(f"{count.base_model} {count.lora or 'total'}: true {count.true}, counted {count.counted}")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
