"""The tuning plan: rank, targets, hyperparameters, method and GPU, every field with its reason."""

from collections.abc import Callable

from app.catalogue import Catalogue
from app.errors import InputError, InputProblem
from app.planning import hyperparameters as hyper
from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.planning.rank import RankChoice, plan_rank
from app.planning.readiness import data_readiness
from app.planning.reasons import Reasoning, reasons
from app.planning.settings import TrainingSettingsBook
from app.planning.setup import Attempt, Drafted, Search, Setup, find_setup, gpus_for, memory_floor
from app.planning.sweep import sweep
from app.planning.training_requests import quantization, request_of, training_request
from app.planning.tuning_task import Targeted, TuningTask, task_from_facts, task_from_request
from app.records import record
from app.schemas.architecture import Architecture
from app.schemas.facts import Facts, Workload
from app.schemas.plan import FineTuningPlan, LoraPlanRequest
from app.schemas.recommend import Preferences
from app.schemas.training import TrainingEstimate, TrainingRequest
from app.schemas.vocabulary import Method
from app.schemas.world import BaseModelSpec
from app.units import SECONDS_PER_HOUR, as_seconds, as_usd

__all__ = ["PlannedTuning", "TuningTools", "plan_fine_tuning", "plan_lora", "training_request"]


@record(kw_only=True)
class TuningTools:
    """What the estimates lend to planning, as plain callables."""

    estimate: Callable[[TrainingRequest], TrainingEstimate]
    """The training estimate of a request on this base model."""
    parameters_per_rank: Callable[[Architecture, tuple[str, ...]], float]
    """Adapter parameters per unit of rank for these targets, experts weighted by use."""
    default_targets: Callable[[Architecture], tuple[str, ...]]
    """Names of every linear layer of the blocks, as PEFT expects them."""
    expert_tensors: Callable[[Architecture], tuple[tuple[str, ...], float]] | None = None
    """Expert tensors that no module name reaches, and their parameters per rank (see expert_tensors.py)."""


@record(kw_only=True)
class PlannedTuning:
    """A tuning plan, the request that it was estimated with, and the estimate."""

    plan: FineTuningPlan
    request: TrainingRequest
    estimate: TrainingEstimate
    rank: RankChoice


def plan_fine_tuning(
    facts: Facts,
    workload: Workload,
    chosen: Chosen[BaseModelSpec],
    catalogue: Catalogue,
    preferences: Preferences,
    *,
    book: PlanningBook,
    tools: TuningTools,
    loss_tolerance: float | None = None,
) -> PlannedTuning:
    """The tuning plan of a recommendation. Raises InputError for a preferred GPU that is unknown."""
    task = task_from_facts(facts, workload, preferences, book, loss_tolerance)
    return _plan(task, chosen, preferences.architecture, catalogue, book, tools)


def plan_lora(
    request: LoraPlanRequest,
    chosen: Chosen[BaseModelSpec],
    catalogue: Catalogue,
    *,
    book: PlanningBook,
    tools: TuningTools,
) -> PlannedTuning:
    """The tuning plan of POST /plan/lora, by the same rules. Raises InputError for contradictions and bad targets."""
    task = task_from_request(request, catalogue.task_defaults[request.task_type], book)
    return _plan(task, chosen, request.architecture, catalogue, book, tools)


def _plan(
    task: TuningTask,
    chosen: Chosen[BaseModelSpec],
    config: dict[str, object] | None,
    catalogue: Catalogue,
    book: PlanningBook,
    tools: TuningTools,
) -> PlannedTuning:
    base = chosen.spec
    targets = _targets(task, base, tools)
    rank = plan_rank(book.rank, task.kind, targets.per_rank, task.supervised_tokens, task.loss_tolerance)
    found = hyper.lengths(task, base.max_position_embeddings, book)
    passes = hyper.epochs(task, book.training)
    search = Search(
        task=task,
        base=base,
        found=found,
        gpus=gpus_for(task, catalogue),
        size=memory_floor(base, rank.r * targets.per_rank),
        passes=passes,
        settings=book.training,
        draft=_drafter(task, base, rank, targets, found, passes, config, book.training),
        estimate=tools.estimate,
    )
    setup = find_setup(search, methods(task, rank))
    drafted = setup.drafted
    reasoning = Reasoning(task=task, chosen=chosen, rank=rank, per_rank=targets.per_rank, found=found, setup=setup)
    plan = FineTuningPlan(
        method=drafted.attempt.method,
        base_model=base.id,
        quantization=quantization(drafted.attempt.method),
        lora=drafted.lora,
        training=drafted.training,
        hardware=drafted.hardware,
        because=reasons(reasoning, book),
        runners_up=chosen.runners_up,
        sweep=sweep(drafted, setup.estimate, targets.per_rank, base),
        data=data_readiness(task, setup.estimate, book),
        limits=_limits(task, chosen, rank, setup, found, book),
    )
    return PlannedTuning(plan=plan, request=drafted.request, estimate=setup.estimate, rank=rank)


def methods(task: TuningTask, rank: RankChoice) -> tuple[Method, ...]:
    """Methods to try, best first."""
    if task.method is not None:
        return (task.method,)
    return ("full", "lora", "qlora") if rank.full_recommended else ("lora", "qlora")


def _targets(task: TuningTask, base: BaseModelSpec, tools: TuningTools) -> Targeted:
    """The caller's modules, or every linear layer and, where no name reaches them, the expert tensors."""
    if task.target_modules is not None and task.target_modules != "all-linear":
        return Targeted(task.target_modules, (), _parameters_per_rank(base, task.target_modules, tools))
    modules = tools.default_targets(base.architecture)
    per_rank = _parameters_per_rank(base, modules, tools)
    names, more = tools.expert_tensors(base.architecture) if tools.expert_tensors else ((), 0.0)
    return Targeted(modules, names, per_rank + more)


def _parameters_per_rank(base: BaseModelSpec, targets: tuple[str, ...], tools: TuningTools) -> float:
    """Raises InputError where the targets stand in the request."""
    try:
        return tools.parameters_per_rank(base.architecture, targets)
    except InputError as error:
        moved = [InputProblem(_moved(p.pointer), p.detail, p.hint) for p in error.problems]
        raise InputError(moved, error.code) from None


def _moved(pointer: str) -> str:
    """Targets stand at the top of a request for a plan."""
    return pointer.removeprefix("/lora")


def _drafter(
    task: TuningTask,
    base: BaseModelSpec,
    rank: RankChoice,
    targets: Targeted,
    found: hyper.Lengths,
    passes: float,
    config: dict[str, object] | None,
    s: TrainingSettingsBook,
) -> Callable[[Attempt], Drafted]:
    """The function from a way to train it to its hyperparameters and request."""
    lora = hyper.lora_plan(rank, targets, base.architecture.num_experts > 0, task, s)
    at_once = hyper.sequences_at_once(found, s)

    def draft(attempt: Attempt) -> Drafted:
        step = hyper.batch(task, found, attempt.gpu_count, 1 if attempt.one_at_a_time else at_once, passes, s)
        rate = hyper.learning_rate(base.architecture, rank.r, attempt.method, task, s)
        adapter = None if attempt.method == "full" else lora
        training = hyper.training_plan(task, found, step, rate, passes, attempt.method, attempt.gpu, s)
        hardware = hyper.hardware_plan(attempt.gpu, attempt.gpu_count, attempt.sharded)
        price = task.usd_per_gpu_hour
        request = request_of(base.id, config, attempt.method, adapter, training, hardware, price)
        return Drafted(attempt, adapter, training, step, rate, hardware, request)

    return draft


def _limits(
    task: TuningTask,
    chosen: Chosen[BaseModelSpec],
    rank: RankChoice,
    setup: Setup,
    found: hyper.Lengths,
    book: PlanningBook,
) -> tuple[str, ...]:
    """What the plan cannot promise."""
    said = list(chosen.misses)
    if not setup.estimate.memory.fits:
        said.append("The run is not expected to fit: see the estimate for what would make it fit.")
    total, budget = setup.estimate.cost.total_usd, task.training_budget_usd
    if budget is not None and total is not None and total.expected > budget:
        said.append(f"One run is expected to cost {as_usd(total.expected)}, over the budget of {as_usd(budget)}.")
    said += _run_limits(chosen.spec, setup, found, book.training.most_hours)
    if setup.drafted.attempt.method != "full":
        said += _rank_limits(task, rank)
    if task.kind == "reinforcement_learning":
        said.append("Time and cost hold the training steps alone: sampling the episodes comes on top.")
    said.append("A chat template that differs between training and serving costs more than any rank: keep it the same.")
    return tuple(said)


def _run_limits(base: BaseModelSpec, setup: Setup, found: hyper.Lengths, most_hours: float) -> list[str]:
    """What the run itself may stumble over."""
    said, seconds = [], setup.estimate.train_seconds
    if seconds is not None and seconds.expected > most_hours * SECONDS_PER_HOUR:
        said.append(
            f"The run is expected to take {as_seconds(seconds.expected)}: train on a sample first, and on all of it "
            "only if the result still rises with the number of examples."
        )
    if base.architecture.has_vision_tower and setup.drafted.lora is not None:
        said.append(
            f"{base.id} has a vision tower that the short module names also reach; a regular expression over the "
            "decoder's names keeps to the text (see the estimate's warnings)."
        )
    if found.cut:
        said.append("Examples are longer than the context of the base model: they would be cut.")
    return said


def _rank_limits(task: TuningTask, rank: RankChoice) -> list[str]:
    said = [
        f"The rank belongs to a loss within {task.loss_tolerance:.2%} of the best rank's; at 1 % a constant 8 is as "
        "good. How rank grows with tokens rests on few published points."
    ]
    if rank.full_worth_a_look or rank.full_recommended:
        said.append(
            f"Capacity alone would ask for rank {rank.raw:,.0f}: full fine-tuning is worth a look, since no published "
            "adapter of this kind kept up."
        )
    return said
