"""Base models that the caller names or describes."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from app.catalogue import Catalogue
from app.catalogue.architectures import read_architecture
from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.schemas.architecture import Architecture, Inventory
from app.schemas.plan import Because
from app.schemas.world import BaseModelSpec

OWN_RELEASED = date(1970, 1, 1)
"""Release date of a base model that is only known by its architecture: before any `as_of`."""
DEFAULT_CONTEXT = 4096
"""Context of an own architecture whose config.json does not state it."""


def base_model_named(base_model_id: str, catalogue: Catalogue, book: PlanningBook) -> Chosen[BaseModelSpec]:
    """The base model that a bare request for a plan names. Raises UnknownNameError."""
    spec = catalogue.base_model(base_model_id)
    because = Because(field="base_model", text="Your choice.", source=book.candidate_sources["own"])
    return Chosen(spec=spec, because=because, runners_up=(), given=True)


def own_base_model(
    config: Mapping[str, Any],
    inventory: Callable[[Architecture], Inventory],
    name: str | None = None,
    pointer: str = "/preferences/architecture",
) -> BaseModelSpec:
    """A base model that is in no catalogue, from its `config.json`. Raises InputError with pointers under `pointer`."""
    architecture, _ = read_architecture(config, pointer)
    parts = inventory(architecture)
    told = config.get("_name_or_path")
    return BaseModelSpec(
        id=name or (told if isinstance(told, str) and told else f"own-{architecture.model_type}"),
        family=architecture.family,
        architecture=architecture,
        total_parameters=parts.total_parameters,
        active_parameters=parts.active_parameters,
        license="own",
        commercial_use=True,
        max_position_embeddings=architecture.max_position_embeddings or DEFAULT_CONTEXT,
        released=OWN_RELEASED,
        languages=(),
        gated=False,
        modalities=("text",),
        instruct_id=None,
        chat_template=None,
        quality_index=None,
        references=(),
    )
