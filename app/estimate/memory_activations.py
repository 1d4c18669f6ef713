"""What the forward pass keeps for the backward pass, in bytes per token, by mechanism.

Each function prices one mechanism of `frameworks.yaml`; which ones apply is the profile's and the run's business.
Source of the mechanisms: the autograd formulas of PyTorch's operators as the frameworks' modeling code calls them.
"""

from functools import lru_cache

from app.catalogue.frameworks import FrameworkProfile
from app.estimate.memory_shapes import BlockShape
from app.estimate.memory_weights import Prepared
from app.estimate.training_settings import Run
from app.records import record
from app.schemas.vocabulary import Attention, CrossEntropy, Precision

STATISTIC_BYTES = 4
"""Softmax statistics of flash attention: one fp32 per head and token."""
SOFTMAX_BYTES = 4.0
"""Eager attention computes its softmax in fp32."""
ACTIVATION_BYTES: dict[Precision, int] = {"bf16": 2, "fp16": 2, "fp32": 4, "fp8": 2}
"""Bytes of an activation; under fp8 only the inputs of matrix products are 8 bit."""
SAVED_PER_GATED_VALUE = 3
"""SwiGLU and GeGLU: gate, activated gate and up projection."""
UPCAST_BYTES = 4.0
"""An fp32 value."""
FUSED_LINEAR_BYTES = 8.0
"""Per hidden value: Liger's chunks are chosen so that their logits take about as much as the hidden states."""
FULL_PRECISION_LOGIT_BYTES = 12.0
"""In fp32: logits, shifted copy and log-softmax."""
KEEPS_INPUT = frozenset({"nf4", "nf4_double", "int8"})
"""Quantised layers of bitsandbytes; GPTQ's keep nothing."""


@record(kw_only=True)
class Kept:
    """What the bytes depend on, apart from the shape of the block."""

    attention: Attention
    precision: Precision
    full: bool
    quantized: bool
    fused: bool
    """Fused norm, rotary and activation kernels."""
    dropout: bool
    dora: bool
    upcast: bool
    checkpointing: bool
    padded: bool
    """Batches carry a padding mask."""

    @property
    def width(self) -> int:
        """Bytes of an activation."""
        return ACTIVATION_BYTES[self.precision]


@record(kw_only=True)
class TokenBytes:
    """Bytes per token over all blocks, by mechanism; `scores` once more per token of the sequence."""

    attention: float
    mlp: float
    norms: float
    adapter: float
    quantized_inputs: float
    scores: float
    expert_copies: float
    """Rebuilt expert weights: bytes whatever the tokens."""
    largest_copy: float
    """The same of one block."""
    blocks: tuple[tuple[float, float], ...]
    """Of each kind of block: bytes of one at work backward, flat and per token of the sequence."""
    backward: float
    """Gradients alive while one block runs backward."""
    checkpoint: float
    """Inputs of all blocks."""
    head: float
    """Output head and loss at their peak."""

    def inside(self) -> float:
        """Everything inside the blocks that does not grow with the square of the length."""
        return self.attention + self.mlp + self.norms + self.adapter + self.quantized_inputs


def token_bytes(base: Prepared, run: Run, profile: FrameworkProfile) -> TokenBytes:
    """Bytes per token of this base model and adapter under the run's settings (cached)."""
    quantized = run.quantization in KEEPS_INPUT
    return _token_bytes(
        base, profile, run.cross_entropy, run.attention, run.precision, run.method == "full", quantized, run.fused,
        run.dropout, run.dora, run.upcast, run.checkpointing, not run.packed,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _token_bytes(
    base: Prepared, profile: FrameworkProfile, cross_entropy: CrossEntropy, attention: Attention, precision: Precision,
    full: bool, quantized: bool, fused: bool, dropout: bool, dora: bool, upcast: bool, checkpointing: bool,
    padded: bool,
) -> TokenBytes:  # fmt: skip
    key = Kept(
        attention=attention, precision=precision, full=full, quantized=quantized, fused=fused,
        dropout=dropout, dora=dora, upcast=upcast, checkpointing=checkpointing, padded=padded,
    )  # fmt: skip
    blocks = [(s.count, s, _block(s, key, profile)) for s in base.blocks]
    capped = base.blocks[0].capped
    score_bytes = _score_bytes(attention, capped, key.width)
    backward = [_backward(s, key, profile) for s in base.blocks]
    hidden = base.blocks[0].hidden
    return TokenBytes(
        attention=sum(n * kept[0] for n, _, kept in blocks),
        mlp=sum(n * kept[1] for n, _, kept in blocks),
        norms=sum(n * kept[2] for n, _, kept in blocks),
        adapter=sum(n * kept[3] for n, _, kept in blocks),
        quantized_inputs=sum(n * kept[4] for n, _, kept in blocks),
        scores=sum(n * s.heads * score_bytes for n, s, _ in blocks),
        expert_copies=float(sum(n * s.adapted_expert_values * key.width for n, s, _ in blocks)),
        largest_copy=float(max(s.adapted_expert_values for s in base.blocks) * key.width),
        blocks=tuple(
            (sum(kept) + back, s.heads * score_bytes) for (_, s, kept), back in zip(blocks, backward, strict=True)
        ),
        backward=max(backward),
        checkpoint=base.layers * hidden * max(UPCAST_BYTES if upcast else 0.0, key.width) * profile.checkpoints_on_card,
        head=_head(hidden, base.parts.architecture.vocab_size, cross_entropy, precision, profile, capped),
    )


def _score_bytes(attention: Attention, capped: bool, width: int) -> float:
    """Bytes per head and pair of tokens: scores, fp32 softmax, probabilities; a cap keeps its tanh and forbids SDPA."""
    if attention == "flash" or (attention == "sdpa" and not capped):
        return 0.0
    return 2 * width + SOFTMAX_BYTES + (width if capped else 0)


def _block(s: BlockShape, key: Kept, profile: FrameworkProfile) -> tuple[float, float, float, float, float]:
    """Bytes per token that one block keeps: attention, MLP, norms, adapter, inputs of quantised layers."""
    return (
        _attention(s, key, profile),
        _mlp(s, key),
        _norms(s, key, profile),
        _adapter(s, key, profile),
        profile.quantized_input_bytes * s.linear_inputs if key.quantized else 0.0,
    )


def _attention(s: BlockShape, key: Kept, profile: FrameworkProfile) -> float:
    """Queries, keys, values and output of the kernel; repeated or cached keys and values where a framework does so."""
    grouped = s.key < s.query
    repeated = grouped and key.attention in profile.repeats_kv and (key.padded or profile.qkv_view_kept)
    key_width, value_width = (s.query, s.attended) if repeated else (s.key, s.value)
    values = s.query + key_width + value_width + s.attended + s.latent
    if profile.qkv_view_kept and not grouped:
        values += s.query + s.key
    if profile.keeps_kv_cache and not key.checkpointing and repeated:
        values += s.key + s.value
    if key.full:
        values += s.attended
    return key.width * values + STATISTIC_BYTES * s.heads


def _mlp(s: BlockShape, key: Kept) -> float:
    """Inner activations; the down projection's input too when its weight is trained; what routing copies."""
    per_value = SAVED_PER_GATED_VALUE if s.gated else 1
    return float(key.width * (s.inner * (per_value + (1 if key.full else 0)) + s.dispatched))


def _norms(s: BlockShape, key: Kept, profile: FrameworkProfile) -> float:
    """Inputs of the norms, and what trained norm weights and trained linears keep of their outputs."""
    scale = key.width / 2
    per_value = profile.fused_rms_norm_bytes * scale if key.fused else max(profile.rms_norm_bytes, key.width)
    if key.upcast:
        per_value = max(per_value, UPCAST_BYTES)
    kept = per_value * s.rms_values + key.width * s.layer_norm_values
    if key.full:
        normalised = 0.0 if key.fused else profile.trained_norm_bytes
        kept += (normalised + profile.trained_input_bytes) * s.norm_values * scale
    return kept


def _adapter(s: BlockShape, key: Kept, profile: FrameworkProfile) -> float:
    """Each adapter's copy of its input (with its dropout mask), its rank-wide activation, and DoRA's outputs."""
    per_input = profile.adapter_input_bytes + (profile.dropout_mask_bytes if key.dropout else 0.0)
    inputs = float(s.adapter_inputs)
    if profile.adapter_input_uncopied and not key.dropout:
        inputs = float(s.adapter_distinct_inputs)
    elif profile.adapter_qkv_shared and s.adapter_qkv_inputs:
        inputs += s.hidden - s.adapter_qkv_inputs
    kept = per_input * inputs + profile.adapter_input_bytes * s.adapter_rank_terms
    if s.adapter_qkv_partial:
        kept += profile.partial_qkv_pad_bytes * s.adapter_qkv_outputs
    return kept + (profile.dora_bytes * s.adapter_outputs if key.dora else 0.0)


def _backward(s: BlockShape, key: Kept, profile: FrameworkProfile) -> float:
    """Gradients alive at a time inside a block."""
    return (profile.backward_hidden_bytes * s.hidden + profile.backward_mlp_bytes * s.inner) * key.width / 2


def _head(
    hidden: int,
    vocabulary: int,
    cross_entropy: CrossEntropy,
    precision: Precision,
    profile: FrameworkProfile,
    capped: bool,
) -> float:
    """Bytes per token of output head and loss at their peak."""
    if cross_entropy == "fused_linear":
        return FUSED_LINEAR_BYTES * hidden * ACTIVATION_BYTES[precision] / 2
    per_entry = profile.eager_logit_bytes if cross_entropy == "eager" else profile.fused_logit_bytes
    if precision == "fp32":
        per_entry = max(per_entry, FULL_PRECISION_LOGIT_BYTES)
    if capped:
        per_entry += ACTIVATION_BYTES[precision]
    return per_entry * vocabulary + profile.head_hidden_bytes * hidden
