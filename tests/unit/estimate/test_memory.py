"""Peak memory: the three moments, what they consist of, and what each setting does to them."""

from typing import Any

import pytest

from app.catalogue.architectures import read_architecture
from app.catalogue.frameworks import load_frameworks
from app.estimate.memory import Footprint, footprint
from app.estimate.memory_device import NO_CORRECTIONS, device_fits, figures, held_bytes, whole_bytes
from app.estimate.memory_weights import QUANTIZED_BYTES, prepared
from app.estimate.training_settings import resolve
from app.schemas.training import TrainingRequest
from tests.unit.estimate.training_cases import architecture, gpu, request

PARAMETERS = 8_030_261_248
BLOCK_LINEARS = 6_979_321_856
ADAPTER = 41_943_040
TOKENS = 2 * 1024


def found(asked: TrainingRequest) -> Footprint:
    frameworks = load_frameworks()
    profile = frameworks.profiles[asked.training.framework or "generic"]
    run, _ = resolve(asked, profile, frameworks.reasons[profile.id], gpu())
    return footprint(prepared(architecture(), asked.lora, profile.naming), run, profile)


def test_weights_by_quantization() -> None:
    assert found(request("lora")).static.weights == 2 * PARAMETERS
    rest = 2 * (PARAMETERS - BLOCK_LINEARS)
    for kind, each in (("nf4", 0.5625), ("nf4_double", 0.515869140625), ("gptq4", 0.51953125), ("int8", 1 + 4 / 4096)):
        assert QUANTIZED_BYTES[kind] == each  # type: ignore[index]
        assert found(request("qlora", kind)).static.weights == pytest.approx(BLOCK_LINEARS * each + rest)


def test_litgpt_quantises_the_head_too() -> None:
    head = 128256 * 4096
    embeddings = 2 * (PARAMETERS - BLOCK_LINEARS - head)
    here = found(request("qlora", "nf4", framework="litgpt")).static.weights
    assert here == pytest.approx((BLOCK_LINEARS + head) * 0.5625 + embeddings)


@pytest.mark.parametrize(
    ("changes", "states"),
    [
        ({"optimizer": "adamw"}, 2 * 4 * ADAPTER),
        ({"optimizer": "adamw_8bit"}, 2 * (1 + 4 / 256) * ADAPTER),
        ({"optimizer": "paged_adamw"}, 0),
        ({"optimizer": "sgd"}, 0),
        ({"framework": "litgpt"}, 2 * 2 * ADAPTER),
    ],
)
def test_adapter_states(changes: dict[str, Any], states: float) -> None:
    """PEFT keeps adapters in fp32, LitGPT in bf16."""
    assert found(request("lora", **changes)).static.states == pytest.approx(states)


def test_full_bf16_adamw_peaks_at_ten_bytes_a_parameter() -> None:
    """The optimizer step rules, whatever the batch (fms-acceleration: within 0.1 % on Mistral-7B)."""
    for batch in (1, 2, 4):
        here = found(request("full", micro_batch_size=batch))
        assert here.peak_at == "optimizer_step"
        assert here.peak == 10 * PARAMETERS


def test_full_fp16_keeps_master_weights() -> None:
    assert found(request("full", precision="fp16")).static.states == 3 * 4 * PARAMETERS


def test_checkpointing_keeps_inputs_of_blocks_and_the_larger_of_block_and_head() -> None:
    """bf16: 2 bytes a hidden value and layer, and 14 bytes a logit with PyTorch's own cross-entropy."""
    here = found(request("lora"))
    parts = dict(here.parts_at_peak())
    assert parts["checkpoints"] == 32 * 2 * 4096 * TOKENS
    assert parts["head_and_loss"] == (14 * 128256 + 6 * 4096) * TOKENS
    assert "one_block" not in parts
    fused = dict(found(request("lora", cross_entropy="fused_linear")).parts_at_peak())
    assert "one_block" in fused
    assert "head_and_loss" not in fused


def test_upcast_residual_doubles_checkpoints() -> None:
    plain = dict(found(request("qlora", upcast_norms_and_embeddings=False)).parts_at_peak())
    upcast = dict(found(request("qlora", upcast_norms_and_embeddings=True)).parts_at_peak())
    assert upcast["checkpoints"] == 2 * plain["checkpoints"]


def test_accumulation_keeps_gradients_while_the_next_batch_runs() -> None:
    one, two = found(request("lora")), found(request("lora", gradient_accumulation_steps=2))
    assert two.start_of_backward - one.start_of_backward == 4 * ADAPTER


def test_eager_attention_keeps_scores() -> None:
    """16-bit scores and probabilities and an fp32 softmax, per head and pair of tokens."""
    eager = dict(found(request("lora", attention="eager", gradient_checkpointing=False)).parts_at_peak())
    assert eager["attention_scores"] == 32 * 32 * (2 * 2 + 4) * TOKENS * 1024


def test_adapter_inputs() -> None:
    """q and v under PEFT keep an fp32 copy each; dropout adds a mask; LitGPT shares one bf16 copy."""
    kinds: dict[str, Any] = {"gradient_checkpointing": False}
    qv = {"target_modules": ("q_proj", "v_proj")}
    plain = found(request("lora", lora=qv, **kinds)).adapter_inputs
    assert plain == 32 * TOKENS * (2 * 4 * 4096 + 2 * 4 * 16)
    masked = found(request("lora", lora=qv | {"lora_dropout": 0.1}, **kinds)).adapter_inputs
    assert masked - plain == 32 * TOKENS * 2 * 4096
    shared = found(request("lora", lora=qv, framework="litgpt", **kinds)).adapter_inputs
    assert shared == 32 * TOKENS * (2 * 4096 + 2 * 2 * 16 + 2 * (4096 + 1024))
    dora = found(request("lora", lora=qv | {"use_dora": True}, **kinds)).adapter_inputs
    assert dora - plain == 32 * TOKENS * 6 * (4096 + 1024)


def test_all_linear_lora_without_checkpointing_exceeds_full() -> None:
    """PEFT's copies of inputs outgrow gradients and states once the batch is large."""
    lora = found(request("lora", micro_batch_size=16, gradient_checkpointing=False))
    full = found(request("full", micro_batch_size=16, gradient_checkpointing=False))
    assert lora.adapter_inputs > 0.2 * lora.peak
    assert (
        lora.start_of_backward - lora.static.weights > full.start_of_backward - full.static.weights - full.static.states
    )


@pytest.mark.parametrize(
    ("sharding", "weights", "gradients", "states"),
    [("ddp", 1, 1, 1), ("zero2", 1, 4, 4), ("zero3", 4, 4, 4), ("fsdp", 4, 4, 4), ("tensor_parallel", 4, 4, 4)],
)
def test_sharding_divides(sharding: str, weights: int, gradients: int, states: int) -> None:
    here = found(request("full", hardware={"gpu_count": 4, "sharding": sharding})).static
    assert here.weights == 2 * PARAMETERS / weights
    assert here.gradients == 2 * PARAMETERS / gradients
    assert here.states == 4 * PARAMETERS / states
    assert (here.bucket > 0) == (sharding == "ddp")
    assert (here.gathered > 0) == (sharding in ("fsdp", "zero3"))


def test_reserved_adds_what_the_allocator_cannot_reuse() -> None:
    asked = request("lora")
    profile = load_frameworks().profiles["hf_peft"]
    run, _ = resolve(asked, profile, load_frameworks().reasons["hf_peft"], gpu())
    here = footprint(prepared(architecture(), asked.lora, "peft"), run, profile)
    allocated, reserved, device = figures(here, run, profile, 80e9)
    moving = here.peak - here.resident
    assert allocated.expected == here.peak
    assert reserved.expected == pytest.approx(
        here.peak + profile.pool_overlap * here.block + profile.packed_slack * moving
    )
    assert device.expected == reserved.expected + profile.context_bytes
    for r in (allocated, reserved, device):
        assert r.low < r.expected < r.high


def test_reserved_stops_at_the_card() -> None:
    asked = request("lora", micro_batch_size=8)
    profile = load_frameworks().profiles["hf_peft"]
    run, _ = resolve(asked, profile, load_frameworks().reasons["hf_peft"], gpu())
    here = footprint(prepared(architecture(), asked.lora, "peft"), run, profile)
    held, _ = held_bytes(here, run, profile)
    card = here.peak + 0.5 * (held - here.peak) + profile.context_bytes
    assert figures(here, run, profile, card)[2].expected == pytest.approx(card)
    assert device_fits(here, run, profile, card + 1, NO_CORRECTIONS)
    smaller = card - 0.3 * (held - here.peak)
    assert figures(here, run, profile, smaller)[1].expected == pytest.approx(here.peak + 0.25 * (held - here.peak))
    assert not device_fits(here, run, profile, smaller, NO_CORRECTIONS)


def test_whole_bytes_add_up() -> None:
    parts = [("a", 1.4), ("b", 2.4), ("c", 3.4)]
    rounded = whole_bytes(parts)
    assert [c.bytes for c in rounded] == [2, 2, 3]
    assert sum(c.bytes for c in rounded) == round(sum(size for _, size in parts))


KEEP_ALL: dict[str, Any] = {"gradient_checkpointing": False}


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({"attention": "flash"}, 4096 + 1024 + 1024 + 4096),
        ({"attention": "sdpa"}, 4096 + 1024 + 1024 + 4096),
        ({"attention": "sdpa", "packing": False}, 4 * 4096 + 2 * 1024),
        ({"attention": "sdpa", "framework": "litgpt"}, 4 * 4096),
    ],
)
def test_attention_tensors(changes: dict[str, Any], values: int) -> None:
    """Query, key, value, output, and 4 bytes of softmax statistics a head.

    A padding mask makes Transformers repeat K and V, while its cache holds the originals; LitGPT always repeats.
    """
    parts = dict(found(request("lora", **KEEP_ALL, **changes)).parts_at_peak())
    assert parts["attention_activations"] == 32 * TOKENS * (2 * values + 4 * 32)


def test_without_grouped_heads_litgpt_keeps_the_fused_projection() -> None:
    """V is a view of it: q, k and v of the projection, rotated q and k, and the output."""
    asked = request("lora", framework="litgpt", **KEEP_ALL)
    profile = load_frameworks().profiles["litgpt"]
    run, _ = resolve(asked, profile, load_frameworks().reasons["litgpt"], gpu())
    tiny = footprint(prepared(architecture(2, tiny=True), asked.lora, "by_role"), run, profile)
    assert tiny.per_token.attention == 2 * (2 * 6 * 64 + 4 * 4)


def test_mlp_and_norms() -> None:
    """SwiGLU keeps three inner values; a norm of Transformers an fp32 copy of its input, a fused one 16 bit."""
    parts = dict(found(request("lora", **KEEP_ALL)).parts_at_peak())
    assert parts["mlp_activations"] == 32 * TOKENS * 3 * 2 * 14336
    assert parts["norm_inputs"] == 32 * TOKENS * 2 * 4 * 4096
    fused = dict(found(request("lora", cross_entropy="fused_linear", **KEEP_ALL)).parts_at_peak())
    assert fused["norm_inputs"] == 32 * TOKENS * 2 * 2 * 4096
    full = found(request("full", micro_batch_size=16, **KEEP_ALL)).per_token
    assert full.mlp == 32 * 4 * 2 * 14336, "the down projection's input too"
    assert full.norms == 32 * 2 * (4 + 2 + 2) * 4096, (
        "the normalised input for the norm's weight, its output for linears"
    )


def test_capped_scores_need_eager_attention() -> None:
    """Gemma 2 under SDPA falls back to eager and keeps the tanh of scores and logits."""
    gemma2 = {
        "model_type": "gemma2", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 16,
        "num_key_value_heads": 4, "intermediate_size": 128, "vocab_size": 100, "tie_word_embeddings": True,
    }  # fmt: skip
    asked = request("lora", attention="sdpa", **KEEP_ALL)
    profile = load_frameworks().profiles["hf_peft"]
    run, _ = resolve(asked, profile, load_frameworks().reasons["hf_peft"], gpu())
    here = footprint(prepared(read_architecture(gemma2)[0], asked.lora, "peft"), run, profile).per_token
    assert here.scores == 2 * 4 * (2 * 2 + 4 + 2)
    assert here.head == (14 + 2) * 100 + 6 * 64


def test_adapters_without_cast_share_what_they_read() -> None:
    """torchtune keeps the norm's output once for q, k and v, and once for gate and up; dropout separates them."""
    tiny = architecture(2, tiny=True)
    profile = load_frameworks().profiles["torchtune"]

    def kept(dropout: float) -> float:
        asked = request("lora", framework="torchtune", lora={"lora_dropout": dropout}, **KEEP_ALL)
        run, _ = resolve(asked, profile, load_frameworks().reasons["torchtune"], gpu())
        return footprint(prepared(tiny, asked.lora, "by_role"), run, profile).per_token.adapter

    ranks = 2 * 7 * 16
    assert kept(0.0) == 2 * (2 * (64 + 64 + 64 + 128) + ranks)
    assert kept(0.1) == 2 * (3 * (6 * 64 + 128) + ranks)


def test_offloaded_checkpoints_leave_the_card() -> None:
    assert "checkpoints" not in dict(found(request("lora", framework="unsloth")).parts_at_peak())
