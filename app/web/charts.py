"""The geometry of the three charts: plain numbers in, coordinates and labels out. The macros draw them."""

import math
from collections.abc import Callable, Iterable, Sequence

from app.records import record
from app.schemas.base import Range
from app.schemas.report import BreakEven, HorizonCost
from app.web.figures import count, short, short_usd, usd

WIDTH, HEIGHT = 640.0, 364.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 18.0, 72.0, 56.0
"""Margins of the plot, for the labels of its axes."""
LEAST_USD = 1.0
"""A logarithmic axis of dollars begins no lower, a linear one ends no lower."""
_NAME_ROOM = 70.0
"""Pixels that half of a line's name takes at its largest."""
_STEPS = (1, 2, 5)
_MAX_TICKS = 6
_CHAR_WIDTH = 12.0
"""Pixels of one character of a label at its largest (on small screens), to keep it inside of the picture."""


@record
class Tick:
    """A line of the grid and its label."""

    at: float
    label: str


@record
class Line:
    """One option: its expected line, and the band between its low and high."""

    name: str
    """`prompt` or `tune`, which the style sheet draws."""
    title: str
    expected: str
    band: str
    label_x: float
    label_y: float


@record
class Marker:
    """An upright line with words; `anchor` keeps them inside of the picture."""

    x: float
    label: str
    anchor: str
    y: float


@record(kw_only=True)
class LineChart:
    """Two options over volume or time."""

    id: str
    title: str
    description: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    markers: tuple[Marker, ...] = ()
    zone: tuple[float, float] | None = None
    """Left edge and width of the range in which both options cost the same."""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """The same as a table."""


class Scale:
    """From a value to a coordinate; logarithmic where `log`."""

    __slots__ = ("_base", "_per_unit", "_start", "high", "log", "low")

    def __init__(self, low: float, high: float, start: float, end: float, log: bool = False) -> None:
        self.low, self.high, self.log, self._start = low, high, log, start
        self._base, top = (math.log(low), math.log(high)) if log else (low, high)
        self._per_unit = (end - start) / ((top - self._base) or 1.0)

    def __call__(self, value: float) -> float:
        """The coordinate; values outside stay at the edge."""
        value = self.low if value < self.low else self.high if value > self.high else value
        return round(self._start + ((math.log(value) if self.log else value) - self._base) * self._per_unit, 1)


_Point = tuple[float, Range]
_LINES = (("prompt", "Prompting"), ("tune", "Tuning"))


def break_even_chart(found: BreakEven, requests_per_day: float) -> LineChart | None:
    """Monthly cost over volume, both axes logarithmic; None when there is no curve."""
    if len(found.curve) < 2:
        return None
    points = [
        [(p.requests_per_day, p.prompt_engineering_usd) for p in found.curve],
        [(p.requests_per_day, p.fine_tuning_usd) for p in found.curve],
    ]
    volumes = [v for v, _ in points[0]] + ([requests_per_day] if requests_per_day > 0 else [])
    spans = [span for line in points for _, span in line]
    lowest = max(LEAST_USD, min(span.low for span in spans))
    x = Scale(min(volumes), max(volumes), LEFT, WIDTH - RIGHT, log=True)
    y = Scale(lowest, max(lowest * 2, *(s.high for s in spans)), HEIGHT - BOTTOM, TOP, log=True)
    return LineChart(
        id="break-even",
        title="What a month costs at each volume",
        description=found.why,
        x_title="requests a day",
        y_title="$ a month, one-off costs spread out",
        x_ticks=_ticks(log_ticks(x.low, x.high), x, short),
        y_ticks=_ticks(log_ticks(y.low, y.high), y, short_usd),
        lines=_lines(points, x, y),
        markers=_volume_markers(found, requests_per_day, x),
        zone=_zone(found.requests_per_day_range, x),
        head=("Requests a day", "Prompting, a month", "Tuning, a month"),
        rows=tuple((count(a[0]), _cell(a[1]), _cell(b[1])) for a, b in zip(*points, strict=True)),
    )


def _volume_markers(found: BreakEven, requests_per_day: float, x: Scale) -> tuple[Marker, ...]:
    made = []
    if requests_per_day > 0:
        made.append(_marker(x(requests_per_day), f"your volume: {count(requests_per_day)}", TOP - 8))
    crossing = found.requests_per_day
    if crossing is not None and x.low <= crossing <= x.high:
        label = f"break-even: {count(float(f'{crossing:.3g}'))}"
        made.append(_marker(x(crossing), label, TOP - 32))
    return tuple(made)


def _marker(x: float, label: str, y: float) -> Marker:
    half = len(label) * _CHAR_WIDTH / 2
    anchor = "start" if x - half < LEFT else "end" if x + half > WIDTH - RIGHT else "middle"
    return Marker(x, label, anchor, y)


def _zone(span: Range | None, x: Scale) -> tuple[float, float] | None:
    if span is None or span.high < x.low or span.low > x.high:
        return None
    left = x(span.low)
    return left, round(x(span.high) - left, 1)


def cost_chart(prompting: HorizonCost, tuning: HorizonCost) -> LineChart | None:
    """What has been spent after each month; None when a price is unknown."""
    months = prompting.horizon_months
    points = [_spent(prompting, months), _spent(tuning, months)]
    if not all(points):
        return None
    top = max(span.high for line in points for _, span in line)
    x, y = Scale(0, months, LEFT, WIDTH - RIGHT), Scale(0, max(top, LEAST_USD), HEIGHT - BOTTOM, TOP)
    ends = [line[-1][1].expected for line in points]
    return LineChart(
        id="months",
        title=f"What is spent over {months} months",
        description=f"After {months} months prompting has cost {usd(ends[0])} and tuning {usd(ends[1])}, "
        "labelling, training and work included.",
        x_title="months",
        y_title="$ in all",
        x_ticks=_ticks(_month_ticks(months), x, count),
        y_ticks=_ticks(linear_ticks(y.high), y, short_usd),
        lines=_lines(points, x, y),
        head=("After month", "Prompting, in all", "Tuning, in all"),
        rows=tuple((count(a[0]), _cell(a[1]), _cell(b[1])) for a, b in zip(*points, strict=True)),
    )


def _spent(cost: HorizonCost, months: int) -> list[_Point]:
    start, monthly = cost.upfront.total_usd, cost.monthly.total_usd
    if start is None or monthly is None:
        return []
    step = max(1, math.ceil(months / 12))  # a table of at most thirteen rows
    return [(float(month), start.plus(monthly.scaled(month))) for month in [*range(0, months, step), months]]


def _month_ticks(months: int) -> list[float]:
    step = next(s for s in (1, 2, 3, 6, 12, 24, months) if months / s <= _MAX_TICKS)
    return [float(month) for month in range(0, months + 1, step)]


def _cell(span: Range) -> str:
    return f"{usd(span.expected)} ({usd(span.low)} to {usd(span.high)})"


def _lines(points: Sequence[Sequence[_Point]], x: Scale, y: Scale) -> tuple[Line, ...]:
    at, heights = _widest(points, x, y)
    return tuple(
        Line(
            name,
            title,
            _path((x(at), y(span.expected)) for at, span in line),
            _path(
                [*((x(at), y(span.high)) for at, span in line), *((x(at), y(span.low)) for at, span in reversed(line))]
            ),
            at,
            height,
        )
        for (name, title), line, height in zip(_LINES, points, heights, strict=True)
    )


def _widest(points: Sequence[Sequence[_Point]], x: Scale, y: Scale) -> tuple[float, tuple[float, float]]:
    """Where both lines are farthest apart, away from the edges, and the heights of their names there."""
    inside = [n for n, (at, _) in enumerate(points[0]) if LEFT + _NAME_ROOM <= x(at) <= WIDTH - RIGHT - _NAME_ROOM]
    inner = inside or [len(points[0]) // 2]
    pairs = [tuple(y(line[n][1].expected) for line in points) for n in inner]
    widest = max(range(len(pairs)), key=lambda n: abs(pairs[n][0] - pairs[n][1]))
    first, second = pairs[widest]
    above, below = -9.0, 20.0
    shifts = (above, below) if first <= second else (below, above)
    lowest = HEIGHT - BOTTOM - 6
    heights = (min(first + shifts[0], lowest), min(second + shifts[1], lowest))
    return x(points[0][inner[widest]][0]), heights


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _ticks(values: Iterable[float], scale: Scale, write: Callable[[float], str]) -> tuple[Tick, ...]:
    return tuple(Tick(scale(value), write(value)) for value in values)


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between; with their doubles and fives where those are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    tens = [10.0**power for power in powers if low <= 10.0**power <= high * 1.0001]
    if len(tens) > 2:
        every = math.ceil(len(tens) / _MAX_TICKS)
        return tens[::every]
    fine = [step * 10.0**power for power in powers for step in _STEPS]
    return [value for value in fine if low <= value <= high]


def linear_ticks(high: float) -> list[float]:
    """Round values from 0 to at most `high`, six at most."""
    rough = high / (_MAX_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (*_STEPS, 10) if s * power >= rough)
    return [step * n for n in range(int(high / step) + 1)]
