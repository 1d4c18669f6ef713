"""A tuning plan as the OpenAPI document shows it for POST /export/{format}."""

from fastapi.openapi.models import Example

_PLAN = {
    "method": "qlora",
    "base_model": "Qwen/Qwen3-8B",
    "quantization": "nf4_double",
    "lora": {
        "r": 16,
        "lora_alpha": 32.0,
        "lora_dropout": 0.05,
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        "use_rslora": False,
        "use_dora": False,
        "bias": "none",
        "task_type": "CAUSAL_LM",
        "target_parameters": [],
    },
    "training": {
        "learning_rate": 0.0002,
        "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.1,
        "num_epochs": 3.0,
        "micro_batch_size": 2,
        "gradient_accumulation_steps": 8,
        "max_seq_length": 1536,
        "mean_seq_length": 600.0,
        "packing": False,
        "completion_only_loss": True,
        "gradient_checkpointing": True,
        "optimizer": "paged_adamw",
        "precision": "bf16",
        "attention": "sdpa",
        "weight_decay": 0.0,
        "max_grad_norm": 0.3,
        "seed": 42,
        "examples": 1800,
        "eval_examples": 200,
    },
    "hardware": {"gpu": "RTX-4090", "gpu_count": 1, "sharding": "none"},
    "because": [
        {
            "field": "lora.r",
            "text": "16, the least for generation.",
            "source": "LoRA, arXiv 2106.09685 (https://arxiv.org/abs/2106.09685)",
        },
        {
            "field": "quantization",
            "text": "4-bit NormalFloat with double quantisation; dequantise before merging.",
            "source": "QLoRA, arXiv 2305.14314 (https://arxiv.org/abs/2305.14314)",
        },
    ],
    "runners_up": [],
    "sweep": [],
    "data": {
        "labelled_examples": 2000,
        "needed_examples": 1000,
        "train_examples": 1800,
        "eval_examples": 200,
        "enough": True,
        "text": "2,000 labelled examples are enough for this kind of task.",
        "pilot_examples": 200,
        "pilot_gpu_hours": {"low": 0.1, "expected": 0.2, "high": 0.3},
        "pilot_cost_usd": {"low": 0.07, "expected": 0.15, "high": 0.22},
        "source": "Vendor guides",
    },
    "limits": ["Keep the chat template the same in training and serving."],
}
EXPORT_EXAMPLES: dict[str, Example] = {
    "qlora_plan": {"summary": "A QLoRA plan, as POST /plan/lora answers it", "value": _PLAN}
}
