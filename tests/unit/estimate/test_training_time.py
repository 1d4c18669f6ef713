"""Seconds of a step: which cause rules when."""

from typing import Any

import pytest

from app.catalogue.frameworks import FrameworkProfile, load_frameworks
from app.estimate.memory import footprint
from app.estimate.memory_weights import prepared
from app.estimate.training_settings import resolve
from app.estimate.training_time import StepTime, step_time
from app.schemas.training import TrainingRequest
from tests.unit.estimate.training_cases import architecture, gpu, request


def profile(name: str = "hf_peft") -> FrameworkProfile:
    return load_frameworks().profiles[name]  # type: ignore[index]


def timed(asked: TrainingRequest, card: str = "A100-80GB") -> StepTime:
    name = asked.training.framework or "generic"
    run, _ = resolve(asked, profile(name), load_frameworks().reasons[name], gpu(name=card))
    base = prepared(architecture(), asked.lora, profile(name).naming)
    return step_time(base, run, footprint(base, run, profile(name)).static, profile(name), gpu(name=card))


def test_launches_rule_short_batches_and_cost_the_same_for_any_of_them() -> None:
    one = timed(request("lora", micro_batch_size=1, max_seq_length=8))
    two = timed(request("lora", micro_batch_size=1, max_seq_length=16))
    assert one.launch_bound
    assert one.seconds == pytest.approx(two.seconds, rel=0.01)
    assert one.seconds == pytest.approx(32 * profile().layer_launch_seconds * 4 / 3, rel=0.02)


def test_products_rule_long_batches() -> None:
    here = timed(request("full", micro_batch_size=8, max_seq_length=4096))
    tokens = 8 * 4096
    products = tokens * here.flops.total / (300e12 * profile().matmul_efficiency)
    assert not here.launch_bound
    assert products < here.compute < 1.6 * products


def test_checkpointing_costs_about_a_third() -> None:
    plain = timed(request("full", micro_batch_size=8, max_seq_length=4096, gradient_checkpointing=False))
    again = timed(request("full", micro_batch_size=8, max_seq_length=4096))
    assert 1.25 < again.compute / plain.compute < 1.4


def test_optimizer_traffic_of_full_fine_tuning() -> None:
    full = timed(request("full"))
    assert full.optimizer == pytest.approx(30 * 8_030_261_248 / 2e12)
    shared = timed(request("full", hardware={"gpu_count": 4, "sharding": "fsdp"}))
    assert shared.optimizer == full.optimizer / 4


def test_accumulation_repeats_micro_batches_only() -> None:
    one, four = timed(request("full")), timed(request("full", gradient_accumulation_steps=4))
    assert four.seconds - four.optimizer == pytest.approx(4 * (one.seconds - one.optimizer))


@pytest.mark.parametrize(("quantization", "bytes_moved"), [("nf4", "dequant_bytes"), ("gptq4", "gptq_dequant_bytes")])
def test_unpacking_quantised_weights(quantization: str, bytes_moved: str) -> None:
    plain = timed(request("lora", max_seq_length=8))
    here = timed(request("qlora", quantization, max_seq_length=8, upcast_norms_and_embeddings=False))
    extra = 3 * getattr(profile(), bytes_moved) * 6_979_321_856 / 2e12
    assert here.launch - plain.launch == pytest.approx(extra)


def test_geforce_boards_outrun_their_data_sheet() -> None:
    asked = request("full", micro_batch_size=8, max_seq_length=4096)
    assert timed(asked, "RTX-4090").compute < timed(asked, "A100-80GB").compute


def test_gathering_over_a_slow_link_never_makes_two_gpus_slower_than_one() -> None:
    alone = timed(request("lora", framework="fsdp_qlora", max_seq_length=128, micro_batch_size=1))
    hardware = {"gpu_count": 2, "sharding": "fsdp"}
    pair = timed(request("lora", framework="fsdp_qlora", max_seq_length=128, micro_batch_size=1, hardware=hardware))
    assert pair.capped
    assert pair.seconds == pytest.approx(2 * alone.seconds)
    assert pair.uncapped_seconds > pair.seconds


def test_links_between_machines_are_slower() -> None:
    def links(n: int, sharding: str) -> float:
        extra: dict[str, Any] = {"hardware": {"gpu_count": n, "sharding": sharding}, "framework": "megatron"}
        return timed(request("lora", micro_batch_size=1, global_batch_size=n, **extra)).links

    assert links(16, "fsdp") > 2 * links(8, "fsdp")


def test_compiling_saves_launches_traffic_and_norm_copies() -> None:
    plain, compiled = timed(request("lora")), timed(request("lora", torch_compile=True))
    assert compiled.launch == pytest.approx(0.6 * plain.launch)
    assert compiled.compute < plain.compute
