"""Framework profiles: what each training framework keeps in memory and what it spends time on.

A profile is data (`data/frameworks.yaml`), one reasoned value a field, so that the formulas in `app/estimate/`
hold no branch for a framework. A framework inherits from its `base` whatever it does not state itself.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, get_args, get_type_hints

from pydantic import Field

from app.catalogue.files import DATA
from app.catalogue.strict_yaml import Entry, read, validated
from app.errors import CatalogueError
from app.kept import kept
from app.records import record
from app.schemas.base import Assumption
from app.schemas.vocabulary import Attention, CrossEntropy, Framework, Optimizer, Precision

FILE = "frameworks.yaml"


@record(kw_only=True, eq=False)
class FrameworkProfile:
    """One framework; every `_bytes` is per value (of the tensor named), every share lies in 0..1."""

    id: Framework
    calibrated: bool
    """Whether measured runs of this framework stand behind its constants."""
    naming: Literal["peft", "by_role", "either"]
    """How target names are read: see `app.estimate.params_adapter`; `either` tries PEFT's reading first."""
    # what is assumed when the request leaves it out
    default_attention: Attention
    default_optimizer: Optimizer
    default_precision: Precision
    default_cross_entropy: CrossEntropy
    default_upcast: bool
    """QLoRA goes through `prepare_model_for_kbit_training`: norms, embeddings, head and residual in fp32."""
    # weights
    quantizes_head: bool
    ties_head: bool
    """A tied head shares the embedding's memory; where it does not, it is stored once more."""
    adapter_value_bytes: int
    # kept for backward
    rms_norm_bytes: float
    fused_rms_norm_bytes: float
    qkv_view_kept: bool
    """Without grouped heads V is a view of the fused projection's output, which keeps all of it."""
    repeats_kv: tuple[Attention, ...]
    """Attention kernels before which grouped K and V are repeated for every query head."""
    keeps_kv_cache: bool
    adapter_input_bytes: float
    adapter_qkv_shared: bool
    """One adapter input, and one dropout, serves q, k and v."""
    adapter_input_uncopied: bool
    """Without dropout adapters keep the layer's input itself, so that targets that read one tensor keep it once."""
    dropout_mask_bytes: float
    partial_qkv_pad_bytes: float
    """Copy of the adapter's output kept when only some of q, k and v are adapted."""
    quantized_input_bytes: float
    """Input kept by a 4-bit or 8-bit linear although its weight is frozen."""
    dora_bytes: float
    trained_norm_bytes: float
    trained_input_bytes: float
    # head and loss, bytes per vocabulary entry and token
    eager_logit_bytes: float
    fused_logit_bytes: float
    head_hidden_bytes: float
    backward_hidden_bytes: float
    """Gradients alive while one block runs backward, per hidden value."""
    backward_mlp_bytes: float
    """The same, per value of the MLP's inner width."""
    checkpoints_on_card: float
    """Share of the checkpointed hidden states that stays on the card; the rest is offloaded."""
    optimizer_temporary: float
    """Parameter-sized temporaries of one optimizer step, in units of the gradients."""
    master_weights: bool
    """Full fine-tuning keeps fp32 master weights and fp32 states."""
    # allocator and device
    pool_overlap: float
    """Share of the smaller of block and head that the allocator cannot serve from the other's freed memory."""
    packed_slack: float
    """Reserved over allocated, of what is alive in a step, when all batches have one shape."""
    varied_slack: float
    """The same when the length varies from batch to batch."""
    varied_slack_high: float
    """The most that it may be then."""
    context_bytes: int
    """CUDA context, libraries and NCCL buffers on the card."""
    memory_spread: float
    """Relative half-width (10 % to 90 %) of what is alive in a step."""
    # time
    matmul_efficiency: float
    traffic_factor: float
    fused_traffic_factor: float
    layer_launch_seconds: float
    dequant_bytes: float
    gptq_dequant_bytes: float
    link_efficiency: float
    tensor_parallel_exposed: float
    """Share of tensor-parallel communication that computation does not hide."""
    time_spread: float
    """Ratio of the high to the expected step time (10 % to 90 %)."""


class SourceEntry(Entry):
    """Where a value was read or measured."""

    title: str
    href: str
    checked: date


class ValueEntry(Entry):
    """One field of a profile."""

    value: bool | int | float | str | list[str]
    because: str = Field(min_length=10)
    source: str


class ShareEntry(Entry):
    """One GPU's sustained share of its data-sheet peak, over an A100's."""

    value: float = Field(gt=0, le=2)
    because: str = Field(min_length=10)
    source: str


class ProfileEntry(Entry):
    """A framework: what differs from its base."""

    base: str | None = None
    fields: dict[str, ValueEntry]


class FrameworkFile(Entry):
    """frameworks.yaml."""

    sources: dict[str, SourceEntry]
    sustained_share: dict[str, ShareEntry]
    frameworks: dict[str, ProfileEntry]


@record(kw_only=True, eq=False)
class Frameworks:
    """Every profile, and why each value is what it is."""

    profiles: Mapping[Framework, FrameworkProfile]
    reasons: Mapping[Framework, Mapping[str, Assumption]]
    """By framework and field: the value with its reason and source."""
    sustained_share: Mapping[str, float]
    """By GPU id: sustained share of the data-sheet's tensor peak, over an A100's; 1 where absent."""


_TYPES = get_type_hints(FrameworkProfile)
_NAMES = tuple(f.name for f in fields(FrameworkProfile) if f.name != "id")


@lru_cache(maxsize=1)
def load_frameworks() -> Frameworks:
    """The profiles that ship with tunewise. Raises CatalogueError."""
    return kept("frameworks", [DATA / FILE], lambda: assemble(read(DATA / FILE)))


def assemble(raw: dict[str, Any]) -> Frameworks:
    """Profiles from the parsed file. Raises CatalogueError, naming the framework and the field."""
    content = validated(FrameworkFile, raw, FILE)
    missing = set(get_args(Framework)) - set(content.frameworks)
    if missing or len(content.frameworks) != len(get_args(Framework)):
        known = ", ".join(get_args(Framework))
        raise CatalogueError(FILE, "frameworks", "Not the contract's list.", f"exactly {known}.")
    profiles: dict[Framework, FrameworkProfile] = {}
    reasons: dict[Framework, Mapping[str, Assumption]] = {}
    for name in get_args(Framework):
        entries = _inherited(name, content, ())
        profiles[name] = _profile(name, entries)
        reasons[name] = MappingProxyType({n: _reason(name, n, e, content) for n, e in entries.items()})
    for gpu, share in content.sustained_share.items():
        _cited(f"sustained_share.{gpu}", share, content)
    return Frameworks(
        profiles=MappingProxyType(profiles),
        reasons=MappingProxyType(reasons),
        sustained_share=MappingProxyType({gpu: share.value for gpu, share in content.sustained_share.items()}),
    )


def _inherited(name: str, content: FrameworkFile, seen: tuple[str, ...]) -> dict[str, ValueEntry]:
    entry = content.frameworks.get(name)
    if entry is None or name in seen:
        where = f"frameworks.{'.'.join((*seen, name))}"
        raise CatalogueError(
            FILE, where, "No such base, or a circle.", "a framework of this file that leads to the root."
        )
    inherited = _inherited(entry.base, content, (*seen, name)) if entry.base else {}
    return inherited | entry.fields


def _profile(name: Framework, entries: dict[str, ValueEntry]) -> FrameworkProfile:
    wrong = set(_NAMES) ^ set(entries)
    if wrong:
        detail = f"Missing or unknown: {', '.join(sorted(wrong))}."
        raise CatalogueError(FILE, f"frameworks.{name}", detail, "every field once.")
    return FrameworkProfile(id=name, **{n: _typed(name, n, entries[n].value) for n in _NAMES})


def _typed(framework: str, name: str, value: Any) -> Any:
    """`value` in the field's type, or a CatalogueError."""
    kind = _TYPES[name]
    allowed = get_args(kind)
    if kind is float and type(value) in (int, float):
        return float(value)
    if kind in (bool, int) and type(value) is kind:
        return value
    if allowed and isinstance(value, str) and value in allowed:
        return value
    if isinstance(value, list) and set(value) <= set(get_args(allowed[0] if allowed else None)):
        return tuple(value)
    where = f"frameworks.{framework}.{name}"
    raise CatalogueError(FILE, where, f"{value!r} is not of the right type.", f"a value of {kind}.")


def _reason(framework: str, name: str, entry: ValueEntry, content: FrameworkFile) -> Assumption:
    value = ", ".join(entry.value) if isinstance(entry.value, list) else entry.value
    cited = _cited(f"frameworks.{framework}.{name}", entry, content)
    if name.startswith("default_"):
        return Assumption(
            name=name.removeprefix("default_"), value=value, origin="default", source=f"{framework}: {cited}"
        )
    return Assumption(name=f"{framework}.{name}", value=value, origin="catalogue", source=cited)


def _cited(where: str, entry: ValueEntry | ShareEntry, content: FrameworkFile) -> str:
    """Reason and source in one line. Raises CatalogueError for a source that is not listed."""
    source = content.sources.get(entry.source)
    if source is None:
        raise CatalogueError(FILE, f"{where}.source", f"Unknown source {entry.source!r}.", "a key of `sources`.")
    return f"{entry.because} ({source.title}, {source.href}, {source.checked.isoformat()})"
