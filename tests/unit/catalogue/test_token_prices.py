"""The record of token prices against the installed genai-prices, which must neither slow the start nor call home."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from app.catalogue import load_catalogue
from app.catalogue.entries import HostedFile, TokenPriceFile
from app.catalogue.files import DATA
from app.catalogue.strict_yaml import read, validated
from app.catalogue.token_prices import look_up, version

HOSTED = validated(HostedFile, read(DATA / "hosted_models.yaml"), "hosted_models.yaml").hosted_models
RECORD = validated(TokenPriceFile, read(DATA / "token_prices.yaml"), "token_prices.yaml")
NO_NETWORK = """
import socket, sys
def refuse(*_): raise SystemExit("called home")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from app.catalogue import load_catalogue
load_catalogue()
print("genai_prices" in sys.modules)
from datetime import date
from app.catalogue.token_prices import look_up
print(look_up("openai", "gpt-6-luna", date(2026, 11, 10))[date(2026, 11, 10)].input)
"""


@pytest.mark.parametrize("hosted_id", RECORD.token_prices)
def test_the_record_is_what_genai_prices_says(hosted_id: str) -> None:
    if version() not in RECORD.sources["genai-prices"].title:
        pytest.skip(f"recorded from another release than {version()}: run bench/record_token_prices.py")
    named, entry = HOSTED[hosted_id].genai_prices, RECORD.token_prices[hosted_id]
    assert named is not None
    found = look_up(named["provider"], named["model"], entry.checked)
    assert {day: entry.values[day] for day in found} == found


def test_loading_needs_no_genai_prices_and_looking_up_no_network() -> None:
    made = subprocess.run([sys.executable, "-c", NO_NETWORK], capture_output=True, text=True, check=False, timeout=60)
    assert (made.stdout.split(), made.returncode) == (["False", "0.1"], 0), made.stderr


def test_batch_and_cached_prices_are_read() -> None:
    values = look_up("anthropic", "claude-opus-5", date(2026, 11, 10))[date(2026, 11, 10)]
    assert (values.input, values.cached_input, values.output, values.batch_factor) == (5.0, 0.5, 25.0, 0.5)


def test_a_provider_without_batch_prices_has_no_batch_factor() -> None:
    values = look_up("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", date(2026, 11, 10))
    assert values[date(2026, 11, 10)].batch_factor is None


def test_an_overlay_may_leave_prices_to_genai_prices(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(
        """
sources: {s: {title: A page, href: "https://example.org", date: 2026-11-01}}
hosted_models:
  openai/gpt-5.4-nano: {provider: OpenAI, name: gpt-5.4-nano, genai_prices: {provider: openai, model: gpt-5.4-nano},
    tier: small, context_tokens: 400000, time_to_first_token_seconds: [0.3, 0.8, 2.0], structured_output: true,
    output_tokens_per_second: [50.0, 120.0, 220.0], speed_source: s, released: 2026-03-17, sources: [s]}
""",
        encoding="utf-8",
    )
    hosted = load_catalogue(path).hosted_model("openai/gpt-5.4-nano")
    assert (hosted.prices.input_usd, hosted.prices.output_usd) == (0.2, 1.25)
    assert hosted.prices.source == f"genai-prices {version()}"
