"""Executed FLOPs per token against counts made by hand."""

import pytest

from app.catalogue.architectures import read_architecture
from app.catalogue.frameworks import load_frameworks
from app.estimate.flops import Flops, attention_forward, executed_flops
from app.estimate.memory_weights import prepared
from app.estimate.training_settings import resolve
from app.schemas.training import TrainingRequest
from tests.unit.estimate.training_cases import LLAMA_8B, architecture, gpu, request

BLOCKS, HEAD, ADAPTER = 6_979_321_856, 525_336_576, 41_943_040
LENGTH = 1000


def flops(asked: TrainingRequest) -> Flops:
    frameworks = load_frameworks()
    run, _ = resolve(asked, frameworks.profiles["hf_peft"], frameworks.reasons["hf_peft"], gpu())
    return executed_flops(prepared(architecture(), asked.lora, "peft"), run, LENGTH)


@pytest.mark.parametrize(
    ("asked", "products"),
    [
        (request("full", gradient_checkpointing=False), 6 * (BLOCKS + HEAD)),
        (request("full"), 8 * BLOCKS + 6 * HEAD),
        (request("lora", gradient_checkpointing=False), 4 * (BLOCKS + HEAD) + 6 * ADAPTER),
        (request("qlora"), 6 * BLOCKS + 4 * HEAD + 8 * ADAPTER),
    ],
)
def test_products(asked: TrainingRequest, products: float) -> None:
    """2 forward, 2 for inputs, 2 for trained weights, 2 again inside checkpointed blocks."""
    assert flops(asked).products == products


def test_attention() -> None:
    """Half of the square, 2 FLOPs a product, scores and values; backward 2.5 times that, recomputation once more."""
    forward = 2 * LENGTH * 4096 * 32
    assert flops(request("full", gradient_checkpointing=False)).attention == forward * 3.5
    assert flops(request("full")).attention == forward * 4.5
    assert flops(request("full", attention="eager")).attention == 2 * forward * 4.5, "eager computes the masked half"


def test_sliding_layers_see_their_window() -> None:
    config = {**LLAMA_8B, "model_type": "mistral", "sliding_window": 100}
    base = prepared(read_architecture(config)[0], None, "peft")
    whole = 2 * LENGTH * 4096 * 32
    sliding = base.parts.architecture.num_sliding_layers
    assert sliding == 32
    assert attention_forward(base, LENGTH) == pytest.approx(whole * (2 * 100 - 100**2 / LENGTH) / LENGTH)
    assert attention_forward(base, 50) == 2 * 50 * 4096 * 32
