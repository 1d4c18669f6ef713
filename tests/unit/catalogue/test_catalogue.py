"""Look-ups, freezing, digest, overlays and staleness of the catalogue."""

import dataclasses
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.catalogue import STALE_AFTER_DAYS, assembly, load_catalogue
from app.catalogue.stale import main as stale_main
from app.errors import UnknownNameError
from tests.conftest import ROOT

SOURCES = 'sources: {ours: {title: Our contract, href: "https://example.org/contract", date: 2026-11-01}}\n'
DAY = date(2026, 11, 24)


def overlay(tmp_path: Path, text: str) -> Path:
    """A file with one source, `ours`, and `text`."""
    path = tmp_path / "ours.yaml"
    path.write_text(SOURCES + text, encoding="utf-8")
    return path


def test_it_is_loaded_once() -> None:
    assert load_catalogue() is load_catalogue()


def test_it_cannot_be_changed() -> None:
    catalogue = load_catalogue()
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalogue.digest = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        catalogue.gpus["X"] = catalogue.gpus["L4"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalogue.gpu("L4").memory_bytes = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("asked", "answered", "parameters"),
    [
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B", 8_190_735_360),
        ("qwen/QWEN3-8b", "Qwen/Qwen3-8B", 8_190_735_360),
        ("Qwen/Qwen3-8B-Base", "Qwen/Qwen3-8B-Base", 8_190_735_360),
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("meta-llama/Meta-Llama-3.1-8B", "meta-llama/Meta-Llama-3.1-8B", 8_030_261_248),
    ],
)
def test_base_models_are_found_by_id_alias_and_whatever_case(asked: str, answered: str, parameters: int) -> None:
    spec = load_catalogue().base_model(asked)
    assert (spec.id, spec.total_parameters) == (answered, parameters)


def test_an_unknown_base_model_is_told_the_nearest_at_its_pointer() -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_catalogue().base_model("Qwen/Qwen3-9B", "/preferences/base_model")
    problem = caught.value.problems[0]
    assert problem.pointer == "/preferences/base_model"
    assert "Qwen/Qwen3-8B" in caught.value.near


def test_an_unknown_gpu_is_told_the_nearest_at_its_pointer() -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_catalogue().gpu("H100", "/hardware/gpu")
    assert caught.value.problems[0].pointer == "/hardware/gpu"
    assert "H100-80GB" in caught.value.near


def test_hosted_models_are_found_by_id_and_by_a_unique_name() -> None:
    catalogue = load_catalogue()
    assert catalogue.hosted_model("anthropic/claude-haiku-5-5") is catalogue.hosted_model("claude-haiku-5-5")
    with pytest.raises(UnknownNameError) as caught:
        catalogue.hosted_model("openai/gpt-6-lune")
    assert "openai/gpt-6-luna" in caught.value.near


def test_contract_prices_of_an_overlay_win_and_are_marked(tmp_path: Path) -> None:
    price = """
gpu_prices:
  - {gpu: L40S, provider: Us, terms: contract, unit: USD/hour, values: {2026-11-01: 0.33}, source: ours,
     checked: 2026-11-01}
"""
    catalogue = load_catalogue(overlay(tmp_path, price))
    usual = catalogue.gpu("L40S").usd_per_hour
    assert usual is not None
    assert (usual.value, usual.as_of) == (0.33, date(2026, 11, 1))
    assert "Our contract" in usual.source
    assert len(catalogue.gpu("L40S").prices) == len(load_catalogue().gpu("L40S").prices) + 1


def test_an_overlay_changes_the_digest_and_nothing_else(tmp_path: Path) -> None:
    rate = "currencies:\n  XAU: {unit: USD, values: {2026-11-01: 4000.0}, source: ours, checked: 2026-11-01}\n"
    plain, ours = load_catalogue(), load_catalogue(overlay(tmp_path, rate))
    assert plain.digest != ours.digest
    assert set(ours.currencies) - set(plain.currencies) == {"XAU"}
    assert ours.base_models == plain.base_models


CORRECTION = """
corrections:
  - {quantity: train_seconds, gpu: L40S, framework: axolotl, factor: 1.26, factor_low: 1.2, factor_high: 1.32, count: 9,
     as_of: 2026-11-24, evidence: "nine runs in November"}
  - {quantity: peak_reserved_bytes, gpu: L40S, framework: axolotl, factor: 0.9, factor_low: 0.88, factor_high: 0.92,
     count: 9, as_of: 2026-11-24, evidence: "nine runs in November"}
"""


def test_accepted_corrections_are_kept_by_gpu_and_framework(tmp_path: Path) -> None:
    assert load_catalogue().corrections == {}
    ours = load_catalogue(overlay(tmp_path, CORRECTION))
    ((place, found),) = ours.corrections.items()
    assert place == ("L40S", "axolotl")
    assert [(c.quantity, c.factor, c.count) for c in found] == [
        ("train_seconds", 1.26, 9),
        ("peak_reserved_bytes", 0.9, 9),
    ]
    assert found[0].source == "accepted in ours.yaml, 2026-11-24: nine runs in November"


def test_the_documented_correction_is_one(tmp_path: Path) -> None:
    told = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    _, _, rest = told.partition("```yaml\ncorrections:")
    ((found,),) = load_catalogue(overlay(tmp_path, "corrections:" + rest.partition("```")[0])).corrections.values()
    assert found.quantity == "train_seconds"


def test_an_accepted_correction_changes_the_digest(tmp_path: Path) -> None:
    ours = load_catalogue(overlay(tmp_path, CORRECTION))
    again = tmp_path / "again"
    again.mkdir()
    other = load_catalogue(overlay(again, CORRECTION.replace("1.26", "1.27")))
    assert len({load_catalogue().digest, ours.digest, other.digest}) == 3


def test_comments_layout_and_order_do_not_change_the_digest(tmp_path: Path) -> None:
    first = "currencies: {XAU: {unit: USD, values: {2026-11-01: 4000.0}, source: ours, checked: 2026-11-01}}\n"
    second = """
# a remark
currencies:
  XAU:
    checked: 2026-11-01
    source: ours
    values: {2026-11-01: 4000.0}
    unit: USD
"""
    again = tmp_path / "again"
    again.mkdir()
    assert load_catalogue(overlay(tmp_path, first)).digest == load_catalogue(overlay(again, second)).digest


def test_profiles_count_towards_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    with_profiles = assembly.digest({})
    monkeypatch.setattr(assembly, "PROFILES", ())
    assert assembly.digest({}) != with_profiles


def test_a_changed_overlay_is_read_again(tmp_path: Path) -> None:
    line = "currencies: {{XAU: {{unit: USD, values: {{2026-11-01: {}}}, source: ours, checked: 2026-11-01}}}}\n"
    path = overlay(tmp_path, line.format("4000.0"))
    assert load_catalogue(path).currencies["XAU"].value == 4000.0
    path.write_text(SOURCES + line.format("4100.0") + "# longer\n", encoding="utf-8")
    assert load_catalogue(path).currencies["XAU"].value == 4100.0


def test_an_overlay_adds_a_base_model(tmp_path: Path) -> None:
    spec = load_catalogue().base_model("HuggingFaceTB/SmolLM2-135M")
    entry = f"""
base_models:
  us/our-own:
    family: Ours
    config: {{model_type: llama, hidden_size: 576, num_hidden_layers: 30, num_attention_heads: 9,
      num_key_value_heads: 3, intermediate_size: 1536, vocab_size: 49152, tie_word_embeddings: true}}
    total_parameters: {spec.total_parameters}
    active_parameters: {spec.active_parameters}
    license: internal
    commercial_use: true
    max_position_embeddings: 8192
    released: 2026-01-01
    languages: [en]
    gated: false
    instruct_id: null
    chat_template: chatml
    sources: [ours]
"""
    ours = load_catalogue(overlay(tmp_path, entry)).base_model("us/our-own")
    assert ours.architecture == spec.architecture
    assert ours.references[0].title == "Our contract"


@pytest.mark.parametrize("overdue", [-1, 0, 1])
def test_a_price_is_stale_from_the_day_after_its_ninetieth(overdue: int) -> None:
    catalogue = load_catalogue()
    price = next(p for p in catalogue.prices if p.name == "openai/gpt-6-luna tokens")
    today = price.checked + timedelta(days=STALE_AFTER_DAYS + overdue)
    stale = {p.name: p for p in catalogue.stale(today)}
    assert (price.name in stale) == (overdue > 0)
    if overdue > 0:
        assert stale[price.name].age_days == STALE_AFTER_DAYS + overdue


def test_stale_prices_come_oldest_first_and_grow_with_time() -> None:
    catalogue = load_catalogue()
    stale = catalogue.stale(DAY)
    assert [p.checked for p in stale] == sorted(p.checked for p in stale)
    assert {p.name for p in stale} <= {p.name for p in catalogue.stale(DAY + timedelta(days=400))}
    assert len(catalogue.stale(DAY + timedelta(days=400))) == len(catalogue.prices)


def test_the_command_lists_stale_prices_and_fails_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert stale_main(["--as-of", "2026-11-24"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "cohere/command-r tuning" in "\n".join(lines)
    assert lines[-1].startswith(f"{len(lines) - 1} of {len(load_catalogue().prices)} prices")
    assert stale_main(["--as-of", "2026-11-24", "--fail"]) == 1
    assert stale_main(["--as-of", "2026-11-24", "--days", "100000", "--fail"]) == 0


def test_the_usual_price_is_one_that_somebody_asks() -> None:
    for gpu in load_catalogue().gpus.values():
        if gpu.usd_per_hour is not None:
            assert gpu.usd_per_hour in [price.price for price in gpu.prices]


def test_a_marketplace_price_does_not_count_beside_a_data_centre() -> None:
    gpu = load_catalogue().gpu("H100-80GB")
    on_demand = sorted(p.price.value for p in gpu.prices if p.terms == "on_demand")
    assert gpu.usd_per_hour is not None
    assert gpu.usd_per_hour.value == on_demand[(len(on_demand) - 1) // 2]
    assert min(p.price.value for p in gpu.prices if p.terms == "marketplace") < on_demand[0]


def test_a_price_far_older_than_the_newest_does_not_count() -> None:
    usual = load_catalogue().gpu("T4").usd_per_hour
    assert usual is not None
    assert usual.as_of.year == 2026


def test_announced_prices_count_from_their_day() -> None:
    flash = load_catalogue().hosted_model("google/gemini-3.8-flash")
    assert flash.prices.input_usd == 0.75
    assert flash.prices_on(date(2026, 12, 31)) == flash.prices
    assert flash.prices_on(date(2027, 1, 1)).input_usd == 1.5
    assert flash.prices_on(date(2020, 1, 1)) == flash.price_history[0]


def test_offers_close_and_end() -> None:
    catalogue = load_catalogue()
    offers = {offer.id: offer for offer in catalogue.tuning_offers}
    openai = offers["openai/gpt-4.1-mini"]
    assert (openai.closed_to_new_users, openai.ends) == (date(2026, 5, 7), date(2027, 1, 6))
    assert not openai.open_on(DAY)
    assert openai.open_on(DAY, new_user=False)
    assert not openai.open_on(date(2027, 1, 6), new_user=False)
    assert offers["cohere/command-r"].ends == date(2025, 9, 15)
    assert offers["tinker/qwen3-8b"].open_on(DAY)


def test_offers_by_size_take_every_base_model_of_that_size() -> None:
    catalogue = load_catalogue()
    offers = {offer.id: offer for offer in catalogue.tuning_offers}
    small, large = catalogue.base_model("Qwen/Qwen3-8B"), catalogue.base_model("meta-llama/Llama-3.3-70B-Instruct")
    assert offers["together/up-to-16b"].takes(small)
    assert not offers["together/up-to-16b"].takes(large)
    assert offers["together/70b-100b"].takes(large)
    assert offers["tinker/qwen3-8b"].takes(small)
    assert not offers["tinker/qwen3-8b"].takes(large)
