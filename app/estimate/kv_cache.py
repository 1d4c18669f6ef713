"""The KV cache: bytes of a token and of a sequence, exactly."""

from app.schemas.architecture import Architecture
from app.schemas.vocabulary import KvCachePrecision

KV_VALUE_BYTES: dict[KvCachePrecision, int] = {"bf16": 2, "fp8": 1}
"""Bytes of one cached value."""


def kv_values_per_layer(architecture: Architecture) -> int:
    """Values that one token keeps in one block.

    Grouped-query attention stores K and V of num_key_value_heads heads (arXiv 2305.13245). Multi-head latent attention
    stores one compressed vector and one rotary key for all heads (arXiv 2405.04434): 512 + 64 for DeepSeek-V3.
    """
    if architecture.kv_lora_rank:
        return architecture.kv_lora_rank + architecture.qk_rope_head_dim
    return 2 * architecture.num_key_value_heads * architecture.head_dim


def kv_cache_bytes_per_token(
    architecture: Architecture, kv_cache: KvCachePrecision = "bf16", tokens: int | None = None
) -> int:
    """Bytes that each token of a sequence of `tokens` keeps, over all blocks that keep every token of it.

    A block with a sliding window keeps every token until the sequence outgrows the window, and a constant amount from
    there on; without `tokens` the sequence is short. Where all blocks slide (Phi-3), it is what a token in the window
    keeps. Llama-3.1-8B in bf16: 131,072.
    """
    layers = architecture.num_hidden_layers
    if architecture.sliding_window is not None and tokens is not None and tokens > architecture.sliding_window:
        layers = layers - architecture.num_sliding_layers or layers
    return layers * kv_values_per_layer(architecture) * KV_VALUE_BYTES[kv_cache]


def kv_cache_bytes_per_sequence(
    architecture: Architecture, tokens: float, kv_cache: KvCachePrecision = "bf16"
) -> float:
    """Bytes of K and V of one sequence of `tokens`; blocks with a sliding window keep at most the window."""
    window = architecture.sliding_window
    sliding = architecture.num_sliding_layers if window is not None else 0
    kept = min(tokens, window) if window is not None else tokens
    token_layers = (architecture.num_hidden_layers - sliding) * tokens + sliding * kept
    return token_layers * kv_values_per_layer(architecture) * KV_VALUE_BYTES[kv_cache]


def kv_shards(architecture: Architecture, tensor_parallel: int) -> float:
    """By how much tensor parallelism divides one sequence's cache on a GPU.

    K and V are divided by heads and replicated when there are fewer heads than GPUs; a latent cache has no heads and is
    whole on every GPU.
    """
    if architecture.kv_lora_rank:
        return 1.0
    heads = architecture.num_key_value_heads
    per_gpu = -(-heads // tensor_parallel)
    return heads / per_gpu
