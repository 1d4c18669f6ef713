"""The data themselves: what must be there, and cross-checks against other tables and against counting."""

import re
from datetime import UTC, date, datetime
from typing import get_args

import pytest

from app.catalogue import load_catalogue
from app.catalogue.assembly import FILES
from app.catalogue.entries import SourcedFile, _source_keys
from app.catalogue.files import DATA
from app.catalogue.strict_yaml import read, validated
from app.estimate.params import inventory
from app.schemas.vocabulary import TaskType
from app.units import GB, GIB

CATALOGUE = load_catalogue()
CONTRACT_GPUS = [
    "L4",
    "T4",
    "A10G",
    "L40S",
    "A5000",
    "RTX-3090",
    "RTX-4090",
    "RTX-5090",
    "RTX-6000-Ada",
    "A100-40GB",
    "A100-80GB",
    "H100-80GB",
    "H200-141GB",
    "B200-180GB",
    "GB200-186GB",
    "MI300X-192GB",
]
FAMILIES = [
    "Llama 2",
    "Llama 3.1",
    "Llama 3.2",
    "Llama 3.3",
    "TinyLlama",
    "Qwen2.5",
    "Qwen3",
    "Qwen3 MoE",
    "Mistral",
    "Mixtral",
    "Gemma 2",
    "Gemma 3",
    "Phi-3",
    "Phi-3.5",
    "Phi-4",
    "DeepSeek V2",
    "DeepSeek V3",
    "DeepSeek R1 distilled",
    "gpt-oss",
    "SmolLM2",
    "SmolLM3",
    "OLMo 2",
    "Granite 3",
]
PEAKS = {  # id: bf16 TFLOP/s, GB/s, W; aiconfigurator-core 0.12.0 systems/*.yaml, torchtitan get_peak_flops
    "L4": (121, 300, 72),
    "L40S": (362.05, 864, 350),
    "A100-80GB": (312, 2039, 400),
    "H100-80GB": (989, 3350, 700),
    "H100-PCIe-80GB": (756.5, 2000, 350),
    "H200-141GB": (989, 4800, 700),
    "B200-180GB": (2250, 7700, 1000),
    "GB200-186GB": (2500, 8000, 1200),
    "MI300X-192GB": (1300, 5300, 750),
}
NVIDIA_SMI_MIB = {  # totals that nvidia-smi prints; CUDA leaves a process less
    "T4": 15360,
    "L4": 23034,
    "A10G": 23028,
    "L40S": 46068,
    "A5000": 24564,
    "A100-40GB": 40960,
    "A100-80GB": 81920,
    "H100-80GB": 81559,
    "GB200-186GB": 189471,
}


def test_every_gpu_of_the_contract_is_there() -> None:
    assert set(CONTRACT_GPUS) <= set(CATALOGUE.gpus)


@pytest.mark.parametrize("gpu_id", PEAKS)
def test_rates_are_dense_and_agree_with_other_tables(gpu_id: str) -> None:
    gpu, (tflops, bandwidth, watts) = CATALOGUE.gpu(gpu_id), PEAKS[gpu_id]
    assert gpu.flops_per_second["bf16"] == pytest.approx(tflops * 1e12, rel=0.01)
    assert gpu.bandwidth_bytes_per_second == pytest.approx(bandwidth * GB, rel=0.001)
    assert gpu.board_power_watts == watts


@pytest.mark.parametrize("gpu_id", NVIDIA_SMI_MIB)
def test_memory_is_what_cuda_leaves_of_the_label(gpu_id: str) -> None:
    total = NVIDIA_SMI_MIB[gpu_id] * 2**20
    assert 0.96 * total < CATALOGUE.gpu(gpu_id).memory_bytes <= total


@pytest.mark.parametrize("gpu_id", CATALOGUE.gpus)
def test_rates_are_ordered_as_hardware_is(gpu_id: str) -> None:
    gpu = CATALOGUE.gpu(gpu_id)
    flops = gpu.flops_per_second
    assert flops["fp32"] < flops["fp16"] <= flops.get("fp8", flops["fp16"])
    assert flops.get("bf16", flops["fp16"]) == flops["fp16"]
    assert 10 * GIB < gpu.memory_bytes < 200 * GIB
    assert 10 * GB < gpu.link_bytes_per_second < gpu.bandwidth_bytes_per_second


@pytest.mark.parametrize(("gpu_id", "halved"), [("RTX-3090", 71), ("RTX-4090", 165.2), ("RTX-5090", 209.5)])
def test_geforce_rates_are_those_of_fp32_accumulation(gpu_id: str, halved: float) -> None:
    assert CATALOGUE.gpu(gpu_id).flops_per_second["bf16"] == pytest.approx(halved * 1e12)


def test_a_t4_has_no_bf16() -> None:
    assert "bf16" not in CATALOGUE.gpu("T4").flops_per_second


def test_gpu_hours_are_priced_by_several_providers() -> None:
    providers = {price.provider for gpu in CATALOGUE.gpus.values() for price in gpu.prices}
    assert len(providers) >= 10
    assert {gpu.id for gpu in CATALOGUE.gpus.values() if gpu.usd_per_hour is None} == {"A5000", "RTX-6000-Ada"}


def test_base_models_that_teams_tune_are_there() -> None:
    assert len(CATALOGUE.base_models) >= 60
    assert set(FAMILIES) <= {spec.family for spec in CATALOGUE.base_models.values()}


@pytest.mark.parametrize("base_model_id", CATALOGUE.base_models)
def test_parameter_counts_are_those_of_the_architecture(base_model_id: str) -> None:
    spec = CATALOGUE.base_model(base_model_id)
    counted = inventory(spec.architecture)
    assert spec.total_parameters == counted.total_parameters
    assert spec.active_parameters == counted.active_parameters


@pytest.mark.parametrize(
    ("base_model_id", "published"),
    [  # totals of the checkpoints on the Hub
        ("meta-llama/Llama-3.1-8B", 8_030_261_248),
        ("meta-llama/Llama-3.1-405B", 405_853_388_800),
        ("Qwen/Qwen2.5-14B", 14_770_033_664),
        ("Qwen/Qwen3-235B-A22B", 235_093_634_560),
        ("google/gemma-3-27b-pt", 27_432_406_640),
        ("openai/gpt-oss-20b", 20_914_757_184),
        ("openai/gpt-oss-120b", 116_829_156_672),
        ("deepseek-ai/DeepSeek-V2-Lite", 15_706_484_224),
        ("microsoft/Phi-4-mini-instruct", 3_836_021_760),
        ("HuggingFaceTB/SmolLM3-3B-Base", 3_075_098_624),
        ("allenai/OLMo-2-1124-13B", 13_716_198_400),
    ],
)
def test_parameter_counts_are_those_published(base_model_id: str, published: int) -> None:
    assert CATALOGUE.base_model(base_model_id).total_parameters == published


@pytest.mark.parametrize("base_model_id", CATALOGUE.base_models)
def test_base_models_are_described_in_full(base_model_id: str) -> None:
    spec = CATALOGUE.base_model(base_model_id)
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", spec.id)
    assert all(re.fullmatch(r"[a-z]{2,3}", language) for language in spec.languages)
    assert date(2023, 7, 1) <= spec.released <= datetime.now(UTC).date()
    assert spec.active_parameters <= spec.total_parameters
    assert spec.architecture.max_position_embeddings == spec.max_position_embeddings or "image" in spec.modalities
    assert spec.chat_template
    assert spec.references
    assert spec.architecture.has_vision_tower == ("image" in spec.modalities)


def test_licences_that_forbid_commercial_use_are_known() -> None:
    forbidden = {spec.id for spec in CATALOGUE.base_models.values() if not spec.commercial_use}
    assert forbidden == {"Qwen/Qwen2.5-3B"}


def test_hosted_models_come_from_several_providers_and_tiers() -> None:
    hosted = CATALOGUE.hosted_models.values()
    assert {"OpenAI", "Anthropic", "Google", "Mistral", "Groq", "Together", "Fireworks"} <= {h.provider for h in hosted}
    assert {"small", "medium", "frontier"} == {h.tier for h in hosted}


@pytest.mark.parametrize("hosted_id", CATALOGUE.hosted_models)
def test_hosted_prices_and_speeds_are_plausible(hosted_id: str) -> None:
    hosted = CATALOGUE.hosted_model(hosted_id)
    prices = hosted.prices
    assert prices.input_usd
    assert prices.output_usd
    assert 0 < prices.input_usd <= prices.output_usd
    if prices.cached_input_usd is not None:
        assert 0 < prices.cached_input_usd < prices.input_usd
        assert hosted.cache_min_tokens is not None
    assert prices.batch_factor is None or 0.25 <= prices.batch_factor < 1
    low, expected, high = hosted.output_tokens_per_second
    assert low < expected < high
    assert high / low >= 2, "a range of hosted speed that narrow is not honest"


def test_every_task_type_has_defaults() -> None:
    assert set(CATALOGUE.task_defaults) == set(get_args(TaskType))


@pytest.mark.parametrize(
    "name",
    [
        "hours_per_month",
        "tokens_per_word",
        "tokens_per_page",
        "label_cost_label",
        "label_cost_structured",
        "label_cost_text",
        "evaluation_examples",
        "training_attempts",
        "peak_factor",
        "cache_hit_rate",
        "engineer_usd_per_hour",
        "retrainings_per_year_static",
        "retrainings_per_year_slow",
        "retrainings_per_year_fast",
        "electricity_usd_per_kwh",
    ],
)
def test_assumptions_that_estimates_ask_for_are_there(name: str) -> None:
    assumption = CATALOGUE.assumptions[name]
    assert assumption.value > 0
    assert assumption.unit
    assert assumption.source
    assert assumption.checked


def test_judgements_say_that_they_are_ours() -> None:
    assert CATALOGUE.assumptions["peak_factor"].source.startswith("our judgement")
    assert not CATALOGUE.assumptions["tokens_per_word"].source.startswith("our judgement")


def test_currencies_are_worth_something() -> None:
    rates = {code: rate.value for code, rate in CATALOGUE.currencies.items()}
    assert rates["USD"] == 1
    assert 1 < rates["EUR"] < rates["GBP"] < 2
    assert 0.005 < rates["JPY"] < 0.01
    assert all(re.fullmatch(r"[A-Z]{3}", code) for code in rates)


@pytest.mark.parametrize("file", FILES)
def test_every_source_is_used(file: str) -> None:
    held: SourcedFile = validated(FILES[file], read(DATA / file), file)
    assert set(held.sources) == _source_keys(held)


def test_no_price_in_force_is_dated_after_its_check() -> None:
    assert CATALOGUE.prices_as_of == max(price.as_of for price in CATALOGUE.prices)
    assert all(price.as_of <= price.checked for price in CATALOGUE.prices)
