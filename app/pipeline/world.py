"""Everything that is loaded once and never changes: catalogue, rules, classifier, decision, precedents."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from app.catalogue import Catalogue, load_catalogue
from app.decision import DecisionBook, load_decision, needs_read_by
from app.estimate.training_calibration import Calibrations, accepted
from app.facts import lexicon_files, scan
from app.kept import kept
from app.planning import PlanningBook, load_planning
from app.precedents import Precedents, load_precedents
from app.records import record
from app.schemas.vocabulary import Need
from app.schemas.world import GpuSpec
from app.scoring.classifier import Classifier, load_classifier
from app.scoring.rules import RuleBook, load_rules
from app.scoring.thresholds import Thresholds, load_thresholds
from app.shipped import shipped


@record(eq=False)
class World:
    """What the pipeline knows apart from the request; immutable, so that an answer depends on the request alone."""

    catalogue: Catalogue
    rules: RuleBook
    thresholds: Thresholds
    classifier: Classifier
    planning: PlanningBook
    decision: DecisionBook
    precedents: Precedents
    priced_gpus: tuple[GpuSpec, ...]
    """GPUs with a list price, those that a deployment is chosen from."""
    accepted: Calibrations
    """Corrections of training estimates that the organisation accepted."""
    rules_digest: str
    """SHA-256 of rules, thresholds, decision and precedents together."""


@lru_cache(maxsize=4)
def load_world(overlay: Path | None = None) -> World:
    """The world as shipped, with `overlay` laid over the catalogue. Raises CatalogueError with file, key and remedy."""
    folder = shipped("rules")
    rules = load_rules(folder)
    thresholds = load_thresholds(folder)
    decision = load_decision(folder / "decision", shipped("models/decision.json"), _needs_read(rules))
    cases = folder / "precedents.yaml"
    precedents = kept(
        "precedents",
        [cases, *lexicon_files()],
        lambda: load_precedents(cases, lambda text: frozenset(scan(text).signals)),
    )
    planning = load_planning(folder / "planning")
    parts = (rules.digest, thresholds.digest, planning.digest, decision.digest, _digest(cases))
    catalogue = load_catalogue(overlay)
    return World(
        catalogue=catalogue,
        rules=rules,
        thresholds=thresholds,
        classifier=load_classifier(shipped("models/classifier.json")),
        planning=planning,
        decision=decision,
        precedents=precedents,
        priced_gpus=tuple(gpu for gpu in catalogue.gpus.values() if gpu.usd_per_hour is not None),
        accepted=accepted(catalogue.corrections),
        rules_digest=hashlib.sha256("".join(parts).encode()).hexdigest(),
    )


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _needs_read(rules: RuleBook) -> Mapping[str, frozenset[Need]]:
    """Which needs each fact can move: spares searches that cannot flip anything."""
    return needs_read_by((rule.need, group, name) for rule in rules.rules for group, name in rule.when.names)
