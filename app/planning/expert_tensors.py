"""Experts that no module name reaches: the tensors to name in PEFT's `target_parameters`."""

from math import sqrt

from app.catalogue.families import family
from app.schemas.architecture import Inventory

LAYER_PLACEHOLDER = ".{}."
"""Stands for a block's index in the path of a part."""


def expert_tensors(parts: Inventory) -> tuple[tuple[str, ...], float]:
    """Names of stacked expert tensors that PEFT has no module names for, and their parameters per unit of rank.

    Empty where PEFT turns module names into them by itself, and for dense base models. An expert sees k of E tokens, so
    that its parameters count sqrt(k / E). gpt-oss-20b: `mlp.experts.gate_up_proj` and `mlp.experts.down_proj`.
    """
    shape = parts.architecture
    if not shape.moe_layers or family(shape.family).peft_moe is not None:
        return (), 0.0
    found = [p for p in parts.parts if p.form == "parameter" and p.group == "expert"]
    names = tuple(dict.fromkeys(p.path.rpartition(LAYER_PLACEHOLDER)[2] for p in found))
    share = sqrt(shape.num_experts_per_tok / shape.num_experts)
    return names, share * sum(p.count * p.experts * (p.d_in + p.d_out) for p in found)
