"""Exports: golden files, keys that the tools know, refusals, and text that stays where it belongs."""

import ast
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml

from app.errors import InputError
from app.exporters import EXPORTERS, ExportFormat, export
from app.exporters.hugging_face import ATTENTION, DTYPES, OPTIMIZERS, OPTIMIZERS_READ
from app.exporters.sheet import known
from app.exporters.to_llama_factory import template
from app.exporters.writing import NEEDS_QUOTES, comment, yaml_scalar
from app.schemas.vocabulary import Attention, Optimizer, Precision
from tests.conftest import ROOT, same_as_golden
from tests.unit.exporters.plans import ALL_PLANS, EXPORTS, GOLDEN_PLANS, plan

SUFFIX = {"application/json": "json", "application/yaml": "yaml", "text/x-python": "py.txt"}
"""Scripts end in .txt, so that no linter takes them for ours."""
PAIRS = [(name, form) for name in ALL_PLANS for form in EXPORTERS]
REFUSED = {("full_pretraining", "peft"), ("full_pretraining", "unsloth"), ("lora_experts", "llama_factory")}
HAPPY = [pair for pair in PAIRS if pair not in REFUSED]


@pytest.mark.parametrize("name", GOLDEN_PLANS)
@pytest.mark.parametrize("form", EXPORTERS)
def test_golden(name: str, form: ExportFormat) -> None:
    if (name, form) in REFUSED:
        with pytest.raises(InputError):
            export(form, plan(name))
        return
    made = export(form, plan(name))
    same_as_golden(EXPORTS / f"{name}.{form}.{SUFFIX[made.media_type]}", made.text)


def recorded(tool: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "app" / "exporters" / "keys" / f"{tool}.json").read_text())
    return found


@pytest.mark.parametrize("name", ALL_PLANS)
@pytest.mark.parametrize("form", ["axolotl", "llama_factory"])
def test_yaml_has_keys_that_the_tool_knows(name: str, form: ExportFormat) -> None:
    if (name, form) in REFUSED:
        return
    document = yaml.safe_load(export(form, plan(name)).text)
    assert set(document) <= set(recorded(form)["keys"])
    for row in document.get("datasets", ()):
        assert set(row) <= set(recorded("axolotl")["datasets"])


@pytest.mark.parametrize("name", [name for name in ALL_PLANS if (name, "peft") not in REFUSED])
def test_peft_has_keys_that_peft_knows(name: str) -> None:
    made = json.loads(export("peft", plan(name)).text)
    assert set(made) <= set(recorded("peft")["keys"])
    assert made["peft_type"] == "LORA"


def calls(text: str) -> Iterator[tuple[str, set[str]]]:
    """Name and keyword arguments of every call in a script."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, {k.arg for k in node.keywords if k.arg}


@pytest.mark.parametrize(("name", "form"), [pair for pair in HAPPY if pair[1] in ("trl", "unsloth")])
def test_scripts_call_with_arguments_that_exist(name: str, form: ExportFormat) -> None:
    text = export(form, plan(name)).text
    keys = {**recorded("trl"), **recorded("unsloth"), "LoraConfig": recorded("peft")["keys"]}
    found = [(call, arguments) for call, arguments in calls(text) if call in keys]
    assert {"SFTConfig", "SFTTrainer"} <= {call for call, _ in found}
    for call, arguments in found:
        if call == "from_pretrained" and form == "trl":
            continue
        assert arguments <= set(keys[call]), call


@pytest.mark.parametrize(("name", "form"), HAPPY)
def test_every_reason_of_an_exported_field_is_there(name: str, form: ExportFormat) -> None:
    if form == "peft":
        return  # JSON has no comments
    text = " ".join(line.strip().removeprefix("#").strip() for line in export(form, plan(name)).text.splitlines())
    fields = ("training.learning_rate", "training.max_seq_length", "lora.r", "hardware.gpu")
    for because in plan(name).because:
        if because.field in fields:
            assert because.text in text, because.field


CHANGES: list[tuple[str, ExportFormat, dict[str, Any], str]] = [
    ("lora_extraction", "axolotl", {"lora__lora_alpha": 16.5}, "/lora/lora_alpha"),
    ("lora_extraction", "llama_factory", {"lora__lora_alpha": 16.5}, "/lora/lora_alpha"),
    ("lora_extraction", "trl", {"quantization": "nf4"}, "/quantization"),
    ("lora_extraction", "trl", {"method": "full"}, "/lora"),
    ("lora_extraction", "trl", {"lora": None}, "/lora"),
    ("lora_extraction", "trl", {"training__precision": "fp8"}, "/training/precision"),
    ("lora_extraction", "trl", {"hardware__sharding": "tensor_parallel"}, "/hardware/sharding"),
    ("lora_extraction", "trl", {"training__mean_seq_length": 1e6}, "/training/mean_seq_length"),
    ("lora_extraction", "trl", {"lora__target_modules": []}, "/lora/target_modules"),
    ("lora_extraction", "unsloth", {"lora__use_dora": True}, "/lora/use_dora"),
    ("qlora_classification", "unsloth", {"quantization": "gptq4"}, "/quantization"),
    ("lora_experts", "trl", {"lora__lora_dropout": 0.1}, "/lora/lora_dropout"),
    ("lora_experts", "peft", {"lora__use_dora": True}, "/lora/use_dora"),
    ("lora_experts", "llama_factory", {}, "/lora/target_parameters"),
    ("full_pretraining", "peft", {}, "/method"),
    ("full_pretraining", "unsloth", {}, "/hardware/sharding"),
]


@pytest.mark.parametrize(("name", "form", "changes", "pointer"), CHANGES)
def test_what_cannot_be_done_as_planned_is_refused(
    name: str, form: ExportFormat, changes: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InputError) as caught:
        export(form, plan(name, **changes))
    assert [p.pointer for p in caught.value.problems] == [pointer]


@pytest.mark.parametrize("quantization", ["nf4", "nf4_double", "int8", "gptq4"])
@pytest.mark.parametrize("form", ["trl", "axolotl", "llama_factory"])
def test_every_quantization_is_written(form: ExportFormat, quantization: str) -> None:
    text = export(form, plan("qlora_classification", quantization=quantization)).text
    wanted = {
        "nf4": ("double_quant=False", "bnb_4bit_use_double_quant: false", "double_quantization: false"),
        "nf4_double": ("double_quant=True", "load_in_4bit: true", "double_quantization: true"),
        "int8": ("load_in_8bit=True", "load_in_8bit: true", "quantization_bit: 8"),
        "gptq4": ("GPTQ checkpoint", "gptq: true", "GPTQ checkpoint"),
    }[quantization]
    assert wanted[("trl", "axolotl", "llama_factory").index(form)] in text


def test_every_word_of_the_vocabularies_has_a_name() -> None:
    assert set(OPTIMIZERS) == set(get_args(Optimizer))
    assert set(ATTENTION) == set(get_args(Attention))
    assert set(DTYPES) == set(get_args(Precision)) - {"fp8"}
    assert {OPTIMIZERS_READ[name] for name in OPTIMIZERS.values()} == set(OPTIMIZERS)


HOSTILE = 'x"\x07\x1b\n\r\u2028\x85 lora_r: 9999\nimport os; os.system("true") # \\ """ \''


@pytest.mark.parametrize(("name", "form"), HAPPY)
def test_text_stays_in_its_comment_and_names_in_their_quotes(name: str, form: ExportFormat) -> None:
    because = [{"field": b.field, "text": HOSTILE, "source": HOSTILE} for b in plan(name).because]
    evil = plan(name, because=because, limits=[HOSTILE], base_model=HOSTILE)
    plain, made = export(form, plan(name)).text, export(form, evil).text
    if form == "peft":
        assert json.loads(made)["base_model_name_or_path"] == HOSTILE
    elif form in ("axolotl", "llama_factory"):
        key = "base_model" if form == "axolotl" else "model_name_or_path"
        before, after = yaml.safe_load(plain), yaml.safe_load(made)
        assert after.pop(key) == HOSTILE
        before.pop(key)
        before.pop("template", None)
        assert after == before
    else:
        original, attacked = ast.parse(plain), ast.parse(made)
        values = [node.value for node in ast.walk(attacked) if isinstance(node, ast.Constant)]
        assert HOSTILE in values
        names = [[type(node).__name__ for node in ast.walk(tree)] for tree in (original, attacked)]
        assert names[0] == names[1]


@pytest.mark.parametrize(
    "value",
    [*NEEDS_QUOTES, "NO", "Yes", "1e5", "0x1F", "1:30", "#a", "a: b", "- a", "", " ", "~", "[a]", "é", "a\nb",
     "2026-11-24", "Qwen/Qwen3-8B", "all-linear", "./out", "a,b", "@x", "`x", "%x", "!x", "*x", "&x",
     "=", "<<", ".5", "-", "é-1",
    ],
)  # fmt: skip
def test_yaml_text_reads_back_as_it_was(value: str) -> None:
    assert yaml.safe_load(f"key: {yaml_scalar(value)}") == {"key": value}


@pytest.mark.parametrize("value", [1e-5, 3e-05, 0.0002, 1.0, 0.1, 1e22, 5e-324, 123456789.125, True, False, 0, -3])
def test_yaml_numbers_read_back_as_numbers(value: float) -> None:
    read = yaml.safe_load(f"key: {yaml_scalar(value)}")["key"]
    assert (read, type(read)) == (value, type(value))


def test_a_comment_never_holds_a_line_break() -> None:
    for line in comment(HOSTILE * 20, "  "):
        assert line.startswith("  # ")
        assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    ("base_model", "expected"),
    [
        ("Qwen/Qwen3-8B", "qwen3"),
        ("Qwen/Qwen3-4B-Instruct-2507", "qwen3_nothink"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "deepseekr1"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama3"),
        ("google/gemma-3-4b-pt", "gemma3"),
        ("microsoft/phi-4", "phi4"),
        ("openai/gpt-oss-20b", "gpt_oss"),
        ("acme/own-decoder", None),
    ],
)
def test_llama_factory_template(base_model: str, expected: str | None) -> None:
    assert template(base_model) == expected


def test_key_lists_name_their_version() -> None:
    for tool in ("axolotl", "llama_factory", "peft"):
        assert known(tool).version[0].isdigit()
