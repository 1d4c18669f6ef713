"""What is to be tuned, in plain numbers: read from facts and workload, or from a bare request for a plan."""

from typing import Literal

from app.errors import InputError
from app.planning.book import PlanningBook
from app.planning.rank import NARROW, RankKind, rank_kind
from app.records import record
from app.schemas.facts import Facts, Workload
from app.schemas.plan import LoraPlanRequest
from app.schemas.recommend import Preferences
from app.schemas.vocabulary import Method, TaskType
from app.schemas.world import TaskDefaults

Targets = tuple[str, ...] | Literal["all-linear"] | None


@record
class Targeted:
    """What gets an adapter."""

    modules: tuple[str, ...]
    parameters: tuple[str, ...]
    """Expert tensors, as PEFT's `target_parameters`."""
    per_rank: float
    """Adapter parameters per unit of rank, experts weighted by use."""


@record(kw_only=True)
class TuningTask:
    """A task as the tuning plan sees it; nothing left open."""

    task_type: TaskType
    kind: RankKind
    labelled_examples: int | None
    """Examples known to exist; None when nobody said."""
    needed_examples: int
    train_examples: int
    eval_examples: int
    sampled: bool
    """Fewer examples are used than exist."""
    tokens_per_example: float
    supervised_tokens: float
    """Tokens with loss over the training examples once; episodes of reinforcement learning."""
    loss_tolerance: float
    target_modules: Targets = None
    gpu: str | None = None
    gpu_pointer: str = "/gpu"
    """Where the GPU stands in the caller's request."""
    method: Method | None = None
    usd_per_gpu_hour: float | None = None
    training_budget_usd: float | None = None


def task_from_facts(
    facts: Facts, workload: Workload, preferences: Preferences, book: PlanningBook, loss_tolerance: float | None = None
) -> TuningTask:
    """The tuning task of a recommendation: labelled examples that exist, else those that are usually needed."""
    known = None if facts.labelled_examples is None else int(facts.labelled_examples)
    total, sampled = _planned_examples(workload.task_type, known, book)
    train, held = split(total, book)
    answer = max(1.0, min(workload.output_tokens, workload.tokens_per_example))
    return TuningTask(
        task_type=workload.task_type,
        kind=rank_kind(workload.task_type, False, False),
        labelled_examples=known,
        needed_examples=book.needed[workload.task_type].examples,
        train_examples=train,
        eval_examples=held,
        sampled=sampled,
        tokens_per_example=max(1.0, workload.tokens_per_example),
        supervised_tokens=train * answer,
        loss_tolerance=loss_tolerance or book.rank.reference_tolerance,
        gpu=preferences.gpu,
        gpu_pointer="/preferences/gpu",
        method=preferences.method,
        usd_per_gpu_hour=preferences.usd_per_gpu_hour,
        training_budget_usd=facts.training_budget_usd,
    )


def task_from_request(request: LoraPlanRequest, defaults: TaskDefaults, book: PlanningBook) -> TuningTask:
    """The tuning task of POST /plan/lora. Raises InputError for counts that contradict each other."""
    _check(request)
    kind = rank_kind(request.task_type, request.continued_pretraining, request.reinforcement_learning)
    per_example, answer = _tokens(request, defaults)
    examples = request.examples
    if examples is None and request.supervised_tokens is not None:
        examples = max(1, round(request.supervised_tokens / answer))
    if kind == "reinforcement_learning":
        examples = request.episodes or examples or book.readiness.default_episodes
    train, held = split(examples or book.needed[request.task_type].examples, book)
    learned = float(request.supervised_tokens or train * answer)
    if kind == "reinforcement_learning":
        learned = float(examples or book.readiness.default_episodes)
    return TuningTask(
        task_type=request.task_type,
        kind=kind,
        labelled_examples=examples,
        needed_examples=book.needed[request.task_type].examples,
        train_examples=train,
        eval_examples=held,
        sampled=False,
        tokens_per_example=per_example,
        supervised_tokens=learned,
        loss_tolerance=request.loss_tolerance,
        target_modules=request.target_modules,
        gpu=request.gpu,
        method=request.method,
    )


def _check(request: LoraPlanRequest) -> None:
    if request.continued_pretraining and request.reinforcement_learning:
        detail = "Continued pretraining and reinforcement learning are two different runs."
        raise InputError.at("/reinforcement_learning", detail, "Plan each on its own.")
    if request.episodes is not None and not request.reinforcement_learning:
        raise InputError.at("/episodes", "Episodes belong to reinforcement learning.", "Set reinforcement_learning.")
    tokens, examples, each = request.supervised_tokens, request.examples, request.tokens_per_example
    if tokens is not None and examples is not None and each is not None and tokens > examples * each:
        detail = f"{tokens:,} supervised tokens are more than {examples:,} examples of {each:,} tokens hold."
        raise InputError.at("/supervised_tokens", detail, f"At most {examples * each:,}; leave one of the three out.")
    if tokens is not None and examples is not None and tokens < examples:
        detail = f"{tokens:,} supervised tokens over {examples:,} examples are less than one each."
        raise InputError.at("/supervised_tokens", detail, "Count the tokens of all answers together.")


def _tokens(request: LoraPlanRequest, defaults: TaskDefaults) -> tuple[float, float]:
    """Tokens of an example, and those of them that carry loss."""
    usual = float(defaults.input_tokens + defaults.output_tokens)
    share = 1.0 if request.continued_pretraining else defaults.output_tokens / usual
    if request.supervised_tokens is not None and request.examples is not None:
        answer = request.supervised_tokens / request.examples
        return float(request.tokens_per_example or max(usual, answer)), answer
    each = float(request.tokens_per_example or usual)
    return each, max(1.0, each * share)


def _planned_examples(task_type: TaskType, known: int | None, book: PlanningBook) -> tuple[int, bool]:
    """Examples to plan with, and whether they are a sample of those that exist."""
    s = book.readiness
    if known is None or known < s.least_train_narrow:
        return book.needed[task_type].examples, False
    most = s.most_train_narrow if task_type in NARROW else s.most_train_open
    return min(known, most), known > most


def split(total: int, book: PlanningBook) -> tuple[int, int]:
    """Examples to train on and to keep for evaluation; both at least 1."""
    s = book.readiness
    wanted = min(max(round(total * s.eval_share), s.least_eval), s.most_eval)
    held = max(1, min(wanted, int(total * s.most_eval_share)))
    return max(1, total - held), held
