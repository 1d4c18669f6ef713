"""Public calculators on the measured rows, side by side with tunewise.

    python -m venv calculators && calculators/bin/pip install pyyaml rich ftuneai vramcalc llmcalculator ml-memguard
    calculators/bin/pip install --no-deps hf-vram-calc        # its torch and transformers only count parameters
    python bench/calculators.py --python calculators/bin/python

Each gets the inputs that it can take, exact parameter counts among them. Its own overhead (CUDA context, reserve) is
left out where a row was measured by the allocator, and counted where nvidia-smi was read: the reading kinder to it.
"""

import argparse
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from app.catalogue.architectures import read_architecture
from app.estimate.params import inventory
from bench.training import MEMORY, SPEED, Row, compare, rows_of, shipped

DRIVER = Path(__file__).with_name("calculators_driver.py")


def asked_of(row: Row) -> dict[str, Any]:
    """What a row says, in the words of the driver."""
    request = row["request"]
    training, lora, hardware = request["training"], request.get("lora") or {}, request["hardware"]
    a, _ = read_architecture(request["architecture"])
    targets = lora.get("target_modules") or []
    return {
        "id": row["id"], "config": request["architecture"], "method": request["method"],
        "quantization": request["quantization"], "r": lora.get("r", 0), "target_modules": targets,
        "use_dora": lora.get("use_dora", False), "micro_batch_size": training["micro_batch_size"],
        "max_seq_length": training["max_seq_length"], "gradient_checkpointing": training["gradient_checkpointing"],
        "attention": training.get("attention", "sdpa"), "gpu": hardware["gpu"], "gpu_count": hardware["gpu_count"],
        "sharding": hardware["sharding"], "total_parameters": inventory(a).total_parameters,
        "layers": a.num_hidden_layers, "hidden_size": a.hidden_size, "heads": a.num_attention_heads,
        "kv_heads": a.num_key_value_heads, "intermediate_size": a.intermediate_size, "vocab_size": a.vocab_size,
        "head_dim": a.head_dim,
    }  # fmt: skip


def answers_of(rows: list[Row], python: Path) -> list[dict[str, Any]]:
    """What every calculator says to every row."""
    asked = "".join(json.dumps(asked_of(row)) + "\n" for row in rows)
    done = subprocess.run([str(python), str(DRIVER)], input=asked, capture_output=True, text=True, check=True)
    return [json.loads(text) for text in done.stdout.splitlines() if text.startswith("{")]


def errors_of(rows: list[Row], answers: list[dict[str, Any]], name: str, memory: bool) -> Iterator[float]:
    """Absolute relative errors of one calculator, over the figures that it answers."""
    for row, answer in zip(rows, answers, strict=True):
        said = answer[name]
        if "cannot" in said:
            continue
        for figure, measured in row["measured"].items():
            if memory and figure in MEMORY:
                kind = "with_overhead" if figure == "peak_device_bytes" else "needed"
                yield abs(said[kind] / measured - 1)
            elif not memory and figure == SPEED and "tokens_per_second" in said:
                yield abs(said["tokens_per_second"] / measured - 1)


def line(name: str, errors: list[float], of: int, missing: str) -> str:
    """Answered figures, median, 90th percentile, share within 15 %."""
    if not errors:
        return f"| {name} | 0 of {of} | | | | {missing} |"
    ordered = sorted(errors)
    ninety = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    within = sum(e <= 0.15 for e in ordered) / len(ordered)
    return f"| {name} | {len(errors)} of {of} | {median(ordered):.1%} | {ninety:.0%} | {within:.0%} | {missing} |"


def table(rows: list[Row], answers: list[dict[str, Any]], memory: bool) -> Iterator[str]:
    """Markdown lines, tunewise first."""
    yield "| | figures | median error | 90th percentile | within 15 % | not answered because of |"
    yield "|---|---|---|---|---|---|"
    kinds = MEMORY if memory else (SPEED,)
    for label, generic in (("tunewise", False), ("tunewise, framework not named", True)):
        ours = [abs(c.error) for c in compare(rows, shipped, generic) if c.figure in kinds]
        yield line(label, ours, len(ours), "")
    for name in (n for n in answers[0] if n != "id"):
        reasons = Counter(a[name]["cannot"] for a in answers if "cannot" in a[name])
        missing = ", ".join(f"{why} ({n} rows)" for why, n in reasons.most_common())
        if not memory and not any("tokens_per_second" in a[name] for a in answers):
            missing = "it gives no training speed"
        yield line(name, list(errors_of(rows, answers, name, memory)), len(ours), missing)


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="interpreter that has the calculators installed")
    asked = parser.parse_args()
    rows = rows_of()
    answers = answers_of(rows, asked.python)
    print("Peak memory\n", *table(rows, answers, memory=True), sep="\n")
    print("\nTokens a second\n", *table(rows, answers, memory=False), sep="\n")


if __name__ == "__main__":
    main()
