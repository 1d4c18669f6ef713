"""Serving instructions and prompt kit: sized by the estimates, complete, and safe to copy."""

import ast
import json
import re
import shlex
from datetime import date
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.examples import RECOMMEND_EXAMPLES
from app.exporters import KITS
from app.exporters.prompt_kit import METRICS, SHAPES
from app.exporters.sample_size import half_width, rows_to_separate, separable_difference
from app.exporters.serve import VLLM_RANKS, longest_request, requests_at_once
from app.pipeline import World
from app.pipeline.kits import KitCase, kit_case
from app.schemas.recommend import RecommendRequest
from app.schemas.validation import parse

DAY = date(2026, 11, 24)


def case_of(example: str, world: World, **changes: object) -> KitCase:
    return kit_case(parse(RecommendRequest, dict(RECOMMEND_EXAMPLES[example]["value"] or {}) | changes), world, DAY)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("example", RECOMMEND_EXAMPLES)
@pytest.mark.parametrize("kit", KITS)
def test_every_example_has_its_kits(example: str, kit: str, world: World) -> None:
    text = KITS[kit](case_of(example, world)).text
    assert text.startswith("# ")
    assert "None" not in text
    assert "nan" not in text.split()


@pytest.mark.parametrize("example", RECOMMEND_EXAMPLES)
def test_commands_are_sized_by_the_estimate(example: str, world: World) -> None:
    case = case_of(example, world)
    text = KITS["serve"](case).text
    request, estimate = case.deployment.request, case.deployment.estimate
    commands = [shlex.split(command) for command in blocks(text, "sh")]
    assert {words[0] for words in commands} == {"vllm", "python"}
    for words in commands:
        flag = "--tensor-parallel-size" if words[0] == "vllm" else "--tp-size"
        assert words[words.index(flag) + 1] == str(request.tensor_parallel)
        length = "--max-model-len" if words[0] == "vllm" else "--context-length"
        assert request.input_tokens + request.output_tokens <= int(words[words.index(length) + 1]) <= case.context
    assert requests_at_once(estimate) <= max(1, estimate.max_concurrency)
    assert longest_request(case) <= case.context
    for script in blocks(text, "python"):
        ast.parse(script)


def test_rank_is_one_that_vllm_takes(world: World) -> None:
    text = KITS["serve"](case_of("icd10_coding", world)).text
    ranks = [int(found) for found in re.findall(r"--max-lora-rank (\d+)", text)]
    assert ranks
    assert set(ranks) <= set(VLLM_RANKS)


def test_qlora_says_why_not_to_merge_into_four_bits(world: World) -> None:
    text = KITS["serve"](case_of("icd10_coding", world, preferences={"method": "qlora"})).text
    assert "4-bit" in text
    assert "load_in_4bit" not in text


def test_full_tuning_merges_nothing(world: World) -> None:
    text = KITS["serve"](case_of("icd10_coding", world, preferences={"method": "full"})).text
    assert "Nothing to merge" in text
    assert "lora" not in text


def test_a_hostile_name_stays_one_word(world: World) -> None:
    config = {"model_type": "llama", "hidden_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4}
    config |= {"intermediate_size": 512, "vocab_size": 1000}
    name = "x\"; $(touch y) `z` '\n# "
    text = KITS["serve"](case_of("icd10_coding", world, preferences={"architecture": config, "base_model": name})).text
    for command in blocks(text, "sh"):
        words = shlex.split(command)
        assert name in words or "merged" in words
    for script in blocks(text, "python"):
        assert name in [node.value for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Constant)]


def test_kit_has_the_metric_the_rows_and_the_interval(world: World) -> None:
    case = case_of("ticket_routing", world)
    text = KITS["prompt_kit"](case).text
    needed = rows_to_separate(0.84, 0.92)
    assert METRICS["classification"] in text
    assert f"{needed:,} rows" in text
    assert f"±{half_width(0.84, needed):.1%}" in text
    assert '"enum"' in text


def test_retrieval_only_where_it_is_planned(world: World) -> None:
    assert "## Retrieval" in KITS["prompt_kit"](case_of("policy_questions", world)).text
    assert "## Retrieval" not in KITS["prompt_kit"](case_of("ticket_routing", world)).text


def test_fixed_parts_come_before_changing_ones(world: World) -> None:
    text = KITS["prompt_kit"](case_of("ticket_routing", world)).text
    assert text.index("* fixed:") < text.index("* changing:")


@pytest.mark.parametrize("shape", SHAPES)
def test_schemas_are_json_and_closed(shape: str) -> None:
    made = json.loads(SHAPES[shape].format())
    assert made["additionalProperties"] is False
    assert set(made["required"]) == set(made["properties"])


@pytest.mark.parametrize(
    ("first", "second", "rows", "margin"),
    [
        (0.80, 0.90, 194, 12),  # d = .26, e = .1: (1.96 sqrt(.26) + .8416 sqrt(.25))² / .01 = 201.5 by hand
        (0.50, 0.60, 389, 5),
        (0.80, 0.85, 909, 1),
    ],
)
def test_rows_to_separate(first: float, second: float, rows: int, margin: int) -> None:
    assert abs(rows_to_separate(first, second) - rows) <= margin


def test_rows_to_separate_by_hand() -> None:
    d, e = 0.8 * 0.1 + 0.9 * 0.2, 0.1
    by_hand = (1.959964 * sqrt(d) + 0.841621 * sqrt(d - e * e)) ** 2 / (e * e)
    assert rows_to_separate(0.8, 0.9) == int(by_hand) + 1


def test_interval_by_hand() -> None:
    assert half_width(0.8, 400) == pytest.approx(0.0392, abs=1e-4)
    assert half_width(0.5, 100) == pytest.approx(0.098, abs=1e-4)


@given(st.floats(0.05, 0.9), st.floats(0.01, 0.09))
def test_larger_differences_need_fewer_rows(first: float, difference: float) -> None:
    assert rows_to_separate(first, first + difference) >= rows_to_separate(first, first + difference + 0.005)


@given(st.floats(0.3, 0.9), st.integers(50, 5000))
def test_what_rows_separate_is_what_they_are_enough_for(share: float, rows: int) -> None:
    difference = separable_difference(share, rows)
    assert 0 < difference <= 1 - share
    if difference < 1 - share:
        assert rows_to_separate(share, share + difference) <= rows


def test_power_by_simulation() -> None:
    """At the size given, McNemar's test finds a true difference in about four cases of five."""
    draw, found, trials = Random(7), 0, 400  # noqa: S311 - a simulation
    first, second = 0.7, 0.8
    rows = rows_to_separate(first, second)
    for _ in range(trials):
        only_first = only_second = 0
        for _ in range(rows):
            a, b = draw.random() < first, draw.random() < second
            only_first += a and not b
            only_second += b and not a
        statistic = (only_second - only_first) / sqrt(max(1, only_first + only_second))
        found += abs(statistic) > 1.959964
    assert found / trials == pytest.approx(0.8, abs=0.06)
