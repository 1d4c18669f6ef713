"""advise(task, world) -> Report: the one way through, pure of clock, network and environment."""

import hashlib
from datetime import UTC, date, datetime

from app import __version__
from app.decision import Verdict, missing, options, recommendation, sensitivity
from app.estimate.cost import prompting_costs, tuning_costs
from app.estimate.deployment import Deployment
from app.facts import effective_requirements, read_facts
from app.pipeline.case import Case, Inputs, judge, work_out
from app.pipeline.figures import figures
from app.pipeline.reading import read_text
from app.pipeline.world import World
from app.precedents import nearest
from app.schemas.facts import Facts
from app.schemas.recommend import Preferences, RecommendRequest
from app.schemas.report import BothCosts, BothServing, Compute, Provenance, Report

UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands where nobody named the time; the pipeline has no clock."""


def advise(
    request: RecommendRequest, world: World, as_of: date, *, id: str = "", created_at: datetime = UNDATED
) -> Report:
    """The recommendation for one task on a day; `id` and `created_at` are copied into it.

    Raises InputError for preferences that are unknown or contradict.
    """
    _check(request.preferences, world)
    reading = read_text(request.description, world.classifier)
    facts = read_facts(request, reading, world.catalogue)
    inputs = Inputs(reading=reading, preferences=request.preferences, as_of=as_of, world=world)
    case = work_out(facts, inputs)

    def evaluate(moved: Facts) -> Verdict:
        return judge(moved, inputs)

    load, book = case.sides.load, world.decision
    prompting, tuning = case.sides.prompted.plan, case.sides.tuned.planned.plan
    return Report(
        id=id,
        created_at=created_at,
        as_of=as_of,
        recommendation=recommendation(case.verdict, facts, load, case.comparison, case.scores, book, prompting, tuning),
        scores=case.scores,
        effective_requirements=effective_requirements(facts, load),
        options=options(case.verdict, facts, case.comparison, book, figures(case, inputs)),
        fine_tuning=tuning,
        prompting=prompting,
        compute=_compute(case),
        sensitivity=sensitivity(facts, load, case.verdict, book, evaluate),
        missing=missing(facts, case.verdict, book, evaluate),
        precedents=nearest(facts, case.scores, world.precedents, case.verdict.approach),
        warnings=_warnings(facts, world, as_of),
        provenance=_provenance(request, world, as_of),
    )


def _check(preferences: Preferences, world: World) -> None:
    """Names that the caller prefers are known; refused here, so that the pointer is into the caller's request."""
    if preferences.gpu is not None:
        world.catalogue.gpu(preferences.gpu, "/preferences/gpu")


def _compute(case: Case) -> Compute:
    sides = case.sides
    volume, served = sides.load.requests_per_day, sides.prompted.served
    return Compute(
        training=sides.tuned.planned.estimate,
        serving=BothServing(
            prompt_engineering=served.estimate if isinstance(served, Deployment) else served,
            fine_tuning=sides.tuned.deployment.estimate,
        ),
        costs=BothCosts(
            prompt_engineering=prompting_costs(sides.prompted.bill, volume),
            fine_tuning=tuning_costs(sides.tuned.bill, volume),
        ),
        break_even=case.break_even,
    )


def _warnings(facts: Facts, world: World, as_of: date) -> tuple[str, ...]:
    """Conflicts between text and requirements, a language that is not read well, prices that nobody checked lately."""
    said = list(facts.conflicts)
    if facts.language != "en":
        said.append(
            "The description does not seem to be English: quantities and needs are read from English text, so state "
            "the requirements as fields. Confidence is lowered."
        )
    stale = world.catalogue.stale(as_of)
    if stale:
        said.append(
            f"{len(stale)} of {len(world.catalogue.prices)} prices were last checked more than 90 days before "
            f"{as_of.isoformat()}, the oldest on {stale[0].checked.isoformat()}: see /catalogue/prices."
        )
    return tuple(said)


def _provenance(request: RecommendRequest, world: World, as_of: date) -> Provenance:
    canonical = f"{as_of.isoformat()} {request.model_dump_json()}"
    return Provenance(
        service_version=__version__,
        rules_digest=world.rules_digest,
        classifier_digest=world.classifier.digest,
        catalogue_digest=world.catalogue.digest,
        prices_as_of=world.catalogue.prices_as_of,
        input_digest=hashlib.sha256(canonical.encode()).hexdigest(),
    )
