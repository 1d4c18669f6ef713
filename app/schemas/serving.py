"""POST /estimate/serving: request and answer."""

from typing import Any

from pydantic import Field

from app.schemas.base import Assumption, Range, Request, answer
from app.schemas.vocabulary import AdapterServing, Engine, KvCachePrecision, ServingWeights


class ServingRequest(Request):
    """A self-hosted deployment to be estimated. One of `base_model` and `architecture`; the architecture wins."""

    base_model: str | None = Field(default=None, min_length=1, max_length=200, examples=["Qwen/Qwen3-8B"])
    """Hugging Face id of a base model in the catalogue."""
    architecture: dict[str, Any] | None = Field(default=None, examples=[None])
    """Fields of any Hugging Face `config.json`."""
    gpu: str = Field(max_length=64, examples=["L40S"])
    """GPU id from /catalogue/gpus."""
    tensor_parallel: int = Field(default=1, ge=1, le=64, examples=[1])
    """GPUs that share one copy of the weights."""
    weights: ServingWeights = Field(default="bf16", examples=["bf16"])
    """Precision of the stored weights."""
    kv_cache: KvCachePrecision = Field(default="bf16", examples=["bf16"])
    """Precision of the KV cache."""
    engine: Engine = Field(default="generic", examples=["vllm"])
    """Serving engine whose overheads are modelled."""
    adapter: AdapterServing = Field(default="none", examples=["merged"])
    """A LoRA adapter: none, merged into the weights, or applied per request."""
    adapters: int = Field(default=1, ge=1, le=10_000, examples=[1])
    """Unmerged adapters held in memory at once."""
    input_tokens: int = Field(ge=1, le=2_000_000, examples=[900])
    """Tokens read per request."""
    output_tokens: int = Field(ge=1, le=1_000_000, examples=[120])
    """Tokens written per request."""
    concurrency: int | None = Field(default=None, ge=1, le=100_000, examples=[8])
    """Requests in flight per replica; 1 when neither this nor a rate is given."""
    requests_per_second: float | None = Field(default=None, ge=1e-6, le=1_000_000, examples=[2.0])
    """Arrival rate at the deployment; sizes replicas and adds queueing."""
    latency_p95_seconds: float | None = Field(default=None, gt=0, le=86_400, examples=[2.0])
    """Latency limit that replicas are sized for, with `requests_per_second`."""
    usd_per_gpu_hour: float | None = Field(default=None, ge=0, le=10_000, examples=[1.9])
    """Your own price; the catalogue's list price when left out."""


@answer
class ServingEstimate:
    """Memory, speed and price of one self-hosted deployment."""

    kv_cache_bytes_per_token: int
    """Bytes of K and V that one token keeps, over all layers that keep every token."""
    weight_bytes: int
    """Bytes of the weights over all GPUs of a replica."""
    max_concurrency: int
    """Requests of this length whose KV cache fits beside the weights."""
    concurrency: float
    """Requests in flight per replica that the figures below are for."""
    time_to_first_token_seconds: Range
    """From arrival to the first token."""
    time_per_output_token_seconds: Range
    """Between two tokens of one answer."""
    latency_seconds: Range
    """The whole answer, at the median of load."""
    latency_p95_seconds: Range
    """The whole answer, 95th percentile with queueing."""
    output_tokens_per_second: Range
    """Throughput of one replica."""
    usd_per_million_output_tokens: Range | None
    """At this concurrency, all hours paid; null when the GPU has no known price."""
    replicas: int
    """Copies of the deployment needed for the rate and the latency limit."""
    utilization: float | None
    """Share of the replicas' capacity that the rate uses; null without a rate."""
    gpus: int
    """GPUs over all replicas."""
    fits: bool
    """Weights and at least one request fit."""
    assumptions: tuple[Assumption, ...]
    """What the estimate rests on."""
    warnings: tuple[str, ...]
    """What to know before acting on it."""
