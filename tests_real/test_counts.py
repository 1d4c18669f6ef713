"""PEFT's own count of trainable parameters, from the exported adapter, equals ours: real sizes on meta tensors."""
# ruff: noqa: S101

import copy
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForImageTextToText

from app.exporters import RunFacts, estimate_back, export
from app.pipeline import load_world, plan_lora
from app.schemas.plan import LoraPlanRequest

WORLD = load_world()
LARGEST = 50e9
"""Parameters; larger base models repeat the same blocks more often."""


def one_of_each_kind() -> list[str]:
    """The smallest base model of every model type of the catalogue."""
    smallest: dict[str, str] = {}
    for spec in sorted(WORLD.catalogue.base_models.values(), key=lambda s: s.total_parameters):
        if spec.total_parameters <= LARGEST:
            smallest.setdefault(spec.architecture.model_type, spec.id)
    return list(smallest.values())


KINDS = one_of_each_kind()


def test_there_are_a_dozen_kinds() -> None:
    assert len(KINDS) >= 12


def build(base_model: str) -> torch.nn.Module:
    """The network without weights."""
    fields = copy.deepcopy(dict(WORLD.catalogue.base_models[base_model].architecture.raw))
    config = CONFIG_MAPPING[fields.pop("model_type")](**fields)
    with torch.device("meta"):
        try:
            return AutoModelForCausalLM.from_config(config)
        except ValueError:
            return AutoModelForImageTextToText.from_config(config)


@pytest.mark.parametrize("base_model", KINDS)
def test_peft_trains_as_many_parameters_as_we_say(base_model: str, tmp_path: Path) -> None:
    request = LoraPlanRequest(base_model=base_model, task_type="generation", examples=3000, tokens_per_example=400)
    planned = plan_lora(request.model_copy(update={"method": "lora"}), WORLD)
    text = export("peft", planned).text
    (tmp_path / "adapter_config.json").write_text(text)
    network = get_peft_model(build(base_model), LoraConfig.from_pretrained(tmp_path), low_cpu_mem_usage=True)
    counted = sum(p.numel() for p in network.parameters() if p.requires_grad)
    ours = estimate_back("peft", text, RunFacts(gpu="B200-180GB"), WORLD)
    assert counted == ours.trainable_parameters
