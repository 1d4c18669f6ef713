"""Other tools' files read back: round trips, real configurations, defaults that are stated, errors that point."""

import contextlib
import json
from dataclasses import asdict, fields
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InputError
from app.exporters import READERS, ReadFormat, RunFacts, estimate_back, export, read_back
from app.exporters.run_line import facts_in, run_facts, run_line
from app.pipeline import World, load_world, training_estimate
from app.planning import training_request
from app.schemas.training import TrainingEstimate
from tests.conftest import ROOT
from tests.unit.exporters.plans import ALL_PLANS, plan

L40S = RunFacts(gpu="L40S")
CUT_CROSS_ENTROPY = "axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin"
REAL = yaml.safe_load((ROOT / "tests" / "cases" / "real_configurations.yaml").read_text(encoding="utf-8"))


def figures(made: TrainingEstimate) -> dict[str, Any]:
    """All of an estimate but the words around it."""
    words = ("assumptions", "warnings")
    return {f.name: getattr(made, f.name) for f in fields(made) if f.name not in words}


@pytest.mark.parametrize("form", ["axolotl", "llama_factory"])
@pytest.mark.parametrize("name", ALL_PLANS)
def test_round_trip_gives_the_same_estimate(name: str, form: ReadFormat, world: World) -> None:
    if (name, form) == ("lora_experts", "llama_factory"):
        return  # refused, see test_exports.py
    wanted = training_estimate(training_request(plan(name)), world)
    assert figures(estimate_back(form, export(form, plan(name)).text, RunFacts(), world)) == figures(wanted)


def test_round_trip_of_an_adapter_with_its_run_beside_it(world: World) -> None:
    planned = plan("lora_extraction")
    request = training_request(planned)
    beside = {
        "configuration": json.loads(export("peft", planned).text),
        "training": request.training.model_dump(exclude_none=True),
        "hardware": request.hardware.model_dump(exclude_none=True),
    }
    made = estimate_back("peft", json.dumps(beside), RunFacts(), world)
    assert figures(made) == figures(training_estimate(request, world))


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["lora", "nf4", "nf4_double", "int8", "gptq4", "full"]),
    r=st.integers(1, 4096),
    alpha=st.integers(1, 65536),
    dropout=st.sampled_from([0.0, 0.05, 1e-7, 0.999]),
    micro=st.integers(1, 64),
    accumulation=st.integers(1, 64),
    length=st.integers(8, 100_000),
    share=st.floats(0.01, 1.0),
    packing=st.booleans(),
    checkpointing=st.booleans(),
    optimizer=st.sampled_from(["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "sgd"]),
    precision=st.sampled_from(["bf16", "fp16", "fp32"]),
    attention=st.sampled_from(["eager", "sdpa", "flash"]),
    sharding=st.sampled_from(["none", "ddp", "fsdp", "zero2", "zero3"]),
    gpus=st.integers(1, 16),
    epochs=st.floats(0.01, 100.0),
    rate=st.floats(1e-9, 1.0),
    flags=st.tuples(st.booleans(), st.booleans()),
)
@pytest.mark.parametrize("form", ["axolotl", "llama_factory"])
def test_every_plan_reads_back_as_it_was(form: ReadFormat, **drawn: Any) -> None:
    made = _drawn_plan(form, **drawn)
    wanted = training_request(made)
    got = read_back(form, export(form, made).text).request
    lora = wanted.lora
    upcast = got.training.upcast_norms_and_embeddings
    expected = wanted.training.model_dump() | {
        "upcast_norms_and_embeddings": upcast,
        "torch_compile": False,
    }
    if form == "llama_factory" and made.method == "full" and made.training.precision == "fp16":
        expected["precision"] = "fp32" if made.hardware.sharding not in ("zero2", "zero3") else "fp16"
    if form == "llama_factory" and made.quantization == "gptq4":
        return  # LLaMA-Factory reads that from the checkpoint, the file does not say it
    assert upcast in (None, True)
    assert got.training.model_dump() == expected
    assert (got.method, got.quantization, got.base_model) == (wanted.method, wanted.quantization, wanted.base_model)
    assert (got.lora and got.lora.model_dump()) == (lora and lora.model_dump())
    assert got.hardware == wanted.hardware


def _drawn_plan(form: str, **d: Any) -> Any:
    full = d["method"] == "full"
    quantization = d["method"] if d["method"] not in ("lora", "full") else "none"
    training = {
        "micro_batch_size": d["micro"],
        "gradient_accumulation_steps": d["accumulation"],
        "max_seq_length": d["length"],
        "mean_seq_length": max(1.0, d["length"] * d["share"]),
        "packing": d["packing"],
        "gradient_checkpointing": d["checkpointing"],
        "optimizer": d["optimizer"],
        "precision": "bf16" if full and form == "llama_factory" and d["precision"] == "fp16" else d["precision"],
        "attention": d["attention"],
        "num_epochs": d["epochs"],
        "learning_rate": d["rate"],
    }
    if quantization == "gptq4" and training["precision"] == "fp32":
        training["precision"] = "bf16"
    lora = {"r": d["r"], "lora_alpha": float(d["alpha"]), "lora_dropout": d["dropout"]}
    lora |= {"use_rslora": d["flags"][0], "use_dora": d["flags"][1]}
    base = plan("lora_extraction")
    return plan(
        "lora_extraction",
        method="full" if full else "lora" if quantization == "none" else "qlora",
        quantization=quantization,
        lora=None if full else asdict(base)["lora"] | lora,
        training=asdict(base)["training"] | training,
        hardware={"gpu": "L40S", "gpu_count": d["gpus"], "sharding": d["sharding"] if d["gpus"] > 1 else "none"},
    )


@pytest.mark.parametrize("case", REAL, ids=lambda case: case["source"])
def test_real_configurations(case: dict[str, Any], world: World) -> None:
    body = {"configuration": case["configuration"], "hardware": {"gpu": "H100-80GB"}}
    if "architecture" in case:
        body["architecture"] = case["architecture"]
    if case["expect"].get("hardware"):
        body["hardware"] = {"gpu": "H100-80GB", "gpu_count": 2}
    found = read_back(case["tool"], json.dumps(body))
    request = found.request.model_dump()
    for key, wanted in case["expect"].items():
        if isinstance(wanted, dict):
            assert {name: request[key][name] for name in wanted} == wanted
        else:
            assert request[key] == wanted
    assert len(found.warnings) == len(case["warnings"])
    for said, words in zip(found.warnings, case["warnings"], strict=True):
        assert words in said
    made = estimate_back(case["tool"], json.dumps(body), RunFacts(), world)
    assert made.trainable_parameters == case["trainable_parameters"]


def axolotl(**changes: Any) -> str:
    """The shortest Axolotl file that can be estimated, changed."""
    document = {"base_model": "Qwen/Qwen3-8B", "adapter": "lora", "lora_r": 16, "lora_target_linear": True} | changes
    return json.dumps({k: v for k, v in document.items() if v != "left out"})


def beside(**parts: Any) -> str:
    """The same file inside an object, with these parts beside it."""
    return json.dumps({"configuration": axolotl(), **parts})


def test_defaults_of_the_tool_are_applied_and_stated() -> None:
    found = read_back("axolotl", axolotl(), L40S)
    t = found.request.training
    assert (t.micro_batch_size, t.gradient_accumulation_steps, t.max_seq_length, t.num_epochs) == (1, 1, 512, 1.0)
    assert (t.gradient_checkpointing, t.packing, t.optimizer, t.attention) == (False, False, "adamw", "sdpa")
    stated = {a.name: a for a in found.assumptions}
    for name in ("micro_batch_size", "max_seq_length", "num_epochs", "optimizer", "gradient_checkpointing", "packing"):
        assert stated[name].origin == "default"
        assert "Axolotl 0.19.0" in stated[name].source


def test_llama_factory_defaults_are_applied_and_stated() -> None:
    found = read_back("llama_factory", '{"model_name_or_path": "Qwen/Qwen3-8B"}', L40S)
    t, lora = found.request.training, found.request.lora
    assert lora is not None
    assert (lora.r, lora.target_modules) == (8, "all-linear")
    assert (t.micro_batch_size, t.max_seq_length, t.num_epochs, t.precision) == (8, 2048, 3.0, "fp32")
    assert {"lora.r", "target_modules", "micro_batch_size", "precision"} <= {a.name for a in found.assumptions}


def test_unknown_keys_are_listed_with_the_nearest_known_one() -> None:
    found = read_back("axolotl", axolotl(micro_batch_siz=3, zzz=1, debug=True, wandb_nam=None), L40S)
    assert len(found.warnings) == 2
    assert "'micro_batch_siz'" in found.warnings[0]
    assert "micro_batch_size" in found.warnings[0]
    assert "'zzz'" in found.warnings[1]


@pytest.mark.parametrize(
    ("changes", "attribute", "wanted"),
    [
        ({"load_in_4bit": True}, "quantization", "nf4_double"),
        ({"load_in_4bit": True}, "method", "qlora"),
        ({"load_in_4bit": True, "bnb_config_kwargs": {"bnb_4bit_use_double_quant": False}}, "quantization", "nf4"),
        ({"load_in_8bit": True}, "quantization", "int8"),
        ({"gptq": True}, "quantization", "gptq4"),
        ({"adapter": "qlora"}, "quantization", "nf4_double"),
        ({"adapter": None, "lora_r": None}, "method", "full"),
        ({"flash_attention": True}, "attention", "flash"),
        ({"sdp_attention": True}, "attention", "sdpa"),
        ({"eager_attention": True}, "attention", "eager"),
        ({"attn_implementation": "flash_attention_3"}, "attention", "flash"),
        ({"bf16": False, "fp16": True}, "precision", "fp16"),
        ({"bf16": False}, "precision", "fp32"),
        ({"bf16": "auto"}, "precision", None),
        ({"fp8": True}, "precision", "fp8"),
        ({"plugins": [CUT_CROSS_ENTROPY]}, "cross_entropy", "fused_linear"),
        ({"liger_fused_linear_cross_entropy": True}, "cross_entropy", "fused_linear"),
        ({"liger_cross_entropy": True}, "cross_entropy", "fused"),
        ({"deepspeed": "deepspeed_configs/zero3_bf16.json"}, "sharding", "zero3"),
        ({"deepspeed": "deepspeed_configs/zero1.json"}, "sharding", "ddp"),
        ({"fsdp_version": 2}, "sharding", "fsdp"),
        ({"gradient_checkpointing": "offload"}, "gradient_checkpointing", True),
        ({"optimizer": "lion_8bit"}, "optimizer", "adamw"),
        ({"max_steps": 100, "micro_batch_size": 2, "gradient_accumulation_steps": 4}, "examples", 800),
        ({"lora_target_linear": None, "lora_target_modules": ["q_proj"]}, "target_modules", ("q_proj",)),
        ({"learning_rate": "2e-4", "micro_batch_size": "4"}, "micro_batch_size", 4),
    ],
)  # fmt: skip
def test_meanings_of_axolotl_keys(changes: dict[str, Any], attribute: str, wanted: object) -> None:
    request = read_back("axolotl", axolotl(**changes), L40S).request
    for owner in (request, request.training, request.lora, request.hardware):
        if owner is not None and attribute in type(owner).model_fields:
            assert getattr(owner, attribute) == wanted
            return
    raise AssertionError(attribute)


@pytest.mark.parametrize(
    ("form", "text", "pointer"),
    [
        ("axolotl", axolotl(lora_r=-1), "/lora_r"),
        ("axolotl", axolotl(lora_r=None), "/lora_r"),
        ("axolotl", axolotl(lora_r=1.5), "/lora_r"),
        ("axolotl", axolotl(lora_r=True), "/lora_r"),
        ("axolotl", axolotl(adapter="ia3"), "/adapter"),
        ("axolotl", axolotl(adapter=None, load_in_4bit=True), "/load_in_4bit"),
        ("axolotl", axolotl(lora_target_linear=None), "/lora_target_modules"),
        ("axolotl", axolotl(lora_target_linear=None, lora_target_modules=[1]), "/lora_target_modules"),
        ("axolotl", axolotl(sequence_len="long"), "/sequence_len"),
        ("axolotl", axolotl(micro_batch_size=0), "/micro_batch_size"),
        ("axolotl", axolotl(base_model="nope/x"), "/base_model"),
        ("axolotl", axolotl(base_model=None), "/base_model"),
        ("axolotl", axolotl(lora_target_linear=None, lora_target_modules=["q_projj"]), "/lora_target_modules"),
        ("axolotl", json.dumps({"configuration": json.loads(axolotl(lora_r=0))}), "/configuration/lora_r"),
        ("axolotl", beside(hardwar={}), "/hardwar"),
        ("axolotl", beside(training={"micro_batch_siz": 1}), "/training/micro_batch_siz"),
        ("axolotl", beside(architecture={"model_type": "nope"}), "/architecture/hidden_size"),
        ("llama_factory", '{"model_name_or_path": "Qwen/Qwen3-8B", "finetuning_type": "freeze"}', "/finetuning_type"),
        ("llama_factory", '{"model_name_or_path": "Qwen/Qwen3-8B", "quantization_bit": 3}', "/quantization_bit"),
        ("peft", '{"peft_type": "IA3"}', "/peft_type"),
        ("peft", '{"r": 8}', "/target_modules"),
        ("peft", "[]", ""),
        ("peft", "a: [", ""),
        ("peft", "a: &x {}\nb: *x", ""),
        ("peft", "a: &x {}\nb: {<<: *x}", ""),
        ("peft", "a: !!python/name:os.system x", ""),
        ("peft", "a: !!timestamp x", ""),
        ("peft", "a: " + "[" * 100_000, ""),
        ("peft", "a: " + "[" * 100_000 + "]" * 100_000, ""),
        ("peft", '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", ""),
        ("peft", "1: 2", ""),
        ("peft", "a: 1\n---\nb: 1", ""),
        ("peft", "\x00", ""),
        ("peft", "", ""),
    ],
)  # fmt: skip
def test_errors_point_into_the_file(form: ReadFormat, text: str, pointer: str, world: World) -> None:
    with pytest.raises(InputError) as caught:
        estimate_back(form, text, L40S, world)
    assert caught.value.problems[0].pointer == pointer, caught.value.problems


def test_a_file_that_names_no_gpu_asks_for_one(world: World) -> None:
    with pytest.raises(InputError, match="GPU is needed"):
        estimate_back("axolotl", axolotl(), RunFacts(), world)


def test_the_comment_line_reads_back_and_the_query_wins() -> None:
    written = facts_in(run_line(plan("qlora_classification")))
    t, hardware = plan("qlora_classification").training, plan("qlora_classification").hardware
    assert (written.gpu, written.examples, written.mean_seq_length) == (hardware.gpu, t.examples, t.mean_seq_length)
    assert RunFacts(gpu="L4").over(written).gpu == "L4"
    assert RunFacts(gpu="L4").over(written).examples == t.examples


@pytest.mark.parametrize("words", [{"gpu_count": "many"}, {"sharding": "zero9"}, {"framework": "x"}, {"colour": "red"}])
def test_facts_that_are_none_are_refused(words: dict[str, str]) -> None:
    with pytest.raises(InputError):
        run_facts(words)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for form in READERS:
        with contextlib.suppress(InputError):
            read_back(form, text, L40S)


WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "base_model", "adapter", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "lora_target_parameters",
    "sequence_len", "sample_packing", "micro_batch_size", "num_epochs", "optimizer", "gradient_checkpointing", "bf16",
    "attn_implementation", "plugins", "deepspeed", "fsdp_config", "max_steps", "bnb_config_kwargs", "load_in_4bit",
    "model_name_or_path", "lora_rank", "lora_target", "quantization_bit", "cutoff_len", "flash_attn", "max_samples",
    "dataset", "r", "target_modules", "target_parameters", "bias", "configuration", "architecture", "training",
    "hardware", "lora_target_linear", "stage", "finetuning_type", "packing", "optim", "tensor_parallel_size",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from(KEYS), WILD, max_size=6),
    form=st.sampled_from(["axolotl", "llama_factory", "peft"]),
)
def test_any_value_of_any_key_is_read_or_refused(changes: dict[str, Any], form: ReadFormat) -> None:
    world = load_world()
    good = {"base_model": "Qwen/Qwen3-0.6B", "model_name_or_path": "Qwen/Qwen3-0.6B", "lora_r": 8, "r": 8}
    good |= {"base_model_name_or_path": "Qwen/Qwen3-0.6B", "adapter": "lora", "lora_target_linear": True}
    good |= {"target_modules": ["q_proj"]}
    with contextlib.suppress(InputError):
        estimate_back(form, json.dumps(good | changes), L40S, world)
