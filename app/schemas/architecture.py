"""The shape of a base model, as its Hugging Face `config.json` states it."""

from dataclasses import dataclass, field
from typing import Any, Literal

AttentionKind = Literal["full", "sliding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One decoder, normalised from any supported `config.json`; names are Hugging Face's.

    Sizes are counts of values, not bytes. `raw` keeps the fields as given.
    """

    model_type: str
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    tie_word_embeddings: bool = False
    # mixture of experts; num_experts == 0 means dense
    num_experts: int = 0
    num_experts_per_tok: int = 0
    moe_intermediate_size: int = 0
    num_shared_experts: int = 0
    shared_expert_intermediate_size: int = 0
    moe_layers: tuple[int, ...] = ()
    # multi-head latent attention (DeepSeek); kv_lora_rank == 0 means none
    kv_lora_rank: int = 0
    q_lora_rank: int = 0
    qk_nope_head_dim: int = 0
    qk_rope_head_dim: int = 0
    v_head_dim: int = 0
    # sliding windows: how many layers see only `sliding_window` tokens
    sliding_window: int | None = None
    num_sliding_layers: int = 0
    max_position_embeddings: int | None = None
    has_vision_tower: bool = False
    raw: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
