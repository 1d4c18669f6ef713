"""The exported TRL script trains: a tiny random Llama, 20 steps on CPU, on rows that the test makes itself."""
# ruff: noqa: S101, S106

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from app.exporters import export
from tests_real.plans import plan

STEPS = 20
FALLS_TO = 0.9
"""Share of the first losses that the last ones stay under; the random head is frozen, so that LoRA gets no further."""
TRAINING = {
    "precision": "fp32",
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "warmup_ratio": 0.0,
    "num_epochs": 1.0,
    "micro_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "max_seq_length": 256,
    "mean_seq_length": 60.0,
    "examples": 144,
    "eval_examples": 16,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two blocks with a tokenizer of bytes, as a folder."""
    folder = tmp_path_factory.mktemp("base")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([*letters, "<eos>", "<pad>"])}
    words = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<eos>", pad_token="<pad>").save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=vocabulary["<eos>"],
        pad_token_id=vocabulary["<pad>"],
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conversations whose answers can be learned."""
    file = tmp_path_factory.mktemp("rows") / "train.jsonl"
    lines = []
    for number in range(160):
        question = {"role": "user", "content": f"Which colour is item {number % 7}?"}
        answer = {"role": "assistant", "content": "It is " + ("green" if number % 7 < 4 else "blue") + "."}
        lines.append(json.dumps({"messages": [question, answer]}))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def train(base: Path, data: Path, folder: Path, name: str, training: dict[str, Any]) -> list[float]:
    """Run the exported script as a user would; the losses it logged."""
    changes: dict[str, Any] = {"training": TRAINING | training}
    if name != "full_pretraining":
        changes |= {"method": "lora", "quantization": "none"}
    changes["hardware"] = {"gpu_count": 1, "sharding": "none"}
    text = export("trl", plan(name, **changes)).text.replace("logging_steps=10", "logging_steps=1")
    script = folder / "train.py"
    script.write_text(text, encoding="utf-8")
    command = [sys.executable, str(script), "--data", str(data), "--base-model", str(base)]
    command += ["--output", str(folder / "out"), "--max-steps", str(STEPS)]
    quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    state = json.loads((folder / "out" / f"checkpoint-{STEPS}" / "trainer_state.json").read_text())
    return [entry["loss"] for entry in state["log_history"] if "loss" in entry]


def test_the_script_trains_saves_reloads_and_merges(base: Path, rows: Path, tmp_path: Path) -> None:
    losses = train(base, rows, tmp_path, "lora_extraction", {})
    assert len(losses) == STEPS
    assert sum(losses[-5:]) < FALLS_TO * sum(losses[:5]), losses

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    asked = [{"role": "user", "content": "Which colour is item 3?"}]
    tokens = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    with torch.no_grad():
        before = plain(**tokens).logits
        adapted = PeftModel.from_pretrained(plain, tmp_path / "out").eval()
        unmerged = adapted(**tokens).logits
        merged = adapted.merge_and_unload(safe_merge=True)
        after = merged(**tokens).logits
        merged.save_pretrained(tmp_path / "merged")
        again = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()(**tokens).logits
    assert (unmerged - before).abs().max() > 0.1, "the adapter learned nothing"
    assert torch.allclose(unmerged, after, atol=1e-4, rtol=0)
    assert torch.allclose(unmerged, again, atol=1e-4, rtol=0)


def test_packed_rows_train_too(base: Path, rows: Path, tmp_path: Path) -> None:
    losses = train(base, rows, tmp_path, "lora_extraction", {"packing": True, "micro_batch_size": 1})
    assert sum(losses[-5:]) < FALLS_TO * sum(losses[:5]), losses


def test_running_text_trains_in_full(base: Path, tmp_path: Path) -> None:
    file = tmp_path / "text.jsonl"
    file.write_text("\n".join(json.dumps({"text": "All work and no play. " * 12}) for _ in range(200)))
    losses = train(base, file, tmp_path, "full_pretraining", {"optimizer": "adamw", "learning_rate": 0.003})
    assert sum(losses[-5:]) < FALLS_TO * sum(losses[:5]), losses


def test_packed_examples_do_not_see_each_other(base: Path) -> None:
    """What the plan counts on when it packs under SDPA: positions that restart divide the sequence."""
    network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="sdpa").eval()
    first, second = torch.arange(10, 30)[None], torch.arange(40, 75)[None]
    places = torch.cat([torch.arange(20), torch.arange(35)])[None]
    with torch.no_grad():
        packed = network(input_ids=torch.cat([first, second], 1), position_ids=places, use_cache=False).logits
        apart = torch.cat([network(input_ids=first).logits, network(input_ids=second).logits], 1)
    assert torch.allclose(packed, apart, atol=1e-4, rtol=0)
