"""From entries of data files to the forms that the stages read, sources written out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from app.catalogue import token_prices
from app.catalogue.architectures import read_architecture
from app.catalogue.entries import (
    BaseModelEntry,
    CorrectionEntry,
    Dated,
    GpuEntry,
    GpuPriceEntry,
    HostedEntry,
    SourceEntry,
    TaskDefaultsEntry,
    TokenPriceEntry,
    TokenPriceValues,
    TuningOfferEntry,
)
from app.errors import CatalogueError, InputError
from app.records import record
from app.schemas.vocabulary import TaskType
from app.schemas.world import (
    AcceptedCorrection,
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

_YEAR = timedelta(days=365)


@record
class Found:
    """An entry, where it was found, and the sources that its keys point into."""

    entry: Any
    sources: Mapping[str, SourceEntry]
    file: str

    def references(self) -> tuple[Reference, ...]:
        """The sources of the entry."""
        named = (self.sources[key] for key in self.entry.sources)
        return tuple(Reference(title=source.title, href=source.href) for source in named)

    def cited(self, key: str) -> str:
        """One source in a line: title, address, and its grade unless it is the provider's own text."""
        source = self.sources[key]
        return f"{source.title} ({source.href})" + ("" if source.grade == "A" else f", grade {source.grade}")

    def refuse(self, key: str, detail: str, write_instead: str) -> CatalogueError:
        """The error to raise about the entry."""
        return CatalogueError(self.file, key, detail, write_instead)


def dated_value(found: Found) -> DatedValue:
    """The newest value of a dated entry."""
    entry: Dated = found.entry
    newest = max(entry.values)
    source = found.cited(entry.source)
    if getattr(entry, "judgement", False):
        source = f"our judgement; compare {source}"
    return DatedValue(
        value=entry.values[newest], unit=found.entry.unit, as_of=newest, source=source, checked=entry.checked
    )


def gpu_price(found: Found) -> GpuPrice:
    """A provider's newest price."""
    entry: GpuPriceEntry = found.entry
    return GpuPrice(provider=entry.provider, terms=entry.terms, price=dated_value(found))


def usual_price(prices: tuple[GpuPrice, ...]) -> DatedValue | None:
    """The price used when the caller names none; None when there is no price at all.

    A contract price when there is one, else the lower median of the on-demand prices: a price that somebody asks.
    A price more than a year older than the newest of its kind does not count.
    """
    for terms in ("contract", "on_demand", "serverless", "marketplace", "spot"):
        asked = [price.price for price in prices if price.terms == terms]
        if asked:
            newest = max(price.as_of for price in asked)
            recent = [price for price in asked if newest - price.as_of <= _YEAR]
            recent.sort(key=lambda price: (price.value, newest - price.as_of))
            return recent[(len(recent) - 1) // 2]
    return None


def gpu_spec(gpu_id: str, found: Found, prices: tuple[GpuPrice, ...]) -> GpuSpec:
    """A GPU in bytes, bytes per second and FLOP per second."""
    entry: GpuEntry = found.entry
    return GpuSpec(
        id=gpu_id,
        name=entry.name,
        memory_bytes=round(entry.memory.si),
        bandwidth_bytes_per_second=entry.bandwidth.si,
        flops_per_second={precision: quantity.si for precision, quantity in entry.flops.items()},
        link_bytes_per_second=entry.link.si,
        board_power_watts=entry.board_power.si,
        compute_capability=entry.compute_capability,
        usd_per_hour=usual_price(prices),
        prices=prices,
        references=found.references(),
    )


def base_model_spec(base_model_id: str, found: Found) -> BaseModelSpec:
    """A base model with its architecture read. Raises CatalogueError when its config cannot be read."""
    entry: BaseModelEntry = found.entry
    config = {"max_position_embeddings": entry.max_position_embeddings, **entry.config}
    try:
        architecture, _ = read_architecture(config, f"base_models/{base_model_id}/config")
    except InputError as error:
        problem = error.problems[0]
        raise found.refuse(problem.pointer, problem.detail, problem.hint or "the field of its config.json.") from None
    return BaseModelSpec(
        id=base_model_id,
        architecture=architecture,
        family=entry.family,
        total_parameters=entry.total_parameters,
        active_parameters=entry.active_parameters,
        license=entry.license,
        commercial_use=entry.commercial_use,
        max_position_embeddings=entry.max_position_embeddings,
        released=entry.released,
        languages=entry.languages,
        gated=entry.gated,
        modalities=entry.modalities,
        instruct_id=entry.instruct_id,
        chat_template=entry.chat_template,
        quality_index=entry.quality_index,
        references=found.references(),
    )


def aliases(base_models: Mapping[str, BaseModelSpec], entries: Mapping[str, Found]) -> dict[str, BaseModelSpec]:
    """Instruct variants and other ids of the same shape, each as a spec of its own id. Raises CatalogueError."""
    made: dict[str, BaseModelSpec] = {}
    for base_model_id, spec in base_models.items():
        found = entries[base_model_id]
        for other in (spec.instruct_id, *found.entry.aliases):
            if other in made:
                raise found.refuse(f"base_models.{base_model_id}.aliases", f"{other!r} is named twice.", "it once.")
            if other and other not in base_models:
                made[other] = replace(spec, id=other)
    return made


def hosted_spec(hosted_id: str, found: Found, recorded: Mapping[str, Found]) -> HostedModelSpec:
    """A hosted base model with its prices. Raises CatalogueError when it has none."""
    entry: HostedEntry = found.entry
    history, checked = _price_history(hosted_id, found, recorded)
    in_force = [prices for prices in history if prices.as_of <= checked] or history[:1]
    return HostedModelSpec(
        id=hosted_id,
        provider=entry.provider,
        name=entry.name,
        tier=entry.tier,
        prices=in_force[-1],
        price_history=history,
        context_tokens=entry.context_tokens,
        cache_min_tokens=entry.cache_min_tokens,
        time_to_first_token_seconds=entry.time_to_first_token_seconds,
        output_tokens_per_second=entry.output_tokens_per_second,
        speed_source=found.cited(entry.speed_source),
        structured_output=entry.structured_output,
        released=entry.released,
        references=found.references(),
    )


def _price_history(hosted_id: str, found: Found, recorded: Mapping[str, Found]) -> tuple[tuple[TokenPrices, ...], date]:
    """Prices oldest first and the day of the check: from the record, else from the installed genai-prices."""
    if price := recorded.get(hosted_id):
        entry: TokenPriceEntry = price.entry
        return _token_prices(entry.values, price.cited(entry.source), entry.checked), entry.checked
    named = found.entry.genai_prices
    if named is None:
        raise found.refuse(f"hosted_models.{hosted_id}", "It has no token price.", "an entry of `token_prices`.")
    try:
        values = token_prices.look_up(named["provider"], named["model"], found.entry.released)
    except LookupError as error:
        key = f"hosted_models.{hosted_id}.genai_prices"
        raise found.refuse(key, f"Not known there: {error}.", "its provider and model id in genai-prices.") from None
    return _token_prices(values, f"genai-prices {token_prices.version()}", max(values)), max(values)


def _token_prices(values: Mapping[date, TokenPriceValues], source: str, checked: date) -> tuple[TokenPrices, ...]:
    return tuple(
        TokenPrices(
            input_usd=price.input,
            cached_input_usd=price.cached_input,
            output_usd=price.output,
            batch_factor=price.batch_factor,
            as_of=day,
            source=source,
            checked=checked,
        )
        for day, price in sorted(values.items())
    )


def tuning_offer(offer_id: str, found: Found) -> HostedTuningOffer:
    """A place that tunes and serves."""
    entry: TuningOfferEntry = found.entry
    return HostedTuningOffer(
        id=offer_id,
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
        references=found.references(),
    )


def task_defaults(task_type: TaskType, found: Found) -> TaskDefaults:
    """Token counts of a task type."""
    entry: TaskDefaultsEntry = found.entry
    return TaskDefaults(
        task_type=task_type,
        input_tokens=entry.input_tokens,
        output_tokens=entry.output_tokens,
        prompt_tokens=entry.prompt_tokens,
        source=f"our judgement; compare {found.cited(entry.source)}",
    )


def accepted_correction(found: Found) -> AcceptedCorrection:
    """A correction as estimates read it."""
    entry: CorrectionEntry = found.entry
    return AcceptedCorrection(
        quantity=entry.quantity,
        gpu=entry.gpu,
        framework=entry.framework,
        factor=entry.factor,
        factor_low=entry.factor_low,
        factor_high=entry.factor_high,
        count=entry.count,
        source=f"accepted in {found.file}, {entry.as_of}: {entry.evidence}",
    )


def price_records(
    asked: list[Found], tokens: Mapping[str, Found], offers: Mapping[str, Found]
) -> tuple[StaleValue, ...]:
    """Every price with its dates, oldest check first."""
    made = [_record(f"{f.entry.gpu} at {f.entry.provider}, {f.entry.terms}", f, max(f.entry.values)) for f in asked]
    made += [_record(f"{hosted_id} tokens", f, _in_force(f.entry)) for hosted_id, f in tokens.items()]
    made += [_record(f"{offer_id} tuning", f, f.entry.as_of) for offer_id, f in offers.items()]
    return tuple(sorted(made, key=lambda price: (price.checked, price.name)))


def _record(name: str, found: Found, as_of: date) -> StaleValue:
    key = found.entry.sources[0] if hasattr(found.entry, "sources") else found.entry.source
    return StaleValue(name=name, file=found.file, as_of=as_of, checked=found.entry.checked, source=found.cited(key))


def _in_force(entry: TokenPriceEntry) -> date:
    """The day from which the prices in force count; later ones are announced."""
    return max((day for day in entry.values if day <= entry.checked), default=min(entry.values))
