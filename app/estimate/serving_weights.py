"""What of a base model's weights a server stores, reads and multiplies with; all counts exact."""

from functools import lru_cache

from app.estimate.params import CACHED_ARCHITECTURES, inventory
from app.records import record
from app.schemas.architecture import Architecture
from app.schemas.vocabulary import ServingWeights

BLOCK_WEIGHT_BYTES: dict[ServingWeights, float] = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5625}
"""Bytes of a block's linear weight. int4: 4 bits and an 8-bit scale for every 16 values (NVFP4); AWQ and GPTQ with one
16-bit scale and zero for 128 values are 7 % smaller."""
OTHER_WEIGHT_BYTES = 2.0
"""Embeddings, norms, head and vision tower stay in 16 bits in published quantised checkpoints (NVIDIA ModelOpt)."""
NORMS_OF_A_PLAIN_BLOCK = 2


@record(kw_only=True)
class ServedWeights:
    """Counts of values over the whole network."""

    layers: int
    hidden_size: int
    query_width: int
    dense: int
    """Linears that every token passes: attention, dense and shared MLPs, routers."""
    experts: int
    """Routed experts in each block that has them; 0 without."""
    experts_per_token: int
    expert_layers: int
    expert: int
    """All routed experts, over all blocks."""
    head: int
    quantized: int
    """What lower precision shrinks."""
    other: int
    """What stays in 16 bits."""
    extra_norms: int
    """Norms of all blocks beyond two a block."""


@lru_cache(CACHED_ARCHITECTURES)
def served_weights(architecture: Architecture) -> ServedWeights:
    """The counts that serving needs (cached)."""
    held = inventory(architecture)
    decoder = [p for p in held.parts if p.group != "vision" and p.layers]
    experts = [p for p in decoder if p.group == "expert"]
    expert = sum(p.count * p.weight_parameters for p in experts)
    norms = sum(p.count for p in decoder if p.form == "norm")
    layers = architecture.num_hidden_layers
    latent = architecture.qk_nope_head_dim + architecture.qk_rope_head_dim
    return ServedWeights(
        layers=layers,
        hidden_size=architecture.hidden_size,
        query_width=architecture.num_attention_heads * (latent or architecture.head_dim),
        dense=held.block_linear_parameters - expert,
        experts=experts[0].experts if experts else 0,
        experts_per_token=architecture.num_experts_per_tok if experts else 0,
        expert_layers=experts[0].count if experts else 0,
        expert=expert,
        head=held.head_parameters,
        quantized=held.block_linear_parameters,
        other=held.total_parameters - held.block_linear_parameters,
        extra_norms=max(0, norms - NORMS_OF_A_PLAIN_BLOCK * layers),
    )


def weight_bytes(architecture: Architecture, weights: ServingWeights) -> int:
    """Bytes of the stored weights over all GPUs of a replica. Llama-3.1-8B in bf16: 16,060,522,496."""
    return stored_bytes(served_weights(architecture), weights)


def stored_bytes(held: ServedWeights, weights: ServingWeights) -> int:
    """The same from counts at hand."""
    return round(held.quantized * BLOCK_WEIGHT_BYTES[weights] + held.other * OTHER_WEIGHT_BYTES)
