"""What must hold of every run, found by searching."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.estimate.training import estimate_training
from app.schemas.training import TrainingEstimate, TrainingRequest
from tests.unit.estimate.training_cases import architecture, gpu

FRAMEWORKS = [
    "hf_peft", "litgpt", "torchtune", "axolotl", "unsloth", "ms_swift", "fsdp_qlora", "megatron", "generic",
]  # fmt: skip
GROWING = {
    "r": st.integers(1, 256),
    "layers": st.integers(1, 40),
    "micro_batch_size": st.integers(1, 64),
    "max_seq_length": st.integers(64, 32768),
    "total_tokens": st.integers(1, 10**10),
    "gradient_accumulation_steps": st.integers(1, 64),
}


@st.composite
def runs(draw: st.DrawFn) -> dict[str, Any]:
    """Everything but what grows: a request that contradicts nothing."""
    method = draw(st.sampled_from(["lora", "qlora", "full"]))
    sharding = draw(st.sampled_from(["none", "ddp", "fsdp", "zero2", "zero3", "tensor_parallel"]))
    return {
        "method": method,
        "quantization": draw(st.sampled_from(["nf4", "nf4_double", "int8", "gptq4"])) if method == "qlora" else "none",
        "lora": {"use_dora": draw(st.booleans()), "lora_dropout": draw(st.sampled_from([0.0, 0.1]))},
        "training": {
            "gradient_checkpointing": draw(st.booleans()),
            "attention": draw(st.sampled_from(["eager", "sdpa", "flash"])),
            "cross_entropy": draw(st.sampled_from(["eager", "fused", "fused_linear"])),
            "optimizer": draw(st.sampled_from(["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "sgd"])),
            "framework": draw(st.sampled_from(FRAMEWORKS)),
            "packing": draw(st.sampled_from([True, False, None])),
            "precision": draw(st.sampled_from(["bf16", "fp16"])),
        },
        "hardware": {"gpu": "A100-80GB", "gpu_count": draw(st.sampled_from([1, 2, 8, 16])), "sharding": sharding},
    }


def estimated(run: dict[str, Any], grown: dict[str, int], **hardware: Any) -> TrainingEstimate:
    training = {k: v for k, v in grown.items() if k not in ("r", "layers")} | run["training"]
    body = {**run, "training": training, "hardware": run["hardware"] | hardware}
    if run["method"] == "full":
        del body["lora"]
    else:
        body["lora"] = run["lora"] | {"r": grown["r"], "target_modules": "all-linear"}
    return estimate_training(TrainingRequest.model_validate(body), architecture(grown["layers"], tiny=True), gpu())


@settings(max_examples=150, deadline=None)
@given(run=runs(), grown=st.fixed_dictionaries(GROWING), name=st.sampled_from(sorted(GROWING)), data=st.data())
def test_memory_and_time_never_fall(run: dict[str, Any], grown: dict[str, int], name: str, data: st.DataObject) -> None:
    more = data.draw(GROWING[name].filter(lambda v: v >= grown[name]), label=f"more {name}")
    before, after = estimated(run, grown), estimated(run, grown | {name: more})
    for figure in ("peak_allocated_bytes", "peak_reserved_bytes", "device_bytes"):
        low, high = getattr(before.memory, figure), getattr(after.memory, figure)
        assert low.expected <= high.expected * (1 + 1e-9)
        assert low.high <= high.high * (1 + 1e-9)
    assert before.step_seconds.expected <= after.step_seconds.expected * (1 + 1e-9)
    assert before.train_seconds is not None
    assert after.train_seconds is not None
    if name not in ("micro_batch_size", "max_seq_length", "gradient_accumulation_steps"):
        assert before.train_seconds.expected <= after.train_seconds.expected * (1 + 1e-9), "the same tokens a step"


@settings(max_examples=150, deadline=None)
@given(run=runs(), grown=st.fixed_dictionaries(GROWING))
def test_parts_and_ranges_agree(run: dict[str, Any], grown: dict[str, int]) -> None:
    here = estimated(run, grown)
    memory = here.memory
    assert sum(c.bytes for c in memory.components) == memory.peak_allocated_bytes.expected
    assert memory.peak_allocated_bytes.expected <= memory.peak_reserved_bytes.expected + 1
    assert memory.peak_reserved_bytes.expected < memory.device_bytes.expected
    for r in (memory.peak_allocated_bytes, memory.peak_reserved_bytes, memory.device_bytes, here.step_seconds,
              here.tokens_per_second_per_gpu, here.train_seconds):  # fmt: skip
        assert r is not None
        assert 0 < r.low <= r.expected <= r.high


@settings(max_examples=150, deadline=None)
@given(run=runs(), grown=st.fixed_dictionaries(GROWING), n=st.sampled_from([2, 4, 8, 16, 64]))
def test_more_gpus_are_never_slower_in_all(run: dict[str, Any], grown: dict[str, int], n: int) -> None:
    alone, together = estimated(run, grown, gpu_count=1), estimated(run, grown, gpu_count=n)
    assert alone.train_seconds is not None
    assert together.train_seconds is not None
    assert together.train_seconds.expected <= alone.train_seconds.expected * (1 + 1e-9)
