"""Runs the benchmarks that need nothing but this checkout, one after the other: `make bench`."""

import runpy
import sys
import time

BENCHES = ("params", "training", "serving", "rank", "quantities", "needs", "decision", "recommend")


def main() -> None:
    """Run those named on the command line, or all."""
    names = sys.argv[1:] or BENCHES
    for name in names:
        print(f"\n== bench.{name}", flush=True)
        started = time.monotonic()
        sys.argv = [f"bench.{name}"]
        try:
            runpy.run_module(f"bench.{name}", run_name="__main__", alter_sys=False)
        except SystemExit as stop:
            if stop.code:
                raise
        print(f"   ({time.monotonic() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
