"""Parameters of a LoRA adapter, exactly, and its size on disk."""

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import Literal

from app.catalogue.families import family
from app.errors import InputError
from app.estimate.params_targets import (
    ALL_LINEAR,
    MOE_NAMES,
    Hit,
    conversion_drops,
    peft_hits,
)
from app.schemas.architecture import AdapterShape, AdapterTarget, Inventory, Part

Naming = Literal["peft", "by_role"]
"""How target names are read: as PEFT reads them, or, for frameworks with layers of their own (LitGPT, torchtune,
Megatron), by role: `q_proj` is the query part of the attention even where Transformers fuses it."""
CACHED_ADAPTERS = 2048
ROLE_NAMES = {
    "output_proj": "o_proj", "proj": "o_proj", "projection": "o_proj", "dense": "o_proj", "out_proj": "o_proj",
    "w1": "gate_proj", "w2": "down_proj", "w3": "up_proj", "fc1": "up_proj", "fc2": "down_proj", "head": "lm_head",
    "output": "lm_head",
}  # fmt: skip
"""What torchtune and LitGPT call their modules -> the role (torchtune's component builders, LitGPT's lora.py)."""
HEADER_BYTES_PER_TENSOR = 71
"""JSON around a tensor's name in a safetensors header: dtype, shape and two offsets of 8 to 10 digits."""
FIXED_HEADER_BYTES = 48
"""Length, metadata and padding of a safetensors file."""
SAVED_PREFIX, SAVED_SUFFIX = "base_model.model.", ".lora_A.weight"


def adapter(
    parts: Inventory,
    *,
    r: int,
    target_modules: Sequence[str] | str | None = ALL_LINEAR,
    target_parameters: Sequence[str] | None = None,
    use_dora: bool = False,
    lora_dropout: float = 0.0,
    naming: Naming = "peft",
    pointer: str = "/lora",
) -> AdapterShape:
    """The adapters that PEFT 0.21 makes on Transformers 5 for these targets (cached).

    A linear of d_in to d_out gets r * (d_in + d_out) parameters, stacked experts that many each, DoRA d_out more.
    `target_modules` is a list of names or suffixes, `all-linear`, or a regular expression over full names. Checked
    against PEFT on meta tensors; Llama-3.1-8B, r=16, all-linear: 41,943,040.

    Errors: InputError under `pointer` when a target matches nothing, or PEFT refuses the combination.
    """
    modules = target_modules if isinstance(target_modules, str) else tuple(target_modules or ())
    shape = _adapter(parts, r, modules, tuple(target_parameters or ()), use_dora, naming, pointer)
    if lora_dropout and any(t.part.form == "parameter" for t in shape.targets):
        warning = "PEFT refuses lora_dropout on expert parameters: set it to 0, or leave the experts out."
        return AdapterShape(
            trainable_parameters=shape.trainable_parameters, targets=shape.targets, warnings=(*shape.warnings, warning)
        )
    return shape


@lru_cache(CACHED_ADAPTERS)
def _adapter(
    parts: Inventory,
    r: int,
    modules: tuple[str, ...] | str,
    parameters: tuple[str, ...],
    use_dora: bool,
    naming: Naming,
    pointer: str,
) -> AdapterShape:
    if not modules and not parameters:
        raise InputError.at(f"{pointer}/target_modules", "No target is named.", f'Use "{ALL_LINEAR}".')
    if r < 1:
        raise InputError.at(f"{pointer}/r", f"r must be at least 1, not {r}.")
    if naming == "by_role" and not isinstance(modules, str):
        targets, rest = _targets_by_role(parts, r, modules, use_dora)
        hits, ignored = peft_hits(parts, rest, parameters, pointer) if rest or parameters else ([], ())
    else:
        targets = []
        hits, ignored = peft_hits(parts, modules, parameters, pointer)
    _refuse_dora_on_parameters(hits, use_dora, pointer)
    targets += [_target(hit, r, use_dora) for hit in hits]
    return AdapterShape(
        trainable_parameters=sum(t.parameters for t in targets),
        targets=tuple(targets),
        warnings=(*_ignored_warning(ignored), *_warnings(parts, hits, targets)),
    )


def _target(hit: Hit, r: int, use_dora: bool) -> AdapterTarget:
    part, rank = hit.part, r * hit.rank_factor
    per_block = part.experts * rank * (part.d_in + part.d_out) + (part.d_out if use_dora else 0)
    return AdapterTarget(
        part=part,
        r=rank,
        layers=hit.layers,
        parameters=(len(hit.layers) or 1) * per_block,
        d_in=part.d_in,
        d_out=part.d_out,
    )


def _refuse_dora_on_parameters(hits: list[Hit], use_dora: bool, pointer: str) -> None:
    if use_dora and (refused := [h.part.name for h in hits if h.part.form == "parameter"]):
        detail = f"PEFT has no DoRA for expert parameters ({', '.join(refused)})."
        raise InputError.at(f"{pointer}/use_dora", detail, "Leave DoRA off, or target the attention alone.")


def _targets_by_role(
    parts: Inventory, r: int, names: tuple[str, ...], use_dora: bool
) -> tuple[list[AdapterTarget], tuple[str, ...]]:
    """Adapters of the names that are roles here, and the names that are not: PEFT's rules are left for those."""
    roles = {role for p in parts.parts for role, _ in p.roles}
    by_name = {name: role for name in names if (role := ROLE_NAMES.get(name, name)) in roles}
    wanted = set(by_name.values())
    made = [
        _role_target(part, width, r, use_dora) for part in parts.parts for role, width in part.roles if role in wanted
    ]
    return made, tuple(n for n in names if n not in by_name)


def _role_target(part: Part, width: int, r: int, use_dora: bool) -> AdapterTarget:
    per_block = part.experts * (r * (part.d_in + width) + (width if use_dora else 0))
    return AdapterTarget(
        part=part, r=r, layers=part.layers, parameters=part.count * per_block, d_in=part.d_in, d_out=width
    )


def _ignored_warning(ignored: tuple[str, ...]) -> tuple[str, ...]:
    if not ignored:
        return ()
    names = ", ".join(ignored)
    return (
        f"PEFT passes over {names}: here they are parts of the experts' tensors, which only target_parameters reach.",
    )


def _warnings(parts: Inventory, hits: list[Hit], targets: list[AdapterTarget]) -> list[str]:
    total = sum(t.parameters for t in targets)
    vision = sum(t.parameters for t in targets if t.part.group == "vision")
    experts = sum(t.parameters for t in targets if t.part.group == "expert")
    said = []
    if vision and vision < total:
        said.append(
            f"These targets also reach the vision tower: {vision:,} of {total:,} trainable parameters. A regular "
            "expression such as '.*language_model.*\\.(q_proj|v_proj)' keeps to the decoder."
        )
    if experts:
        count = parts.architecture.num_experts
        rank = max(t.r for t in targets if t.part.group == "expert")
        said.append(
            f"Each of {count} experts in {len(parts.architecture.moe_layers)} blocks gets an adapter of its own (rank "
            f"{rank} on the fused gate and up projection): {experts:,} of {total:,} trainable parameters."
        )
    elif parts.architecture.moe_layers and any(t.part.group in ("attention", "mlp", "shared_expert") for t in targets):
        said.append("The routed experts get no adapter; name their tensors in target_parameters to adapt them.")
    if conversion_drops(parts, hits):
        said.append(
            "PEFT turns these names into the experts' tensors, so that the plain MLPs beside them (dense blocks, "
            "shared experts) get no adapter."
        )
    return said


def adapter_bytes(shape: AdapterShape, bytes_per_value: int = 4) -> int:
    """Size of the saved adapter_model.safetensors: PEFT keeps adapters in fp32, and two tensors a target need a header.

    The header is right within a few percent of itself: files written with safetensors 0.8.0 have 15,056 bytes of it for
    Llama-3.2-3B with q and v, 59,216 for Llama-3.1-8B with all-linear.
    """
    header = sum(
        2 * t.count * (len(SAVED_PREFIX) + len(t.part.path) + len(SAVED_SUFFIX) + HEADER_BYTES_PER_TENSOR)
        for t in shape.targets
    )
    return bytes_per_value * shape.trainable_parameters + header + FIXED_HEADER_BYTES


def parameters_per_rank(parts: Inventory, target_modules: Sequence[str] | str = ALL_LINEAR) -> float:
    """Adapter parameters per unit of rank: the sum of d_in + d_out over the targets, for choosing r.

    A routed expert sees k of E tokens, so that its share counts sqrt(k/E). Vision towers are left out.
    """
    architecture = parts.architecture
    share = sqrt(architecture.num_experts_per_tok / architecture.num_experts) if architecture.num_experts else 1.0
    shape = adapter(parts, r=1, target_modules=target_modules)
    return sum(
        t.parameters * (share if t.part.group == "expert" else 1.0) for t in shape.targets if t.part.group != "vision"
    )


def default_targets(parts: Inventory) -> tuple[str, ...]:
    """Names of every linear layer in the decoder's blocks, for tools that need them spelled out.

    Experts go by the names that PEFT turns into their tensors; where it knows none, they are left out.
    """
    table = family(parts.architecture.family).peft_moe if parts.architecture.moe_layers else None
    experts = [name for name in MOE_NAMES[table] if name != "gate"] if table else []
    linears = [p.name for p in parts.parts if p.layers and p.form in ("linear", "conv1d") and p.group != "vision"]
    return tuple(dict.fromkeys((*linears, *experts)))
