"""The two plans of a task: how it would be prompted, and how a base model would be tuned for it."""

from app.planning.book import PlanningBook, load_planning
from app.planning.candidates import base_model_named, choose_base_model, choose_hosted, own_base_model
from app.planning.chosen import Chosen
from app.planning.expert_tensors import expert_tensors
from app.planning.lora import PlannedTuning, TuningTools, plan_fine_tuning, plan_lora, training_request
from app.planning.prompting import plan_prompting

__all__ = [
    "Chosen",
    "PlannedTuning",
    "PlanningBook",
    "TuningTools",
    "base_model_named",
    "choose_base_model",
    "choose_hosted",
    "expert_tensors",
    "load_planning",
    "own_base_model",
    "plan_fine_tuning",
    "plan_lora",
    "plan_prompting",
    "training_request",
]
