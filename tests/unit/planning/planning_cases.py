"""A small world, tasks and a stand-in for the training estimate, shared by the tests of planning."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from app.catalogue import Catalogue
from app.planning import PlanningBook, TuningTools, load_planning
from app.schemas.architecture import Architecture
from app.schemas.base import exactly
from app.schemas.facts import Facts, Workload
from app.schemas.training import CostEstimate, CostItem, MemoryEstimate, TrainingEstimate, TrainingRequest
from app.schemas.vocabulary import TaskType
from app.schemas.world import BaseModelSpec, DatedValue, GpuPrice, GpuSpec, HostedModelSpec, TaskDefaults, TokenPrices
from app.shipped import shipped

TODAY = date(2026, 11, 24)
BOOK: PlanningBook = load_planning(shipped("rules") / "planning")
GIB = 2**30
LLAMA = Architecture(
    model_type="llama",
    family="llama",
    hidden_size=4096,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    head_dim=128,
    intermediate_size=14336,
    vocab_size=128256,
)
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def base_model(name: str, billions: float, **changes: Any) -> BaseModelSpec:
    """An open base model of this size; quality rises slowly with size unless given."""
    given = {
        "id": name,
        "family": name,
        "architecture": LLAMA,
        "total_parameters": int(billions * 1e9),
        "active_parameters": int(billions * 1e9),
        "license": "apache-2.0",
        "commercial_use": True,
        "max_position_embeddings": 32768,
        "released": date(2026, 1, 1),
        "languages": ("en", "de"),
        "gated": False,
        "modalities": ("text",),
        "instruct_id": None,
        "chat_template": None,
        "quality_index": 0.7,
        "references": (),
    }
    return BaseModelSpec(**{**given, **changes})


def gpu(name: str, gib: float, usd: float | None, tflops: float = 300.0, **changes: Any) -> GpuSpec:
    """A GPU with bf16 and one on-demand price."""
    price = None if usd is None else dated(usd)
    given = {
        "id": name,
        "name": name,
        "memory_bytes": int(gib * GIB),
        "bandwidth_bytes_per_second": 1e12,
        "flops_per_second": {"bf16": tflops * 1e12, "fp16": tflops * 1e12},
        "link_bytes_per_second": 1e11,
        "board_power_watts": 300.0,
        "compute_capability": "8.9",
        "usd_per_hour": price,
        "prices": () if price is None else (GpuPrice(provider="P", terms="on_demand", price=price),),
        "references": (),
    }
    return GpuSpec(**{**given, **changes})


def dated(value: float, unit: str = "USD/hour") -> DatedValue:
    return DatedValue(value=value, unit=unit, as_of=TODAY, source="price list of the test", checked=TODAY)


def hosted(name: str, tier: str, usd_in: float | None, usd_out: float | None, **changes: Any) -> HostedModelSpec:
    """A hosted base model; dollars are per million tokens."""
    prices = TokenPrices(
        input_usd=usd_in,
        cached_input_usd=None if usd_in is None else usd_in / 10,
        output_usd=usd_out,
        batch_factor=0.5,
        as_of=date(2026, 1, 1),
        source="price list of the test",
        checked=TODAY,
    )
    given = {
        "id": f"p/{name}",
        "provider": "P",
        "name": name,
        "tier": tier,
        "prices": prices,
        "price_history": (prices,),
        "context_tokens": 100_000,
        "cache_min_tokens": 1024,
        "time_to_first_token_seconds": (0.2, 0.5, 1.5),
        "output_tokens_per_second": (50.0, 100.0, 200.0),
        "speed_source": "measured by the test",
        "structured_output": True,
        "released": date(2026, 1, 1),
        "references": (),
    }
    return HostedModelSpec(**{**given, **changes})


BASE_MODELS = (
    base_model("tiny-1.7B", 1.7, quality_index=0.6),
    base_model("small-4B", 4.0, quality_index=0.7),
    base_model("mid-8B", 8.0, quality_index=0.75, instruct_id="mid-8B-instruct"),
    base_model("large-32B", 32.0, quality_index=0.84),
    base_model("huge-70B", 70.0, quality_index=0.86),
)
GPUS = (gpu("G24", 24, 0.8, 150), gpu("G48", 48, 1.6, 350), gpu("G80", 80, 4.0, 900), gpu("G180", 180, 7.0, 2000))
HOSTED = (
    hosted("small", "small", 0.1, 0.4),
    hosted("medium", "medium", 0.5, 2.0),
    hosted("top", "frontier", 3.0, 15.0),
)


def world(
    base_models: tuple[BaseModelSpec, ...] = BASE_MODELS,
    gpus: tuple[GpuSpec, ...] = GPUS,
    hosted_models: tuple[HostedModelSpec, ...] = HOSTED,
) -> Catalogue:
    """A catalogue of these; instruct variants are aliases."""
    aliases = {s.instruct_id: replace(s, id=s.instruct_id) for s in base_models if s.instruct_id}
    known = {s.id: s for s in base_models}
    tokens = TaskDefaults(
        task_type="other", input_tokens=900, output_tokens=100, prompt_tokens=800, source="the test's table"
    )
    return Catalogue(
        base_models=known,
        base_model_aliases=aliases,
        gpus={g.id: g for g in gpus},
        hosted_models={h.id: h for h in hosted_models},
        tuning_offers=(),
        task_defaults={t: replace(tokens, task_type=t) for t in BOOK.needed},
        currencies={},
        assumptions={},
        prices=(),
        digest="test",
        prices_as_of=TODAY,
        folded={name.casefold(): name for name in (*known, *aliases)},
    )


WORLD = world()


def facts(*signals: str, **known: Any) -> Facts:
    """Facts of a task with these signals."""
    return Facts(text="a task", signals=MappingProxyType(dict.fromkeys(signals, ((0, 1),))), **known)


def workload(known: Facts, task_type: TaskType = "extraction") -> Workload:
    """The numbers of these facts, else 900 + 100 tokens, 800 of prompt, 1,000 requests a day."""
    usual = {
        "requests_per_day": 1000.0,
        "input_tokens": 900.0,
        "prompt_tokens": 800.0,
        "output_tokens": 100.0,
        "labelled_examples": 1000.0,
        "horizon_months": 12.0,
    }
    defaulted = {name: "the test's table" for name in usual if getattr(known, name) is None}
    values = {name: usual[name] if name in defaulted else float(getattr(known, name)) for name in usual}
    each = known.tokens_per_example or values["input_tokens"] + values["output_tokens"]
    return Workload(
        task_type=task_type, peak_requests_per_second=1.0, tokens_per_example=each, defaulted=defaulted, **values
    )


@dataclass
class Estimator:
    """A stand-in for the training estimate: bytes by method, and seconds by token and peak."""

    catalogue: Catalogue
    spec: BaseModelSpec
    asked: list[TrainingRequest] = field(default_factory=list)
    extra_bytes: Callable[[TrainingRequest], float] = lambda _: 2.0 * GIB

    def __call__(self, request: TrainingRequest) -> TrainingEstimate:
        self.asked.append(request)
        card = self.catalogue.gpu(request.hardware.gpu)
        per = {"lora": 2.0, "qlora": 0.56, "full": 8.0}[request.method]
        shared = request.hardware.gpu_count if request.hardware.sharding == "fsdp" else 1
        tokens = request.training.micro_batch_size * request.training.max_seq_length
        needed = per * self.spec.total_parameters / shared + self.extra_bytes(request) + 1.2e6 * tokens
        total = (request.training.examples or 1) * (request.training.num_epochs or 1)
        total *= request.training.mean_seq_length or 1
        speed = 0.4 * max(card.flops_per_second.values()) / (6 * self.spec.active_parameters)
        hours = total / speed / 3600
        return _estimate(needed, card, hours, request)


def _estimate(needed: float, card: GpuSpec, hours: float, request: TrainingRequest) -> TrainingEstimate:
    asked = request.hardware.usd_per_gpu_hour
    price = asked if asked is not None else card.usd_per_hour.value if card.usd_per_hour else None
    item = CostItem(
        name="GPU-hours", quantity=hours, unit="GPU-hour", unit_price_usd=price, cost_usd=None, source="", as_of=None
    )
    size = exactly(needed)
    memory = MemoryEstimate(
        components=(),
        peak_at="start_of_backward",
        moments={},
        peak_allocated_bytes=size,
        peak_reserved_bytes=size,
        device_bytes=size,
        fits=needed <= card.memory_bytes,
        headroom_bytes=int(card.memory_bytes - needed),
        would_fit_with=(),
    )
    return TrainingEstimate(
        total_parameters=1,
        trainable_parameters=1,
        trainable_fraction=1.0,
        adapter_bytes=None,
        memory=memory,
        flops_per_token=1.0,
        tokens_per_second_per_gpu=exactly(1.0),
        step_seconds=exactly(1.0),
        total_tokens=1,
        train_seconds=exactly(hours * 3600 / request.hardware.gpu_count),
        gpu_hours=exactly(hours),
        energy_kwh=None,
        cost=CostEstimate(items=(item,), total_usd=None if price is None else exactly(hours * price)),
        assumptions=(),
        warnings=(),
    )


def tools(estimator: Estimator, per_rank: float = 2_621_440.0) -> TuningTools:
    """What the estimates would lend."""
    return TuningTools(
        estimate=estimator, parameters_per_rank=lambda _, __: per_rank, default_targets=lambda _: TARGETS
    )
