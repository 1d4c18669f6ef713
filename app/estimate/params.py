"""Parameters of a base model, exactly: every weight that Transformers 5 makes from its `config.json`."""

from functools import lru_cache

from app.catalogue.families import PartTemplate, family
from app.estimate.params_adapter import adapter, adapter_bytes, default_targets, parameters_per_rank
from app.schemas.architecture import Architecture, Block, Inventory, Part

__all__ = ["adapter", "adapter_bytes", "default_targets", "inventory", "parameters_per_rank"]

CACHED_ARCHITECTURES = 512
"""Inventories kept: every base model of the catalogue and some hundred architectures of callers."""


@lru_cache(CACHED_ARCHITECTURES)
def inventory(architecture: Architecture) -> Inventory:
    """Every parameter of the base model, part by part (cached).

    Checked against `sum(p.numel() for p in model.parameters())` of Transformers 5 on meta tensors; Llama-3.1-8B:
    8,030,261,248.
    """
    names = _names(architecture)
    templates = family(architecture.family).parts
    parts = tuple(p for t in templates if (p := _part(t, architecture, names)) is not None)
    decoder = tuple(p for p in parts if p.group != "vision")
    blocks = _blocks(architecture, decoder)
    multiplied = sum(_weights_per_token(p, architecture) for p in decoder if p.layers and p.form != "norm")
    head = next(p for p in decoder if p.group == "head")
    return Inventory(
        architecture=architecture,
        parts=parts,
        blocks=blocks,
        total_parameters=sum(p.parameters for p in parts),
        active_parameters=sum(_active(p, architecture) for p in parts),
        block_linear_parameters=sum(p.count * p.weight_parameters for p in decoder if p.layers and p.form != "norm"),
        active_linear_parameters=multiplied + head.weight_parameters,
        embedding_parameters=sum(p.parameters for p in decoder if p.form == "embedding"),
        head_parameters=head.weight_parameters,
        norm_parameters=sum(p.parameters for p in decoder if p.form == "norm"),
        vision_parameters=sum(p.parameters for p in parts if p.group == "vision"),
        head=head,
    )


def _names(architecture: Architecture) -> dict[str, int]:
    """What the expressions of a family read: all sizes, switches as 0 or 1, and the widths of queries and keys."""
    sizes = {
        name: value
        for name in Architecture.__dataclass_fields__
        if isinstance(value := getattr(architecture, name), int)
    }
    return {
        **dict.fromkeys(architecture.switches, 1),
        **sizes,
        **dict(architecture.extra_sizes),
        "q_size": architecture.num_attention_heads * architecture.head_dim,
        "kv_size": architecture.num_key_value_heads * architecture.head_dim,
    }


def _part(template: PartTemplate, architecture: Architecture, names: dict[str, int]) -> Part | None:
    """The part with its sizes, or None when this architecture does not have it."""
    layers = _layers(template, architecture, names)
    if not template.when(names) or (layers == () and (template.in_blocks or template.stack is not None)):
        return None
    d_out, experts = template.d_out(names), template.experts(names)
    return Part(
        path=template.path,
        group=template.group,
        form=template.form,
        d_in=template.d_in(names),
        d_out=d_out,
        layers=layers,
        experts=experts,
        bias=d_out * experts if template.bias(names) else 0,
        tied=bool(template.tied(names)),
        roles=tuple((role, width(names)) for role, width in template.roles),
    )


def _layers(template: PartTemplate, architecture: Architecture, names: dict[str, int]) -> tuple[int, ...]:
    if template.stack is not None:
        return tuple(range(template.stack(names)))
    if not template.in_blocks:
        return ()
    if template.layers == "moe":
        return architecture.moe_layers
    every = range(architecture.num_hidden_layers)
    if template.layers == "all" or not architecture.moe_layers:
        return tuple(every)
    with_experts = frozenset(architecture.moe_layers)
    return tuple(i for i in every if i not in with_experts)


def _blocks(architecture: Architecture, decoder: tuple[Part, ...]) -> tuple[Block, ...]:
    """The decoder's blocks by what they hold, in the order in which each kind first occurs."""
    with_experts = frozenset(architecture.moe_layers)
    dense = tuple(i for i in range(architecture.num_hidden_layers) if i not in with_experts)
    kinds = sorted((layers for layers in (dense, architecture.moe_layers) if layers), key=lambda layers: layers[0])
    return tuple(Block(layers=k, parts=tuple(p for p in decoder if k[0] in p.layers)) for k in kinds)


def _weights_per_token(part: Part, architecture: Architecture) -> int:
    """Weights over the network that one token is multiplied with: of stacked experts only those it is sent to."""
    if part.experts == 1:
        return part.count * part.weight_parameters
    return part.count * architecture.num_experts_per_tok * part.d_in * part.d_out


def _active(part: Part, architecture: Architecture) -> int:
    """Parameters that one token passes through; embeddings and head count in full, as publishers count."""
    if part.experts == 1:
        return part.parameters
    return part.parameters * architecture.num_experts_per_tok // part.experts
