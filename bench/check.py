"""Start-up of `tunewise check`: one proposal beside `import fastapi`, and two hundred beside one.

`python -m bench.check` prints medians of wall and CPU seconds; each run is a process of its own, with warm bytecode.
Targets (issue 7): one proposal within 1.5 times `import fastapi`, two hundred within five times one.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "icd10.proposal.yaml"
RUNS = 7
MANY = 200
ONE_TARGET, MANY_TARGET = 1.5, 5.0
CHECK = "from app.cli import main; main()"


@dataclass(frozen=True)
class Times:
    """Medians of some runs, in seconds."""

    wall: float
    cpu: float


def measured(code: str, *words: str, runs: int = RUNS) -> Times:
    """Medians of `runs` processes, after one that warms the bytecode."""
    walls, cpus = [], []
    for number in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # both are measured with their bytecode at hand
        subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, env=env)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if number:
            walls.append(time.perf_counter() - started)
            cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Times(statistics.median(walls), statistics.median(cpus))


def proposals(folder: Path, count: int) -> None:
    """So many proposals, each with another volume, so that none repeats another."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("id: icd10-coding\n", "")
    for number in range(count):
        changed = text.replace("requests_per_day: 40000", f"requests_per_day: {20_000 + 137 * number}")
        (folder / f"p{number:03}.proposal.yaml").write_text(changed, encoding="utf-8")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        proposals(folder, MANY)
        quiet = ("--format", f"json={os.devnull}", "--fail-on", "never", "--as-of", "2026-11-24")
        fastapi = measured("import fastapi")
        one = measured(CHECK, "check", str(folder / "p000.proposal.yaml"), *quiet)
        many = measured(CHECK, "check", str(folder), *quiet, runs=3)
    rows = (
        ("import fastapi", fastapi, "", ""),
        ("tunewise check, 1 proposal", one, f"{one.cpu / fastapi.cpu:.2f} x fastapi", f"target {ONE_TARGET:g}"),
        (f"tunewise check, {MANY} proposals", many, f"{many.cpu / one.cpu:.2f} x one", f"target {MANY_TARGET:g}"),
    )
    sys.stdout.write(f"{'':32} {'wall':>7} {'CPU':>7}\n")
    for name, times, ratio, target in rows:
        sys.stdout.write(f"{name:32} {times.wall:6.2f}s {times.cpu:6.2f}s  {ratio:18} {target}\n")


if __name__ == "__main__":
    main()
