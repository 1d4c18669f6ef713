"""Why each field of a tuning plan has its value."""

from collections.abc import Iterator
from math import sqrt

from app.planning import hyperparameters as hyper
from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.planning.rank import RankChoice
from app.planning.setup import Setup
from app.planning.tuning_task import TuningTask
from app.records import record
from app.schemas.plan import Because, LoraPlan
from app.schemas.world import BaseModelSpec
from app.units import MILLION, as_gib, as_usd

BILLION = 1e9
EXAMPLE_SHARE_RIGHT = 0.8
"""Share of right answers at which the sentence on evaluation tells its resolution."""
WIDE = 1.96
"""Standard errors of a 95 % interval."""
ATTENTION_WORDS = ("q_", "k_", "v_", "o_", "kv_", "qkv", "query", "key", "value", "out_proj", "c_attn", "attn")
"""How names of attention projections begin or what they hold, in the families of Transformers."""
METHOD_NAMES = {"lora": "LoRA", "qlora": "QLoRA", "full": "Full fine-tuning"}
FAMILY_NAMES = {"llama": "Llama", "qwen": "Qwen", "other": "other families"}


@record(kw_only=True)
class Reasoning:
    """What the reasons are told from."""

    task: TuningTask
    chosen: Chosen[BaseModelSpec]
    rank: RankChoice
    per_rank: float
    found: hyper.Lengths
    setup: Setup


def reasons(of: Reasoning, book: PlanningBook) -> tuple[Because, ...]:
    """One reason for every field of the plan that holds a decision."""
    lora = of.setup.drafted.lora
    return (
        of.chosen.because,
        *_method(of, book),
        *(_adapter(of, lora, book) if lora else ()),
        *_rate(of, book),
        *_amount(of, book),
        *_lengths(of, book),
        *_rest(of, book),
        *_hardware(of, book),
    )


def _method(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, attempt = book.reasons, of.setup.drafted.attempt
    if of.task.method is not None:
        yield texts["method_given"].because("method", method=METHOD_NAMES[attempt.method])
    else:
        yield texts[f"method_{attempt.method}"].because(
            "method", gpu=attempt.gpu.name, tokens=_count(of.task.supervised_tokens), why=of.setup.qlora_why
        )
    yield texts["quantization_qlora" if attempt.method == "qlora" else "quantization_none"].fixed("quantization")


def _adapter(of: Reasoning, lora: LoraPlan, book: PlanningBook) -> Iterator[Because]:
    texts, least = book.reasons, book.training.rslora_from_rank
    yield Because(field="lora.r", text=_rank_text(of), source=book.rank_sources[_rank_source(of)])
    if lora.use_rslora:
        yield texts["alpha_rslora"].because("lora.lora_alpha", alpha=lora.lora_alpha, scale=hyper.update_scale(lora))
    else:
        yield texts["alpha"].fixed("lora.lora_alpha")
    yield texts["use_rslora" if lora.use_rslora else "no_rslora"].because("lora.use_rslora", least=least)
    if lora.use_dora:
        yield texts["use_dora_on"].because("lora.use_dora", least=book.training.dora_below_rank)
    else:
        yield texts["use_dora"].fixed("lora.use_dora")
    yield _dropout(of, lora, book)
    yield _targets(of, lora, book)
    tensors = lora.target_parameters
    if tensors:
        yield texts["target_parameters"].because("lora.target_parameters", count=len(tensors))
    else:
        yield texts["no_target_parameters"].fixed("lora.target_parameters")
    yield texts["bias"].fixed("lora.bias")
    yield texts["task_type"].fixed("lora.task_type")


def _dropout(of: Reasoning, lora: LoraPlan, book: PlanningBook) -> Because:
    experts = of.chosen.spec.architecture.num_experts > 0
    name = "dropout_small" if lora.lora_dropout else "dropout_experts" if experts else "dropout_none"
    passes = of.setup.drafted.training.num_epochs
    times = "once" if passes == 1 else f"{passes:g} times"
    return book.reasons[name].because("lora.lora_dropout", examples=of.task.train_examples, times=times)


def _targets(of: Reasoning, lora: LoraPlan, book: PlanningBook) -> Because:
    given = of.task.target_modules is not None and of.task.target_modules != "all-linear"
    experts = of.chosen.spec.architecture.num_experts > 0
    if given:
        name = "target_modules_given"
    elif experts and not lora.target_parameters and all(map(is_attention, lora.target_modules)):
        name = "target_modules_attention"
    else:
        name = "target_modules_experts" if experts and not lora.target_parameters else "target_modules"
    return book.reasons[name].because("lora.target_modules", count=len(lora.target_modules))


def is_attention(name: str) -> bool:
    """Whether a module of this name belongs to the attention."""
    return name.startswith(ATTENTION_WORDS)


def _rank_text(of: Reasoning) -> str:
    rank, task = of.rank, of.task
    what = "episodes" if task.kind == "reinforcement_learning" else "supervised tokens"
    text = f"{_count(task.supervised_tokens)} {what} ask for {_count(rank.needed_parameters)} adapter parameters; one "
    text += f"unit of rank holds {_count(of.per_rank)}: {rank.raw:.2g}"
    if rank.bound == "floor":
        return f"{text}, raised to {rank.floor}, the least for this kind of task."
    if rank.bound == "cap":
        return f"{text}, capped at {rank.cap}."
    return f"{text}, rounded to {rank.r}."


def _rank_source(of: Reasoning) -> str:
    kind, bound = of.task.kind, of.rank.bound
    if bound == "floor":
        return "floor_generation" if kind == "code" else f"floor_{kind}"
    if bound == "cap":
        return "cap_reinforcement_learning" if kind == "reinforcement_learning" else "cap"
    return "episode_parameters" if kind == "reinforcement_learning" else "tokens_margin"


def _rate(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, s, training = book.reasons, book.training, of.setup.drafted.training
    architecture, rate = of.chosen.spec.architecture, of.setup.drafted.rate
    if rate.moved in ("high_rank", "full", "reinforcement_learning"):
        yield texts[f"learning_rate_{rate.moved}"].because("training.learning_rate", r=of.rank.r)
    else:
        family = hyper.width_family(architecture)
        moved = {"highest": f", limited to {rate.value:g}", "lowest": f", raised to {rate.value:g}", "": ""}[rate.moved]
        yield texts["learning_rate"].because(
            "training.learning_rate",
            hidden=f"{architecture.hidden_size:,}",
            exponent=hyper.width_exponent(family, s),
            raw=rate.raw,
            family=FAMILY_NAMES[family],
            limited=moved,
        )
    yield texts["lr_scheduler_type"].fixed("training.lr_scheduler_type")
    yield texts["warmup"].because(
        "training.warmup_ratio", share=training.warmup_ratio, steps=of.setup.drafted.step.steps
    )


def _amount(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, task, training = book.reasons, of.task, of.setup.drafted.training
    code = task.kind == "code" and training.num_epochs == book.training.epochs_small_code
    name = "epochs_code" if code else "epochs_once" if training.num_epochs == 1 else "epochs"
    yield texts[name].because("training.num_epochs", epochs=training.num_epochs, examples=task.train_examples)
    count, each = of.setup.drafted.attempt.gpu_count, of.found.examples_per_sequence
    micro, steps = training.micro_batch_size, training.gradient_accumulation_steps
    yield texts["batch_packed" if of.found.packing else "batch"].because(
        "training.micro_batch_size",
        micro=micro,
        steps=steps,
        gpus=f" x {count} GPUs" if count > 1 else "",
        each=each,
        batch=round(of.setup.drafted.step.examples),
    )
    yield texts["accumulation"].because("training.gradient_accumulation_steps", micro=micro, steps=steps)
    held, total = task.eval_examples, task.train_examples + task.eval_examples
    yield texts["examples"].because("training.examples", train=task.train_examples, held=held, labelled=f"{total:,}")
    points = 100 * WIDE * sqrt(EXAMPLE_SHARE_RIGHT * (1 - EXAMPLE_SHARE_RIGHT) / held)
    yield texts["eval_examples"].because("training.eval_examples", held=held, points=points)


def _lengths(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, s, found = book.reasons, book.training, of.found
    length = found.max_seq_length
    at_context = length == of.chosen.spec.max_position_embeddings
    name = "max_seq_length_packed" if found.packing else "max_seq_length_context" if at_context else "max_seq_length"
    yield texts[name].because(
        "training.max_seq_length", factor=s.longest_over_mean, mean=found.mean_seq_length, length=f"{length:,}"
    )
    yield texts["mean_seq_length"].because("training.mean_seq_length", mean=found.mean_seq_length)
    if found.packing and of.task.kind == "continued_pretraining":
        yield texts["packing_text"].fixed("training.packing")
    elif found.packing:
        yield texts["packing"].because("training.packing", mean=found.mean_seq_length)
    else:
        why = "too few tokens in all for it to pay" if found.few_tokens else "examples fill their sequences well enough"
        yield texts["no_packing"].because("training.packing", why=why)


def _rest(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, attempt, training = book.reasons, of.setup.drafted.attempt, of.setup.drafted.training
    answers_only = training.completion_only_loss
    yield texts["completion_only_loss" if answers_only else "all_tokens_loss"].fixed("training.completion_only_loss")
    yield texts["gradient_checkpointing"].fixed("training.gradient_checkpointing")
    name = {"lora": "optimizer", "qlora": "optimizer_qlora", "full": "optimizer_full"}[attempt.method]
    yield texts[name].fixed("training.optimizer")
    if training.precision == "bf16":
        yield texts["precision"].fixed("training.precision")
    else:
        yield texts["precision_fp16"].because("training.precision", gpu=attempt.gpu.name)
    yield texts["attention"].fixed("training.attention")
    yield texts["weight_decay"].fixed("training.weight_decay")
    name = "max_grad_norm_qlora" if attempt.method == "qlora" else "max_grad_norm"
    yield texts[name].because("training.max_grad_norm", norm=training.max_grad_norm)
    yield texts["seed"].fixed("training.seed")


def _hardware(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, attempt, memory = book.reasons, of.setup.drafted.attempt, of.setup.estimate.memory
    name = "gpu_none" if not memory.fits else "gpu_given" if of.task.gpu is not None else "gpu"
    price = attempt.gpu.usd_per_hour
    count = f"{attempt.gpu_count} x " if attempt.gpu_count > 1 else ""
    yield texts[name].because(
        "hardware.gpu",
        gpus=f"{count}{attempt.gpu.name}",
        price=f" at {as_usd(price.value)} an hour" if price else "",
        peak=as_gib(memory.device_bytes.expected),
        memory=as_gib(attempt.gpu.memory_bytes),
    )
    if attempt.gpu_count == 1:
        yield texts["gpu_count_one"].fixed("hardware.gpu_count")
        yield texts["sharding_none"].fixed("hardware.sharding")
    else:
        why = "several" if attempt.sharded else "speed"
        yield texts[f"gpu_count_{why}"].because("hardware.gpu_count", count=attempt.gpu_count)
        yield texts["sharding_fsdp" if attempt.sharded else "sharding_ddp"].fixed("hardware.sharding")


def _count(value: float) -> str:
    """A large count as people read it."""
    for size, word in ((BILLION, "billion"), (MILLION, "million")):
        if value >= size:
            return f"{value / size:.3g} {word}"
    return f"{value:,.0f}"
