"""Peak training memory of one GPU: the largest of three moments, part by part.

1. Start of backward: everything that the forward pass kept, and the loss.
2. End of backward: every gradient, and one block.
3. Optimizer step: every gradient, and the optimizer's temporaries.
"""

from app.catalogue.frameworks import FrameworkProfile
from app.estimate.memory_activations import TokenBytes, token_bytes
from app.estimate.memory_weights import Prepared, StaticBytes, static_bytes
from app.estimate.training_settings import Run
from app.records import record
from app.schemas.vocabulary import PeakMoment


@record
class Footprint:
    """Bytes of one GPU by moment, before rounding."""

    static: StaticBytes
    per_token: TokenBytes
    tokens: float
    """Tokens of a micro-batch whose activations lie on one GPU."""
    length: int
    shares: int
    """GPUs that share one copy of every activation."""
    checkpointing: bool
    accumulating: bool
    resident: float
    """Weights and states: there all the time, in pieces that never fragment."""
    block: float
    """One block at work during backward, its gradients included."""
    head: float
    """Output head and loss."""
    start_of_backward: float
    end_of_backward: float
    optimizer_step: float
    peak_at: PeakMoment

    @property
    def peak(self) -> float:
        """Bytes allocated at the largest moment."""
        return max(self.start_of_backward, self.end_of_backward, self.optimizer_step)

    @property
    def adapter_inputs(self) -> float:
        """Copies of their inputs that adapters keep in all blocks."""
        return 0.0 if self.checkpointing else self.per_token.adapter * self.tokens

    @property
    def quantized_inputs(self) -> float:
        """Inputs that quantised layers keep in all blocks."""
        return 0.0 if self.checkpointing else self.per_token.quantized_inputs * self.tokens

    def parts_at_peak(self) -> list[tuple[str, float]]:
        """What the peak consists of, largest moment only, empty parts left out."""
        s = self.static
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
            parts += self._activation_parts() if self.peak_at == "start_of_backward" else [("one_block", self.block)]
        return [part for part in parts if part[1] > 0]

    def _activation_parts(self) -> list[tuple[str, float]]:
        t, n = self.per_token, self.tokens
        last = ("head_and_loss", self.head) if self.head >= self.block else ("one_block", self.block)
        if self.checkpointing:
            return [("checkpoints", t.checkpoint * n), last]
        return [
            ("attention_activations", t.attention * n),
            ("attention_scores", t.scores * n * self.length),
            ("mlp_activations", t.mlp * n),
            ("norm_inputs", t.norms * n),
            ("adapter_inputs", t.adapter * n),
            ("quantized_layer_inputs", t.quantized_inputs * n),
            ("rebuilt_experts", t.expert_copies / self.shares),
            last,
        ]


def footprint(base: Prepared, run: Run, profile: FrameworkProfile) -> Footprint:
    """Bytes of one GPU at each of the three moments."""
    s = static_bytes(base, run, profile)
    t = token_bytes(base, run, profile)
    shares, length = run.tensor_parallel, run.max_length
    tokens = run.micro_batch_size * length / shares
    if run.checkpointing:
        kept = t.checkpoint * tokens
        block = max(flat + scores * length for flat, scores in t.blocks) * tokens + t.largest_copy / shares
    else:
        kept = (t.inside() + t.scores * length) * tokens + t.expert_copies / shares
        block = t.backward * tokens
    head = t.head * tokens
    resident = s.weights + s.adapter + s.states
    at_work = resident + s.bucket + s.gathered + s.dequantized
    accumulating = run.accumulation > 1
    start = at_work + (s.gradients if accumulating else 0.0) + kept + max(block, head)
    end = at_work + s.gradients + block
    step = resident + s.bucket + s.gradients + s.optimizer_temporary
    peak_at: PeakMoment = "optimizer_step"
    if start >= step:
        peak_at = "start_of_backward" if start >= end else "end_of_backward"
    elif end >= step:
        peak_at = "end_of_backward"
    return Footprint(
        s, t, tokens, length, shares, run.checkpointing, accumulating, resident, block, head, start, end, step, peak_at
    )
