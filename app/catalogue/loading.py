"""From data files (and an organisation's overlay) to a Catalogue."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from app.catalogue import token_prices
from app.catalogue.architectures import read_architecture
from app.catalogue.catalogue import Catalogue
from app.catalogue.entries import (
    AssumptionFile,
    BaseModelEntry,
    BaseModelFile,
    CurrencyFile,
    Dated,
    GpuEntry,
    GpuFile,
    GpuPriceEntry,
    GpuPriceFile,
    HostedEntry,
    HostedFile,
    OverlayFile,
    SourceEntry,
    SourcedFile,
    TokenPriceEntry,
    TokenPriceFile,
    TokenPriceValues,
    TuningFile,
    TuningOfferEntry,
)
from app.catalogue.strict_yaml import DATA, read, validated
from app.errors import CatalogueError, InputError
from app.schemas.world import (
    BaseModelSpec,
    DatedValue,
    GpuPrice,
    GpuSpec,
    HostedModelSpec,
    HostedTuningOffer,
    Reference,
    StaleValue,
    TaskDefaults,
    TokenPrices,
)

K = TypeVar("K")
V = TypeVar("V")
Sources = Mapping[str, SourceEntry]
Tagged = tuple[Any, Sources, str]
"""An entry, the sources its keys point into, and its file."""
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
"""The files in data/ that make the catalogue; frameworks.yaml has a reader of its own."""


def load_catalogue(overlay: Path | None = None) -> Catalogue:
    """The catalogue, with an organisation's overlay on top; loaded once per overlay and state of its file.

    Raises CatalogueError with file, key and what to write instead.
    """
    if overlay is None:
        return _loaded(None, 0)
    try:
        changed = overlay.stat().st_mtime_ns
    except OSError as error:
        raise CatalogueError(overlay.name, "the whole file", f"{error.strerror}.", "the path of a readable file.") from None
    return _loaded(overlay, changed)


@lru_cache(maxsize=8)
def _loaded(overlay: Path | None, _changed: int) -> Catalogue:
    raw = {file: read(DATA / file) for file in FILES}
    extra = read(overlay) if overlay else None
    return assemble(raw, extra, overlay.name if overlay else "overlay")


def assemble(raw: Mapping[str, dict[str, Any]], extra: dict[str, Any] | None, overlay_name: str) -> Catalogue:
    """The catalogue that parsed files describe; `extra` is the overlay's content. Raises CatalogueError."""
    layers: list[tuple[SourcedFile, str]] = [(validated(FILES[f], raw[f], f), f) for f in FILES]
    if extra is not None:
        layers.append((validated(OverlayFile, {"sources": {}, **extra}, overlay_name), overlay_name))
    asked = list(_listed(layers, "gpu_prices"))
    prices = _gpu_prices(asked)
    gpus = {id: _gpu(id, e, s, prices.pop(id, ())) for id, (e, s, _) in _merged(layers, "gpus").items()}
    if prices:
        lost = next((e, f) for e, _, f in asked if e.gpu in prices)
        raise CatalogueError(lost[1], f"gpu_prices.{lost[0].gpu}", "A price of an unknown GPU.", f"one of {', '.join(gpus)}.")
    tokens = _merged(layers, "token_prices")
    hosted = {id: _hosted(id, *e, tokens) for id, e in _merged(layers, "hosted_models").items()}
    base_models = {id: _base_model(id, *e) for id, e in _merged(layers, "base_models").items()}
    aliases = _aliases(base_models, _merged(layers, "base_models"))
    offers = _merged(layers, "tuning_offers")
    dated = _price_records(asked, tokens, offers)
    return Catalogue(
        base_models=_frozen(base_models),
        base_model_aliases=_frozen(aliases),
        gpus=_frozen(gpus),
        hosted_models=_frozen(hosted),
        tuning_offers=tuple(_offer(id, e, s) for id, (e, s, _) in offers.items()),
        task_defaults=_frozen(_task_defaults(_merged(layers, "task_defaults"))),
        currencies=_dated_values(_merged(layers, "currencies")),
        assumptions=_dated_values(_merged(layers, "assumptions")),
        prices=dated,
        digest=_digest(raw, extra),
        prices_as_of=max(p.as_of for p in dated),
        folded=_frozen({id.casefold(): id for id in (*aliases, *base_models)}),
    )


def _frozen(made: dict[K, V]) -> Mapping[K, V]:
    return MappingProxyType(made)


def _merged(layers: list[tuple[SourcedFile, str]], section: str) -> dict[Any, Tagged]:
    """Entries of a section by key; a later layer replaces an entry of the same key."""
    made: dict[Any, Tagged] = {}
    for layer, file in layers:
        made |= {key: (entry, layer.sources, file) for key, entry in getattr(layer, section, {}).items()}
    return made


def _listed(layers: list[tuple[SourcedFile, str]], section: str) -> Iterable[Tagged]:
    for layer, file in layers:
        yield from ((entry, layer.sources, file) for entry in getattr(layer, section, ()))


def _digest(raw: Mapping[str, dict[str, Any]], extra: dict[str, Any] | None) -> str:
    """SHA-256 over the data with keys in order: comments, layout and file order do not count."""
    canonical = json.dumps(_plain([raw, extra]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.isoformat() if isinstance(value, date) else value


def _references(entry: Any, sources: Sources) -> tuple[Reference, ...]:
    return tuple(Reference(title=sources[k].title, href=sources[k].href) for k in entry.sources)


def _cited(source: SourceEntry) -> str:
    return f"{source.title} ({source.href})" + ("" if source.grade == "A" else f", grade {source.grade}")


def _dated_value(entry: Dated, unit: str, sources: Sources) -> DatedValue:
    newest = max(entry.values)
    source = _cited(sources[entry.source])
    if getattr(entry, "judgement", False):
        source = f"our judgement; compare {source}"
    return DatedValue(value=entry.values[newest], unit=unit, as_of=newest, source=source, checked=entry.checked)


def _dated_values(entries: dict[Any, Tagged]) -> Mapping[str, DatedValue]:
    return _frozen({name: _dated_value(e, e.unit, s) for name, (e, s, _) in entries.items()})


def _gpu_prices(asked: list[Tagged]) -> dict[str, tuple[GpuPrice, ...]]:
    made: dict[str, list[GpuPrice]] = {}
    for entry, sources, _ in asked:
        value = _dated_value(entry, entry.unit, sources)
        made.setdefault(entry.gpu, []).append(GpuPrice(provider=entry.provider, terms=entry.terms, price=value))
    return {gpu: tuple(prices) for gpu, prices in made.items()}


def _usual_price(prices: tuple[GpuPrice, ...]) -> DatedValue | None:
    """A contract price when there is one, else the lower median of the on-demand prices: a price somebody asks."""
    for terms in ("contract", "on_demand", "serverless", "spot"):
        found = sorted((p.price for p in prices if p.terms == terms), key=lambda p: (p.value, p.as_of))
        if found:
            return found[(len(found) - 1) // 2]
    return None


def _gpu(id: str, entry: GpuEntry, sources: Sources, prices: tuple[GpuPrice, ...]) -> GpuSpec:
    return GpuSpec(
        id=id,
        name=entry.name,
        memory_bytes=round(entry.memory.si),
        bandwidth_bytes_per_second=entry.bandwidth.si,
        flops_per_second={precision: q.si for precision, q in entry.flops.items()},
        link_bytes_per_second=entry.link.si,
        board_power_watts=entry.board_power.si,
        compute_capability=entry.compute_capability,
        usd_per_hour=_usual_price(prices),
        prices=prices,
        references=_references(entry, sources),
    )


def _base_model(id: str, entry: BaseModelEntry, sources: Sources, file: str) -> BaseModelSpec:
    try:
        architecture, _ = read_architecture(entry.config, f"/base_models/{id}/config")
    except InputError as error:
        problem = error.problems[0]
        raise CatalogueError(file, problem.pointer, problem.detail, problem.hint or "the field of its config.json.") from None
    return BaseModelSpec(
        id=id,
        architecture=architecture,
        **{f: getattr(entry, f) for f in _SAME_IN_SPEC},
        references=_references(entry, sources),
    )


_SAME_IN_SPEC = (
    "family", "total_parameters", "active_parameters", "license", "commercial_use", "max_position_embeddings", "released",
    "languages", "gated", "modalities", "instruct_id", "chat_template", "quality_index",
)  # fmt: skip


def _aliases(base_models: dict[str, BaseModelSpec], entries: dict[Any, Tagged]) -> dict[str, BaseModelSpec]:
    made: dict[str, BaseModelSpec] = {}
    for id, spec in base_models.items():
        for other in (spec.instruct_id, *entries[id][0].aliases):
            if other and other not in base_models:
                if other in made:
                    raise CatalogueError(entries[id][2], f"base_models.{id}.aliases", f"{other!r} is named twice.", "it once.")
                made[other] = replace(spec, id=other)
    return made


def _hosted(id: str, entry: HostedEntry, sources: Sources, file: str, prices: dict[Any, Tagged]) -> HostedModelSpec:
    priced, cited, checked = _priced(id, entry, file, prices)
    history = tuple(
        TokenPrices(
            input_usd=v.input,
            cached_input_usd=v.cached_input,
            output_usd=v.output,
            batch_factor=v.batch_factor,
            as_of=day,
            source=cited,
            checked=checked,
        )
        for day, v in sorted(priced.items())
    )
    in_force = [p for p in history if p.as_of <= checked] or history[:1]
    return HostedModelSpec(
        id=id,
        **{f: getattr(entry, f) for f in _SAME_IN_HOSTED},
        prices=in_force[-1],
        price_history=history,
        speed_source=_cited(sources[entry.speed_source]),
        references=_references(entry, sources),
    )


def _priced(
    id: str, entry: HostedEntry, file: str, prices: dict[Any, Tagged]
) -> tuple[dict[date, TokenPriceValues], str, date]:
    """Prices by day, their source and the day of the check: from the record, else from the installed genai-prices."""
    if id in prices:
        recorded, sources, _ = prices[id]
        return recorded.values, _cited(sources[recorded.source]), recorded.checked
    if entry.genai_prices is None:
        raise CatalogueError(file, f"hosted_models.{id}", "It has no token price.", f"`{id}:` under `token_prices`.")
    try:
        found = token_prices.look_up(entry.genai_prices["provider"], entry.genai_prices["model"], entry.released)
    except LookupError as error:
        detail = f"genai-prices does not know it: {error}."
        raise CatalogueError(file, f"hosted_models.{id}.genai_prices", detail, "its provider and model id there.") from None
    return found, f"genai-prices {token_prices.version()}", max(found)


_SAME_IN_HOSTED = (
    "provider", "name", "tier", "context_tokens", "cache_min_tokens", "time_to_first_token_seconds",
    "output_tokens_per_second", "structured_output", "released",
)  # fmt: skip


def _offer(id: str, entry: TuningOfferEntry, sources: Sources) -> HostedTuningOffer:
    return HostedTuningOffer(
        id=id,
        provider=entry.provider,
        base_model=entry.base_model,
        parameter_range=entry.parameters,
        training_usd_per_million_tokens=entry.training,
        input_usd_per_million_tokens=entry.input,
        cached_input_usd_per_million_tokens=entry.cached_input,
        output_usd_per_million_tokens=entry.output,
        hosting_usd_per_hour=entry.hosting_usd_per_hour,
        hosting=entry.hosting,
        max_parameters_note=entry.limits,
        closed_to_new_users=entry.closed_to_new_users,
        ends=entry.ends,
        as_of=entry.as_of,
        checked=entry.checked,
        references=_references(entry, sources),
    )


def _task_defaults(entries: dict[Any, Tagged]) -> dict[Any, TaskDefaults]:
    return {
        task: TaskDefaults(
            task_type=task,
            input_tokens=e.input_tokens,
            output_tokens=e.output_tokens,
            prompt_tokens=e.prompt_tokens,
            source=f"our judgement; compare {_cited(s[e.source])}",
        )
        for task, (e, s, _) in entries.items()
    }


def _price_records(
    asked: list[Tagged], tokens: dict[Any, Tagged], offers: dict[Any, Tagged]
) -> tuple[StaleValue, ...]:
    """Every price with its dates, oldest check first."""
    made = [
        StaleValue(
            name=f"{e.gpu} at {e.provider}, {e.terms}", file=f, as_of=max(e.values), checked=e.checked, source=_cited(s[e.source])
        )
        for e, s, f in asked
    ]
    made += [
        StaleValue(name=f"{id} tokens", file=f, as_of=_in_force(e), checked=e.checked, source=_cited(s[e.source]))
        for id, (e, s, f) in tokens.items()
    ]
    made += [
        StaleValue(name=f"{id} tuning", file=f, as_of=e.as_of, checked=e.checked, source=_cited(s[e.sources[0]]))
        for id, (e, s, f) in offers.items()
    ]
    return tuple(sorted(made, key=lambda p: (p.checked, p.name)))


def _in_force(entry: TokenPriceEntry) -> date:
    """The day from which the prices in force count; later ones are announced."""
    return max((day for day in entry.values if day <= entry.checked), default=min(entry.values))
