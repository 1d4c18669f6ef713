"""The KV cache, exactly."""

from typing import Any

import pytest

from app.catalogue import load_catalogue
from app.estimate.kv_cache import kv_cache_bytes_per_sequence, kv_cache_bytes_per_token, kv_shards
from app.schemas.architecture import Architecture
from tests.unit.estimate.serving_cases import architecture

EXACT = [
    # base model, bytes a token in bf16 while every block keeps it, by hand from config.json
    ("meta-llama/Llama-3.1-8B", 2 * 32 * 8 * 128 * 2),
    ("meta-llama/Llama-2-7b-hf", 2 * 32 * 32 * 128 * 2),
    ("meta-llama/Llama-3.1-70B", 2 * 80 * 8 * 128 * 2),
    ("Qwen/Qwen3-235B-A22B", 2 * 94 * 4 * 128 * 2),
    ("Qwen/Qwen2.5-0.5B", 2 * 24 * 2 * 64 * 2),
    ("deepseek-ai/DeepSeek-V3-Base", (512 + 64) * 61 * 2),
    ("deepseek-ai/DeepSeek-V2-Lite", (512 + 64) * 27 * 2),
    ("google/gemma-3-27b-pt", 2 * 62 * 16 * 128 * 2),
    ("openai/gpt-oss-20b", 2 * 24 * 8 * 64 * 2),
]
WINDOWS = [
    # base model, tokens, bytes of the whole sequence in bf16, by hand
    ("google/gemma-2-9b", 4_096, 42 * 4_096 * 2 * 8 * 256 * 2),
    ("google/gemma-2-9b", 8_192, (21 * 8_192 + 21 * 4_096) * 2 * 8 * 256 * 2),
    ("openai/gpt-oss-20b", 1_000, (12 * 1_000 + 12 * 128) * 2 * 8 * 64 * 2),
    ("microsoft/Phi-3-mini-4k-instruct", 4_000, 32 * 2_047 * 2 * 32 * 96 * 2),
]


@pytest.mark.parametrize(("base_model", "expected"), EXACT)
def test_bytes_per_token_are_exact(base_model: str, expected: int) -> None:
    assert kv_cache_bytes_per_token(architecture(base_model)) == expected
    assert kv_cache_bytes_per_token(architecture(base_model), "fp8") == expected // 2


@pytest.mark.parametrize(("base_model", "tokens", "expected"), WINDOWS)
def test_blocks_with_a_window_keep_no_more_than_it(base_model: str, tokens: int, expected: int) -> None:
    assert kv_cache_bytes_per_sequence(architecture(base_model), tokens) == expected


def test_a_token_beyond_the_window_is_kept_by_the_other_blocks_alone() -> None:
    gemma = architecture("google/gemma-2-9b")
    every = kv_cache_bytes_per_token(gemma, tokens=4_096)
    assert kv_cache_bytes_per_token(gemma, tokens=4_097) == every // 2
    grown = kv_cache_bytes_per_sequence(gemma, 5_001) - kv_cache_bytes_per_sequence(gemma, 5_000)
    assert grown == every // 2


def test_where_all_blocks_slide_the_figure_is_never_zero() -> None:
    phi = architecture("microsoft/Phi-3-mini-4k-instruct")
    assert kv_cache_bytes_per_token(phi, tokens=4_000) == kv_cache_bytes_per_token(phi)


@pytest.mark.parametrize("base_model", sorted(load_catalogue().base_models))
def test_every_architecture_of_the_catalogue_is_exact(base_model: str) -> None:
    shape = architecture(base_model)
    assert kv_cache_bytes_per_token(shape) == 2 * _values_from_config(shape)


def _values_from_config(shape: Architecture) -> int:
    """Written anew from config.json's fields, without the code under test."""
    raw: Any = shape.raw.get("text_config", shape.raw)
    layers = raw.get("num_hidden_layers")
    if raw.get("kv_lora_rank"):
        return int(layers * (raw["kv_lora_rank"] + raw["qk_rope_head_dim"]))
    heads = raw.get("num_key_value_heads") or raw["num_attention_heads"]
    width = raw.get("head_dim") or raw["hidden_size"] // raw["num_attention_heads"]
    return int(2 * layers * heads * width)


@pytest.mark.parametrize(
    ("base_model", "tensor_parallel", "expected"),
    [
        ("meta-llama/Llama-3.1-8B", 1, 1),
        ("meta-llama/Llama-3.1-8B", 8, 8),
        ("meta-llama/Llama-3.1-8B", 16, 8),
        ("Qwen/Qwen3-235B-A22B", 8, 4),
        ("Qwen/Qwen2.5-0.5B", 2, 2),
        ("deepseek-ai/DeepSeek-V3-Base", 8, 1),
    ],
)
def test_heads_are_divided_and_then_replicated(base_model: str, tensor_parallel: int, expected: float) -> None:
    assert kv_shards(architecture(base_model), tensor_parallel) == expected
