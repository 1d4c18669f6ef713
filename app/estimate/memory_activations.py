"""What the forward pass keeps for the backward pass, in bytes per token, by mechanism.

Each function prices one mechanism of `frameworks.yaml`; which ones apply is the profile's and the run's business.
Source of the mechanisms: the autograd formulas of PyTorch's operators as the frameworks' modeling code calls them.
"""

from dataclasses import dataclass
from functools import lru_cache

from app.catalogue.frameworks import FrameworkProfile
from app.estimate.memory_shapes import BlockShape
from app.schemas.vocabulary import Attention, CrossEntropy, Precision

STATISTIC_BYTES = 4
"""Softmax statistics of flash attention: one fp32 per head and token."""
ACTIVATION_BYTES: dict[Precision, int] = {"bf16": 2, "fp16": 2, "fp32": 4, "fp8": 2}
"""Bytes of an activation; under fp8 only the inputs of matrix products are 8 bit."""
SAVED_PER_GATED_VALUE = 3
"""SwiGLU and GeGLU: gate, activated gate and up projection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationKey:
    """What the bytes depend on, apart from the shape of the block."""

    attention: Attention
    precision: Precision
    full: bool
    quantized: bool
    """Weights in 4 or 8 bit whose linears keep their input (bitsandbytes)."""
    fused: bool
    """Fused norm, rotary and activation kernels."""
    dropout: bool
    dora: bool
    upcast: bool
    checkpointing: bool
    padded: bool
    """Batches carry a padding mask."""


@dataclass(frozen=True, slots=True)
class SavedBytes:
    """Bytes per token that one block keeps, by mechanism; `per_length` once more per token of the sequence."""

    attention: float
    mlp: float
    norms: float
    adapter: float
    quantized_inputs: float
    per_length: float
    backward: float
    """Gradients alive while this block runs backward."""
    expert_copies: float
    """Rebuilt expert weights, not per token: per block."""

    def flat(self) -> float:
        """Everything that does not grow with the square of the length."""
        return self.attention + self.mlp + self.norms + self.adapter + self.quantized_inputs


@lru_cache(maxsize=4096)
def saved_bytes(shape: BlockShape, key: ActivationKey, profile: FrameworkProfile) -> SavedBytes:
    """Bytes that one block keeps for its backward pass."""
    width = ACTIVATION_BYTES[key.precision]
    per_length = shape.heads * (2 * width + 4.0) if key.attention == "eager" else 0.0
    backward = profile.backward_hidden_bytes * shape.hidden + profile.backward_mlp_bytes * shape.inner
    return SavedBytes(
        attention=_attention(shape, key, profile, width),
        mlp=_mlp(shape, key, width),
        norms=_norms(shape, key, profile, width),
        adapter=_adapter(shape, key, profile),
        quantized_inputs=profile.quantized_input_bytes * shape.linear_inputs if key.quantized else 0.0,
        per_length=per_length,
        backward=backward * width / 2,
        expert_copies=shape.adapted_expert_values * width,
    )


def _attention(s: BlockShape, key: ActivationKey, profile: FrameworkProfile, width: int) -> float:
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
    return width * values + STATISTIC_BYTES * s.heads


def _mlp(s: BlockShape, key: ActivationKey, width: int) -> float:
    """Inner activations; the down projection's input too when its weight is trained."""
    per_value = SAVED_PER_GATED_VALUE if s.gated else 1
    routed = width * s.dispatched
    return width * s.inner * (per_value + (1 if key.full else 0)) + routed


def _norms(s: BlockShape, key: ActivationKey, profile: FrameworkProfile, width: int) -> float:
    """Inputs of the norms, and what trained norm weights and trained linears keep of their outputs."""
    per_value = profile.fused_rms_norm_bytes if key.fused else profile.rms_norm_bytes
    if key.upcast:
        per_value = max(per_value, 4.0)
    kept = per_value * s.rms_values * (width / 2 if key.fused else 1) + width * s.layer_norm_values
    if key.full:
        normalised = 0.0 if key.fused else profile.trained_norm_bytes
        kept += (normalised + profile.trained_input_bytes) * s.norm_values * width / 2
    return kept


def _adapter(s: BlockShape, key: ActivationKey, profile: FrameworkProfile) -> float:
    """Each adapter's copy of its input (with its dropout mask), its rank-wide activation, and DoRA's outputs."""
    per_input = profile.adapter_input_bytes + (profile.dropout_mask_bytes if key.dropout else 0.0)
    inputs = float(s.adapter_inputs)
    if profile.adapter_qkv_shared and s.adapter_qkv_inputs:
        inputs += s.hidden - s.adapter_qkv_inputs
    kept = per_input * inputs + profile.adapter_input_bytes * s.adapter_rank_terms
    if s.adapter_qkv_partial:
        kept += profile.partial_qkv_pad_bytes * s.adapter_qkv_outputs
    return kept + (profile.dora_bytes * s.adapter_outputs if key.dora else 0.0)


def head_bytes(
    hidden: int, vocabulary: int, cross_entropy: CrossEntropy, precision: Precision, profile: FrameworkProfile
) -> float:
    """Bytes per token of output head and loss at their peak.

    A fused linear cross-entropy works in chunks whose logits take about as much as the hidden states.
    """
    if cross_entropy == "fused_linear":
        return 8.0 * hidden * ACTIVATION_BYTES[precision] / 2
    per_entry = profile.eager_logit_bytes if cross_entropy == "eager" else profile.fused_logit_bytes
    if precision == "fp32":
        per_entry = max(per_entry, 12.0)
    return per_entry * vocabulary + profile.head_hidden_bytes * hidden
