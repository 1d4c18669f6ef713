"""Named examples of the OpenAPI document: what a caller would really send, each answered with 200 in a test."""

from typing import Any

from fastapi.openapi.models import Example


def _example(summary: str, value: dict[str, Any]) -> Example:
    return {"summary": summary, "value": value}


def body_of(example: Example) -> dict[str, Any]:
    """The request that an example shows."""
    return dict(example["value"] or {})


RECOMMEND_EXAMPLES: dict[str, Example] = {
    "icd10_coding": _example(
        "Bare text: coding of discharge letters under a tight limit",
        {
            "description": "Extract ICD-10 codes from discharge letters as strict JSON. 40,000 letters a day, "
            "the ward system gives up after 300 ms. 12,000 letters are already coded by hand."
        },
    ),
    "policy_questions": _example(
        "Bare text: questions on policies that change weekly",
        {
            "description": "Employees ask questions about our travel and expense policies and get an answer with the "
            "paragraph it comes from. The policies change every week. About 50 questions a day."
        },
    ),
    "playful_product_texts": _example(
        "Bare text: playful product texts",
        {
            "description": "Write playful product texts for a web shop that sells garden tools: two short paragraphs "
            "from a list of features, a new joke each time. An editor picks the best of three. Some 200 a week."
        },
    ),
    "ticket_routing": _example(
        "Full requirements: routing of support tickets at volume",
        {
            "title": "Ticket routing",
            "description": "Assign every incoming support message to exactly one of 42 queues, before it is stored.",
            "requirements": {
                "task_type": "classification",
                "domain": "customer_support",
                "languages": ["en", "es"],
                "stage": "production",
                "requests_per_day": 250000,
                "peak_requests_per_second": 12,
                "input_tokens": 220,
                "prompt_tokens": 1800,
                "output_tokens": 6,
                "latency_p95_seconds": 0.5,
                "output_format": "label",
                "max_invalid_output_rate": 0.001,
                "labelled_examples": 85000,
                "prompted_quality": 0.84,
                "prompting_effort": "few_shot",
                "target_quality": 0.92,
                "knowledge_changes": "slow",
                "horizon_months": 12,
            },
            "as_of": "2026-11-24",
        },
    ),
    "contract_review_on_premises": _example(
        "Confidential, on own machines",
        {
            "title": "Clause review",
            "description": "Flag clauses in supplier contracts that deviate from our playbook and name the playbook "
            "rule. The contracts must not leave our data centre. Lawyers have marked 3,200 clauses.",
            "requirements": {
                "requests_per_day": 900,
                "self_hosting_required": True,
                "data_sensitivity": "confidential",
                "labelled_examples": 3200,
            },
            "preferences": {"gpu": "L40S"},
        },
    ),
    "agent_with_tools": _example(
        "Reasoning with tools, early days",
        {
            "description": "An assistant for data analysts plans several steps, calls our SQL and chart tools and "
            "explains what it found. We are prototyping with ten analysts and have no labelled data yet.",
            "requirements": {"task_type": "tool_use", "stage": "prototype", "requests_per_day": 300},
        },
    ),
    "close_call": _example(
        "A close call: steady volume, a decent prompt, few labels",
        {
            "description": "Summarise each insurance call into our five-line note so that the next agent can pick up "
            "the case. Prompting gets it right most of the time, but the notes drift from the template.",
            "requirements": {
                "task_type": "summarization",
                "requests_per_day": 18000,
                "labelled_examples": 300,
                "prompted_quality": 0.86,
                "prompting_effort": "few_shot",
                "target_quality": 0.9,
            },
        },
    ),
    "own_choices": _example(
        "Own base model, GPU and prices",
        {
            "description": "Turn free-text maintenance reports into our fault code and one line of cause, as JSON, "
            "overnight.",
            "requirements": {"requests_per_day": 60000, "labelled_examples": 20000, "output_format": "json"},
            "preferences": {
                "base_model": "Qwen/Qwen3-8B",
                "gpu": "A100-80GB",
                "method": "lora",
                "usd_per_gpu_hour": 1.35,
            },
        },
    ),
}

BATCH_EXAMPLES: dict[str, Example] = {
    "two_tasks": _example(
        "Two tasks, and one that cannot be answered",
        {
            "items": [
                RECOMMEND_EXAMPLES["icd10_coding"]["value"],
                RECOMMEND_EXAMPLES["policy_questions"]["value"],
                {"description": "Too short."},
            ]
        },
    ),
}

TRAINING_EXAMPLES: dict[str, Example] = {
    "lora_on_one_card": _example(
        "LoRA on one L40S, from the catalogue",
        {
            "base_model": "Qwen/Qwen3-8B",
            "method": "lora",
            "lora": {"r": 16, "target_modules": "all-linear"},
            "training": {
                "micro_batch_size": 2,
                "max_seq_length": 2048,
                "gradient_checkpointing": True,
                "examples": 12000,
                "num_epochs": 2,
                "mean_seq_length": 900,
            },
            "hardware": {"gpu": "L40S"},
        },
    ),
    "qlora_from_a_config": _example(
        "QLoRA of any config.json, which may not fit",
        {
            "architecture": {
                "model_type": "llama",
                "hidden_size": 8192,
                "num_hidden_layers": 80,
                "num_attention_heads": 64,
                "num_key_value_heads": 8,
                "intermediate_size": 28672,
                "vocab_size": 128256,
            },
            "method": "qlora",
            "quantization": "nf4_double",
            "lora": {"r": 16},
            "training": {"micro_batch_size": 1, "max_seq_length": 2048, "gradient_checkpointing": True},
            "hardware": {"gpu": "A100-40GB"},
        },
    ),
}

SERVING_EXAMPLES: dict[str, Example] = {
    "merged_adapter": _example(
        "A tuned 8B base model on one L40S at two requests a second",
        {
            "base_model": "Qwen/Qwen3-8B",
            "gpu": "L40S",
            "weights": "fp8",
            "kv_cache": "bf16",
            "engine": "vllm",
            "adapter": "merged",
            "input_tokens": 900,
            "output_tokens": 120,
            "requests_per_second": 2.0,
        },
    ),
    "seventy_billion": _example(
        "A 70B base model on four H100 at concurrency 32",
        {
            "base_model": "meta-llama/Llama-3.3-70B-Instruct",
            "gpu": "H100-80GB",
            "tensor_parallel": 4,
            "weights": "bf16",
            "kv_cache": "bf16",
            "engine": "trtllm",
            "adapter": "none",
            "input_tokens": 2000,
            "output_tokens": 400,
            "concurrency": 32,
        },
    ),
}

PLAN_EXAMPLES: dict[str, Example] = {
    "extraction": _example(
        "Extraction from 12,000 examples",
        {"base_model": "Qwen/Qwen3-8B", "task_type": "extraction", "examples": 12000, "tokens_per_example": 960},
    ),
    "reinforcement_learning": _example(
        "Policy-gradient reinforcement learning",
        {
            "base_model": "meta-llama/Llama-3.1-8B",
            "task_type": "reasoning",
            "reinforcement_learning": True,
            "episodes": 20000,
        },
    ),
}
