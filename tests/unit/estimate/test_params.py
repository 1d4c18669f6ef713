"""Base counts: published totals, PEFT's own rows, and what must hold of any architecture."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.architectures import read_architecture
from app.estimate.params import inventory
from app.schemas.architecture import Inventory

CASES = Path(__file__).parents[2] / "cases"
ROWS = [
    json.loads(line)
    for name in ("adapter_parameters.jsonl", "adapter_parameters_layouts.jsonl")
    for line in (CASES / name).read_text(encoding="utf-8").splitlines()
]


def parts_of(config: dict[str, Any]) -> Inventory:
    """The inventory of a config.json."""
    return inventory(read_architecture(config)[0])


def row_of(base_model: str) -> Inventory:
    """The inventory of one of the case rows."""
    return parts_of(next(row["config"] for row in ROWS if row["base_model"] == base_model))


@pytest.mark.parametrize("row", ROWS, ids=[row["base_model"] for row in ROWS])
def test_total_is_what_pytorch_counts(row: dict[str, Any]) -> None:
    assert parts_of(row["config"]).total_parameters == row["total_parameters"]


@pytest.mark.parametrize(
    ("hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size", "total"),
    [
        (2048, 11008, 24, 151936, 1_836_828_672),
        (4096, 22016, 32, 151936, 7_721_324_544),
        (5120, 27392, 40, 152064, 14_167_290_880),
        (8192, 49152, 80, 152064, 72_287_920_128),
    ],
)
def test_first_qwen_stores_twice_its_width(
    hidden_size: int, intermediate_size: int, num_hidden_layers: int, vocab_size: int, total: int
) -> None:
    """Totals of the releases Qwen-1.8B, 7B, 14B and 72B; Transformers has no code of its own for this type."""
    config = {
        "model_type": "qwen",
        "hidden_size": hidden_size,
        "num_attention_heads": hidden_size // 128,
        "intermediate_size": intermediate_size,
        "num_hidden_layers": num_hidden_layers,
        "vocab_size": vocab_size,
    }
    assert parts_of(config).total_parameters == total


@pytest.mark.parametrize(
    ("base_model", "active_billion"),
    [
        ("Mixtral-8x7B", 12.9),  # Mistral AI's release note
        ("Qwen3-30B-A3B", 3.3),  # model card
        ("DeepSeek-V3/R1", 37.6),  # 37B in the report, which leaves the embeddings out
        ("gpt-oss-20b", 4.2),  # 3.6B in the model card, which leaves the embeddings out
    ],
)
def test_active_parameters_are_near_the_published_ones(base_model: str, active_billion: float) -> None:
    assert row_of(base_model).active_parameters / 1e9 == pytest.approx(active_billion, rel=0.02)


def test_dense_base_models_are_all_active() -> None:
    parts = row_of("Llama-3/3.1-8B")
    assert parts.active_parameters == parts.total_parameters


def test_what_llama_is_made_of() -> None:
    parts = row_of("Llama-3/3.1-8B")
    assert parts.embedding_parameters == parts.head_parameters == 128256 * 4096
    assert parts.norm_parameters == 65 * 4096
    assert parts.block_linear_parameters == 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
    assert parts.active_linear_parameters == parts.block_linear_parameters + parts.head_parameters
    assert parts.vision_parameters == 0
    assert [p.name for p in parts.blocks[0].linears] == [
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    ]


def test_tied_head_counts_once_but_is_still_multiplied_with() -> None:
    parts = row_of("Llama-3.2-1B")
    assert parts.head.tied
    assert parts.head.parameters == 0
    assert parts.head_parameters == 128256 * 2048
    assert parts.embedding_parameters == 128256 * 2048


def test_blocks_with_and_without_experts_stand_apart() -> None:
    dense, sparse = row_of("DeepSeek-V3/R1").blocks
    assert (dense.layers, sparse.count) == ((0, 1, 2), 58)
    assert {p.group for p in dense.parts} == {"attention", "mlp", "norm"}
    assert {p.group for p in sparse.parts} == {"attention", "expert", "router", "shared_expert", "norm"}
    assert sparse.parameters > 10 * dense.parameters


def test_router_goes_by_its_module() -> None:
    (router,) = (p for p in row_of("Mixtral-8x7B").parts if p.group == "router")
    assert (router.name, router.path, router.form) == ("gate", "model.layers.{}.mlp.gate.weight", "parameter")


def test_vision_tower_is_apart_from_the_decoder() -> None:
    parts = row_of("Gemma-3-4B-it(VLM)")
    assert parts.vision_parameters == 4300079472 - 3880263168
    assert all(p.group != "vision" for block in parts.blocks for p in block.parts)
    assert parts.block_linear_parameters == row_of("Gemma-3-4B-text").block_linear_parameters


@pytest.mark.parametrize("row", ROWS, ids=[row["base_model"] for row in ROWS])
def test_parts_add_up(row: dict[str, Any]) -> None:
    parts = parts_of(row["config"])
    in_blocks = sum(block.count * block.parameters for block in parts.blocks)
    outside = sum(p.parameters for p in parts.parts if not p.layers and p.group != "vision")
    assert in_blocks + outside + parts.vision_parameters == parts.total_parameters
    assert sum(block.count for block in parts.blocks) == parts.architecture.num_hidden_layers
    assert parts.active_parameters <= parts.total_parameters


def test_inventory_is_made_once() -> None:
    assert row_of("Llama-3.2-1B") is row_of("Llama-3.2-1B")


SIZES = ("num_hidden_layers", "intermediate_size", "vocab_size")


@given(st.sampled_from(SIZES), st.integers(1, 64), st.integers(1, 64))
def test_more_of_anything_is_never_fewer_parameters(field: str, value: int, more: int) -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 32,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "intermediate_size": 8,
        "vocab_size": 16,
    }
    fewer = parts_of({**config, field: value}).total_parameters
    assert parts_of({**config, field: value + more}).total_parameters > fewer
