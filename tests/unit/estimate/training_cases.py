"""What the tests of training estimates share: a small base model, GPUs with round figures, and requests."""

from functools import lru_cache
from typing import Any

from app.catalogue.architectures import read_architecture
from app.schemas.architecture import Architecture
from app.schemas.training import TrainingRequest
from app.schemas.world import GpuSpec

LLAMA_8B: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
TINY: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 4, "intermediate_size": 128, "vocab_size": 100, "tie_word_embeddings": False,
}  # fmt: skip


@lru_cache
def architecture(layers: int = 32, tiny: bool = False) -> Architecture:
    """Llama-3.1-8B, or a tiny decoder, with this many blocks."""
    return read_architecture({**(TINY if tiny else LLAMA_8B), "num_hidden_layers": layers})[0]


@lru_cache
def gpu(memory_bytes: int = 80 * 10**9, name: str = "A100-80GB") -> GpuSpec:
    """An A100 with round figures and no price."""
    return GpuSpec(
        id=name,
        name=f"Test {name}",
        memory_bytes=memory_bytes,
        bandwidth_bytes_per_second=2e12,
        flops_per_second={"bf16": 300e12, "fp16": 300e12, "fp32": 20e12},
        link_bytes_per_second=300e9,
        board_power_watts=400.0,
        compute_capability="8.0",
        usd_per_hour=None,
        prices=(),
        references=(),
    )


def request(method: str = "lora", quantization: str | None = None, **changes: Any) -> TrainingRequest:
    """A request; `changes` go to `training`, or to `lora` and `hardware` by those names."""
    body: dict[str, Any] = {
        "method": method,
        "quantization": quantization or ("nf4_double" if method == "qlora" else "none"),
        "hardware": {"gpu": "A100-80GB"} | changes.pop("hardware", {}),
    }
    lora = changes.pop("lora", {})
    if method != "full":
        body["lora"] = {"r": 16, "target_modules": "all-linear"} | lora
    training = {"micro_batch_size": 2, "max_seq_length": 1024, "packing": True, "framework": "hf_peft"}
    body["training"] = {k: v for k, v in (training | changes).items() if v is not None}
    return TrainingRequest.model_validate(body)
