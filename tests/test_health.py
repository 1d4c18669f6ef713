"""The health of the data: every value sourced and dated, every rule tried, nothing private in the repository."""

import re
import subprocess
from datetime import date

from app.pipeline import World
from app.scoring.rules import run_examples
from tests.conftest import ROOT

DAY = date(2026, 11, 24)


def test_every_price_has_a_source_and_a_date(world: World) -> None:
    for gpu in world.catalogue.gpus.values():
        assert gpu.references, gpu.id
        assert all(p.price.source and p.price.as_of <= p.price.checked for p in gpu.prices), gpu.id
    for hosted in world.catalogue.hosted_models.values():
        assert hosted.prices.source, hosted.id
        assert hosted.speed_source, hosted.id
    assert all(offer.references for offer in world.catalogue.tuning_offers)
    assert all(value.source for value in world.catalogue.assumptions.values())


def test_every_base_model_is_sourced_and_counted(world: World) -> None:
    assert len(world.catalogue.base_models) >= 30
    for spec in world.catalogue.base_models.values():
        assert spec.references, spec.id
        assert spec.license, spec.id
        assert 0 < spec.active_parameters <= spec.total_parameters, spec.id


def test_every_rule_fires_and_keeps_quiet_as_its_examples_say(world: World) -> None:
    assert run_examples(world.rules) == ()
    assert len(world.rules.rules) >= 25
    for rule in world.rules.rules:
        assert {example.fires for example in rule.examples} == {True, False}, rule.id
        assert rule.because, rule.id
        assert rule.known_limits, rule.id


def test_there_are_enough_precedents_with_sources(world: World) -> None:
    cases = world.precedents.cases
    assert len(cases) >= 120
    assert all(case.source and case.lesson for case in cases)


def test_the_repository_holds_no_private_paths() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    private = re.compile("/wo" + "rk/|/ro" + "ot/|/home/[a-z]|/tmp/[a-z]+venv")
    found = []
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.stat().st_size < 2_000_000:
            text = path.read_text(encoding="utf-8", errors="ignore")
            if match := private.search(text):
                found.append(f"{name}: {match.group()}")
    assert found == []
