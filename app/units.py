"""Units and the few physical constants of time and size that formulas share."""

GIB = 2**30
GB = 10**9
MILLION = 1_000_000
SECONDS_PER_HOUR = 3_600
SECONDS_PER_DAY = 86_400
HOURS_PER_MONTH = 730.0
"""365 * 24 / 12: the month that cloud price lists use."""
DAYS_PER_MONTH = 365 / 12


def as_gib(count_bytes: float) -> str:
    """Bytes as people read them: `23.4 GiB`."""
    return f"{count_bytes / GIB:,.1f} GiB"


def as_usd(amount: float) -> str:
    """Dollars as people read them: cents below 10, whole dollars with separators above."""
    return f"${amount:,.2f}" if abs(amount) < 10 else f"${amount:,.0f}"


def as_seconds(seconds: float) -> str:
    """A duration as people read it: `85 ms`, `2.4 s`, `3.1 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 2 * SECONDS_PER_HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / SECONDS_PER_HOUR:.1f} h"
