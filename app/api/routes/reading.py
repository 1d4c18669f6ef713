"""Reading the world: catalogue, rules, health."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.exceptions import HTTPException

from app import __version__
from app.api.documented import errors
from app.api.world import answers_of, running_of, world_of
from app.errors import nearest_names
from app.pipeline import World
from app.schemas.listing import (
    BaseModelEntry,
    GpuListing,
    GpuPriceEntry,
    Health,
    ModelListing,
    PriceListing,
    RuleEntry,
    RuleListing,
    TokenPriceEntry,
)
from app.schemas.world import BaseModelSpec, HostedModelSpec, Reference

router = APIRouter()


@router.get("/catalogue/models", responses=errors(503), tags=["Catalogue"], summary="Base models to tune and to prompt")
async def models(request: Request) -> ModelListing:
    """What the advice chooses from: open base models with shape, licence and release date; hosted base models with
    prices and speed; and where tuning is offered, until when. Their ids are what `preferences` takes."""
    catalogue = world_of(request).catalogue
    return ModelListing(
        base_models=tuple(_base_model(spec) for spec in catalogue.base_models.values()),
        hosted_models=tuple(catalogue.hosted_models.values()),
        tuning_offers=catalogue.tuning_offers,
        catalogue_digest=catalogue.digest,
    )


def _base_model(spec: BaseModelSpec) -> BaseModelEntry:
    return BaseModelEntry(
        id=spec.id,
        family=spec.family,
        model_type=spec.architecture.model_type,
        total_parameters=spec.total_parameters,
        active_parameters=spec.active_parameters,
        license=spec.license,
        commercial_use=spec.commercial_use,
        max_position_embeddings=spec.max_position_embeddings,
        released=spec.released,
        languages=spec.languages,
        references=spec.references,
    )


@router.get("/catalogue/gpus", responses=errors(503), tags=["Catalogue"], summary="GPUs")
async def gpus(request: Request) -> GpuListing:
    """Every GPU that a plan may name: memory as the driver reports it, dense tensor peaks, bandwidth, power and dated
    prices, each with its source. The `id` is what `preferences.gpu` and `hardware.gpu` take."""
    catalogue = world_of(request).catalogue
    return GpuListing(gpus=tuple(catalogue.gpus.values()), catalogue_digest=catalogue.digest)


@router.get("/catalogue/prices", responses=errors(503), tags=["Catalogue"], summary="Prices")
async def prices(request: Request) -> PriceListing:
    """Every price that an estimate may rest on, with its source and date. Prices that nobody compared with their
    source for 90 days are listed as stale: an operator lays newer ones over them."""
    catalogue = world_of(request).catalogue
    return PriceListing(
        gpu_hours=tuple(
            GpuPriceEntry(gpu=gpu.id, price=price) for gpu in catalogue.gpus.values() for price in gpu.prices
        ),
        tokens=tuple(_token_prices(spec) for spec in catalogue.hosted_models.values()),
        prices_as_of=catalogue.prices_as_of,
        stale=tuple(value.name for value in catalogue.stale(datetime.now(UTC).date())),
    )


def _token_prices(spec: HostedModelSpec) -> TokenPriceEntry:
    return TokenPriceEntry(
        hosted_model=spec.id,
        input_usd_per_million_tokens=spec.prices.input_usd,
        cached_input_usd_per_million_tokens=spec.prices.cached_input_usd,
        output_usd_per_million_tokens=spec.prices.output_usd,
        batch_factor=spec.prices.batch_factor,
        as_of=spec.prices.as_of,
        source=spec.prices.source,
    )


@router.get("/rules", responses=errors(503), tags=["Rules"], summary="All rules of the four needs")
async def rules(request: Request) -> RuleListing:
    """The rules that read how much a task needs special knowledge, speed, low cost and a fixed form: each with its
    condition, its weight, why it holds, where it stops, and its references."""
    world = world_of(request)
    return RuleListing(rules=_entries(world), rules_digest=world.rules_digest)


@router.get("/rules/{rule_id}", responses=errors(404, 422, 503), tags=["Rules"], summary="One rule")
async def rule(
    request: Request, rule_id: Annotated[str, Path(max_length=100, examples=["LATENCY-INLINE"])]
) -> RuleEntry:
    """What a rule means and rests on. Evidence of a score names its rule by this id; an unknown one is answered with
    the nearest known ids."""
    entries = {entry.id: entry for entry in _entries(world_of(request))}
    if rule_id not in entries:
        near = ", ".join(nearest_names(rule_id, entries))
        raise HTTPException(404, f"No rule is called {rule_id[:80]}." + (f" Did you mean {near}?" if near else ""))
    return entries[rule_id]


def _entries(world: World) -> tuple[RuleEntry, ...]:
    return tuple(
        RuleEntry(
            id=rule.id,
            title=rule.title,
            status=rule.status,
            need=rule.need,
            when=rule.when.source,
            weight=rule.weight,
            because=rule.because,
            known_limits=rule.known_limits,
            reference=tuple(Reference(title=r.title, href=r.href) for r in rule.reference),
        )
        for rule in world.rules.rules
    )


@router.get("/healthz", tags=["Health"], summary="Alive")
async def healthz() -> Health:
    """The process runs and answers; says nothing about whether it can recommend yet. For what restarts processes."""
    return Health(status="ok", service_version=__version__)


@router.get("/readyz", responses=errors(503), tags=["Health"], summary="Can answer")
async def readyz(request: Request) -> Health:
    """Catalogue, rules and classifier are loaded; 503 until then and while stopping."""
    answers_of(request)
    running_of(request).lifecycle.require_ready()
    return Health(status="ok", service_version=__version__)
