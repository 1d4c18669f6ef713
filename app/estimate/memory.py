"""Peak training memory of one GPU: the largest of three moments, part by part.

1. Start of backward: everything that the forward pass kept, and the loss.
2. End of backward: every gradient, and one block.
3. Optimizer step: every gradient, and the optimizer's temporaries.
"""

from dataclasses import dataclass

from app.catalogue.frameworks import FrameworkProfile
from app.estimate.memory_activations import ACTIVATION_BYTES, ActivationKey, SavedBytes, head_bytes, saved_bytes
from app.estimate.memory_shapes import BlockShape
from app.estimate.memory_weights import Prepared, StaticBytes, static_bytes
from app.estimate.training_settings import Run
from app.schemas.vocabulary import PeakMoment

CHECKPOINT_BYTES = 2.0
"""Bytes of a checkpointed hidden value in 16 bit; twice that when the residual stream is fp32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """Bytes on one GPU that follow from the batch."""

    attention: float
    mlp: float
    norms: float
    adapter: float
    quantized_inputs: float
    scores: float
    """Scores and softmax of eager attention."""
    expert_copies: float
    checkpoints: float
    """Inputs of the blocks, kept instead of what lies inside."""
    block: float
    """One block at work during backward, its gradients included."""
    head: float
    """Output head and loss."""

    def kept(self) -> float:
        """What the forward pass leaves behind in all blocks."""
        inside = self.attention + self.mlp + self.norms + self.adapter + self.quantized_inputs
        return inside + self.scores + self.expert_copies + self.checkpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Bytes of one GPU by moment, before rounding."""

    static: StaticBytes
    activations: Activations
    accumulating: bool
    moments: dict[PeakMoment, float]
    peak_at: PeakMoment

    @property
    def resident(self) -> float:
        """Weights and states: there all the time, in blocks that never fragment."""
        return self.static.weights + self.static.adapter + self.static.states

    def peak(self) -> float:
        """Bytes allocated at the largest moment."""
        return self.moments[self.peak_at]

    def parts_at_peak(self) -> list[tuple[str, float]]:
        """What the peak consists of, largest moment only, empty parts left out."""
        s, a = self.static, self.activations
        parts = [
            ("base_weights", s.weights),
            ("adapter_weights", s.adapter),
            ("optimizer_states", s.states),
            ("gradients", s.gradients if self.accumulating or self.peak_at != "start_of_backward" else 0.0),
            ("gradient_bucket", s.bucket),
        ]
        if self.peak_at == "optimizer_step":
            parts.append(("optimizer_temporaries", s.optimizer_temporary))
        else:
            parts += [("gathered_blocks", s.gathered), ("dequantized_weight", s.dequantized)]
            parts += self._activation_parts() if self.peak_at == "start_of_backward" else [("one_block", a.block)]
        return [(name, size) for name, size in parts if size > 0]

    def _activation_parts(self) -> list[tuple[str, float]]:
        a = self.activations
        parts = [
            ("checkpoints", a.checkpoints),
            ("attention_activations", a.attention),
            ("attention_scores", a.scores),
            ("mlp_activations", a.mlp),
            ("norm_inputs", a.norms),
            ("adapter_inputs", a.adapter),
            ("quantized_layer_inputs", a.quantized_inputs),
            ("rebuilt_experts", a.expert_copies),
        ]
        parts.append(("head_and_loss", a.head) if a.head >= a.block else ("one_block", a.block))
        return parts


def footprint(base: Prepared, run: Run, profile: FrameworkProfile) -> Footprint:
    """Bytes of one GPU at each of the three moments."""
    static = static_bytes(base, run, profile)
    activations = _activations(base, run, profile)
    resident = static.weights + static.adapter + static.states + static.bucket
    at_work = static.gathered + static.dequantized
    accumulating = run.accumulation > 1
    moments: dict[PeakMoment, float] = {
        "start_of_backward": resident
        + at_work
        + (static.gradients if accumulating else 0.0)
        + activations.kept()
        + max(activations.block, activations.head),
        "end_of_backward": resident + at_work + static.gradients + activations.block,
        "optimizer_step": resident + static.gradients + static.optimizer_temporary,
    }
    peak_at = max(moments, key=moments.__getitem__)
    return Footprint(
        static=static, activations=activations, accumulating=accumulating, moments=moments, peak_at=peak_at
    )


def activation_key(run: Run) -> ActivationKey:
    """What of the run decides on the bytes that a block keeps."""
    return ActivationKey(
        attention=run.attention,
        precision=run.precision,
        full=run.full,
        quantized=run.quantization in ("nf4", "nf4_double", "int8"),
        fused=run.cross_entropy != "eager",
        dropout=run.dropout,
        dora=run.dora,
        upcast=run.upcast,
        checkpointing=run.checkpointing,
        padded=not run.packed,
    )


def _activations(base: Prepared, run: Run, profile: FrameworkProfile) -> Activations:
    key = activation_key(run)
    tokens = run.micro_batch_size * run.max_length / run.tensor_parallel
    hidden = base.blocks[0].hidden
    logits = head_bytes(hidden, base.parts.architecture.vocab_size, run.cross_entropy, run.precision, profile) * tokens
    saved = [(shape, saved_bytes(shape, key, profile)) for shape in base.blocks]
    largest = max(s.flat() + s.per_length * run.max_length + s.backward for _, s in saved) * tokens
    rebuilt = max(s.expert_copies for _, s in saved) / run.tensor_parallel
    if run.checkpointing:
        width = max(CHECKPOINT_BYTES * (2 if run.upcast else 1), float(ACTIVATION_BYTES[run.precision]))
        return Activations(
            attention=0.0, mlp=0.0, norms=0.0, adapter=0.0, quantized_inputs=0.0, scores=0.0, expert_copies=0.0,
            checkpoints=base.layers * width * hidden * tokens * profile.checkpoints_on_card,
            block=largest + rebuilt,
            head=logits,
        )  # fmt: skip
    backward = max(s.backward for _, s in saved) * tokens
    return _everything_kept(saved, run, tokens, logits, backward)


def _everything_kept(
    saved: list[tuple[BlockShape, SavedBytes]], run: Run, tokens: float, logits: float, backward: float
) -> Activations:
    """Without checkpointing every block keeps all of its own."""
    attention = mlp = norms = adapter = inputs = scores = copies = 0.0
    for shape, s in saved:
        n = shape.count * tokens
        attention += n * s.attention
        mlp += n * s.mlp
        norms += n * s.norms
        adapter += n * s.adapter
        inputs += n * s.quantized_inputs
        scores += n * s.per_length * run.max_length
        copies += shape.count * s.expert_copies / run.tensor_parallel
    return Activations(
        attention=attention, mlp=mlp, norms=norms, adapter=adapter, quantized_inputs=inputs, scores=scores,
        expert_copies=copies, checkpoints=0.0, block=backward, head=logits,
    )  # fmt: skip
