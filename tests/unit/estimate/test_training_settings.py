"""What is refused, and what a left-out field becomes."""

from typing import Any

import pytest

from app.catalogue.frameworks import load_frameworks
from app.errors import InputError
from app.estimate.training_settings import Run, padded_length, resolve
from app.schemas.base import Assumption
from app.schemas.training import TrainingRequest
from tests.unit.estimate.training_cases import gpu, request


def resolved(asked: TrainingRequest) -> tuple[Run, dict[str, Assumption]]:
    frameworks = load_frameworks()
    name = asked.training.framework or "generic"
    run, assumed = resolve(asked, frameworks.profiles[name], frameworks.reasons[name], gpu())
    return run, {a.name.rpartition(".")[2]: a for a in assumed}


def without_lora(method: str) -> TrainingRequest:
    return TrainingRequest.model_validate({"method": method, "hardware": {"gpu": "A100-80GB"}})


@pytest.mark.parametrize(
    ("asked", "pointer", "word"),
    [
        (without_lora("lora"), "/lora", "adapter"),
        (TrainingRequest.model_validate({**request("lora").model_dump(), "method": "full"}), "/lora", "no adapter"),
        (request("full", "nf4"), "/quantization", "in full"),
        (request("lora", "nf4"), "/quantization", "QLoRA"),
        (request("qlora", "none"), "/quantization", "quantised"),
        (request("qlora", "gptq4", precision="fp32"), "/training/precision", "16 bit"),
        (request("lora", precision="fp8"), "/training/precision", "fp8"),
        (request("lora", mean_seq_length=1025.0), "/training/mean_seq_length", "exceeds"),
        (request("lora", packing=False, mean_seq_length=1025.0), "/training/mean_seq_length", "exceeds"),
        (request("lora", micro_batch_size=4, global_batch_size=6), "/training/global_batch_size", "micro_batch_size 4"),
        (
            request("lora", global_batch_size=16, gradient_accumulation_steps=4),
            "/training/global_batch_size",
            "gradient_accumulation_steps 4",
        ),
        (
            request("lora", global_batch_size=6, hardware={"gpu_count": 2, "sharding": "ddp"}),
            "/training/global_batch_size",
            "2 GPUs",
        ),
    ],
)
def test_contradictions(asked: TrainingRequest, pointer: str, word: str) -> None:
    with pytest.raises(InputError) as error:
        resolved(asked)
    assert error.value.problems[0].pointer == pointer
    assert word in error.value.problems[0].detail
    assert error.value.problems[0].hint


def test_every_contradiction_is_named_at_once() -> None:
    with pytest.raises(InputError) as error:
        resolved(
            TrainingRequest.model_validate({**request("lora").model_dump(), "method": "full", "quantization": "nf4"})
        )
    assert {p.pointer for p in error.value.problems} == {"/lora", "/quantization"}


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, 1),
        ({"gradient_accumulation_steps": 8}, 8),
        ({"global_batch_size": 16}, 8),
        ({"global_batch_size": 16, "hardware": {"gpu_count": 4, "sharding": "zero2"}}, 2),
        (
            {
                "global_batch_size": 8,
                "micro_batch_size": 1,
                "hardware": {"gpu_count": 8, "sharding": "tensor_parallel"},
            },
            8,
        ),
        (
            {
                "global_batch_size": 8,
                "micro_batch_size": 1,
                "hardware": {"gpu_count": 64, "sharding": "tensor_parallel"},
            },
            1,
        ),
    ],
)
def test_accumulation(changes: dict[str, Any], steps: int) -> None:
    assert resolved(request("lora", **changes))[0].accumulation == steps


def test_tensor_parallel_groups_grow_when_a_step_has_too_few_sequences() -> None:
    hardware = {"gpu_count": 64, "sharding": "tensor_parallel"}
    run, _ = resolved(request("lora", micro_batch_size=1, global_batch_size=4, hardware=hardware))
    assert (run.replicas, run.tensor_parallel, run.accumulation) == (4, 16, 1)


def test_lengths() -> None:
    packed, _ = resolved(request("lora"))
    assert (packed.mean_length, packed.padded_length, packed.packed) == (1024, 1024, True)
    unknown, assumed = resolved(request("lora", packing=None, micro_batch_size=1))
    assert (unknown.mean_length, unknown.packed, unknown.lengths_known) == (512, False, False)
    assert assumed["mean_seq_length"].origin == "default"
    inferred, assumed = resolved(request("lora", packing=None, mean_seq_length=1024.0))
    assert inferred.packed
    assert assumed["packing"].origin == "inferred"
    short, assumed = resolved(request("lora", packing=None, mean_seq_length=200.0, micro_batch_size=4))
    assert not short.packed
    assert 200 < short.padded_length < 1024


def test_padding_grows_with_the_batch_up_to_the_longest() -> None:
    lengths = [padded_length(200, 400, batch) for batch in (1, 2, 4, 16, 1024)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (200, 400)


def test_defaults_are_stated_with_their_reason() -> None:
    run, assumed = resolved(request("qlora", framework="unsloth"))
    assert (run.cross_entropy, run.optimizer, run.attention, run.upcast) == (
        "fused_linear",
        "adamw_8bit",
        "flash",
        False,
    )
    names = ("cross_entropy", "optimizer", "attention", "precision", "upcast")
    for name in names:
        assert "http" in assumed[name].source
    given, assumed = resolved(
        request("lora", attention="eager", optimizer="sgd", precision="fp16", cross_entropy="fused")
    )
    assert (given.attention, given.optimizer, given.precision, given.cross_entropy) == ("eager", "sgd", "fp16", "fused")
    assert not any(name in assumed for name in names)


def test_several_gpus_without_sharding_are_ddp() -> None:
    run, assumed = resolved(request("lora", hardware={"gpu_count": 2}))
    assert run.replicas == 2
    assert assumed["sharding"].value == "ddp"
