"""Time of one decode step and of one prefill on one replica: a roofline with measured efficiencies.

A step reads the weights while it multiplies, reads the KV cache, pays a fixed price for every block, and for every
all-reduce when a block is divided over GPUs. Others' prefills steal a share of it. The constants are the engine's
(`app/catalogue/data/engines.yaml`); `bench/serving.py` fits them again and prints the errors.
"""

from dataclasses import dataclass
from typing import NamedTuple

from app.catalogue.engines import EngineProfile
from app.estimate.kv_cache import kv_cache_bytes_per_sequence, kv_shards
from app.estimate.serving_weights import (
    BLOCK_WEIGHT_BYTES,
    OTHER_WEIGHT_BYTES,
    ServedWeights,
    served_weights,
    stored_bytes,
)
from app.schemas.architecture import Architecture
from app.schemas.vocabulary import AdapterServing, KvCachePrecision, ServingWeights
from app.schemas.world import GpuSpec

ALLREDUCES_PER_BLOCK = 2
"""After attention and after the MLP (Megatron-LM, arXiv 1909.08053)."""
ACTIVATION_BYTES = 2
FOUR_BIT_COMPUTE_CAPABILITY = 10.0
"""Blackwell is the first with FP4 tensor cores (NVIDIA Blackwell data sheet)."""
FOUR_BIT_OVER_EIGHT_BIT_PEAK = 2.0
"""FP4 tensor peak over FP8's on Blackwell (NVIDIA Blackwell data sheet: 9 and 4.5 PFLOP/s dense)."""


class Rates(NamedTuple):
    """What one GPU gives to one precision, bytes and FLOPs per second."""

    weights: float
    kv: float
    decode: float
    prefill: float
    attention: float
    link: float
    quantized_activations: bool
    """Activations are quantised too, so that products run at the lower precision."""


def rates(gpu: GpuSpec, weights: ServingWeights, engine: EngineProfile) -> Rates:
    """The rates of a GPU; without tensor cores for a precision its weights are expanded to 16 bits in registers."""
    peaks = gpu.flops_per_second
    plain = peaks.get("bf16") or peaks.get("fp16") or max(peaks.values())
    eight = peaks.get("fp8")
    peak, share, quantized = plain, 1.0, False
    if weights in ("fp8", "int8") and eight:
        peak, share, quantized = eight, engine.eight_bit_efficiency, True
    elif weights == "int4" and eight and has_four_bit_cores(gpu):
        peak, share, quantized = eight * FOUR_BIT_OVER_EIGHT_BIT_PEAK, engine.four_bit_efficiency, True
    make = 1.0 if gpu.compute_capability[:1].isdigit() else engine.rocm_efficiency
    bandwidth, peak, plain_peak = make * gpu.bandwidth_bytes_per_second, make * peak * share, make * plain
    return Rates(
        weights=bandwidth * engine.bandwidth_efficiency,
        kv=bandwidth * engine.kv_bandwidth_efficiency,
        decode=peak * engine.decode_efficiency,
        prefill=peak * engine.prefill_efficiency,
        attention=plain_peak * engine.attention_efficiency,
        link=gpu.link_bytes_per_second * engine.link_efficiency,
        quantized_activations=quantized,
    )


def has_four_bit_cores(gpu: GpuSpec) -> bool:
    """Whether the GPU multiplies 4-bit values (NVIDIA Blackwell and later)."""
    try:
        return float(gpu.compute_capability) >= FOUR_BIT_COMPUTE_CAPABILITY
    except ValueError:
        return False


def overlapped(reading: float, multiplying: float, exponent: float) -> float:
    """Time of both together: the longer one when the exponent is large, their sum when it is 1."""
    return float((reading**exponent + multiplying**exponent) ** (1.0 / exponent))


@dataclass(slots=True)
class StepTimes:
    """One replica at one request shape; every coefficient in seconds, or seconds a sequence.

    Not frozen only because searches make hundreds and freezing triples the price; nobody changes one.
    """

    dense_read: float
    """Reading what every step reads."""
    expert_read: float
    """Reading all routed experts."""
    expert_miss: float
    """Share of experts that one sequence does not touch; 1 without experts."""
    multiply: float
    """Matrix products, a sequence."""
    kv_read: float
    """Reading the cache of a sequence half written."""
    fixed: float
    """Block and step overheads, all-reduce latency."""
    each: float
    """Sampling and all-reduce volume, a sequence."""
    prefill: float
    """Prefill of one request, weights in flight."""
    idle_first_token: float
    """The same on an idle replica, request handling included."""
    output_tokens: float
    prefill_share: float
    exponent: float
    slots: float
    """Sequences whose cache fits at their mean length; 0 when the weights do not fit."""
    max_concurrency: int
    """Sequences whose cache fits at full length."""
    weight_bytes: int

    def token_seconds(self, sequences: float) -> float:
        """Seconds between two tokens of one answer with `sequences` (>= 1) in flight."""
        read = self.dense_read + self.expert_read * (1.0 - self.expert_miss**sequences)
        multiplied = self.multiply * sequences
        stolen = self.prefill_share * (sequences - 1.0) * self.prefill / self.output_tokens
        both = overlapped(read, multiplied, self.exponent)
        return both + (self.kv_read + self.each) * sequences + self.fixed + stolen

    def answer_seconds(self, sequences: float) -> float:
        """Seconds of a whole answer with `sequences` in flight, without waiting."""
        return self.idle_first_token + (self.output_tokens - 1.0) * self.token_seconds(sequences)


def step_times(
    architecture: Architecture,
    gpu: GpuSpec,
    engine: EngineProfile,
    *,
    tensor_parallel: int,
    weights: ServingWeights,
    kv_cache: KvCachePrecision,
    adapter: AdapterServing,
    input_tokens: float,
    output_tokens: float,
    adapter_bytes: float = 0.0,
    weighed: ServedWeights | None = None,
) -> StepTimes:
    """The coefficients of one replica; `adapter_bytes` are held on every GPU beside the weights.

    `weighed` spares the look-up when the caller has the architecture's counts already.
    """
    held = weighed or served_weights(architecture)
    speed = rates(gpu, weights, engine)
    bytes_each = BLOCK_WEIGHT_BYTES[weights]
    share = 1.0 / tensor_parallel
    stored = stored_bytes(held, weights)
    active = held.dense + _active_experts(held) + held.head
    fixed = _fixed_seconds(held, engine, tensor_parallel, speed.quantized_activations, adapter == "unmerged")
    volume = _allreduce_seconds_per_token(held, tensor_parallel, speed.link)
    dense_read = (held.dense * bytes_each + held.head * OTHER_WEIGHT_BYTES) * share / speed.weights
    expert_read = held.expert * bytes_each * share / speed.weights
    mean_length = input_tokens + output_tokens / 2
    mean_bytes = kv_cache_bytes_per_sequence(architecture, mean_length, kv_cache)
    full_bytes = kv_cache_bytes_per_sequence(architecture, input_tokens + output_tokens, kv_cache)
    shards = kv_shards(architecture, tensor_parallel)
    free = gpu.memory_bytes * engine.memory_fraction - stored * share - engine.workspace_bytes - adapter_bytes
    multiplied = 2 * (active - held.head) * input_tokens * share / speed.prefill
    attention = 2 * held.layers * held.query_width * input_tokens**2 * share / speed.attention
    beside = attention + volume * input_tokens
    miss = 1.0 - held.experts_per_token / held.experts if held.experts else 1.0
    touched = dense_read + expert_read * (1.0 - miss**input_tokens)
    together = overlapped(multiplied, touched, engine.prefill_overlap_exponent)
    return StepTimes(
        dense_read=dense_read,
        expert_read=expert_read,
        expert_miss=miss,
        multiply=2 * active * share / speed.decode,
        kv_read=mean_bytes / (shards * speed.kv),
        fixed=fixed,
        each=engine.sequence_seconds + volume,
        prefill=multiplied + beside,
        idle_first_token=together + beside + fixed + engine.request_seconds,
        output_tokens=output_tokens,
        prefill_share=engine.prefill_share,
        exponent=engine.overlap_exponent,
        slots=min(engine.max_sequences, free * shards / mean_bytes) if free > 0 else 0.0,
        max_concurrency=max(0, int(free * shards / full_bytes)) if free > 0 else 0,
        weight_bytes=stored,
    )


def _active_experts(held: ServedWeights) -> float:
    """Weights of routed experts that one token is multiplied with, over all blocks."""
    return held.expert * held.experts_per_token / held.experts if held.experts else 0.0


def _fixed_seconds(
    held: ServedWeights, engine: EngineProfile, tensor_parallel: int, quantized: bool, unmerged: bool
) -> float:
    """What a step costs whatever its batch."""
    block = engine.layer_seconds + quantized * engine.quantized_layer_seconds + unmerged * engine.adapter_layer_seconds
    reduced = ALLREDUCES_PER_BLOCK * engine.allreduce_seconds if tensor_parallel > 1 else 0.0
    return (
        engine.step_seconds
        + held.layers * (block + reduced)
        + held.expert_layers * engine.expert_layer_seconds
        + held.extra_norms * engine.norm_seconds
    )


def _allreduce_seconds_per_token(held: ServedWeights, tensor_parallel: int, link: float) -> float:
    """A ring all-reduce moves 2 (n - 1) / n of the activations over each link."""
    moved = held.hidden_size * ACTIVATION_BYTES * 2 * (tensor_parallel - 1) / tensor_parallel
    return ALLREDUCES_PER_BLOCK * held.layers * moved / link
