"""The shape of a base model as its Hugging Face `config.json` states it, and its parameters part by part.

All sizes are counts of values, never bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from app.records import record

Group = Literal["attention", "mlp", "expert", "shared_expert", "router", "head", "embedding", "norm", "vision"]
"""What a part belongs to; everything of a vision tower or its projector is `vision`, whatever its form."""
Form = Literal["linear", "conv1d", "conv", "embedding", "parameter", "norm"]
"""What PyTorch makes of a part: `linear` and `conv1d` are what `all-linear` hits; a `parameter` is a bare
`nn.Parameter` (experts stacked in three dimensions, routers), reached by `target_parameters` alone; `conv` is the
convolution that cuts an image into patches; a `norm` is any single vector."""


@record(kw_only=True)
class Architecture:
    """One decoder, normalised from any supported `config.json`; names are Hugging Face's.

    Equal architectures have equal parameters: everything that counts is a field here, `raw` keeps what was given.
    """

    model_type: str
    family: str
    """Name of the layout in `app/catalogue/data/families.yaml`: the model type itself when it is known."""
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    tie_word_embeddings: bool = False
    # mixture of experts; num_experts == 0 means dense
    num_experts: int = 0
    num_experts_per_tok: int = 0
    moe_intermediate_size: int = 0
    num_shared_experts: int = 0
    shared_expert_intermediate_size: int = 0
    moe_layers: tuple[int, ...] = ()
    # multi-head latent attention (DeepSeek); kv_lora_rank == 0 means none
    kv_lora_rank: int = 0
    q_lora_rank: int = 0
    qk_nope_head_dim: int = 0
    qk_rope_head_dim: int = 0
    v_head_dim: int = 0
    # sliding windows: how many layers see only `sliding_window` tokens
    sliding_window: int | None = None
    num_sliding_layers: int = 0
    max_position_embeddings: int | None = None
    has_vision_tower: bool = False
    switches: frozenset[str] = frozenset()
    """Names of the layout's switches that are on, such as `attention_bias` or `qk_layernorm`."""
    extra_sizes: tuple[tuple[str, int], ...] = ()
    """Sizes that only this layout has, by name, such as `vision.hidden_size`."""
    raw: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), compare=False, repr=False)


@record(kw_only=True)
class Part:
    """One weight (with its bias) that occurs at the same place in each of `layers`, or once outside of the blocks.

    A linear maps `d_in` values to `d_out`; an embedding has `d_in` rows of `d_out`; a norm has `d_out` values.
    """

    path: str
    """Full module or parameter name in Transformers, with `{}` for the block's index."""
    group: Group
    form: Form
    d_in: int
    d_out: int
    layers: tuple[int, ...] = ()
    """Indices of the blocks that hold it; empty for a part outside of any stack of blocks."""
    experts: int = 1
    """Copies stacked in one tensor (experts); one otherwise."""
    bias: int = 0
    """Values of the bias in one block, over all experts; 0 without one."""
    tied: bool = False
    """Shares the weight of the input embeddings, so that it adds no parameters."""
    roles: tuple[tuple[str, int], ...] = ()
    """What it does in words common to all families (`q_proj`, `up_proj`), with the width of each; two or more when
    projections are fused into one weight. Vision towers have none."""

    @property
    def name(self) -> str:
        """The last word of the path, such as `q_proj`; for a router its module's."""
        return self.path.removesuffix(".weight").rpartition(".")[2]

    @property
    def count(self) -> int:
        """How often it occurs in the network, experts counted as one."""
        return len(self.layers) or 1

    @property
    def weight_parameters(self) -> int:
        """Values of the weight in one block, bias left out."""
        return self.d_out if self.form == "norm" else self.experts * self.d_in * self.d_out

    @property
    def parameters(self) -> int:
        """Parameters over the whole network; 0 when tied (a tied head's bias still counts)."""
        return self.count * (self.bias + (0 if self.tied else self.weight_parameters))


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Blocks that are made alike: dense ones, or ones with experts."""

    layers: tuple[int, ...]
    """Their indices."""
    parts: tuple[Part, ...]
    """What one of them holds."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.layers)

    @cached_property
    def linears(self) -> tuple[Part, ...]:
        """What multiplies activations: linears, routers and stacked experts."""
        return tuple(p for p in self.parts if p.form != "norm")

    @cached_property
    def parameters(self) -> int:
        """Parameters of one such block."""
        return sum(p.weight_parameters + p.bias for p in self.parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Inventory:
    """Every parameter of a base model, part by part; one object per architecture, so identity is equality."""

    architecture: Architecture
    parts: tuple[Part, ...]
    """All parts in the order of the network, vision tower included."""
    blocks: tuple[Block, ...]
    """The decoder's blocks by kind (one kind for dense base models, two when some blocks have experts)."""
    total_parameters: int
    """As `sum(p.numel() for p in model.parameters())` counts: tied weights once."""
    active_parameters: int
    """Parameters that one token passes through: of the routed experts only `num_experts_per_tok`."""
    block_linear_parameters: int
    """Weights of the decoder's linears and experts in blocks, biases left out: what 4-bit storage shrinks."""
    active_linear_parameters: int
    """Weights that one token is multiplied with, in blocks and head (the N of 2N FLOPs a token)."""
    embedding_parameters: int
    """Input embeddings (with learned positions); a tied head is among them."""
    head_parameters: int
    """Weights of the output head, counted even when tied: it is multiplied with all the same."""
    norm_parameters: int
    """Norms over the whole decoder."""
    vision_parameters: int
    """Vision tower and projector."""
    head: Part
    """The output head."""


@record(kw_only=True)
class AdapterTarget:
    """An adapter on one part, in each of `layers`."""

    part: Part
    r: int
    """Rank after PEFT's rules: 2r where two fused projections were both targeted by their old names."""
    layers: tuple[int, ...]
    """Blocks in which the part is adapted; empty for a part outside of the blocks."""
    parameters: int
    """Trainable parameters over all those blocks and experts."""
    d_in: int
    """Width of the adapter's input."""
    d_out: int
    """Width of the adapter's output: less than the part's when only some of a fused projection is adapted."""

    @property
    def count(self) -> int:
        """Adapters of this kind over the network, experts counted as one."""
        return len(self.layers) or 1


@record(kw_only=True)
class AdapterShape:
    """What PEFT would train."""

    trainable_parameters: int
    targets: tuple[AdapterTarget, ...]
    warnings: tuple[str, ...] = ()
    """What to know of these targets, such as adapters that land in a vision tower."""
