"""How wide a base model's blocks are, as memory and time see them: values a token, before any framework's choices.

Made once per architecture and adapter, so that one estimate is plain arithmetic on a few dozen numbers.
"""

from collections.abc import Mapping, Sequence

from app.records import record
from app.schemas.architecture import AdapterShape, AdapterTarget, Block, Inventory, Part

_DOWN_NAMES = frozenset({"down_proj", "w2", "c_proj", "dense_4h_to_h", "fc2", "output_linear"})
"""What layouts call the MLP's last projection."""
_PARALLEL_FAMILIES = frozenset({"phi", "gpt_neox", "falcon", "gptj", "cohere", "cohere2"})
"""Layouts whose attention and MLP read the same residual stream (Transformers' modeling files)."""
_CAPPED_FAMILIES = frozenset({"gemma2"})
"""Layouts that cap attention scores and logits with tanh, which PyTorch's SDPA cannot (Gemma 2, arXiv 2408.00118)."""


@record(eq=False)
class BlockShape:
    """One kind of block; all widths are values per token."""

    count: int
    hidden: int
    heads: int
    query: int
    key: int
    value: int
    attended: int
    """Output of the attention kernel: heads times the value head's width."""
    capped: bool
    """Scores and logits are capped with tanh."""
    latent: int
    """Compressed queries, keys and values (MLA) kept beside the expanded ones."""
    rms_values: int
    """Inputs of RMS norms."""
    layer_norm_values: int
    """Inputs of layer norms; a parallel residual counts once."""
    norm_values: int
    """Outputs of all norms over the hidden width."""
    inner: int
    """Inner width of the MLP, over the experts that a token visits."""
    gated: bool
    dispatched: int
    """Copies of the input that routed experts read."""
    linear_inputs: int
    """Distinct inputs of linears."""
    parameters: int
    largest_weight: int
    adapter_inputs: int
    """Inputs of adapters, each target counted (over the experts that a token visits)."""
    adapter_distinct_inputs: int
    """The same with every tensor counted once, however many targets read it."""
    adapter_qkv_inputs: int
    """Of these, inputs of q, k and v targets."""
    adapter_qkv_outputs: int
    adapter_qkv_partial: int
    """1 when some, but not all, of q, k and v are adapted."""
    adapter_outputs: int
    adapter_ranks: int
    adapter_rank_terms: int
    """Sum of r over the targets."""
    adapted_expert_values: int
    """Weights of stacked experts that an adapter rebuilds whole (PEFT's `target_parameters`)."""


def block_shapes(parts: Inventory, adapter: AdapterShape | None) -> tuple[BlockShape, ...]:
    """The shapes of every kind of block of the decoder."""
    targets = adapter.targets if adapter else ()
    return tuple(_block_shape(parts, block, targets) for block in parts.blocks)


def _block_shape(parts: Inventory, block: Block, targets: tuple[AdapterTarget, ...]) -> BlockShape:
    a = parts.architecture
    norms = [p for p in block.parts if p.form == "norm"]
    inner, gated, dispatched = _mlp(parts, block)
    key_width = a.qk_nope_head_dim + a.qk_rope_head_dim if a.kv_lora_rank else a.head_dim
    kv_heads = a.num_attention_heads if a.kv_lora_rank else a.num_key_value_heads
    value_width = a.v_head_dim if a.kv_lora_rank else a.head_dim
    parallel = a.family in _PARALLEL_FAMILIES
    has_layer_norm = any(p.bias for p in norms) or a.family == "olmo"
    norm_values = sum(_norm_width(p, parts) for p in norms)
    stream_inputs = a.hidden_size * (1 if parallel else 2)
    attended = a.num_attention_heads * value_width
    return BlockShape(
        count=block.count,
        hidden=a.hidden_size,
        heads=a.num_attention_heads,
        query=a.num_attention_heads * key_width,
        key=kv_heads * key_width,
        value=kv_heads * value_width,
        attended=attended,
        capped=a.family in _CAPPED_FAMILIES,
        latent=a.kv_lora_rank + a.q_lora_rank,
        rms_values=0 if has_layer_norm else norm_values,
        layer_norm_values=stream_inputs if has_layer_norm else 0,
        norm_values=max(norm_values, stream_inputs) if has_layer_norm else norm_values,
        inner=inner,
        gated=gated,
        dispatched=dispatched,
        linear_inputs=stream_inputs + attended + inner + dispatched,
        parameters=block.parameters,
        largest_weight=max(p.d_in * p.d_out for p in block.linears),
        **_adapter_widths(parts, block, targets),
    )


def _norm_width(part: Part, parts: Inventory) -> int:
    """Values that a norm reads per token: one as wide as a head reads all heads."""
    a = parts.architecture
    if part.d_out != a.head_dim or part.d_out == a.hidden_size:
        return part.d_out
    return part.d_out * (a.num_key_value_heads if part.name.startswith("k") else a.num_attention_heads)


def _mlp(parts: Inventory, block: Block) -> tuple[int, bool, int]:
    """Inner width over the active experts, whether it is gated, and the copies that routing makes."""
    a = parts.architecture
    inner, gated, dispatched = 0, False, 0
    for group, visits in (("mlp", 1), ("shared_expert", 1), ("expert", a.num_experts_per_tok)):
        linears = [p for p in block.linears if p.group == group]
        if not linears:
            continue
        down = next((p for p in linears if p.name in _DOWN_NAMES), linears[-1])
        up_width = sum(p.d_out for p in linears if p is not down and p.d_out >= down.d_in)
        gated = gated or up_width >= 2 * down.d_in
        inner += visits * down.d_in
        dispatched += visits * a.hidden_size if group == "expert" else 0
    return inner, gated, dispatched


def _adapter_widths(parts: Inventory, block: Block, targets: Sequence[AdapterTarget]) -> dict[str, int]:
    here = [t for t in targets if t.part in block.parts and t.part.group != "head"]
    attention = [t for t in here if t.part.group == "attention"]
    qkv = [t for t in attention if _reads_stream(t.part)]
    visits = parts.architecture.num_experts_per_tok
    weight = {id(t): visits if t.part.experts > 1 else 1 for t in here}
    return {
        "adapter_inputs": sum(t.d_in * weight[id(t)] for t in here),
        "adapter_distinct_inputs": _distinct_inputs(here, weight),
        "adapter_qkv_inputs": sum(t.d_in for t in qkv),
        "adapter_qkv_outputs": sum(t.d_out for t in qkv),
        "adapter_qkv_partial": int(0 < sum(t.d_out for t in qkv) < _qkv_width(block)),
        "adapter_outputs": sum(t.d_out * weight[id(t)] for t in here),
        "adapter_ranks": len(here),
        "adapter_rank_terms": sum(t.r * weight[id(t)] for t in here),
        "adapted_expert_values": sum(t.part.weight_parameters for t in here if t.part.experts > 1),
    }


def _distinct_inputs(targets: Sequence[AdapterTarget], weight: Mapping[int, int]) -> int:
    """Widths of the tensors that the targets read: the stream into q, k and v, the one into gate and up, the rest."""
    tensors: dict[tuple[str, bool, int], int] = {}
    for t in targets:
        inward = _reads_stream(t.part) if t.part.group == "attention" else t.part.name not in _DOWN_NAMES
        tensors[t.part.group, inward, t.d_in] = t.d_in * weight[id(t)]
    return sum(tensors.values())


def _reads_stream(part: Part) -> bool:
    """Whether an attention linear makes queries, keys or values (all but the output projection)."""
    return part.name not in ("o_proj", "out_proj", "dense", "c_proj", "wo")


def _qkv_width(block: Block) -> int:
    return sum(p.d_out for p in block.linears if p.group == "attention" and _reads_stream(p))
