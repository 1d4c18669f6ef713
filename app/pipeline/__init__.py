"""Composes the rooms: the only place that knows all of them, and does nothing else."""

from app.pipeline.advice import UNDATED, advise
from app.pipeline.estimates import serving_estimate, training_estimate
from app.pipeline.plans import plan_lora
from app.pipeline.world import World, load_world

__all__ = ["UNDATED", "World", "advise", "load_world", "plan_lora", "serving_estimate", "training_estimate"]
