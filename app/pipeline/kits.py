"""A task worked out as far as its kits need it: both plans, and the tuned base model's deployment."""

from datetime import date

from app.estimate.deployment import Deployment
from app.estimate.serving import estimate_serving
from app.facts import read_facts
from app.pipeline.case import Inputs, both_sides
from app.pipeline.reading import read_text
from app.pipeline.world import World
from app.records import record
from app.schemas.facts import Facts, Workload
from app.schemas.plan import FineTuningPlan, PromptingPlan
from app.schemas.recommend import RecommendRequest
from app.schemas.serving import ServingEstimate

SEVERAL_ADAPTERS = 4
"""Adapters held at once in the comparison of merged and unmerged serving."""


@record(kw_only=True)
class KitCase:
    """Both options of a task, as far as they are carried out."""

    facts: Facts
    workload: Workload
    prompting: PromptingPlan
    tuning: FineTuningPlan
    context: int
    """Tokens that the tuned base model can hold."""
    deployment: Deployment
    """The tuned base model, adapter merged."""
    unmerged: ServingEstimate
    """The same deployment with SEVERAL_ADAPTERS adapters held beside the weights."""


def kit_case(request: RecommendRequest, world: World, as_of: date) -> KitCase:
    """The task's plans and deployment, by the same steps as `advise`. Raises InputError."""
    if request.preferences.gpu is not None:
        world.catalogue.gpu(request.preferences.gpu, "/preferences/gpu")
    reading = read_text(request.description, world.classifier)
    facts = read_facts(request, reading, world.catalogue)
    sides = both_sides(facts, Inputs(reading=reading, preferences=request.preferences, as_of=as_of, world=world))
    deployment, spec = sides.tuned.deployment, sides.tuned.chosen.spec
    apart = deployment.request.model_copy(update={"adapter": "unmerged", "adapters": SEVERAL_ADAPTERS})
    return KitCase(
        facts=facts,
        workload=sides.load,
        prompting=sides.prompted.plan,
        tuning=sides.tuned.planned.plan,
        context=spec.max_position_embeddings,
        deployment=deployment,
        unmerged=estimate_serving(apart, spec.architecture, deployment.gpu),
    )
