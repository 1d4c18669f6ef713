"""The rank of a LoRA adapter, from capacity: what has to be learned against what one unit of rank holds."""

from math import log2
from typing import Literal

from app.errors import InputError
from app.planning.settings import RankSettings
from app.records import record
from app.schemas.vocabulary import TaskType

RankKind = Literal["narrow", "generation", "code", "continued_pretraining", "reinforcement_learning"]
Bound = Literal["capacity", "floor", "cap"]
NARROW: frozenset[TaskType] = frozenset({"classification", "extraction", "ranking"})
"""Task types whose answers are labels, fields or an order."""


@record(kw_only=True)
class RankChoice:
    """A rank and how it came about."""

    r: int
    raw: float
    """Capacity needed over parameters per rank, before rounding and bounds."""
    needed_parameters: float
    """Adapter parameters that what is to be learned asks for."""
    bound: Bound
    """What decided: the capacity, or one of the bounds."""
    floor: int
    cap: int
    full_recommended: bool
    """The raw rank is beyond what was ever compared, at as many tokens as no adapter was ever seen to hold."""
    full_worth_a_look: bool
    """The raw rank is beyond what was ever compared."""


def rank_kind(task_type: TaskType, continued_pretraining: bool, reinforcement_learning: bool) -> RankKind:
    """What is learned, as far as rank is concerned."""
    if reinforcement_learning:
        return "reinforcement_learning"
    if continued_pretraining:
        return "continued_pretraining"
    if task_type == "code":
        return "code"
    return "narrow" if task_type in NARROW else "generation"


def plan_rank(
    settings: RankSettings,
    kind: RankKind,
    parameters_per_rank: float,
    supervised_tokens: float,
    loss_tolerance: float | None = None,
) -> RankChoice:
    """The power of two nearest to needed over held capacity, between the task's floor and the cap.

    `supervised_tokens` are tokens with loss over all examples once, or episodes of reinforcement learning.
    `loss_tolerance` is how much worse than the best rank's loss is acceptable, as a fraction. Raises InputError when
    there is nothing to adapt. Source: rules/planning/rank.yaml.
    """
    if parameters_per_rank <= 0:
        raise InputError.at("/target_modules", "These targets hold no weights.", 'Use "all-linear".')
    stricter = tolerance_factor(settings, loss_tolerance)
    needed = stricter * _needed(settings, kind, supervised_tokens)
    raw = needed / parameters_per_rank
    floor, cap = _bounds(settings, kind, stricter)
    nearest = nearest_power_of_two(raw, cap)
    r = max(floor, min(cap, nearest))
    beyond = kind != "reinforcement_learning" and raw > settings.full_from_rank
    return RankChoice(
        r=r,
        raw=raw,
        needed_parameters=needed,
        bound="capacity" if r == nearest and raw <= settings.full_from_rank else "floor" if r > nearest else "cap",
        floor=floor,
        cap=cap,
        full_recommended=beyond and supervised_tokens > settings.full_from_tokens,
        full_worth_a_look=beyond,
    )


def tolerance_factor(settings: RankSettings, loss_tolerance: float | None) -> float:
    """Capacity needed at this tolerance over that at the reference tolerance."""
    if loss_tolerance is None:
        return 1.0
    ratio = settings.reference_tolerance / loss_tolerance
    return float(ratio**settings.tolerance_exponent)


def _needed(settings: RankSettings, kind: RankKind, tokens: float) -> float:
    if kind == "reinforcement_learning":
        return settings.episode_parameters * tokens
    shift = settings.shift_far if kind in ("code", "continued_pretraining") else settings.shift_ordinary
    return settings.tokens_margin * shift * tokens


def _bounds(settings: RankSettings, kind: RankKind, stricter: float) -> tuple[int, int]:
    """Floor and cap. A loose tolerance lowers the floor of long answers to that of narrow tasks."""
    if kind == "reinforcement_learning":
        return settings.floor_reinforcement_learning, settings.cap_reinforcement_learning
    if kind == "continued_pretraining":
        return settings.floor_continued_pretraining, settings.cap
    if kind == "narrow":
        return settings.floor_narrow, settings.cap
    lowered = nearest_power_of_two(settings.floor_generation * min(1.0, stricter), settings.cap)
    return max(settings.floor_narrow, lowered), settings.cap


def nearest_power_of_two(value: float, most: int) -> int:
    """The power of two nearest in ratio, from 1 to `most`."""
    if value <= 1:
        return 1
    return most if value >= most else int(2 ** round(log2(value)))
