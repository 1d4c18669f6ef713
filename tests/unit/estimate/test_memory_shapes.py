"""Widths of blocks, read off the parts of real layouts."""

from typing import Any

import pytest

from app.catalogue.architectures import read_architecture
from app.estimate.memory_shapes import BlockShape, block_shapes
from app.estimate.params import inventory
from app.estimate.params_adapter import adapter

QWEN3_MOE: dict[str, Any] = {
    "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32,
    "num_key_value_heads": 4, "intermediate_size": 6144, "vocab_size": 151936, "head_dim": 128,
    "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8,
}  # fmt: skip
PHI: dict[str, Any] = {
    "model_type": "phi", "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 32, "intermediate_size": 10240, "vocab_size": 51200,
}  # fmt: skip
DEEPSEEK_LITE: dict[str, Any] = {
    "model_type": "deepseek_v2", "hidden_size": 2048, "num_hidden_layers": 27, "num_attention_heads": 16,
    "num_key_value_heads": 16, "intermediate_size": 10944, "vocab_size": 102400, "moe_intermediate_size": 1408,
    "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
    "q_lora_rank": None, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
}  # fmt: skip


def shapes(config: dict[str, Any], **lora: Any) -> tuple[BlockShape, ...]:
    parts = inventory(read_architecture(config)[0])
    return block_shapes(parts, adapter(parts, r=8, **lora) if lora else None)


def test_experts_count_as_often_as_a_token_visits_them() -> None:
    (block,) = shapes(QWEN3_MOE)
    assert (block.inner, block.gated, block.dispatched) == (8 * 768, True, 8 * 2048)
    assert block.rms_values == 2 * 2048 + 32 * 128 + 4 * 128, "query and key norms read all heads"


def test_parallel_residual_shares_its_norm_input() -> None:
    (block,) = shapes(PHI)
    assert (block.layer_norm_values, block.rms_values, block.gated, block.inner) == (2560, 0, False, 10240)


def test_latent_attention_is_as_wide_as_its_heads() -> None:
    dense, experts = shapes(DEEPSEEK_LITE)
    assert (dense.count, experts.count) == (1, 26)
    assert (dense.query, dense.key, dense.value, dense.latent) == (16 * 192, 16 * 192, 16 * 128, 512)
    assert dense.rms_values == 2 * 2048 + 512, "the norm of the compressed keys is not a norm per head"
    assert experts.inner == (6 + 2) * 1408


@pytest.mark.parametrize(
    ("targets", "inputs", "outputs", "partial"),
    [
        (("q_proj", "v_proj"), 2 * 2560, 2 * 2560, 1),
        (("q_proj", "k_proj", "v_proj", "fc2"), 3 * 2560 + 10240, 3 * 2560, 0),
    ],
)
def test_adapter_widths(targets: tuple[str, ...], inputs: int, outputs: int, partial: int) -> None:
    (block,) = shapes(PHI, target_modules=targets)
    assert (block.adapter_inputs, block.adapter_qkv_outputs, block.adapter_qkv_partial) == (inputs, outputs, partial)
    assert block.adapter_rank_terms == 8 * len(targets)
