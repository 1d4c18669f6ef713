"""Charts and marks: everything inside of the picture, every sum right, at the edges too."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.schemas.base import Range, exactly
from app.schemas.report import BreakEven, CurvePoint, EffectiveRequirement, Evidence, HorizonCost, Score
from app.schemas.training import CostEstimate, MemoryComponent, MemoryEstimate
from app.units import GIB
from app.web import charts, figures
from app.web.charts import LineChart, break_even_chart, cost_chart, linear_ticks, log_ticks
from app.web.highlight import pieces
from app.web.memory_chart import LEFT, RIGHT, WIDTH, memory_chart

MONEY = st.floats(min_value=0, max_value=1e9)


def spread(middle: float) -> Range:
    return Range(low=middle / 2, expected=middle, high=middle * 2)


def curve(prompt: float, tune: float) -> BreakEven:
    volumes = [10.0**n for n in range(2, 7)]
    return BreakEven(
        requests_per_day=5000.0,
        requests_per_day_range=spread(5000.0),
        months=None,
        curve=tuple(
            CurvePoint(requests_per_day=v, prompt_engineering_usd=spread(prompt * v), fine_tuning_usd=spread(tune))
            for v in volumes
        ),
        why="Because.",
    )


def assert_inside(chart: LineChart) -> None:
    for line in chart.lines:
        for pair in f"{line.expected} {line.band}".split():
            x, y = map(float, pair.split(","))
            assert charts.LEFT <= x <= charts.WIDTH - charts.RIGHT
            assert charts.TOP <= y <= charts.HEIGHT - charts.BOTTOM
        assert charts.LEFT <= line.label_x <= charts.WIDTH - charts.RIGHT
        assert 0 < line.label_y < charts.HEIGHT
    assert 1 < len(chart.x_ticks) <= 13
    assert 0 < len(chart.y_ticks) <= 13


@given(MONEY, MONEY, st.floats(min_value=0, max_value=1e8))
def test_break_even_stays_inside(prompt: float, tune: float, volume: float) -> None:
    chart = break_even_chart(curve(prompt, tune), volume)
    assert chart is not None
    assert_inside(chart)
    assert len(chart.rows) == 5
    assert chart.zone is not None
    assert chart.zone[1] >= 0


def test_the_volume_and_the_crossing_are_marked() -> None:
    chart = break_even_chart(curve(0.01, 50.0), 400.0)
    assert chart is not None
    assert [m.label for m in chart.markers] == ["your volume: 400", "break-even: 5,000"]
    assert chart.markers[0].x < chart.markers[1].x
    nothing = break_even_chart(
        BreakEven(requests_per_day=None, requests_per_day_range=None, months=None, curve=(), why=""), 1.0
    )
    assert nothing is None


def horizon(start: float | None, month: float | None, months: int) -> HorizonCost:
    def cost(middle: float | None) -> CostEstimate:
        return CostEstimate(items=(), total_usd=None if middle is None else spread(middle))

    return HorizonCost(horizon_months=months, upfront=cost(start), monthly=cost(month), total_usd=None)


@given(MONEY, MONEY, MONEY, MONEY, st.integers(1, 120))
def test_cost_over_months_stays_inside(a: float, b: float, c: float, d: float, months: int) -> None:
    chart = cost_chart(horizon(a, b, months), horizon(c, d, months))
    assert chart is not None
    assert_inside(chart)
    assert chart.rows[0][0] == "0"
    assert chart.rows[-1][0] == f"{months}"
    assert len(chart.rows) <= 14


def test_no_chart_of_prices_that_are_not_known() -> None:
    assert cost_chart(horizon(1.0, None, 12), horizon(1.0, 1.0, 12)) is None


def memory(parts: list[int], extra: int, headroom: int) -> MemoryEstimate:
    whole = sum(parts)
    return MemoryEstimate(
        components=tuple(MemoryComponent(name=f"part_{n}", bytes=size) for n, size in enumerate(parts)),
        peak_at="start_of_backward",
        moments={},
        peak_allocated_bytes=exactly(whole),
        peak_reserved_bytes=exactly(whole),
        device_bytes=exactly(whole + extra),
        fits=headroom >= 0,
        headroom_bytes=headroom,
        would_fit_with=(),
    )


@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=8).filter(any),
    st.integers(0, 10**10),
    st.integers(0, 10**11),
)
def test_the_memory_stack_has_no_gap_and_stays_inside(parts: list[int], extra: int, headroom: int) -> None:
    chart = memory_chart(memory(parts, extra, headroom), "L40S", 1)
    at = LEFT
    for part in chart.parts:
        assert part.x == pytest.approx(at, abs=0.11)
        at = part.x + part.width
    assert at <= WIDTH - RIGHT
    assert LEFT <= chart.gpu_x <= WIDTH - RIGHT
    assert len(chart.parts) == len(parts) + 1


def test_a_run_that_does_not_fit_reaches_over_the_limit() -> None:
    chart = memory_chart(memory([60 * GIB], 0, -12 * GIB), "L40S", 2)
    assert chart.parts[0].x + chart.parts[0].width > chart.gpu_x
    assert "does not fit on each of 2 L40S with 48.0 GiB" in chart.description


@given(st.floats(1e-2, 1e9), st.floats(2, 1e6))
def test_logarithmic_ticks_are_few_and_inside(low: float, factor: float) -> None:
    ticks = log_ticks(low, low * factor)
    assert len(ticks) <= 8
    assert all(low <= t <= low * factor * 1.001 for t in ticks)


@given(st.floats(1e-3, 1e12))
def test_linear_ticks_are_few_and_round(high: float) -> None:
    ticks = linear_ticks(high)
    assert 2 <= len(ticks) <= 6
    assert ticks[0] == 0
    assert ticks[-1] <= high * 1.001


def evidence(start: int, end: int, weight: float = 2.0, kind: str = "rule") -> Evidence:
    return Evidence(kind=kind, id="X", text="x", weight=weight, span=(start, end))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8), st.text(min_size=20, max_size=40))
def test_pieces_join_to_the_text(spans: list[tuple[int, int]], text: str) -> None:
    score = Score(value=0.5, level="medium", evidence=tuple(evidence(a, b) for a, b in spans))
    made = pieces(text, {"cost": score}, {})
    assert "".join(p.text for p in made) == text
    for one, two in pairwise(made):
        assert bool(one.needs) != bool(two.needs)


def test_touching_marks_are_one_mark_for_all_their_needs() -> None:
    text = "Extract ICD-10 codes as strict JSON."
    scores = {
        "domain_specialization": Score(value=0.9, level="high", evidence=(evidence(8, 14),)),
        "consistency": Score(value=0.9, level="high", evidence=(evidence(8, 20), evidence(24, 35, 0.1, "classifier"))),
    }
    used = {"output_format": EffectiveRequirement(value="json", origin="inferred", evidence="JSON", span=(31, 35))}
    marked = [(p.text, p.letters, p.facts) for p in pieces(text, scores, used) if p.needs or p.facts]  # type: ignore[arg-type]
    assert marked == [("ICD-10 codes", "D F", ()), ("JSON", "", ("output_format",))]


FIGURES = [
    (figures.usd, 0.15, "$0.15"),
    (figures.usd, 0.004, "$0.004"),
    (figures.usd, 2699.8, "$2,700"),
    (figures.usd, 0, "$0"),
    (figures.count, 40000.0, "40,000"),
    (figures.count, 1.8518, "1.85"),
    (figures.count, 8190735360, "8.19 billion"),
    (figures.short, 20000.0, "20k"),
    (figures.short, 1e6, "1M"),
    (figures.days, 8.0, "8 days"),
    (figures.days, 30.0, "6 weeks"),
    (figures.percent, 0.9987, "99%"),
    (figures.percent, 1.0, "100%"),
    (figures.used, True, "yes"),
    (figures.used, "few_shot", "prompt with examples"),
    (figures.used, ("en", "de"), "en, de"),
    (figures.named, "latency_p95_seconds: limit 0.3 s", "whole answer within: limit 0.3 s"),
]


@pytest.mark.parametrize(("write", "value", "shown"), FIGURES, ids=[str(f[2]) for f in FIGURES])
def test_figures(write: object, value: object, shown: str) -> None:
    assert write(value) == shown  # type: ignore[operator]


def test_links_lead_only_to_the_web_and_the_rest_is_escaped() -> None:
    made = figures.linked('a <b> (https://arxiv.org/abs/2401.17644), javascript:alert(1) https://x.y/"><script>')
    assert '<a href="https://arxiv.org/abs/2401.17644" rel="noreferrer">arxiv.org/abs/2401.17644</a>)' in made
    assert "&lt;b&gt;" in made
    paper = figures.linked("see arXiv:2405.00732v3")
    assert paper == 'see <a href="https://arxiv.org/abs/2405.00732" rel="noreferrer">arXiv:2405.00732</a>v3'
    assert "<script>" not in made
    assert 'href="javascript' not in made
