"""Estimates by name: a request's base model and GPU are looked up, then the estimators do the rest."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.catalogue import Catalogue
from app.catalogue.architectures import read_architecture
from app.errors import InputError
from app.estimate.serving import estimate_serving
from app.estimate.training import calibrate, estimate_training
from app.estimate.training_calibration import Calibration
from app.pipeline.world import World
from app.schemas.architecture import Architecture
from app.schemas.serving import ServingEstimate, ServingRequest
from app.schemas.training import MeasuredSteps, TrainingEstimate, TrainingRequest


def architecture_of(
    base_model: str | None, config: Mapping[str, Any] | None, catalogue: Catalogue, pointer: str = ""
) -> tuple[Architecture, tuple[str, ...]]:
    """The architecture and warnings from reading it; `config` wins over `base_model`. Raises InputError."""
    if config is not None:
        return read_architecture(config, f"{pointer}/architecture")
    if base_model is None:
        hint = "Name a base_model of GET /catalogue/models or give an architecture (config.json fields)."
        raise InputError.at(f"{pointer}/base_model", "A base model is needed.", hint)
    return catalogue.base_model(base_model, f"{pointer}/base_model").architecture, ()


def training_estimate(
    request: TrainingRequest, world: World, measured: MeasuredSteps | None = None
) -> TrainingEstimate:
    """POST /estimate/training; `measured` steps of the same GPU and framework win over accepted corrections.

    Raises InputError.
    """
    architecture, warnings = architecture_of(request.base_model, request.architecture, world.catalogue)
    gpu = world.catalogue.gpu(request.hardware.gpu, "/hardware/gpu")
    others = tuple(world.catalogue.gpus.values())
    fitted = calibration(measured, world) if measured else None
    made = estimate_training(request, architecture, gpu, calibration=fitted, other_gpus=others, accepted=world.accepted)
    return replace(made, warnings=warnings + made.warnings)


def calibration(measured: MeasuredSteps, world: World) -> Calibration:
    """What steps measured on the caller's own machine say about its GPU and framework. Raises InputError."""
    run = measured.run
    architecture, _ = architecture_of(run.base_model, run.architecture, world.catalogue, "/run")
    return calibrate(measured, architecture, world.catalogue.gpu(run.hardware.gpu, "/run/hardware/gpu"))


def serving_estimate(request: ServingRequest, world: World) -> ServingEstimate:
    """POST /estimate/serving. Raises InputError."""
    architecture, warnings = architecture_of(request.base_model, request.architecture, world.catalogue)
    made = estimate_serving(request, architecture, world.catalogue.gpu(request.gpu, "/gpu"))
    return replace(made, warnings=warnings + made.warnings)
