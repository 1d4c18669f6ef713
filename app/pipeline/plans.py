"""POST /plan/lora: a tuning plan without a whole recommendation."""

from app.errors import InputError
from app.estimate.params import inventory
from app.pipeline.case import tuning_tools
from app.pipeline.world import World
from app.planning import Chosen, base_model_named, own_base_model
from app.planning import plan_lora as planned
from app.schemas.plan import Because, FineTuningPlan, LoraPlanRequest
from app.schemas.world import BaseModelSpec


def plan_lora(request: LoraPlanRequest, world: World) -> FineTuningPlan:
    """The plan for a named base model or any `config.json`. Raises InputError."""
    chosen = _chosen(request, world)
    tools = tuning_tools(chosen.spec.architecture, world)
    return planned(request, chosen, world.catalogue, book=world.planning, tools=tools).plan


def _chosen(request: LoraPlanRequest, world: World) -> Chosen[BaseModelSpec]:
    if request.architecture is not None:
        spec = own_base_model(request.architecture, inventory, request.base_model, "/architecture")
        because = Because(field="base_model", text="An architecture of your own.", source="the request")
        return Chosen(spec=spec, because=because, runners_up=(), given=True)
    if request.base_model is None:
        hint = "Name a base_model of GET /catalogue/models or give an architecture (config.json fields)."
        raise InputError.at("/base_model", "A base model is needed.", hint)
    return base_model_named(request.base_model, world.catalogue, world.planning)
