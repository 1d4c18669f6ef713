"""Floating-point operations that training executes, per token."""

from app.estimate.memory_weights import Prepared
from app.estimate.training_settings import Run
from app.records import record

ATTENTION_BACKWARD = 2.5
"""Backward over forward FLOPs of flash attention: five products against two (arXiv 2205.14135, 2307.08691)."""


@record
class Flops:
    """Executed FLOPs per computed token, over all GPUs."""

    products: float
    """Matrix products with weights."""
    attention: float
    """Scores and weighted values."""

    @property
    def total(self) -> float:
        """Both together."""
        return self.products + self.attention


def executed_flops(base: Prepared, run: Run, length: float) -> Flops:
    """FLOPs per token of a sequence of `length` tokens, recomputation included.

    2 per weight forward, 2 for the input's gradient, 2 for the weight's gradient where it is trained, and 2 more per
    weight inside the blocks with checkpointing (arXiv 2001.08361; 2205.05198). Full: 6N, LoRA: 4N.
    """
    weights = float(base.parts.active_linear_parameters)
    inside = weights - base.parts.head_parameters
    adapter = base.active_adapter_parameters
    trained = weights if run.full else adapter
    products = 4 * (weights + adapter) + 2 * trained
    if run.checkpointing:
        products += 2 * (inside + adapter)
    forward = attention_forward(base, length) * (2 if run.attention == "eager" else 1)
    passes = 1 + ATTENTION_BACKWARD + (1 if run.checkpointing else 0)
    return Flops(products=products, attention=forward * passes)


def attention_forward(base: Prepared, length: float) -> float:
    """Forward FLOPs per token of causal attention over all layers; half of the square is masked.

    Scores and values take 2 * length * width each, halved by causality; sliding layers see their window alone.
    """
    a = base.parts.architecture
    width = base.blocks[0].query + base.blocks[0].attended
    layers = base.layers
    sliding = a.num_sliding_layers if a.sliding_window else 0
    window = min(length, float(a.sliding_window or 0)) if sliding else 0.0
    seen = 2 * window - window * window / length if sliding else 0.0
    return width * (length * (layers - sliding) + seen * sliding)
