"""How far training estimates are from measured runs: by source, method and framework, fitted and left out.

    python bench/training.py [--rows FILE] [--by source|method|framework|row] [--generic]

Every row of tests/cases/training_runs.jsonl is a request and what its source measured.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from app.catalogue import load_catalogue
from app.catalogue.architectures import read_architecture
from app.catalogue.frameworks import FrameworkProfile, load_frameworks
from app.estimate.training import estimate_training
from app.schemas.base import Range
from app.schemas.training import TrainingEstimate, TrainingRequest

Row = dict[str, Any]
"""One measured run: `id`, `source`, `request` and `measured`."""
ROWS = Path(__file__).parent.parent / "tests" / "cases" / "training_runs.jsonl"
FIGURES: dict[str, Callable[[TrainingEstimate], Range]] = {
    "peak_allocated_bytes": lambda e: e.memory.peak_allocated_bytes,
    "peak_reserved_bytes": lambda e: e.memory.peak_reserved_bytes,
    "peak_device_bytes": lambda e: e.memory.device_bytes,
    "tokens_per_second_per_gpu": lambda e: e.tokens_per_second_per_gpu,
}
MEMORY = ("peak_allocated_bytes", "peak_reserved_bytes", "peak_device_bytes")
SPEED = "tokens_per_second_per_gpu"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measured figure beside its estimate."""

    row: str
    source: str
    method: str
    framework: str
    figure: str
    measured: float
    estimated: Range

    @property
    def error(self) -> float:
        """Relative error, positive when too high."""
        return self.estimated.expected / self.measured - 1

    @property
    def held(self) -> bool:
        """The range holds the measurement."""
        return self.estimated.low <= self.measured <= self.estimated.high

    @property
    def width(self) -> float:
        """High over low."""
        return self.estimated.high / self.estimated.low


ProfileOf = Callable[[str, str], FrameworkProfile]
"""Source and framework -> the profile to estimate with."""


def rows_of(path: Path = ROWS) -> list[Row]:
    """The measured rows."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def source_of(row: Row) -> str:
    """The family of sources: what would be missing together."""
    text = str(row["source"])
    for name in ("fms-acceleration", "litgpt", "fsdp_qlora", "ms-swift", "QwenLM", "peft", "training_results"):
        if name in text:
            return {"training_results": "mlperf", "QwenLM": "qwen", "fms-acceleration": "fms"}.get(name, name)
    return text


def compare(rows: Iterable[Row], profile_of: ProfileOf, generic: bool = False) -> Iterator[Comparison]:
    """Every measured figure of every row beside its estimate."""
    gpus = load_catalogue().gpus
    for row in rows:
        body = dict(row["request"])
        framework = body["training"].get("framework") or "generic"
        if generic:
            body["training"] = {k: v for k, v in body["training"].items() if k != "framework"}
        request = TrainingRequest.model_validate(body)
        architecture, _ = read_architecture(body["architecture"])
        source = source_of(row)
        profile = profile_of(source, "generic" if generic else framework)
        found = estimate_training(request, architecture, gpus[request.hardware.gpu], profile)
        for figure, read in FIGURES.items():
            if (measured := row["measured"].get(figure)) is not None:
                yield Comparison(str(row["id"]), source, request.method, framework, figure, measured, read(found))


def shipped(_source: str, framework: str) -> FrameworkProfile:
    """The profile as it ships."""
    return load_frameworks().profiles[framework]  # type: ignore[index]


def left_out(rows: list[Row]) -> ProfileOf:
    """Profiles whose constants were fitted without the source that they are then held against."""
    from bench.training_fit import fit, profiles_with

    sources = {source_of(row) for row in rows}
    fitted = {s: profiles_with(fit([row for row in rows if source_of(row) != s])) for s in sorted(sources)}
    known = {s: {r["request"]["training"].get("framework") for r in rows if source_of(r) != s} for s in sources}
    unknown = load_frameworks().profiles["generic"]

    def profile_of(source: str, framework: str) -> FrameworkProfile:
        profile = fitted[source][framework]
        if framework in known[source]:
            return profile
        return replace(
            profile, memory_spread=unknown.memory_spread, time_spread=unknown.time_spread,
            varied_slack_high=unknown.varied_slack_high,
        )  # fmt: skip

    return profile_of


def line(name: str, found: list[Comparison]) -> str:
    """Median and 90th percentile of the absolute error, worst, bias, coverage, median width."""
    errors = sorted(abs(c.error) for c in found)
    ninety = errors[min(len(errors) - 1, int(0.9 * len(errors)))]
    within = sum(e <= 0.15 for e in errors) / len(errors)
    bias = median(c.error for c in found)
    held = sum(c.held for c in found) / len(found)
    return (
        f"{name:44s} {len(found):4d} {median(errors):7.1%} {ninety:7.1%} {errors[-1]:7.1%} {within:6.0%} {bias:+7.1%}"
        f" {held:6.0%} {median(c.width for c in found):6.2f}"
    )


HEADER = (
    f"{'':44s} {'n':>4s} {'median':>7s} {'p90':>7s} {'worst':>7s} {'<15%':>6s} {'bias':>7s} {'held':>6s} {'width':>6s}"
)


def table(found: list[Comparison], by: str) -> Iterator[str]:
    """Lines of the table, one figure after the other."""
    yield HEADER
    for figure in FIGURES:
        groups: dict[str, list[Comparison]] = defaultdict(list)
        for c in found:
            if c.figure == figure:
                groups[getattr(c, by)].append(c)
        for name, members in sorted(groups.items()):
            yield line(f"{figure.removesuffix('_bytes')}: {name}", members)
    yield line("MEMORY, all figures", [c for c in found if c.figure in MEMORY])
    yield line("TOKENS PER SECOND", [c for c in found if c.figure == SPEED])


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--by", choices=("source", "method", "framework", "row"), default="source")
    parser.add_argument("--left-out", action="store_true", help="constants of each source fitted without it (a minute)")
    parser.add_argument("--generic", action="store_true", help="as if the framework were not named")
    asked = parser.parse_args()
    rows = rows_of(asked.rows)
    profile_of = left_out(rows) if asked.left_out else shipped
    print(*table(list(compare(rows, profile_of, asked.generic)), asked.by), sep="\n")


if __name__ == "__main__":
    main()
