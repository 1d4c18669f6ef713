"""Adapter counts: PEFT's own rows, its rules one by one, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.architectures import read_architecture
from app.errors import InputError
from app.estimate.params import adapter, adapter_bytes, default_targets, inventory, parameters_per_rank
from app.schemas.architecture import Inventory

CASES = Path(__file__).parents[2] / "cases"
ROWS = {
    row["base_model"]: row
    for name in ("adapter_parameters.jsonl", "adapter_parameters_layouts.jsonl")
    for row in map(json.loads, (CASES / name).read_text(encoding="utf-8").splitlines())
}
LLAMA, MIXTRAL, QWEN3_MOE = "Llama-3/3.1-8B", "Mixtral-8x7B", "Qwen3-30B-A3B"
GPT_OSS, DEEPSEEK, PYTHIA, VLM = "gpt-oss-20b", "DeepSeek-V3/R1", "Pythia-1.4B", "Gemma-3-4B-it(VLM)"


def parts_of(base_model: str) -> Inventory:
    """The inventory of a case row."""
    return inventory(read_architecture(ROWS[base_model]["config"])[0])


def refused(base_model: str, **lora: Any) -> tuple[str, str]:
    """Pointer, and detail with hint, of the refusal."""
    with pytest.raises(InputError) as caught:
        adapter(parts_of(base_model), **{"r": 8, **lora})
    (problem,) = caught.value.problems
    return problem.pointer, f"{problem.detail} {problem.hint}"


@pytest.mark.parametrize("base_model", ROWS)
def test_trainable_parameters_are_what_peft_counts(base_model: str) -> None:
    parts = parts_of(base_model)
    for lora, trainable in ROWS[base_model]["adapters"]:
        assert adapter(parts, **lora).trainable_parameters == trainable, lora


@pytest.mark.parametrize("base_model", ROWS)
def test_targets_add_up_and_are_each_there_once(base_model: str) -> None:
    parts = parts_of(base_model)
    for lora, _ in ROWS[base_model]["adapters"]:
        shape = adapter(parts, **lora)
        assert sum(t.parameters for t in shape.targets) == shape.trainable_parameters
        assert len({t.part.path for t in shape.targets}) == len(shape.targets)
        assert all(set(t.layers) <= set(t.part.layers) for t in shape.targets)


def test_each_target_says_how_wide_and_how_often() -> None:
    targets = {t.part.name: t for t in adapter(parts_of(LLAMA), r=16).targets}
    assert (targets["k_proj"].d_in, targets["k_proj"].d_out, targets["k_proj"].count) == (4096, 1024, 32)
    assert targets["k_proj"].parameters == 32 * 16 * (4096 + 1024)
    assert "lm_head" not in targets


def test_suffixes_can_name_one_block() -> None:
    (target,) = adapter(parts_of(LLAMA), r=8, target_modules=["layers.3.self_attn.q_proj"]).targets
    assert target.layers == (3,)
    both = adapter(parts_of(LLAMA), r=8, target_modules=["layers.3.self_attn.q_proj", "layers.4.self_attn.q_proj"])
    assert both.targets[0].layers == (3, 4)


def test_overlapping_targets_count_once() -> None:
    parts = parts_of(LLAMA)
    assert adapter(parts, r=8, target_modules=["q_proj", "self_attn.q_proj", "3.self_attn.q_proj"]) == adapter(
        parts, r=8, target_modules=["q_proj"]
    )


@pytest.mark.parametrize(
    ("pattern", "layers"),
    [
        (r".*\.q_proj", tuple(range(32))),
        (r"model\.layers\.[0-9]\.self_attn\.q_proj", tuple(range(10))),
        (r"model\.layers\.\d\.self_attn\.q_proj", tuple(range(10))),
        (r"model\.layers\.(1|30)\.self_attn\.q_proj", (1, 30)),
        (r".*layers\.[12]\d\.self_attn\.q_proj", tuple(range(10, 30))),
    ],
)
def test_patterns_can_choose_blocks(pattern: str, layers: tuple[int, ...]) -> None:
    (target,) = adapter(parts_of(LLAMA), r=8, target_modules=pattern).targets
    assert target.layers == layers


def test_fused_experts_have_twice_the_rank_by_their_old_names_only() -> None:
    by_name = {t.part.name: t.r for t in adapter(parts_of(QWEN3_MOE), r=8).targets}
    parameters = ["experts.gate_up_proj", "experts.down_proj"]
    explicit = adapter(parts_of(QWEN3_MOE), r=8, target_modules=[], target_parameters=parameters)
    assert (by_name["gate_up_proj"], by_name["down_proj"], by_name["gate"], by_name["q_proj"]) == (16, 8, 8, 8)
    assert {t.part.name: t.r for t in explicit.targets} == {"gate_up_proj": 8, "down_proj": 8}


def test_half_of_a_fused_pair_is_refused() -> None:
    pointer, text = refused(QWEN3_MOE, target_modules=["q_proj", "up_proj"])
    assert pointer == "/lora/target_modules"
    assert "up_proj cannot be adapted without gate_proj" in text
    assert "w1 cannot be adapted without w3" in refused(MIXTRAL, target_modules=["w1", "w2"])[1]


def test_conversion_leaves_plain_mlps_out_and_says_so() -> None:
    shape = adapter(parts_of(DEEPSEEK), r=8)
    assert not {t.part.group for t in shape.targets} & {"mlp", "shared_expert"}
    assert any("plain MLPs" in w for w in shape.warnings)
    assert not any("plain MLPs" in w for w in adapter(parts_of(QWEN3_MOE), r=8).warnings)


def test_experts_left_out_are_told() -> None:
    assert any("name their tensors in target_parameters" in w for w in adapter(parts_of(GPT_OSS), r=8).warnings)
    assert adapter(parts_of(LLAMA), r=8).warnings == ()


def test_expert_names_that_peft_passes_over_are_told() -> None:
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    shape = adapter(parts_of(GPT_OSS), r=16, target_modules=names)
    assert shape.trainable_parameters == adapter(parts_of(GPT_OSS), r=16).trainable_parameters
    assert any("passes over gate_proj, up_proj, down_proj" in w for w in shape.warnings)
    assert "matches nothing" in refused(GPT_OSS, target_modules=["gate_proj"])[1]


def test_bare_names_reach_the_vision_tower_and_it_is_told() -> None:
    bare = adapter(parts_of(VLM), r=8, target_modules=["q_proj", "v_proj"])
    decoder = adapter(parts_of(VLM), r=8, target_modules=r".*language_model.*\.(q_proj|v_proj)")
    assert bare.trainable_parameters > decoder.trainable_parameters
    assert "also reach the vision tower: 995,328 of 3,223,552" in bare.warnings[0]
    assert decoder.warnings == ()


def test_dropout_on_experts_is_told() -> None:
    assert any("lora_dropout" in w for w in adapter(parts_of(MIXTRAL), r=8, lora_dropout=0.1).warnings)
    assert adapter(parts_of(LLAMA), r=8, lora_dropout=0.1).warnings == ()


@pytest.mark.parametrize(
    ("base_model", "lora", "pointer", "words"),
    [
        (LLAMA, {"target_modules": ["q_porj"]}, "/lora/target_modules", "Did you mean q_proj"),
        (LLAMA, {"target_modules": ["q_proj", "nonsense"]}, "/lora/target_modules", "'nonsense' matches nothing"),
        (LLAMA, {"target_modules": ["proj"]}, "/lora/target_modules", "matches nothing"),
        (LLAMA, {"target_modules": [""]}, "/lora/target_modules", "matches nothing"),
        (LLAMA, {"target_modules": ["mlp"]}, "/lora/target_modules", "matches nothing"),
        (LLAMA, {"target_modules": ["input_layernorm"]}, "/lora/target_modules", "matches nothing"),
        (LLAMA, {"target_modules": ["layers.32.self_attn.q_proj"]}, "/lora/target_modules", "matches nothing"),
        (LLAMA, {"target_modules": "q_proj"}, "/lora/target_modules", "write a list for names"),
        (LLAMA, {"target_modules": "*q_proj"}, "/lora/target_modules", "regular expression"),
        (LLAMA, {"target_modules": "(?=q)q_proj"}, "/lora/target_modules", "regular expression"),
        (LLAMA, {"target_modules": []}, "/lora/target_modules", "No target"),
        (LLAMA, {"target_modules": None}, "/lora/target_modules", "No target"),
        (LLAMA, {"target_parameters": ["experts.up"]}, "/lora/target_parameters", "matches nothing"),
        (LLAMA, {"target_parameters": ["q_proj.weight"]}, "/lora/target_parameters", "targeted twice"),
        (LLAMA, {"r": 0}, "/lora/r", "at least 1"),
        (PYTHIA, {"target_modules": ["q_proj"]}, "/lora/target_modules", "part of query_key_value"),
        (PYTHIA, {"target_modules": ["o_proj"]}, "/lora/target_modules", "Did you mean dense"),
        ("GPT-2", {"target_modules": ["q_proj", "v_proj"]}, "/lora/target_modules", "part of c_attn"),
        ("Phi-3-mini", {"target_modules": ["gate_proj"]}, "/lora/target_modules", "part of gate_up_proj"),
        ("DeepSeek-V3/R1", {"target_modules": ["v_proj"]}, "/lora/target_modules", "kv_b_proj"),
        (QWEN3_MOE, {"target_modules": r".*\.nothing"}, "/lora/target_modules", "matches nothing"),
        (MIXTRAL, {"use_dora": True}, "/lora/use_dora", "no DoRA for expert parameters"),
    ],
)
def test_refusals_say_what_could_be_meant(base_model: str, lora: dict[str, Any], pointer: str, words: str) -> None:
    found, text = refused(base_model, **lora)
    assert found == pointer
    assert words in text


def test_by_role_splits_what_transformers_fuses() -> None:
    """LitGPT and torchtune adapt the query and value parts of a fused attention by themselves."""
    shape = adapter(parts_of(PYTHIA), r=8, target_modules=["q_proj", "v_proj"], naming="by_role")
    assert [(t.part.name, t.d_out) for t in shape.targets] == [("query_key_value", 2048)] * 2
    assert shape.trainable_parameters == 24 * 2 * 8 * (2048 + 2048)
    names = ["o_proj", "up_proj", "down_proj", "lm_head"]
    phi = adapter(parts_of("Phi-2"), r=8, target_modules=names, naming="by_role")
    assert [t.part.name for t in phi.targets] == ["dense", "fc1", "fc2", "lm_head"]


def test_by_role_still_knows_the_module_names_and_refuses_the_rest() -> None:
    parts = parts_of(PYTHIA)
    by_role = adapter(parts, r=8, target_modules=["query_key_value"], naming="by_role")
    assert by_role == adapter(parts, r=8, target_modules=["query_key_value"])
    assert "nonsense" in refused(PYTHIA, target_modules=["q_proj", "nonsense"], naming="by_role")[1]


@pytest.mark.parametrize(
    ("base_model", "r", "target_modules", "size", "header"),
    [
        ("Llama-3.2-3B", 32, ["q_proj", "v_proj"], 36_715_216, 15_056),
        (LLAMA, 8, "all-linear", 83_945_296, 59_216),
        ("Qwen2.5-0.5B", 8, ["q_proj", "v_proj"], 2_175_168, 12_480),
    ],
)
def test_file_is_four_bytes_a_parameter_and_a_header(
    base_model: str, r: int, target_modules: list[str] | str, size: int, header: int
) -> None:
    """Sizes of files with PEFT's tensor names, written with safetensors 0.8.0."""
    shape = adapter(parts_of(base_model), r=r, target_modules=target_modules)
    assert 4 * shape.trainable_parameters == size - header
    assert adapter_bytes(shape) - 4 * shape.trainable_parameters == pytest.approx(header, rel=0.05)


def test_parameters_per_rank_weighs_experts_by_what_they_see() -> None:
    dense = parts_of(LLAMA)
    assert parameters_per_rank(dense) == adapter(dense, r=1).trainable_parameters
    sparse = parts_of(QWEN3_MOE)
    by_group = {"expert": 0, "other": 0}
    for target in adapter(sparse, r=1).targets:
        by_group["expert" if target.part.group == "expert" else "other"] += target.parameters
    assert parameters_per_rank(sparse) == pytest.approx(by_group["other"] + by_group["expert"] * (8 / 128) ** 0.5)
    assert parameters_per_rank(parts_of(VLM)) == parameters_per_rank(parts_of("Gemma-3-4B-text"))


@pytest.mark.parametrize(
    ("base_model", "names"),
    [
        (LLAMA, ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")),
        ("Phi-3-mini", ("o_proj", "qkv_proj", "gate_up_proj", "down_proj")),
        ("GPT-2", ("c_attn", "c_proj", "c_fc")),
        (MIXTRAL, ("q_proj", "k_proj", "v_proj", "o_proj", "w1", "w3", "w2")),
        (GPT_OSS, ("q_proj", "k_proj", "v_proj", "o_proj")),
    ],
)
def test_default_targets_are_spelled_out(base_model: str, names: tuple[str, ...]) -> None:
    assert default_targets(parts_of(base_model)) == names
    assert adapter(parts_of(base_model), r=8, target_modules=names).trainable_parameters > 0


@given(st.sampled_from(list(ROWS)), st.integers(1, 512), st.integers(1, 512))
def test_parameters_grow_in_proportion_to_rank(base_model: str, r: int, factor: int) -> None:
    parts = parts_of(base_model)
    assert adapter(parts, r=r * factor).trainable_parameters == factor * adapter(parts, r=r).trainable_parameters
