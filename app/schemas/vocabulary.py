"""The closed vocabularies of the contract, each as a `Literal` that mypy, Pydantic and OpenAPI all read."""

from typing import Literal

Approach = Literal["prompt_engineering", "fine_tuning"]
TaskType = Literal[
    "classification",
    "extraction",
    "generation",
    "summarization",
    "qa",
    "conversation",
    "code",
    "reasoning",
    "translation",
    "tool_use",
    "ranking",
    "recommendation",
    "other",
]
OutputFormat = Literal["free_text", "label", "number", "json", "code", "structured_document"]
KnowledgeChanges = Literal["static", "slow", "fast"]
PromptingEffort = Literal["none", "single_prompt", "few_shot", "optimized"]
DataSensitivity = Literal["public", "internal", "confidential", "regulated"]
Stage = Literal["prototype", "pilot", "production"]
Method = Literal["lora", "qlora", "full"]
Quantization = Literal["none", "nf4", "nf4_double", "int8", "gptq4"]
Attention = Literal["eager", "sdpa", "flash"]
CrossEntropy = Literal["eager", "fused", "fused_linear"]
Optimizer = Literal["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "sgd"]
Framework = Literal[
    "hf_peft", "litgpt", "torchtune", "axolotl", "unsloth", "ms_swift", "fsdp_qlora", "megatron", "generic"
]
Sharding = Literal["none", "ddp", "fsdp", "zero2", "zero3", "tensor_parallel"]
TrainedQuantity = Literal["peak_reserved_bytes", "train_seconds"]
Precision = Literal["bf16", "fp16", "fp32", "fp8"]
ServingWeights = Literal["bf16", "fp8", "int8", "int4"]
KvCachePrecision = Literal["bf16", "fp8"]
Engine = Literal["vllm", "sglang", "trtllm", "generic"]
AdapterServing = Literal["none", "merged", "unmerged"]
Need = Literal["domain_specialization", "latency", "cost", "consistency"]
Level = Literal["low", "medium", "high"]
Origin = Literal["given", "inferred", "default"]
PeakMoment = Literal["start_of_backward", "end_of_backward", "optimizer_step"]

Domain = Literal[
    "general",
    "legal",
    "medical",
    "finance",
    "insurance",
    "science",
    "engineering",
    "software",
    "security",
    "government",
    "education",
    "ecommerce",
    "media",
    "hr",
    "customer_support",
    "marketing",
    "other",
]
"""The fields that `domain` is read as; a caller may name others, they are normalised."""

NEEDS: tuple[Need, ...] = ("domain_specialization", "latency", "cost", "consistency")
