"""How to merge an adapter and serve the result, sized by the serving estimate, as Markdown."""

from math import ceil
from shlex import quote

from app.exporters.exported import MARKDOWN, Exported
from app.exporters.writing import literal, one_line
from app.pipeline.kits import SEVERAL_ADAPTERS, KitCase
from app.schemas.serving import ServingEstimate
from app.units import as_seconds

VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values that vLLM's --max-lora-rank takes (vllm/config/lora.py)."""
LENGTH_STEP = 256
LENGTH_SLACK = 2
"""Longest over mean request: what the engine must be able to hold."""
BUSY_SLACK = 2
"""Requests at once over those expected at the peak."""
MEMORY_SHARE = 0.9
"""Share of the card that the engine may take; vLLM's default."""
NEEDS_CHECKPOINT = {
    "int8": "Quantise the merged weights to W8A8 with llm-compressor first; `merged` below is then that folder.",
    "int4": "Quantise the merged weights to AWQ or GPTQ first; `merged` below is then that folder.",
}
MERGE = """import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained({base}, dtype=torch.{dtype})
merged = PeftModel.from_pretrained(base, "out").merge_and_unload(safe_merge=True)
merged.save_pretrained("merged")
AutoTokenizer.from_pretrained("out").save_pretrained("merged")"""


def serve(case: KitCase) -> Exported:
    """The instructions for a task's tuned base model."""
    plan = case.tuning
    lines = [
        f"# Merge and serve: {one_line(plan.base_model)} after {_method(case)}",
        "",
        *_merge(case),
        *_merged(case),
        *(_unmerged(case) if plan.lora is not None else []),
        *_figures(case),
    ]
    return Exported(text="\n".join(lines) + "\n", media_type=MARKDOWN, file_name="serve.md")


def _method(case: KitCase) -> str:
    return {"lora": "LoRA", "qlora": "QLoRA", "full": "full fine-tuning"}[case.tuning.method]


def _block(language: str, text: str) -> list[str]:
    return [f"```{language}", text, "```", ""]


def _merge(case: KitCase) -> list[str]:
    plan = case.tuning
    if plan.lora is None:
        return ["## Nothing to merge", "", "Full fine-tuning wrote whole weights to `out`; serve that folder.", ""]
    lines = [
        "## Merge",
        "",
        "A merged adapter costs nothing at run time. The tokenizer goes along, so that serving has the template of",
        "training.",
        "",
        *_block("python", MERGE.format(base=literal(plan.base_model), dtype="bfloat16")),
    ]
    if plan.method == "qlora":
        lines += [
            "Load the base model in 16 bit for this, not in 4: adding the update to 4-bit weights rounds most of it",
            "away, since the steps between 4-bit values are larger than the update. The adapter was trained beside",
            "4-bit weights and now stands beside 16-bit ones, which differ a little: measure the merged weights on",
            "your evaluation rows before you serve them, and quantise after merging, never before.",
            "",
        ]
    return lines


def longest_request(case: KitCase) -> int:
    """Tokens that the engine must be able to hold in one request."""
    request = case.deployment.request
    usual = LENGTH_SLACK * (request.input_tokens + request.output_tokens)
    return min(case.context, LENGTH_STEP * ceil(usual / LENGTH_STEP))


def requests_at_once(estimate: ServingEstimate) -> int:
    """Requests that one replica should take at once."""
    return max(1, min(estimate.max_concurrency, ceil(BUSY_SLACK * estimate.concurrency)))


def _flags(case: KitCase, engine: str) -> list[str]:
    request, estimate = case.deployment.request, case.deployment.estimate
    length, busy = longest_request(case), requests_at_once(estimate)
    fp8, cache = request.weights == "fp8", request.kv_cache == "fp8"
    if engine == "vllm":
        flags = [f"--tensor-parallel-size {request.tensor_parallel}", f"--max-model-len {length}"]
        flags += [f"--max-num-seqs {busy}", f"--gpu-memory-utilization {MEMORY_SHARE}", "--enable-prefix-caching"]
        return flags + ["--quantization fp8"] * fp8 + ["--kv-cache-dtype fp8"] * cache
    flags = [f"--tp-size {request.tensor_parallel}", f"--context-length {length}"]
    flags += [f"--max-running-requests {busy}", f"--mem-fraction-static {MEMORY_SHARE}"]
    return flags + ["--quantization fp8"] * fp8 + ["--kv-cache-dtype fp8_e5m2"] * cache


def _command(start: str, flags: list[str]) -> str:
    return " \\\n  ".join([start, *flags])


def _merged(case: KitCase) -> list[str]:
    folder = "merged" if case.tuning.lora is not None else "out"
    request = case.deployment.request
    lines = ["## Serve the merged weights", ""]
    if request.weights in NEEDS_CHECKPOINT:
        lines += [NEEDS_CHECKPOINT[request.weights], ""]
    return [
        *lines,
        *_block("sh", _command(f"vllm serve {folder} --served-model-name tuned", _flags(case, "vllm"))),
        *_block("sh", _command(f"python -m sglang.launch_server --model-path {folder}", _flags(case, "sglang"))),
    ]


def _unmerged(case: KitCase) -> list[str]:
    lora = case.tuning.lora
    rank = lora.r if lora is not None else 0
    allowed = next((r for r in VLLM_RANKS if r >= rank), None)
    base = quote(case.tuning.base_model)
    lines = [
        "## Many adapters on one base model",
        "",
        f"With several tuned tasks, keep the adapters apart: {SEVERAL_ADAPTERS} of them cost one copy of the weights.",
        f"Expect a 95th percentile of {as_seconds(case.unmerged.latency_p95_seconds.expected)} instead of "
        f"{as_seconds(case.deployment.estimate.latency_p95_seconds.expected)} at the same rate.",
        "",
    ]
    if allowed is None:
        return [*lines, f"vLLM takes ranks up to {VLLM_RANKS[-1]}, this adapter has {rank}: merge it.", ""]
    vllm = ["--enable-lora", "--lora-modules first=out second=out2", f"--max-loras {SEVERAL_ADAPTERS}"]
    vllm.append(f"--max-lora-rank {allowed}")
    sglang = ["--enable-lora", "--lora-paths first=out second=out2", f"--max-loras-per-batch {SEVERAL_ADAPTERS}"]
    start = f"python -m sglang.launch_server --model-path {base}"
    return [
        *lines,
        *_block("sh", _command(f"vllm serve {base}", vllm + _flags(case, "vllm"))),
        *_block("sh", _command(start, sglang + _flags(case, "sglang"))),
        "A request names its adapter as `model` (vLLM), or as `lora_path` (SGLang).",
        "",
    ]


def _figures(case: KitCase) -> list[str]:
    request, found = case.deployment.request, case.deployment.estimate
    rate = case.workload.peak_requests_per_second
    return [
        "## What the sizes rest on",
        "",
        f"* Replicas: {found.replicas}, each on {request.tensor_parallel} x {case.deployment.gpu.name}; weights in "
        f"{request.weights}, KV cache in {request.kv_cache}.",
        f"* At the peak of {rate:.2g} requests a second, {request.input_tokens:,} tokens in and "
        f"{request.output_tokens:,} out: about {found.concurrency:.1f} requests at once on a replica; "
        f"{found.max_concurrency:,} fit beside the weights.",
        f"* First token after {as_seconds(found.time_to_first_token_seconds.expected)}, whole answer within "
        f"{as_seconds(found.latency_p95_seconds.expected)} in 95 of 100 cases.",
        f"* The longest request is taken as {LENGTH_SLACK} times the mean, {longest_request(case):,} tokens: raise it "
        "if yours are longer.",
        *[f"* {one_line(warning)}" for warning in found.warnings],
    ]
