"""The rank model: worked cases, published sweeps within tolerance, and what must never fall."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InputError
from app.planning.rank import RankKind, nearest_power_of_two, plan_rank, rank_kind, tolerance_factor
from bench.rank import CONSTANTS, Sweep, hits, planned, sweeps
from tests.unit.planning.planning_cases import BOOK

S = BOOK.rank
LLAMA_8B = 2_621_440.0
KINDS: tuple[RankKind, ...] = ("narrow", "generation", "code", "continued_pretraining", "reinforcement_learning")
ROWS = list(sweeps())


@pytest.mark.parametrize(
    ("kind", "per_rank", "tokens", "r", "bound"),
    [
        ("narrow", LLAMA_8B, 100_000, 8, "floor"),
        ("generation", LLAMA_8B, 100_000, 16, "floor"),
        ("generation", LLAMA_8B, 45e6, 32, "capacity"),  # 1.5 x 45e6 / 2.62e6 = 25.7
        ("generation", 704_512, 45e6, 128, "capacity"),  # 95.8
        ("code", 2_015_232, 73e6, 256, "capacity"),  # 4 x 1.5 x 73e6 / 2.02e6 = 217
        ("code", LLAMA_8B, 100_000, 16, "floor"),
        ("continued_pretraining", LLAMA_8B, 1e6, 64, "floor"),
        ("continued_pretraining", LLAMA_8B, 2.5e8, 256, "cap"),
        ("reinforcement_learning", LLAMA_8B, 1e6, 8, "floor"),
        ("reinforcement_learning", LLAMA_8B, 1e12, 32, "cap"),
        ("generation", LLAMA_8B, 0, 16, "floor"),
    ],
)
def test_worked_ranks(kind: RankKind, per_rank: float, tokens: float, r: int, bound: str) -> None:
    made = plan_rank(S, kind, per_rank, tokens)
    assert (made.r, made.bound) == (r, bound)


@pytest.mark.parametrize(
    ("kind", "tokens", "full", "worth_a_look"),
    [
        ("continued_pretraining", 8e9, True, True),
        ("continued_pretraining", 2.5e8, False, True),  # 744 x 2 parameters per rank, but within published amounts
        ("generation", 45e6, False, False),
        ("reinforcement_learning", 1e13, False, False),
    ],
)
def test_full_fine_tuning_is_planned_where_rank_and_tokens_are_both_beyond_what_was_seen(
    kind: RankKind, tokens: float, full: bool, worth_a_look: bool
) -> None:
    made = plan_rank(S, kind, 2_015_232, tokens)
    assert (made.full_recommended, made.full_worth_a_look) == (full, worth_a_look)


def test_many_tokens_on_a_large_base_model_stay_with_an_adapter() -> None:
    made = plan_rank(S, "generation", 39e6, 2e9)  # Llama-3.1-405B: 77 of 512
    assert not made.full_recommended


@pytest.mark.parametrize(("tolerance", "factor"), [(0.005, 1.0), (0.01, 0.4204), (0.0025, 2.3784), (None, 1.0)])
def test_tolerance_scales_the_need(tolerance: float | None, factor: float) -> None:
    assert tolerance_factor(S, tolerance) == pytest.approx(factor, rel=1e-3)


def test_at_one_percent_a_constant_8_is_enough() -> None:
    assert plan_rank(S, "generation", LLAMA_8B, 5e6, 0.01).r == 8
    assert plan_rank(S, "generation", LLAMA_8B, 5e6, 0.005).r == 16


@pytest.mark.parametrize(
    ("task", "cpt", "rl", "kind"),
    [
        ("classification", False, False, "narrow"),
        ("extraction", False, False, "narrow"),
        ("ranking", False, False, "narrow"),
        ("code", False, False, "code"),
        ("conversation", False, False, "generation"),
        ("code", True, False, "continued_pretraining"),
        ("reasoning", False, True, "reinforcement_learning"),
    ],
)
def test_kind(task: str, cpt: bool, rl: bool, kind: str) -> None:
    assert rank_kind(task, cpt, rl) == kind  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "most", "nearest"),
    [(0, 256, 1), (1.4, 256, 1), (1.5, 256, 2), (22.6, 256, 16), (22.7, 256, 32), (1e9, 256, 256)],
)
def test_nearest_power_of_two_in_ratio(value: float, most: int, nearest: int) -> None:
    assert nearest_power_of_two(value, most) == nearest


def test_nothing_to_adapt_is_an_error() -> None:
    with pytest.raises(InputError, match="no weights"):
        plan_rank(S, "narrow", 0, 1000)


@given(
    kind=st.sampled_from(KINDS),
    per_rank=st.floats(1e4, 1e8),
    tokens=st.floats(0, 1e13),
    more=st.floats(1, 100),
    tolerance=st.floats(1e-4, 0.1),
)
def test_rank_never_falls_with_tokens_nor_rises_with_tolerance_or_capacity(
    kind: RankKind, per_rank: float, tokens: float, more: float, tolerance: float
) -> None:
    made = plan_rank(S, kind, per_rank, tokens, tolerance)
    assert made.floor <= made.r <= made.cap
    assert made.r & (made.r - 1) == 0
    assert plan_rank(S, kind, per_rank, tokens * more, tolerance).r >= made.r
    assert plan_rank(S, kind, per_rank * more, tokens, tolerance).r <= made.r
    assert plan_rank(S, kind, per_rank, tokens, min(0.1, tolerance * more)).r <= made.r


def test_most_published_sweeps_are_within_tolerance_and_constants_are_not() -> None:
    ours = hits(ROWS, lambda row: planned(row, S))
    assert len(ROWS) == 47
    assert ours >= 42
    assert all(hits(ROWS, lambda _, r=constant: r) < ours for constant in CONSTANTS)  # type: ignore[misc]


def test_the_hits_rest_on_no_single_constant() -> None:
    """A mechanism, not a fit: moving each number by a quarter leaves the bound of 42 standing."""
    for name in ("tokens_margin", "shift_far", "episode_parameters", "full_from_rank", "full_from_tokens"):
        for factor in (0.75, 1.25):
            moved = replace(S, **{name: getattr(S, name) * factor})
            assert hits(ROWS, lambda row, s=moved: planned(row, s)) >= 42, (name, factor)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("smallest", "censored", "accepted", "refused"),
    [
        (16, "no", (8, 64), (4, 128)),
        (2, "no", (1, 16), (32,)),
        (64, "at_least", (32, 256), (16, "full")),
        (16, "at_most", (1, 64), (128,)),
        ("full", "at_least", ("full",), (256,)),
    ],
)
def test_tolerance_respects_the_edges_of_a_sweep(
    smallest: int, censored: str, accepted: tuple[int, ...], refused: tuple[int, ...]
) -> None:
    row = Sweep("x", "s", "generation", 1.0, 1.0, smallest, censored)  # type: ignore[arg-type]
    assert all(row.accepts(r) for r in accepted)
    assert not any(row.accepts(r) for r in refused)
