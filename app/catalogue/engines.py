"""Serving engine profiles: how much of a GPU an engine turns into tokens, and what it adds to every step.

A profile is data (`data/engines.yaml`), one reasoned value a field, so that the formulas in `app/estimate/` hold no
branch for an engine. `shared` holds what belongs to GPUs and kernels; an engine states what is its own, and may
override what is shared.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, get_args

from pydantic import Field

from app.catalogue.files import DATA
from app.catalogue.strict_yaml import Entry, read, validated
from app.errors import CatalogueError
from app.kept import kept
from app.records import record
from app.schemas.base import Assumption
from app.schemas.vocabulary import Engine

FILE = "engines.yaml"
CITED = (
    "bandwidth_efficiency",
    "decode_efficiency",
    "layer_seconds",
    "memory_fraction",
    "prefill_efficiency",
    "prefill_share",
)
"""What answers cite: the constants that move an estimate most; the file has all."""


@record(kw_only=True, eq=False)
class EngineProfile:
    """One engine. Shares lie in 0..1, `_seconds` are seconds, `_bytes` bytes on one GPU."""

    id: Engine
    calibrated: bool
    """Whether measurements of this engine stand behind its own constants."""
    # what the GPU gives
    bandwidth_efficiency: float
    """Share of the memory bandwidth at which weights are read."""
    kv_bandwidth_efficiency: float
    """Share of the memory bandwidth at which the KV cache is read."""
    decode_efficiency: float
    """Share of the bf16 tensor peak that a decode step's matrix products reach."""
    prefill_efficiency: float
    """Share of the bf16 tensor peak that a long prefill reaches."""
    attention_efficiency: float
    """Share of the bf16 tensor peak that prefill attention reaches."""
    eight_bit_efficiency: float
    """The efficiencies above at 8 bits, over those at 16."""
    four_bit_efficiency: float
    """The efficiencies above with 4-bit tensor cores, over those at 16 bits."""
    rocm_efficiency: float
    """All of the above on AMD GPUs, over NVIDIA's."""
    link_efficiency: float
    """Share of the link's one-way bandwidth that an all-reduce reaches."""
    # what every step costs beside reading and multiplying
    layer_seconds: float
    """One block: kernel launches, norms, rotary embedding, attention set-up."""
    norm_seconds: float
    """Each norm of a block beyond two (query and key norms, sandwich norms)."""
    quantized_layer_seconds: float
    """One block with quantised weights: quantising its activations."""
    expert_layer_seconds: float
    """One block with routed experts: routing, sorting, grouped products."""
    allreduce_seconds: float
    """Latency of one all-reduce; a block has two."""
    step_seconds: float
    """One step, whatever the batch: scheduling, sampling."""
    sequence_seconds: float
    """One sequence in a step: logits, sampling, detokenising, its share of attention kernels."""
    adapter_layer_seconds: float
    """One block with an unmerged adapter, whatever its rank."""
    request_seconds: float
    """One request: HTTP, tokenising, queueing in the engine, until its prefill starts."""
    prefill_share: float
    """How much of other requests' prefill a decoding request waits for."""
    overlap_exponent: float
    """How sharply reading and multiplying hide behind each other: t = (a^p + b^p)^(1/p)."""
    prefill_overlap_exponent: float
    """The same of a prefill."""
    # memory
    max_sequences: float
    """Sequences that the engine runs at once by default."""
    memory_fraction: float
    """Share of the GPU's memory that the engine takes by default."""
    workspace_bytes: float
    """Activations, CUDA graphs and buffers on one GPU."""
    # spread
    low_factor: float
    """Lower end of a step's time over its expected value."""
    high_factor: float
    """Upper end of a step's time over its expected value."""
    assumptions: tuple[Assumption, ...] = ()
    """The constants that matter most with their sources, for answers to cite."""


class _Source(Entry):
    title: str = Field(min_length=1)
    href: str = Field(pattern=r"^https?://")
    date: date


class _Value(Entry):
    value: float = Field(ge=0)
    reason: str = Field(min_length=1)
    source: str
    calibrated: bool = False
    """Fitted on tests/cases/serving_points.jsonl.gz; `source` is then where the measurements come from."""


class _EngineFile(Entry):
    sources: dict[str, _Source]
    shared: dict[str, _Value]
    engines: dict[Engine, dict[str, _Value]]


@lru_cache(maxsize=1)
def load_engines() -> Mapping[Engine, EngineProfile]:
    """Every engine's profile by id. Raises CatalogueError with file, key and what to write instead."""
    return kept("engines", [DATA / FILE], lambda: assemble_engines(read(DATA / FILE)))


def assemble_engines(raw: dict[str, Any]) -> Mapping[Engine, EngineProfile]:
    """The profiles that a parsed file describes. Raises CatalogueError."""
    held = validated(_EngineFile, raw, FILE)
    for engine in get_args(Engine):
        if engine not in held.engines:
            raise CatalogueError(FILE, "engines", f"{engine!r} has no profile.", f"`{engine}: {{...}}`.")
    return MappingProxyType({engine: _profile(engine, held) for engine in held.engines})


def engine_profile(engine: Engine) -> EngineProfile:
    """The profile of one engine."""
    return load_engines()[engine]


def _profile(engine: Engine, held: _EngineFile) -> EngineProfile:
    own = held.engines[engine]
    values = {**held.shared, **own}
    wanted = {f.name for f in fields(EngineProfile)} - {"id", "calibrated", "assumptions"}
    for name in sorted(wanted ^ values.keys()):
        detail = "It is missing." if name in wanted else "No such field."
        raise CatalogueError(FILE, f"engines.{engine}.{name}", detail, f"one of {', '.join(sorted(wanted))}.")
    for name, value in values.items():
        if value.source not in held.sources:
            known = ", ".join(held.sources)
            raise CatalogueError(FILE, f"{name}.source", f"{value.source!r} is unknown.", f"one of {known}.")
    return EngineProfile(
        id=engine,
        calibrated=any(v.calibrated for v in own.values()),
        assumptions=tuple(_assumption(name, values[name], held.sources[values[name].source]) for name in CITED),
        **{name: v.value for name, v in values.items()},
    )


def _assumption(name: str, value: _Value, source: _Source) -> Assumption:
    origin: Literal["calibrated", "catalogue"] = "calibrated" if value.calibrated else "catalogue"
    cited = f"{value.reason} {source.title}, {source.date.isoformat()}"
    return Assumption(name=name, value=value.value, origin=origin, source=cited)
