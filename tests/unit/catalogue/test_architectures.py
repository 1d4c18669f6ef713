"""config.json -> Architecture: what is read, what is assumed and said, what is refused."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.architectures import LIMITS, read_architecture
from app.catalogue.families import families
from app.errors import InputError

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
}
QWEN3_MOE: dict[str, Any] = {
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "num_hidden_layers": 8,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "intermediate_size": 6144,
    "vocab_size": 151936,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
}


def refused(config: dict[str, Any]) -> dict[str, str]:
    """Pointers and details of what is wrong with a config."""
    with pytest.raises(InputError) as caught:
        read_architecture(config)
    return {p.pointer: f"{p.detail} {p.hint or ''}" for p in caught.value.problems}


def test_complete_config_reads_without_a_warning() -> None:
    architecture, warnings = read_architecture(LLAMA)
    assert warnings == ()
    assert (architecture.family, architecture.head_dim, architecture.num_key_value_heads) == ("llama", 128, 8)
    assert not architecture.tie_word_embeddings
    assert not architecture.switches


def test_equal_configs_make_equal_and_hashable_architectures() -> None:
    one, _ = read_architecture(LLAMA)
    other, _ = read_architecture({**LLAMA, "torch_dtype": "bfloat16", "rope_theta": 500000.0})
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        ({"model_type": "gpt2"}, "hidden_size", 768),
        ({"model_type": "gpt2", "n_embd": 1024, "n_layer": 24, "n_head": 16}, "intermediate_size", 4096),
        ({"model_type": "gpt2", "n_embd": 1536, "n_inner": None}, "intermediate_size", 6144),
        ({"model_type": "gpt2", "n_inner": 2000}, "intermediate_size", 2000),
        ({**LLAMA, "num_key_value_heads": None}, "num_key_value_heads", 32),
        ({**LLAMA, "head_dim": 64}, "head_dim", 64),
        ({**LLAMA, "head_dim": None}, "head_dim", 128),
        ({**LLAMA, "hidden_size": 4096.0}, "hidden_size", 4096),
        ({**LLAMA, "model_type": "gpt_neox", "head_dim": 7}, "head_dim", 128),
        ({"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 2}, "num_key_value_heads", 1),
        (
            {"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 2, "multi_query": False},
            "num_key_value_heads",
            71,
        ),
        (
            {
                "model_type": "falcon",
                "hidden_size": 8192,
                "num_hidden_layers": 2,
                "num_attention_heads": 128,
                "num_kv_heads": 8,
                "new_decoder_architecture": True,
            },
            "num_key_value_heads",
            8,
        ),
        ({**LLAMA, "model_type": "qwen", "intermediate_size": 22016}, "intermediate_size", 11008),
        ({**LLAMA, "model_type": "mixtral"}, "moe_intermediate_size", 14336),
        ({**LLAMA, "num_experts": 8}, "num_experts", 0),
        ({**LLAMA, "model_type": "deepseek_v3", "q_lora_rank": None}, "q_lora_rank", 0),
        ({**LLAMA, "model_type": "deepseek_v3"}, "q_lora_rank", 1536),
        ({**LLAMA, "model_type": "deepseek_v3"}, "head_dim", 192),
        ({**LLAMA, "model_type": "gemma2"}, "tie_word_embeddings", True),
        ({**LLAMA, "model_type": "gemma2", "tie_word_embeddings": False}, "tie_word_embeddings", False),
        ({**LLAMA, "model_type": "gemma2"}, "num_sliding_layers", 16),
        ({**LLAMA, "model_type": "gemma3_text", "sliding_window_pattern": 4}, "num_sliding_layers", 24),
        ({**LLAMA, "model_type": "gpt_oss"}, "sliding_window", 128),
        ({**LLAMA, "model_type": "mistral", "sliding_window": 4096}, "num_sliding_layers", 32),
        ({**LLAMA, "model_type": "mistral"}, "sliding_window", None),
        ({**LLAMA, "model_type": "qwen2", "sliding_window": 4096, "max_window_layers": 28}, "num_sliding_layers", 0),
        (
            {
                **LLAMA,
                "model_type": "qwen2",
                "sliding_window": 4096,
                "max_window_layers": 28,
                "use_sliding_window": True,
            },
            "num_sliding_layers",
            4,
        ),
        ({**LLAMA, "layer_types": ["sliding_attention"] * 3, "sliding_window": 9}, "num_sliding_layers", 3),
    ],
)
def test_fields_are_read_as_transformers_reads_them(config: dict[str, Any], field: str, value: object) -> None:
    architecture, _ = read_architecture(config)
    assert getattr(architecture, field) == value


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, tuple(range(8))),
        ({"decoder_sparse_step": 2}, (1, 3, 5, 7)),
        ({"mlp_only_layers": [0, 3]}, (1, 2, 4, 5, 6, 7)),
        ({"decoder_sparse_step": 2, "mlp_only_layers": [1]}, (3, 5, 7)),
        ({"model_type": "deepseek_v3", "first_k_dense_replace": 3}, (3, 4, 5, 6, 7)),
        ({"model_type": "deepseek_v3", "first_k_dense_replace": 0}, tuple(range(8))),
        ({"model_type": "deepseek_v3"}, (3, 4, 5, 6, 7)),
        ({"model_type": "llama"}, ()),
    ],
)
def test_blocks_with_experts(fields: dict[str, Any], expected: tuple[int, ...]) -> None:
    architecture, _ = read_architecture({**QWEN3_MOE, **fields})
    assert architecture.moe_layers == expected


def test_flags_that_a_family_does_not_read_are_off() -> None:
    llama, _ = read_architecture({**LLAMA, "attention_bias": True, "mlp_bias": True})
    mistral, _ = read_architecture({**LLAMA, "model_type": "mistral", "attention_bias": True})
    qwen2, _ = read_architecture({**LLAMA, "model_type": "qwen2", "attention_bias": False})
    assert llama.switches == {"attention_bias", "attention_output_bias", "mlp_bias"}
    assert not mistral.switches
    assert "attention_bias" in qwen2.switches
    assert "attention_output_bias" not in qwen2.switches


def test_defaults_are_told() -> None:
    _, warnings = read_architecture({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32})
    (warning,) = warnings
    assert "vocab_size=32000" in warning
    assert "intermediate_size=11008" in warning
    assert "max_position_embeddings" not in warning


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("hidden_size", 0, "at least 1"),
        ("hidden_size", -4096, "at least 1"),
        ("num_hidden_layers", 0, "at least 1"),
        ("num_hidden_layers", 3.5, "whole number"),
        ("vocab_size", "128256", "whole number"),
        ("vocab_size", True, "whole number"),
        ("vocab_size", float("nan"), "whole number"),
        ("vocab_size", float("inf"), "whole number"),
        ("vocab_size", [1], "whole number"),
        ("vocab_size", 10**9, "no base model has more"),
        ("hidden_size", 10**30, "no base model has more"),
        ("num_key_value_heads", 5, "does not divide"),
        ("num_key_value_heads", 64, "does not divide"),
        ("num_attention_heads", 30, "not a multiple"),
        ("attention_bias", "yes", "true or false"),
        ("tie_word_embeddings", 1, "true or false"),
    ],
)
def test_nonsense_is_refused_where_it_stands(field: str, value: object, word: str) -> None:
    problems = refused({**LLAMA, field: value})
    assert f"/architecture/{field}" in problems
    assert word in problems[f"/architecture/{field}"]


def test_the_pointer_names_the_key_that_was_written() -> None:
    assert set(refused({"model_type": "gpt2", "n_embd": 0, "n_layer": -1})) == {
        "/architecture/n_embd",
        "/architecture/n_layer",
    }


def test_everything_that_is_wrong_is_told_at_once() -> None:
    problems = refused({"model_type": "llama", "num_attention_heads": 0, "vocab_size": -1})
    assert set(problems) == {
        "/architecture/hidden_size",
        "/architecture/num_hidden_layers",
        "/architecture/num_attention_heads",
        "/architecture/vocab_size",
    }


def test_experts_must_be_consistent() -> None:
    assert "/architecture/num_experts_per_tok" in refused({**QWEN3_MOE, "num_experts": 4})
    assert "/architecture/decoder_sparse_step" in refused({**QWEN3_MOE, "decoder_sparse_step": 0})


def test_experts_per_token_may_be_missing_where_transformers_has_no_default() -> None:
    architecture, warnings = read_architecture({**LLAMA, "model_type": "deepseek_v2"})
    assert architecture.num_experts_per_tok == 1
    assert any("num_experts_per_tok" in w for w in warnings)


@pytest.mark.parametrize("model_type", [None, "", 7, ["llama"], "x" * 101])
def test_model_type_must_be_a_name(model_type: object) -> None:
    assert set(refused({**LLAMA, "model_type": model_type})) == {"/architecture/model_type"}


@pytest.mark.parametrize("model_type", ["bert", "t5", "whisper", "mamba"])
def test_what_is_no_decoder_is_refused(model_type: str) -> None:
    assert "not a decoder" in refused({**LLAMA, "model_type": model_type})["/architecture/model_type"]
    assert "/architecture/model_type" in refused({**LLAMA, "model_type": "new", "is_encoder_decoder": True})


def test_unknown_type_falls_back_with_a_warning() -> None:
    architecture, warnings = read_architecture({**LLAMA, "model_type": "llamma"})
    assert (architecture.model_type, architecture.family) == ("llamma", "generic")
    assert any("'llamma' is not known (did you mean llama?)" in w for w in warnings)


def test_unknown_type_with_experts_falls_back_to_stacked_experts() -> None:
    architecture, warnings = read_architecture({**QWEN3_MOE, "model_type": "brand_new_moe", "n_shared_experts": 2})
    assert architecture.family == "generic_moe"
    assert architecture.shared_expert_intermediate_size == 2 * 768
    assert warnings


def test_unknown_type_with_latent_attention_falls_back_to_deepseek() -> None:
    architecture, warnings = read_architecture({**QWEN3_MOE, "model_type": "brand_new_moe", "kv_lora_rank": 512})
    assert (architecture.family, architecture.kv_lora_rank) == ("deepseek_v3", 512)
    assert any("like DeepSeek-V3" in w for w in warnings)


def test_what_the_fallback_gets_wrong_is_told() -> None:
    config = {**LLAMA, "model_type": "brand_new", "layer_types": ["linear_attention", "full_attention"]}
    _, warnings = read_architecture(config)
    assert any("linear_attention are counted as attention" in w for w in warnings)
    assert any("tie_word_embeddings is not given" in w for w in warnings)
    assert len(read_architecture({**LLAMA, "model_type": "brand_new", "tie_word_embeddings": True})[1]) == 1


def test_unknown_type_without_its_fields_says_which_are_missing() -> None:
    problems = refused({"model_type": "brand_new", "hidden_size": 64, "num_hidden_layers": 2})
    missing = ("num_attention_heads", "intermediate_size", "vocab_size")
    assert set(problems) == {f"/architecture/{n}" for n in missing}


def test_nested_text_config_and_vision_tower() -> None:
    text = {**LLAMA, "head_dim": 128, "model_type": "gemma3_text"}
    architecture, warnings = read_architecture(
        {"model_type": "gemma3", "text_config": text, "vision_config": {"hidden_size": 32, "vision_use_head": False}}
    )
    assert architecture.has_vision_tower
    assert dict(architecture.extra_sizes)["vision.hidden_size"] == 32
    assert dict(architecture.extra_sizes)["vision.vision_use_head"] == 0
    assert architecture.hidden_size == 4096
    assert warnings == ()


def test_flat_vision_language_config() -> None:
    """Qwen2-VL keeps the decoder's fields at the top, and calls the width of its tower embed_dim."""
    config = {**LLAMA, "model_type": "qwen2_vl", "vision_config": {"depth": 2, "embed_dim": 64, "hidden_size": 4096}}
    extra = dict(read_architecture(config)[0].extra_sizes)
    assert (extra["vision.num_hidden_layers"], extra["vision.hidden_size"], extra["vision.out_hidden_size"]) == (
        2,
        64,
        4096,
    )


def test_tower_of_an_unknown_type_is_left_out_with_a_warning() -> None:
    architecture, warnings = read_architecture({"model_type": "llava_new", "text_config": dict(LLAMA)})
    assert architecture.family == "llama"
    assert any("only its decoder (llama) is counted" in w for w in warnings)


def test_pointers_reach_into_nested_configs() -> None:
    text = {**LLAMA, "hidden_size": -1}
    assert set(refused({"model_type": "gemma3", "text_config": text})) == {"/architecture/text_config/hidden_size"}
    nested = {"model_type": "gemma3", "text_config": dict(LLAMA), "vision_config": {"patch_size": 0}}
    assert set(refused(nested)) == {"/architecture/vision_config/patch_size"}
    assert set(refused({"model_type": "gemma3", "text_config": 3})) == {"/architecture/text_config"}
    assert set(refused({**nested, "vision_config": []})) == {"/architecture/vision_config"}


def test_nesting_without_end_is_not_followed() -> None:
    config: dict[str, Any] = dict(LLAMA)
    for _ in range(5000):
        config = {"model_type": "llama", "text_config": config}
    assert "/architecture" in next(iter(refused(config)))


scalars = st.none() | st.booleans() | st.integers(-5, 300) | st.integers() | st.floats() | st.text(max_size=3)
towers = st.dictionaries(st.sampled_from(["hidden_size", "depth", "patch_size"]), scalars)
json_values = scalars | st.lists(scalars, max_size=2) | towers
FIELDS = sorted(
    {*LIMITS, *LLAMA, *QWEN3_MOE, "text_config", "vision_config", "mlp_only_layers", "layer_types", "head_dim"}
)


@given(
    st.sampled_from(sorted(families().by_name)),
    st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4),
)
def test_any_input_is_read_or_refused_never_a_crash(model_type: str, fields: dict[str, Any]) -> None:
    config = {**QWEN3_MOE, **fields, "model_type": model_type}
    with suppress(InputError):
        architecture, _ = read_architecture(config)
        assert architecture.hidden_size >= 1
        assert architecture.head_dim >= 1
        assert architecture.num_sliding_layers >= 0
