"""From data files (and an organisation's overlay) to a Catalogue: read, checked, put together."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from app.catalogue import specs
from app.catalogue.catalogue import Catalogue
from app.catalogue.entries import (
    AssumptionFile,
    BaseModelFile,
    CurrencyFile,
    GpuFile,
    GpuPriceFile,
    HostedFile,
    OverlayFile,
    SourcedFile,
    TokenPriceFile,
    TuningFile,
)
from app.catalogue.files import DATA
from app.catalogue.specs import Found
from app.catalogue.strict_yaml import read, validated
from app.schemas.vocabulary import Framework
from app.schemas.world import AcceptedCorrection, GpuPrice, GpuSpec

K = TypeVar("K")
V = TypeVar("V")
Place = tuple[str, Framework]
"""A GPU and a framework."""
Layer = tuple[SourcedFile, str]
"""A validated file and its name."""
FILES: dict[str, type[SourcedFile]] = {
    "gpus.yaml": GpuFile,
    "gpu_prices.yaml": GpuPriceFile,
    "base_models.yaml": BaseModelFile,
    "hosted_models.yaml": HostedFile,
    "token_prices.yaml": TokenPriceFile,
    "tuning_offers.yaml": TuningFile,
    "assumptions.yaml": AssumptionFile,
    "currencies.yaml": CurrencyFile,
}
"""The files in data/ that make the catalogue and their schemas."""
PROFILES = ("families.yaml", "frameworks.yaml", "engines.yaml")
"""Files in data/ with readers of their own; only their content counts towards the digest."""


def assembled(overlay: Path | None) -> Catalogue:
    """The catalogue as shipped, with `overlay` on top. Raises CatalogueError with file, key and what to write."""
    own: list[Layer] = []
    extra: dict[str, Any] = {}
    if overlay is not None:
        extra = {"overlay": {"sources": {}, **read(overlay)}}
        own.append((validated(OverlayFile, extra["overlay"], overlay.name), overlay.name))
    raw, layers = _shipped()
    return assemble([*layers, *own], digest(raw | extra))


@lru_cache(maxsize=1)
def _shipped() -> tuple[dict[str, dict[str, Any]], list[Layer]]:
    """The files in data/ as they are and validated."""
    raw = {file: read(DATA / file) for file in FILES}
    return raw, [(validated(schema, raw[file], file), file) for file, schema in FILES.items()]


def assemble(layers: list[Layer], data_digest: str) -> Catalogue:
    """The catalogue that validated files describe; of two entries with one key the later file's counts."""
    tokens, offers, entries = (merged(layers, s) for s in ("token_prices", "tuning_offers", "base_models"))
    asked = list(listed(layers, "gpu_prices"))
    gpus = _gpus(merged(layers, "gpus"), asked)
    prices = specs.price_records(asked, tokens, offers)
    base_models = {name: specs.base_model_spec(name, found) for name, found in entries.items()}
    aliases = specs.aliases(base_models, entries)
    return Catalogue(
        base_models=MappingProxyType(base_models),
        base_model_aliases=MappingProxyType(aliases),
        gpus=MappingProxyType(gpus),
        hosted_models=MappingProxyType(
            {name: specs.hosted_spec(name, found, tokens) for name, found in merged(layers, "hosted_models").items()}
        ),
        tuning_offers=tuple(specs.tuning_offer(name, found) for name, found in offers.items()),
        task_defaults=MappingProxyType(
            {task: specs.task_defaults(task, found) for task, found in merged(layers, "task_defaults").items()}
        ),
        currencies=MappingProxyType({k: specs.dated_value(f) for k, f in merged(layers, "currencies").items()}),
        assumptions=MappingProxyType({k: specs.dated_value(f) for k, f in merged(layers, "assumptions").items()}),
        corrections=MappingProxyType(_corrections(listed(layers, "corrections"), gpus)),
        prices=prices,
        digest=data_digest,
        prices_as_of=max(price.as_of for price in prices),
        folded=MappingProxyType({name.casefold(): name for name in (*aliases, *base_models)}),
    )


def _gpus(entries: Mapping[str, Found], asked: list[Found]) -> dict[str, GpuSpec]:
    prices: dict[str, list[GpuPrice]] = {gpu_id: [] for gpu_id in entries}
    for found in asked:
        if found.entry.gpu not in prices:
            raise found.refuse(f"gpu_prices.{found.entry.gpu}", "No such GPU.", f"one of {', '.join(entries)}.")
        prices[found.entry.gpu].append(specs.gpu_price(found))
    return {gpu_id: specs.gpu_spec(gpu_id, found, tuple(prices[gpu_id])) for gpu_id, found in entries.items()}


def _corrections(asked: Iterable[Found], gpus: Mapping[str, GpuSpec]) -> dict[Place, tuple[AcceptedCorrection, ...]]:
    """By GPU and framework, one of each quantity. Raises CatalogueError for an unknown GPU and for a second one."""
    made: dict[Place, tuple[AcceptedCorrection, ...]] = {}
    for number, found in enumerate(asked):
        entry, place = found.entry, (found.entry.gpu, found.entry.framework)
        if entry.gpu not in gpus:
            raise found.refuse(f"corrections.{number}.gpu", f"No GPU {entry.gpu!r}.", f"one of {', '.join(gpus)}.")
        if any(other.quantity == entry.quantity for other in made.get(place, ())):
            what = f"A second factor of {entry.quantity} on {entry.gpu} with {entry.framework}."
            raise found.refuse(f"corrections.{number}", what, "one entry, with their product.")
        made[place] = (*made.get(place, ()), specs.accepted_correction(found))
    return made


def merged(layers: list[Layer], section: str) -> dict[Any, Found]:
    """Entries of a section by key; a later file replaces an entry of the same key."""
    made: dict[Any, Found] = {}
    for layer, file in layers:
        made |= {key: Found(entry, layer.sources, file) for key, entry in getattr(layer, section, {}).items()}
    return made


def listed(layers: list[Layer], section: str) -> Iterator[Found]:
    """Entries of a section that is a list, in the order of files."""
    for layer, file in layers:
        yield from (Found(entry, layer.sources, file) for entry in getattr(layer, section, ()))


def digest(raw: Mapping[str, dict[str, Any]]) -> str:
    """SHA-256 over the data with keys in order, so that comments and layout do not count, and over the profiles."""
    canonical = json.dumps(_plain(raw), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    made = hashlib.sha256(canonical.encode())
    for file in PROFILES:
        if (path := DATA / file).is_file():
            made.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return made.hexdigest()


def _plain(value: Any) -> Any:
    """The value with dates as text, also where they are keys."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value
