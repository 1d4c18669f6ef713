"""Every exported file is taken by its tool, with no unknown key."""
# ruff: noqa: S101

import argparse
import dataclasses
import json
import re
import runpy
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.errors import InputError
from app.exporters import ExportFormat, export
from app.exporters.to_llama_factory import template
from app.pipeline import load_world
from bench import refresh_keys
from tests_real.plans import NAMES, ROOT, plan


def exported(name: str, form: ExportFormat, **changes: Any) -> str:
    """The text of an export; skips what is refused on purpose."""
    try:
        return export(form, plan(name, **changes)).text
    except InputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("tool", refresh_keys.TOOLS)
def test_the_recorded_keys_are_those_of_the_installed_version(tool: str) -> None:
    recorded = (ROOT / "app" / "exporters" / "keys" / f"{tool}.json").read_text(encoding="utf-8")
    assert refresh_keys.recorded(tool) == recorded, "run bench/refresh_keys.py and read the diff"


@pytest.mark.parametrize("name", NAMES)
def test_peft_reads_the_adapter_as_planned(name: str, tmp_path: Path) -> None:
    from peft import LoraConfig

    text = exported(name, "peft")
    (tmp_path / "adapter_config.json").write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = LoraConfig.from_pretrained(tmp_path)
    lora = plan(name).lora
    assert lora is not None
    assert (made.r, made.lora_alpha, made.lora_dropout) == (lora.r, lora.lora_alpha, lora.lora_dropout)
    assert set(made.target_modules or ()) == set(lora.target_modules)
    assert tuple(made.target_parameters or ()) == lora.target_parameters
    assert (made.use_rslora, made.use_dora) == (lora.use_rslora, lora.use_dora)


@pytest.mark.parametrize("name", NAMES)
def test_axolotl_accepts_the_file_and_knows_every_key(name: str) -> None:
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import SFTDataset

    document = yaml.safe_load(exported(name, "axolotl"))
    names = {field.alias or key for key, field in AxolotlInputConfig.model_fields.items()}
    assert set(document) <= names
    assert all(set(row) <= set(SFTDataset.model_fields) for row in document["datasets"])
    made = AxolotlInputConfig.model_validate(document)
    assert (made.micro_batch_size, made.sequence_len) == (document["micro_batch_size"], document["sequence_len"])
    assert isinstance(made.learning_rate, float)


def llama_factory_arguments(document: dict[str, Any]) -> Any:
    """As `llamafactory-cli train` parses them: an unknown key is an error."""
    from llamafactory.hparams.parser import _parse_train_args

    return _parse_train_args(document)


@pytest.mark.parametrize("name", NAMES)
def test_llama_factory_accepts_the_file_and_knows_every_key(name: str, tmp_path: Path) -> None:
    document = yaml.safe_load(exported(name, "llama_factory"))
    on_cpu = document | {"bf16": False, "pure_bf16": False, "fp16": False, "output_dir": str(tmp_path)}
    of_model, of_data, of_training, of_method, _ = llama_factory_arguments(on_cpu)
    training = plan(name).training
    assert of_data.cutoff_len == training.max_seq_length
    assert of_training.per_device_train_batch_size == training.micro_batch_size
    assert of_method.finetuning_type == ("full" if plan(name).lora is None else "lora")
    assert bool(of_model.quantization_bit) == (plan(name).method == "qlora")


def test_llama_factory_refuses_a_key_that_it_does_not_know() -> None:
    document = yaml.safe_load(exported("lora_extraction", "llama_factory"))
    with pytest.raises(ValueError, match="lora_ranks"):
        llama_factory_arguments(document | {"bf16": False, "lora_ranks": 8})


def test_templates_are_those_of_llama_factory() -> None:
    from llamafactory.extras.constants import DEFAULT_TEMPLATE, SUPPORTED_MODELS

    source_code = (refresh_keys.package_folder("llamafactory") / "data" / "template.py").read_text(encoding="utf-8")
    templates = set(re.findall(r'^    name="([^"]+)",$', source_code, re.MULTILINE))
    assert len(templates) > 50
    group = {source: name for name, sources in SUPPORTED_MODELS.items() for source in sources.values()}
    for base_model in load_world().catalogue.base_models:
        ours, theirs = template(base_model), DEFAULT_TEMPLATE.get(group.get(base_model, ""))
        assert ours is None or ours in templates, base_model
        if theirs:
            assert ours == theirs, base_model


@pytest.mark.parametrize("name", NAMES)
def test_trl_takes_every_argument_of_the_script(name: str, tmp_path: Path) -> None:
    from trl import SFTConfig

    script = tmp_path / "train.py"
    changes = {"training": {"precision": "fp32", "optimizer": "adamw"}}
    script.write_text(exported(name, "trl", **changes), encoding="utf-8")
    made = runpy.run_path(str(script), run_name="imported")
    given = argparse.Namespace(output=str(tmp_path / "out"), max_steps=-1)
    settings = made["settings"](given, True)
    assert isinstance(settings, SFTConfig)
    training = plan(name).training
    assert settings.max_length == training.max_seq_length
    assert settings.learning_rate == training.learning_rate
    assert settings.gradient_accumulation_steps == training.gradient_accumulation_steps
    assert settings.packing == training.packing
    if plan(name).lora is not None:
        recorded = json.loads(export("peft", plan(name)).text)
        fields = {f.name for f in dataclasses.fields(made["ADAPTER"])}
        for key in ("r", "lora_alpha", "use_rslora", "use_dora", "bias", "task_type"):
            assert key in fields
            assert getattr(made["ADAPTER"], key) == recorded[key]


@pytest.mark.parametrize("optimizer", ["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "sgd"])
@pytest.mark.parametrize("sharding", ["none", "fsdp"])
def test_optimizer_names_are_those_of_transformers_and_axolotl(optimizer: str, sharding: str) -> None:
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from transformers.training_args import OptimizerNames

    changes = {"training": {"optimizer": optimizer}, "hardware": {"gpu_count": 2, "sharding": sharding}}
    document = yaml.safe_load(exported("full_pretraining", "axolotl", **changes))
    OptimizerNames(document["optimizer"])
    AxolotlInputConfig.model_validate(document)
