"""Three runs worth doing if there is budget, with their cost."""

from app.planning.hyperparameters import two_digits
from app.planning.setup import Drafted
from app.schemas.base import Range
from app.schemas.plan import SweepRun
from app.schemas.training import TrainingEstimate
from app.schemas.world import BaseModelSpec

RATE_STEP = 2.5
"""Between neighbours of a coarse sweep: three of them span the usual range of 1e-4 to 6e-4."""
RANK_STEP = 4
"""A rank four times as high or low shows a difference where there is one."""
HIGHEST_RANK = 256
BASE_FLOPS, ADAPTER_FLOPS = 6.0, 8.0
"""FLOPs a token per frozen and per adapter parameter, recomputation included (forward 2, backward 2 or 4, again 2)."""


def sweep(drafted: Drafted, estimate: TrainingEstimate, per_rank: float, base: BaseModelSpec) -> tuple[SweepRun, ...]:
    """Learning rate, rank and passes, each moved once; the plan itself is the run that they are compared with."""
    cost = estimate.cost.total_usd
    rate = drafted.training.learning_rate
    runs = [
        SweepRun(
            change=f"learning_rate={two_digits(rate / RATE_STEP):g}",
            text="Whether the rate is too high: of all settings it moves the result most.",
            cost_usd=cost,
        )
    ]
    if drafted.lora is None:
        higher = two_digits(rate * RATE_STEP)
        runs.append(SweepRun(change=f"learning_rate={higher:g}", text="Whether the rate is too low.", cost_usd=cost))
    else:
        runs.append(_rank_run(drafted.lora.r, cost, per_rank, base))
    runs.append(_epochs_run(drafted.training.num_epochs, cost))
    return tuple(runs)


def _rank_run(r: int, cost: Range | None, per_rank: float, base: BaseModelSpec) -> SweepRun:
    up = r * RANK_STEP <= HIGHEST_RANK
    other = r * RANK_STEP if up else r // RANK_STEP
    text = "Whether the adapter is too small." if up else "Whether a smaller adapter does as well."
    frozen = BASE_FLOPS * base.active_parameters
    factor = (frozen + ADAPTER_FLOPS * other * per_rank) / (frozen + ADAPTER_FLOPS * r * per_rank)
    return SweepRun(change=f"r={other}", text=text, cost_usd=cost.scaled(factor) if cost else None)


def _epochs_run(passes: float, cost: Range | None) -> SweepRun:
    other = passes - 1 if passes > 1 else 2.0
    text = (
        "Whether fewer passes do: later ones mostly learn the examples by heart."
        if passes > 1
        else "Whether a second pass gains."
    )
    return SweepRun(change=f"num_epochs={other:g}", text=text, cost_usd=cost.scaled(other / passes) if cost else None)
