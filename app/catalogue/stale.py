"""Prices that nobody has compared with their source for 90 days: `python -m app.catalogue.stale` (`make stale`).

Exit code 0; with `--fail` 1 when some are stale, so that a scheduled job can remind.
"""

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

from app.catalogue import STALE_AFTER_DAYS, load_catalogue


def main(arguments: list[str] | None = None) -> int:
    """Lists stale prices, oldest first."""
    parser = argparse.ArgumentParser(prog="python -m app.catalogue.stale", description=__doc__)
    parser.add_argument(
        "--as-of", type=date.fromisoformat, default=datetime.now(UTC).date(), help="today when left out"
    )
    parser.add_argument("--days", type=int, default=STALE_AFTER_DAYS, help="allowed age of a check")
    parser.add_argument("--overlay", type=Path, help="an organisation's own catalogue file")
    parser.add_argument("--fail", action="store_true", help="exit with 1 when a price is stale")
    options = parser.parse_args(arguments)
    catalogue = load_catalogue(options.overlay)
    stale = catalogue.stale(options.as_of, options.days)
    for price in stale:
        print(f"{price.age_days:5d} days  {price.file}: {price.name} (checked {price.checked}; {price.source})")
    print(
        f"{len(stale)} of {len(catalogue.prices)} prices last checked over {options.days} days before {options.as_of}."
    )
    return 1 if stale and options.fail else 0


if __name__ == "__main__":
    raise SystemExit(main())
