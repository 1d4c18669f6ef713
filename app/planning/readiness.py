"""Whether the labelled examples suffice, and the smallest experiment that would settle the question."""

from app.planning.book import PlanningBook
from app.planning.tuning_task import TuningTask
from app.schemas.base import Range
from app.schemas.plan import DataReadiness
from app.schemas.training import TrainingEstimate


def data_readiness(task: TuningTask, estimate: TrainingEstimate, book: PlanningBook) -> DataReadiness:
    """Examples known, needed and split; the pilot's hours and money are the plan's by its share of examples."""
    s, needed = book.readiness, book.needed[task.task_type]
    labelled = task.labelled_examples
    pilot = max(1, min(s.pilot_examples, int(task.train_examples * s.pilot_share)))
    share = pilot / task.train_examples
    return DataReadiness(
        labelled_examples=labelled,
        needed_examples=needed.examples,
        train_examples=task.train_examples,
        eval_examples=task.eval_examples,
        enough=None if labelled is None else labelled >= needed.examples,
        text=_text(task, book),
        pilot_examples=pilot,
        pilot_gpu_hours=_pilot(estimate.gpu_hours, share, s_hours=book.training.setup_hours),
        pilot_cost_usd=_pilot_cost(estimate, share, book.training.setup_hours),
        source=needed.source,
    )


def _pilot(hours: Range | None, share: float, s_hours: float) -> Range | None:
    if hours is None:
        return None
    part = hours.scaled(share)
    return Range(low=part.low + s_hours, expected=part.expected + s_hours, high=part.high + s_hours)


def _pilot_cost(estimate: TrainingEstimate, share: float, setup_hours: float) -> Range | None:
    hours, items = _pilot(estimate.gpu_hours, share, setup_hours), estimate.cost.items
    price = items[0].unit_price_usd if items else None
    return hours.scaled(price) if hours is not None and price is not None else None


def _text(task: TuningTask, book: PlanningBook) -> str:
    needed, labelled, texts = book.needed[task.task_type], task.labelled_examples, book.readiness_texts
    name = (
        "unknown"
        if labelled is None
        else "none"
        if labelled == 0
        else "enough"
        if labelled >= needed.examples
        else "few"
    )
    text = texts[name].format(
        labelled=labelled,
        needed=needed.examples,
        train=task.train_examples,
        held=task.eval_examples,
        kind=needed.kind,
        missing=max(0, needed.examples - (labelled or 0)),
    )
    if task.sampled:
        text += texts["sample"].format(labelled=labelled, used=task.train_examples + task.eval_examples)
    return text
