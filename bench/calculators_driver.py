# mypy: disable-error-code="import-not-found, import-untyped"
"""Asks the public calculators; runs in an environment of its own, where they are installed. See bench/calculators.py.

Reads one JSON object a line (a row with exact parameter counts and normalised sizes), writes one a line: by
calculator, bytes without and with its own overhead, tokens a second where it has any, or why it cannot answer.
Each calculator gets the nearest that it can take; what it has no input for is left out.
"""

import json
import sys
from types import ModuleType
from typing import Any

Answer = dict[str, Any]
GIB, GB, MIB = 2**30, 10**9, 2**20
SUPPORTED_BY_VRAMCALC = ("llama", "mistral", "qwen2", "gemma", "gemma2")


def vramcalc(row: Answer) -> Answer:
    """No quantised weights, no target modules, no sharding; five layouts."""
    from vramcalc import estimate

    if row["quantization"] != "none":
        return {"cannot": "quantised weights"}
    if row["config"]["model_type"] not in SUPPORTED_BY_VRAMCALC:
        return {"cannot": "this layout"}
    if row["gpu_count"] > 1:
        return {"cannot": "several GPUs"}
    found = estimate(
        row["config"],
        mode="train",
        dtype="bf16",
        precision="pure",
        batch=row["micro_batch_size"],
        seq_len=row["max_seq_length"],
        lora_rank=row["r"] or None,
        grad_checkpoint=row["gradient_checkpointing"],
        optimizer="adamw",
        attn_impl=row["attention"],
    )
    return {"needed": found.total, "with_overhead": found.total + found.overhead}


def llmcalculator(row: Answer) -> Answer:
    """No target modules, rank, attention kernel, loss or sharding."""
    from llmcalculator import workloads
    from llmcalculator.estimate import estimate
    from llmcalculator.hardware.base import CPU, HardwareProfile
    from llmcalculator.models.spec import ModelSpec

    if row["gpu_count"] > 1:
        return {"cannot": "several GPUs"}
    spec = ModelSpec(
        name=row["id"], params=row["total_parameters"], n_layers=row["layers"], hidden_size=row["hidden_size"],
        n_heads=row["heads"], n_kv_heads=row["kv_heads"], max_context=10**6, vocab_size=row["vocab_size"],
        head_dim=row["head_dim"],
    )  # fmt: skip
    machine = HardwareProfile(cpu=CPU(name="any", cores=8, threads=8), ram_bytes=2**40)
    formats = {"none": "bf16", "nf4": "nf4", "nf4_double": "nf4", "int8": "int8", "gptq4": "gptq-4bit"}
    found = estimate(
        spec, machine, workloads.get(row["method"]), quant_name=formats[row["quantization"]],
        context=row["max_seq_length"], batch=row["micro_batch_size"],
        gradient_checkpointing=row["gradient_checkpointing"],
    ).breakdown  # fmt: skip
    return {"needed": found.total - found.overhead, "with_overhead": found.total}


def ftuneai(row: Answer) -> Answer:
    """Targets by group, no loss or dropout; sharding and time are there, lengths are not."""
    from ftuneai.core.memory import MemoryEstimator
    from ftuneai.core.models import (
        FineTuneMethod,
        LoRATarget,
        ModelSpec,
        OptimizerType,
        Quantization,
        ShardingStrategy,
        TrainingConfig,
    )
    from ftuneai.core.time import TimeEstimator
    from ftuneai.loader import load_gpus

    names = set(row["target_modules"])
    target = "all_linear" if names & {"up_proj", "fc1", "w1", "gate_proj"} else "attention_all"
    target = "attention" if names == {"q_proj", "v_proj"} else target
    sharding = {"fsdp": "fsdp", "zero2": "zero_2", "zero3": "zero_3"}.get(row["sharding"], "none")
    if row["sharding"] == "tensor_parallel":
        return {"cannot": "tensor parallelism"}
    quantization = {"none": "none", "int8": "8bit"}.get(row["quantization"], "4bit")
    spec = ModelSpec(
        name=row["id"], parameters=row["total_parameters"], hidden_size=row["hidden_size"], num_layers=row["layers"],
        num_attention_heads=row["heads"], num_kv_heads=row["kv_heads"], intermediate_size=row["intermediate_size"],
        vocab_size=row["vocab_size"], max_seq_length=row["max_seq_length"],
    )  # fmt: skip
    config = TrainingConfig(
        model=row["id"], method=FineTuneMethod(row["method"]), quantization=Quantization(quantization),
        batch_size=row["micro_batch_size"], seq_length=row["max_seq_length"],
        gradient_checkpointing=row["gradient_checkpointing"], optimizer=OptimizerType("adamw"),
        lora_rank=row["r"] or 16, lora_target=LoRATarget(target), flash_attention=row["attention"] != "eager",
        sharding=ShardingStrategy(sharding), num_gpus=row["gpu_count"],
    )  # fmt: skip
    found = MemoryEstimator(spec, config).estimate()
    answer: Answer = {
        "needed": (found.total_gb - found.overhead_gb) * GIB,
        "with_overhead": found.total_gb * GIB,
    }
    gpu = next((g for name, g in load_gpus().items() if name.startswith(row["gpu"].removesuffix("-80GB"))), None)
    gpu = load_gpus().get(row["gpu"], gpu)
    if gpu is not None:
        samples = 10**6
        hours = TimeEstimator(spec, config).estimate(gpu, samples, epochs=1, num_gpus=row["gpu_count"]).total_hours
        answer["tokens_per_second"] = samples * row["max_seq_length"] / (hours * 3600) / row["gpu_count"]
    return answer


def ml_memguard(row: Answer) -> Answer:
    """Targets by number, no vocabulary, loss or sharding."""
    from memory_guard.estimator import FinetuneMethod, ModelSpec, TrainSpec, estimate_training_memory

    if row["gpu_count"] > 1:
        return {"cannot": "several GPUs"}
    spec = ModelSpec(
        params=row["total_parameters"], hidden_dim=row["hidden_size"], num_heads=row["heads"],
        num_kv_heads=row["kv_heads"], num_layers=row["layers"], intermediate_dim=row["intermediate_size"],
        bits={"none": 16, "int8": 8}.get(row["quantization"], 4),
    )  # fmt: skip
    method = "dora" if row["use_dora"] else row["method"]
    train = TrainSpec(
        method=FinetuneMethod(method), batch_size=row["micro_batch_size"], seq_length=row["max_seq_length"],
        lora_rank=row["r"] or 8, lora_layers=row["layers"], lora_targets=len(row["target_modules"]) or 4,
        optimizer="adamw", grad_checkpoint=row["gradient_checkpointing"],
        qlora_double_quant=row["quantization"] == "nf4_double", flash_attention=row["attention"] != "eager",
    )  # fmt: skip
    found = estimate_training_memory(spec, train)
    return {"needed": (found.total_mb - found.overhead_mb) * MIB, "with_overhead": found.total_mb * MIB}


def hf_vram_calc(row: Answer) -> Answer:
    """Parameters and a factor: no batch, length, checkpointing, targets, loss or sharding in its training figures.

    It imports torch, accelerate, transformers and requests to count parameters; counts are given here, so stand-ins do.
    """
    for name in ("torch", "accelerate", "transformers", "requests"):
        sys.modules.setdefault(name, _stand_in(name))
    from hf_vram_calc.calculator import VRAMCalculator
    from hf_vram_calc.config import ConfigManager

    if row["gpu_count"] > 1:
        return {"cannot": "several GPUs in training"}
    calculator = VRAMCalculator(ConfigManager())
    kind = {"none": "bf16", "int8": "int8"}.get(row["quantization"], "int4")
    weights = calculator.calculate_model_memory(row["total_parameters"], kind)
    if row["method"] == "full":
        total = calculator.calculate_training_memory(weights)
    else:
        total = calculator.calculate_lora_memory(weights, row["total_parameters"], row["r"])
    return {"needed": total * GIB, "with_overhead": total * GIB}


class _Anything:
    def __init__(self, *_: Any, **__: Any) -> None: ...
    def __getattr__(self, _: str) -> "_Anything":
        return self

    def __call__(self, *_: Any, **__: Any) -> "_Anything":
        return self


def _stand_in(name: str) -> ModuleType:
    made = ModuleType(name)
    made.__getattr__ = lambda _: _Anything()  # type: ignore[method-assign]
    return made


CALCULATORS = {
    "vramcalc": vramcalc,
    "llmcalculator": llmcalculator,
    "ml-memguard": ml_memguard,
    "ftuneai": ftuneai,
    "hf-vram-calc": hf_vram_calc,
}


def main() -> None:
    """Answers every line of stdin."""
    for text in sys.stdin:
        row = json.loads(text)
        answers: Answer = {"id": row["id"]}
        for name, ask in CALCULATORS.items():
            try:
                answers[name] = ask(row)
            except Exception as error:
                answers[name] = {"cannot": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
