"""Write true parameter counts of small architectures of every layout, as Transformers and PEFT make them.

    python bench/params_from_peft.py tests/cases/adapter_parameters_layouts.jsonl

Needs an environment of its own with torch, transformers and peft (`pip install torch transformers peft`), not
tunewise. Sizes are small and unlike each other, so that a wrong formula cannot be right by chance; models are built
on the meta device, so that no weights exist. Seeded: the same versions write the same file.
"""

import argparse
import copy
import json
import logging
import random
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peft  # type: ignore[import-not-found]
import torch  # type: ignore[import-not-found]
import transformers  # type: ignore[import-not-found]
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
)

SEED = 20261124
CONFIGS_PER_LAYOUT = 2
TOWERS: dict[str, dict[str, Any]] = {
    "gemma3": {
        "hidden_size": 16,
        "intermediate_size": 20,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 7,
    },
    "qwen2_vl": {"depth": 2, "embed_dim": 32, "num_heads": 2, "patch_size": 7},
    "qwen2_5_vl": {"depth": 2, "hidden_size": 32, "num_heads": 2, "intermediate_size": 24, "patch_size": 7},
}
LAYOUTS = (
    "llama mistral ministral ministral3 mixtral qwen2 qwen2_moe qwen3 qwen3_moe gemma gemma2 gemma3_text gemma3 phi "
    "phi3 phimoe falcon gpt_neox gpt2 gpt_bigcode gptj bloom olmo olmo2 olmo3 olmoe smollm3 granite granitemoe "
    "deepseek_v2 deepseek_v3 gpt_oss stablelm glm glm4 glm4_moe cohere cohere2 starcoder2 nemotron exaone4 seed_oss "
    "ernie4_5 arcee qwen2_vl qwen2_5_vl"
)
SWITCHES = (
    "attention_bias mlp_bias qkv_bias qk_layernorm use_qk_norm use_qkv_bias use_parallel_residual bias multi_query "
    "new_decoder_architecture parallel_attn use_bias attention_out_bias tie_word_embeddings lm_head_bias"
)
EXPERT_COUNTS = ("num_local_experts", "num_experts", "n_routed_experts")
CHOICES: dict[str, tuple[Any, ...]] = {
    "vocab_size": (97, 128, 211),
    "intermediate_size": (24, 36, 40),
    "n_inner": (24, None),
    "ffn_hidden_size": (40, None),
    "n_positions": (64,),
    "pad_token_id": (0,),
    "num_experts_per_tok": (2,),
    "moe_intermediate_size": (12, 20),
    "shared_expert_intermediate_size": (12, 28),
    "n_shared_experts": (1, 2, 3),
    "first_k_dense_replace": (0, 1),
    "decoder_sparse_step": (1, 2),
    "kv_lora_rank": (10,),
    "q_lora_rank": (None, 14),
    "qk_rope_head_dim": (4,),
    "qk_nope_head_dim": (6,),
    "v_head_dim": (6, 8),
    "n_group": (1,),
    "topk_group": (1,),
    "num_ln_in_parallel_attn": (None, 1, 2),
}


def small_config(model_type: str, rng: random.Random) -> dict[str, Any]:
    """Fields of a small config.json of this type, some of its switches thrown."""
    base = CONFIG_MAPPING[model_type]()
    text = getattr(base, "text_config", base)
    fields, names = text.to_dict(), text.attribute_map
    heads, head_dim = rng.choice((2, 4, 8)), rng.choice((4, 8, 16))
    config: dict[str, Any] = {
        names.get("hidden_size", "hidden_size"): heads * head_dim,
        names.get("num_attention_heads", "num_attention_heads"): heads,
        names.get("num_hidden_layers", "num_hidden_layers"): rng.choice((2, 3, 12)),
    }
    config |= {k: rng.choice(options) for k, options in CHOICES.items() if k in fields}
    config |= {k: rng.choice((4, 8)) for k in EXPERT_COUNTS if k in fields}
    has_mla = "kv_lora_rank" in fields
    for name in ("num_key_value_heads", "num_kv_heads"):
        if name in fields and model_type != "gpt_bigcode":
            config[name] = heads if has_mla else rng.choice([h for h in (1, 2, 4, 8) if heads % h == 0])
    if "head_dim" in fields and not has_mla:
        config["head_dim"] = rng.choice((head_dim, 2 * head_dim, 6))
    config |= {k: rng.random() < 0.5 for k in SWITCHES.split() if k in fields and rng.random() < 0.6}
    if text is base:
        return config
    tie = {"tie_word_embeddings": config.pop("tie_word_embeddings")} if "tie_word_embeddings" in config else {}
    tower = dict(TOWERS[model_type])
    if model_type == "gemma3":
        tower["vision_use_head"] = rng.random() < 0.5
    else:
        tower["hidden_size" if model_type == "qwen2_vl" else "out_hidden_size"] = heads * head_dim
    return {**tie, "text_config": config, "vision_config": tower}


def build(config: Any) -> Any:
    """The model without weights."""
    with torch.device("meta"):
        try:
            return AutoModelForCausalLM.from_config(config)
        except ValueError:
            return AutoModelForImageTextToText.from_config(config)


def adapters(network: Any, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Adapter settings of every kind: all-linear, names, suffixes, patterns, parameters, DoRA."""
    modules = [n for n, m in network.named_modules() if isinstance(m, torch.nn.Linear | torch.nn.Embedding)]
    modules += [n for n, m in network.named_modules() if type(m).__name__ == "Conv1D"]
    leaves = sorted({n.rpartition(".")[2] for n in modules if not n.rpartition(".")[2].isdigit()})
    yield {"target_modules": "all-linear"}
    yield {"target_modules": "all-linear", "use_dora": True}
    yield {"target_modules": rng.sample(leaves, min(3, len(leaves))), "use_dora": rng.random() < 0.3}
    yield {"target_modules": [".".join(rng.choice(modules).split(".")[-rng.choice((2, 3, 4)) :])]}
    words = "|".join(rng.sample(leaves, min(3, len(leaves))))
    yield {"target_modules": rf".*(layers|h)\.[01]\..*({words})"}
    yield {"target_modules": rf".*\.(h|layers)\.\d+\..*({words})"}
    of_experts = [n for n, p in network.named_parameters() if "experts." in n and p.dim() == 3]
    stacked = sorted({".".join(n.split(".")[-2:]) for n in of_experts})
    if stacked:
        yield {"target_modules": [], "target_parameters": stacked}
        yield {"target_modules": ["o_proj"], "target_parameters": [rng.choice(stacked)]}
        yield {"target_modules": ["gate_proj", "up_proj", "down_proj"]}
        yield {"target_modules": ["gate_proj", "up_proj"]}
        yield {"target_modules": ["w1", "w2", "w3"]}
        yield {"target_modules": r".*experts\.(gate_proj|up_proj)"}
        yield {"target_modules": r".*layers\.[12]\..*(gate|up|down|o)_proj"}
        yield {"target_modules": "all-linear", "target_parameters": ["experts.gate_up_proj"]}


def trainable(network: Any, lora: dict[str, Any]) -> int | None:
    """What PEFT trains; None where it refuses."""
    try:
        settings = peft.LoraConfig(**copy.deepcopy(lora))
        adapted = peft.get_peft_model(copy.deepcopy(network), settings, low_cpu_mem_usage=True)
    except (ValueError, TypeError, RuntimeError):
        return None
    return int(sum(p.numel() for p in adapted.parameters() if p.requires_grad))


def rows(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Case rows over all layouts."""
    source = f"PEFT {peft.__version__} on Transformers {transformers.__version__}, meta tensors, small sizes"
    for model_type in LAYOUTS.split():
        for number in range(CONFIGS_PER_LAYOUT):
            config = small_config(model_type, rng)
            network = build(CONFIG_MAPPING[model_type](**copy.deepcopy(config)))
            tried = [{"r": rng.choice((1, 3, 8)), **lora} for lora in adapters(network, rng)]
            yield {
                "base_model": f"small {model_type} {number + 1}",
                "config": {"model_type": model_type, **config},
                "total_parameters": sum(p.numel() for p in network.parameters()),
                "source": source,
                "adapters": [[lora, n] for lora in tried if (n := trainable(network, lora)) is not None],
            }


def main() -> int:
    """Write the rows."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("file", type=Path)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    lines = [json.dumps(row, separators=(",", ":")) for row in rows(random.Random(SEED))]
    arguments.parse_args().file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} rows", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
