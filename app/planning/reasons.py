"""Why each field of a tuning plan has its value."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.planning import hyperparameters as hyper
from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.planning.rank import RankChoice
from app.planning.setup import Setup
from app.planning.tuning_task import TuningTask
from app.schemas.plan import Because, LoraPlan
from app.schemas.world import BaseModelSpec
from app.units import MILLION, as_gib, as_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """What the reasons are told from."""

    task: TuningTask
    chosen: Chosen[BaseModelSpec]
    rank: RankChoice
    per_rank: float
    found: hyper.Lengths
    setup: Setup


def reasons(of: Reasoning, book: PlanningBook) -> tuple[Because, ...]:
    """One reason for every field that was decided."""
    return (
        replace(of.chosen.because, field="base_model"),
        *_method(of, book),
        *(_adapter(of, of.setup.drafted.lora, book) if of.setup.drafted.lora else ()),
        *_rate(of, book),
        *_amount(of, book),
        *_lengths(of, book),
        *_rest(of, book),
        _gpu(of, book),
    )


def _method(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, attempt = book.reasons, of.setup.drafted.attempt
    if of.task.method is not None:
        yield texts["method_given"].because("method", method=_NAMES[attempt.method])
    else:
        tokens = _count(of.task.supervised_tokens)
        text = texts[f"method_{attempt.method}"]
        yield text.because("method", gpu=attempt.gpu.name, tokens=tokens, why=of.setup.qlora_why)
    yield texts["quantization_qlora" if attempt.method == "qlora" else "quantization_none"].because("quantization")


_NAMES = {"lora": "LoRA", "qlora": "QLoRA", "full": "Full fine-tuning"}


def _adapter(of: Reasoning, lora: LoraPlan, book: PlanningBook) -> Iterator[Because]:
    texts, s, task = book.reasons, book.training, of.task
    yield Because(field="lora.r", text=_rank_text(of), source=book.rank_sources[_rank_source(of)])
    least = s.rslora_from_rank
    if lora.use_rslora:
        yield texts["alpha_rslora"].because("lora.lora_alpha", alpha=lora.lora_alpha, scale=hyper.update_scale(lora))
    else:
        yield texts["alpha"].because("lora.lora_alpha")
    yield texts["use_rslora" if lora.use_rslora else "no_rslora"].because("lora.use_rslora", least=least)
    yield texts["use_dora"].because("lora.use_dora")
    experts = of.chosen.spec.architecture.num_experts > 0
    name = "dropout_small" if lora.lora_dropout else "dropout_experts" if experts else "dropout_none"
    passes = of.setup.drafted.training.num_epochs
    yield texts[name].because("lora.lora_dropout", examples=task.train_examples, epochs=passes)
    given = task.target_modules is not None and task.target_modules != "all-linear"
    name = "target_modules_given" if given else "target_modules_experts" if experts else "target_modules"
    yield texts[name].because("lora.target_modules", count=len(lora.target_modules))


def _rank_text(of: Reasoning) -> str:
    rank, task = of.rank, of.task
    learned = f"{_count(task.supervised_tokens)} " + (
        "episodes" if task.kind == "reinforcement_learning" else "supervised tokens"
    )
    text = f"{learned} ask for {_count(rank.needed_parameters)} adapter parameters; one unit of rank holds "
    text += f"{_count(of.per_rank)}: {rank.raw:.2g}"
    if rank.bound == "floor":
        return f"{text}, raised to {rank.floor}, the least for this kind of task."
    if rank.bound == "cap":
        return f"{text}, capped at {rank.cap}."
    return f"{text}, rounded to {rank.r}."


def _rank_source(of: Reasoning) -> str:
    kind, bound = of.task.kind, of.rank.bound
    if bound == "floor":
        return {"code": "floor_generation"}.get(kind, f"floor_{kind}")
    if bound == "cap":
        return "cap_reinforcement_learning" if kind == "reinforcement_learning" else "cap"
    return "episode_parameters" if kind == "reinforcement_learning" else "tokens_margin"


def _rate(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, s, training = book.reasons, book.training, of.setup.drafted.training
    architecture, method = of.chosen.spec.architecture, of.setup.drafted.attempt.method
    rate = hyper.learning_rate(architecture, of.rank.r, method, of.task, s)
    if rate.moved in ("high_rank", "full", "reinforcement_learning"):
        name = {"high_rank": "high_rank", "full": "full", "reinforcement_learning": "rl"}[rate.moved]
        yield texts[f"learning_rate_{name}"].because("training.learning_rate", r=of.rank.r)
    else:
        family = hyper.width_family(architecture)
        limited = {"highest": f", limited to {rate.value:.2g}", "lowest": f", raised to {rate.value:.2g}", "": ""}[
            rate.moved
        ]
        yield texts["learning_rate"].because(
            "training.learning_rate",
            hidden=f"{architecture.hidden_size:,}",
            exponent=hyper.width_exponent(family, s),
            raw=rate.raw,
            family={"llama": "Llama", "qwen": "Qwen", "other": "other families"}[family],
            limited=limited,
        )
    yield texts["lr_scheduler_type"].because("training.lr_scheduler_type")
    step = hyper.batch(
        of.task, of.found, of.setup.drafted.attempt.gpu_count, training.micro_batch_size, training.num_epochs, s
    )
    yield texts["warmup"].because("training.warmup_ratio", share=training.warmup_ratio, steps=step.steps)


def _amount(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, task, training = book.reasons, of.task, of.setup.drafted.training
    code = task.kind == "code" and training.num_epochs == book.training.epochs_small_code
    name = "epochs_code" if code else "epochs_once" if training.num_epochs == 1 else "epochs"
    yield texts[name].because("training.num_epochs", epochs=training.num_epochs, examples=task.train_examples)
    count = of.setup.drafted.attempt.gpu_count
    micro, steps = training.micro_batch_size, training.gradient_accumulation_steps
    each = of.found.examples_per_sequence
    total = round(micro * steps * count * each)
    gpus = f" x {count} GPUs" if count > 1 else ""
    yield texts["batch_packed" if of.found.packing else "batch"].because(
        "training.micro_batch_size", micro=micro, steps=steps, gpus=gpus, each=each, batch=total
    )


def _lengths(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, s, found = book.reasons, book.training, of.found
    length = found.max_seq_length
    at_context = length == of.chosen.spec.max_position_embeddings
    name = "max_seq_length_packed" if found.packing else "max_seq_length_context" if at_context else "max_seq_length"
    yield texts[name].because(
        "training.max_seq_length", factor=s.longest_over_mean, mean=found.mean_seq_length, length=f"{length:,}"
    )
    if found.packing:
        yield texts["packing"].because("training.packing", mean=found.mean_seq_length)
    else:
        why = "too few tokens in all for it to pay" if found.few_tokens else "examples fill their sequences well enough"
        yield texts["no_packing"].because("training.packing", why=why)


def _rest(of: Reasoning, book: PlanningBook) -> Iterator[Because]:
    texts, attempt = book.reasons, of.setup.drafted.attempt
    training = of.setup.drafted.training
    name = "completion_only_loss" if training.completion_only_loss else "all_tokens_loss"
    yield texts[name].because("training.completion_only_loss")
    yield texts["gradient_checkpointing"].because("training.gradient_checkpointing")
    name = {"lora": "optimizer", "qlora": "optimizer_qlora", "full": "optimizer_full"}[attempt.method]
    yield texts[name].because("training.optimizer")
    name = "precision" if training.precision == "bf16" else "precision_fp16"
    yield texts[name].because("training.precision", gpu=attempt.gpu.name)
    yield texts["attention"].because("training.attention")
    yield texts["weight_decay"].because("training.weight_decay")
    name = "max_grad_norm_qlora" if attempt.method == "qlora" else "max_grad_norm"
    yield texts[name].because("training.max_grad_norm", norm=training.max_grad_norm)


def _gpu(of: Reasoning, book: PlanningBook) -> Because:
    attempt, memory = of.setup.drafted.attempt, of.setup.estimate.memory
    name = "gpu_given" if of.task.gpu is not None else "gpu" if memory.fits else "gpu_none"
    price = attempt.gpu.usd_per_hour
    count = f"{attempt.gpu_count} x " if attempt.gpu_count > 1 else ""
    return book.reasons[name].because(
        "hardware.gpu",
        gpus=f"{count}{attempt.gpu.name}",
        price=f" at {as_usd(price.value)} an hour" if price else "",
        peak=as_gib(memory.device_bytes.expected),
        memory=as_gib(attempt.gpu.memory_bytes),
    )


def _count(value: float) -> str:
    """A large count as people read it."""
    for size, word in ((1e9, "billion"), (MILLION, "million")):
        if value >= size:
            return f"{value / size:.3g} {word}"
    return f"{value:,.0f}"
