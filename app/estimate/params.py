"""Parameters of a base model and of a LoRA adapter on it, exactly."""

from collections.abc import Sequence
from typing import Literal

from app.schemas.architecture import AdapterShape, Architecture, Inventory

Naming = Literal["peft", "by_role"]
"""How target names are read: as PEFT reads them, or, for frameworks with layers of their own (LitGPT, torchtune,
Megatron), by role: `q_proj` is the query part of the attention even where Transformers fuses it."""


def inventory(architecture: Architecture) -> Inventory:
    """Every parameter of the base model, part by part (cached)."""
    raise NotImplementedError


def adapter(
    parts: Inventory,
    *,
    r: int,
    target_modules: Sequence[str] | str | None = "all-linear",
    target_parameters: Sequence[str] | None = None,
    use_dora: bool = False,
    naming: Naming = "peft",
    pointer: str = "/lora",
) -> AdapterShape:
    """The adapters that PEFT 0.21 makes on Transformers 5 for these targets (cached).

    Errors: InputError at `pointer`/target_modules or /target_parameters when a target matches nothing.
    """
    raise NotImplementedError


def adapter_bytes(shape: AdapterShape, bytes_per_value: int = 4) -> int:
    """Size of the saved adapter file: PEFT keeps adapters in fp32, and safetensors adds a header."""
    raise NotImplementedError


def parameters_per_rank(parts: Inventory, target_modules: Sequence[str] | str = "all-linear") -> float:
    """Sum of d_in + d_out over the targets, routed experts weighted by sqrt(k/E): the p of the rank rule."""
    raise NotImplementedError


def default_targets(parts: Inventory) -> tuple[str, ...]:
    """Leaf names of every linear layer of the decoder's blocks, for tools that need them spelled out."""
    raise NotImplementedError
