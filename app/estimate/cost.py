"""Total cost of prompting and of tuning over the horizon, line by line, at any volume.

A `Bill` holds the lines; `Bill.at` writes them out for one volume, `Bill.curves` tells how the total moves with it.
Work is priced too: at small volumes it is most of the money. Assumptions are the catalogue's, by name.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from app.estimate.cost_lines import (
    EXACT,
    LABELS,
    LABOUR,
    TOKENS,
    Curve,
    Hosting,
    HostingKind,
    Line,
    Price,
    Spread,
    Triple,
    cost_estimate,
    summed,
)
from app.estimate.deployment import Deployment
from app.estimate.hosted import RequestPrices, cacheable_tokens, request_prices
from app.records import record
from app.schemas.base import Range
from app.schemas.report import HorizonCost
from app.schemas.training import TrainingEstimate
from app.schemas.vocabulary import KnowledgeChanges, TaskType
from app.schemas.world import DatedValue, GpuSpec, HostedModelSpec, HostedTuningOffer
from app.units import DAYS_PER_MONTH, HOURS_PER_MONTH, MILLION, SECONDS_PER_DAY

Assumptions = Mapping[str, DatedValue]
MONTHS_PER_YEAR = 12
LABEL_KINDS: dict[TaskType, str] = {
    "classification": "label_cost_label",
    "ranking": "label_cost_label",
    "recommendation": "label_cost_label",
    "extraction": "label_cost_structured",
    "tool_use": "label_cost_structured",
}
"""Which labelling price a task type has; all others need a written reference answer."""
M_TOKENS = "million tokens"
DEDICATED_GPUS = 1
"""GPUs of a provider's dedicated deployment, unless a deployment of our own says how many it takes."""


class RequestTokens(NamedTuple):
    """Tokens of one request."""

    prompt: float
    """Instructions and examples; 0 for a tuned base model that needs none."""
    cached: float
    """Of these, read from the provider's cache on average."""
    input: float
    """What differs from request to request, retrieved passages included."""
    output: float


@record(kw_only=True)
class Work:
    """What both approaches share."""

    horizon_months: float
    task_type: TaskType
    labelled_examples: float
    """Examples that exist."""
    expert_labels: bool = False
    """Only doctors, lawyers or engineers can label."""
    prompt_exists: bool = False
    """A good prompt was written and measured already."""
    knowledge_changes: KnowledgeChanges = "static"


@record(kw_only=True)
class Bill:
    """All lines of one approach."""

    horizon_months: float
    upfront: tuple[Line, ...]
    monthly: tuple[Line, ...]
    """Each month, whatever the volume."""
    per_request: tuple[Line, ...]
    """Each request."""
    hosting: Hosting | None
    curves: tuple[Curve, Curve, Curve] | None
    """Dollars over the horizon by volume: low, expected, high; None when a price is unknown."""
    upfront_usd: Triple | None

    def at(self, requests_per_day: float) -> HorizonCost:
        """Every line at one volume."""
        requests = requests_per_day * DAYS_PER_MONTH
        items = [line.item(requests) for line in self.per_request]
        if self.hosting is not None:
            items.append(self.hosting.line(requests_per_day).item())
        items += [line.item() for line in self.monthly]
        return HorizonCost(
            horizon_months=round(self.horizon_months),
            upfront=cost_estimate([line.item() for line in self.upfront], self.upfront_usd),
            monthly=cost_estimate(items, self.monthly_usd(requests_per_day)),
            total_usd=self.total_usd(requests_per_day),
        )

    def total_usd(self, requests_per_day: float) -> Range | None:
        """Dollars over the horizon at a volume; null when a price is unknown."""
        if self.curves is None:
            return None
        low, expected, high = (c.at(requests_per_day) for c in self.curves)
        return Range(low=low, expected=expected, high=high)

    def monthly_usd(self, requests_per_day: float) -> Triple | None:
        """Dollars of one month, without what is paid at the start."""
        if self.curves is None or self.upfront_usd is None:
            return None
        spent = [
            (c.at(requests_per_day) - u) / self.horizon_months
            for c, u in zip(self.curves, self.upfront_usd, strict=True)
        ]
        return spent[0], spent[1], spent[2]

    def unknown(self) -> str | None:
        """Why there is no total: the first line without a price."""
        for line in (*self.upfront, *self.monthly, *self.per_request):
            if line.price.usd is None and line.quantity:
                return f"{line.name}: {line.price.source}"
        if self.hosting is not None and not self.hosting.known:
            return f"{self.hosting.kinds[0].name}: {self.hosting.kinds[0].price.source}"
        return None


def prompting_bill(
    served: HostedModelSpec | Deployment,
    tokens: RequestTokens,
    work: Work,
    assumptions: Assumptions,
    *,
    batch: bool = False,
    input_usd_per_million_tokens: float | None = None,
    output_usd_per_million_tokens: float | None = None,
) -> Bill:
    """Prompting a base model behind an API, or an open one on own GPUs: a `Deployment` that reads prompt and input."""
    upfront = [*_prompt_work(work, assumptions), _evaluation_set(work, assumptions, 0.0)]
    monthly = [_labour("prompt maintenance", "prompt_maintenance_hours_per_month", assumptions)]
    if isinstance(served, Deployment):
        monthly.append(_labour("running GPU servers", "self_hosting_hours_per_month", assumptions))
        return _bill(work, upfront, monthly, (), deployment_hosting(served))
    prices = request_prices(
        served,
        batch=batch,
        input_usd_per_million_tokens=input_usd_per_million_tokens,
        output_usd_per_million_tokens=output_usd_per_million_tokens,
    )
    cached = cacheable_tokens(served, tokens.prompt, tokens.cached)
    return _bill(work, upfront, monthly, _token_lines(served, prices, tokens, cached), None)


def tuning_bill(
    deployment: Deployment,
    training: TrainingEstimate,
    needed_examples: float,
    work: Work,
    assumptions: Assumptions,
) -> Bill:
    """Tuning an open base model and serving it on own GPUs."""
    hours = training.gpu_hours
    line = training.cost.items[0] if training.cost.items else None
    price = Price(line.unit_price_usd, line.source, line.as_of) if line else Price(None, "training hours unknown", None)
    spread = Spread(hours.low / hours.expected, hours.high / hours.expected) if hours and hours.expected else EXACT
    run = Line("one training run", hours.expected if hours else 1.0, "GPU-hour", price, spread)
    upfront, monthly = _tuning_lines(run, needed_examples, work, assumptions)
    monthly.append(_labour("running GPU servers", "self_hosting_hours_per_month", assumptions))
    return _bill(work, upfront, monthly, (), deployment_hosting(deployment))


def hosted_tuning_bill(
    offer: HostedTuningOffer,
    training_tokens: float,
    tokens: RequestTokens,
    needed_examples: float,
    work: Work,
    assumptions: Assumptions,
    deployment: Deployment | None = None,
) -> Bill:
    """Tuning at a provider that also serves the result: per token, or on GPUs sized as our own `deployment`."""
    source = f"{offer.provider}: {offer.references[0].title}" if offer.references else offer.provider
    price = _offered(offer.training_usd_per_million_tokens, offer, source, "training price")
    run = Line("one training run", training_tokens / MILLION, M_TOKENS, price, EXACT)
    upfront, monthly = _tuning_lines(run, needed_examples, work, assumptions)
    if offer.hosting == "dedicated":
        hourly = _offered(offer.hosting_usd_per_hour, offer, source, "hosting price")
        return _bill(work, upfront, monthly, (), _dedicated(hourly, deployment))
    return _bill(work, upfront, monthly, _offer_lines(offer, source, tokens), None)


def prompting_costs(bill: Bill, requests_per_day: float) -> HorizonCost:
    """The lines of a prompting bill at one volume."""
    return bill.at(requests_per_day)


def tuning_costs(bill: Bill, requests_per_day: float) -> HorizonCost:
    """The lines of a tuning bill at one volume."""
    return bill.at(requests_per_day)


def offer_outlasts(offer: HostedTuningOffer, as_of: date, horizon_months: float) -> bool:
    """Whether a new customer can start on the day and stay for the whole horizon; otherwise never recommend it."""
    if not offer.open_on(as_of):
        return False
    return offer.ends is None or (offer.ends - as_of).days >= horizon_months * DAYS_PER_MONTH


def deployment_hosting(plan: Deployment) -> Hosting:
    """The GPU-hours of a planned deployment by volume. Sized for the peak; the low corner follows the load."""
    own = plan.request.usd_per_gpu_hour
    return _hosting(plan, [_gpu_price(option.gpu, own) for option in plan.options], "hosting")


def _gpu_price(gpu: GpuSpec, own: float | None) -> Price:
    if own is not None:
        return Price(own, "your own price", None)
    if gpu.usd_per_hour is None:
        return Price(None, f"No price of {gpu.id} is on record: give usd_per_gpu_hour.", None)
    return Price.dated(gpu.usd_per_hour.value, gpu.usd_per_hour.source, gpu.usd_per_hour.as_of)


def _hosting(plan: Deployment, prices: Sequence[Price], what: str) -> Hosting:
    """One kind of replica for each price."""
    day = SECONDS_PER_DAY / (1.0 if plan.nobody_waits else plan.peak_factor)
    kinds = tuple(
        HostingKind(
            name=f"{option.gpu.id} {what}",
            price=price if option.requests_per_second.low > 0 else _does_not_fit(option.gpu),
            gpus=option.tensor_parallel,
            takes=_takes(option.requests_per_second, day),
        )
        for option, price in zip(plan.options, prices, strict=False)
    )
    return Hosting(kinds=kinds, hours_per_month=0.0 if plan.nobody_waits else HOURS_PER_MONTH)


def _does_not_fit(gpu: GpuSpec) -> Price:
    """No price of a deployment that cannot be."""
    return Price(None, f"The base model does not fit on {gpu.id}.", None)


def _takes(rate: Range, day: float) -> Triple:
    return rate.low * day, rate.expected * day, rate.high * SECONDS_PER_DAY


def _dedicated(hourly: Price, deployment: Deployment | None) -> Hosting:
    """A provider's GPUs: as many as our own deployment would take, or one that takes any volume."""
    if deployment is not None:
        return _hosting(deployment, (hourly,), "dedicated hosting")
    kind = HostingKind(name="dedicated hosting", price=hourly, gpus=DEDICATED_GPUS, takes=(math.inf,) * 3)
    return Hosting(kinds=(kind,), hours_per_month=HOURS_PER_MONTH)


def _bill(
    work: Work,
    upfront: Sequence[Line],
    monthly: Sequence[Line],
    per_request: Sequence[Line],
    hosting: Hosting | None,
) -> Bill:
    first, fixed, each = summed(upfront), summed(monthly), summed(per_request)
    known = hosting is None or hosting.known
    curves = None
    if first is not None and fixed is not None and each is not None and known:
        low, expected, high = (_curve(first[i], fixed[i], each[i], hosting, i, work.horizon_months) for i in range(3))
        curves = (low, expected, high)
    return Bill(
        horizon_months=work.horizon_months,
        upfront=tuple(upfront),
        monthly=tuple(monthly),
        per_request=tuple(per_request),
        hosting=hosting,
        curves=curves,
        upfront_usd=first,
    )


def _curve(first: float, fixed: float, each: float, hosting: Hosting | None, corner: int, months: float) -> Curve:
    held = hosting.curve(corner, months) if hosting is not None else Curve(0.0, 0.0)
    return Curve(first + fixed * months, each * DAYS_PER_MONTH * months + held.slope, held.steps)


# ---- lines


def _named(name: str, assumptions: Assumptions) -> tuple[float, str, date]:
    held = assumptions[name]
    return held.value, held.source, held.as_of


def _labour(title: str, hours_name: str, assumptions: Assumptions, times: float = 1.0) -> Line:
    """Hours of an engineer."""
    hours = assumptions[hours_name].value * times
    usd, source, day = _named("engineer_usd_per_hour", assumptions)
    return Line(title, hours, "hour", Price.dated(usd, source, day), LABOUR)


def _labels(title: str, examples: float, work: Work, assumptions: Assumptions) -> Line:
    usd, source, day = _named(LABEL_KINDS.get(work.task_type, "label_cost_text"), assumptions)
    factor = assumptions["expert_label_factor"].value if work.expert_labels else 1.0
    said = f"{source}; times {factor:g} for experts" if work.expert_labels else source
    return Line(title, examples, "example", Price.dated(usd * factor, said, day), LABELS)


def _prompt_work(work: Work, assumptions: Assumptions) -> list[Line]:
    times = 0.0 if work.prompt_exists else 1.0
    return [_labour("writing and measuring the prompt", "prompt_engineering_hours", assumptions, times)]


def _evaluation_set(work: Work, assumptions: Assumptions, training_examples: float) -> Line:
    """Labels of the evaluation set that do not exist once `training_examples` are taken."""
    wanted = assumptions["evaluation_examples"].value
    left = max(0.0, work.labelled_examples - training_examples)
    return _labels("labelling the evaluation set", max(0.0, wanted - left), work, assumptions)


def _tuning_lines(
    run: Line, needed_examples: float, work: Work, assumptions: Assumptions
) -> tuple[list[Line], list[Line]]:
    """What tuning costs wherever it is served: before the first request, and each month."""
    attempts = assumptions["training_attempts"].value
    retrainings = assumptions[f"retrainings_per_year_{work.knowledge_changes}"].value / MONTHS_PER_YEAR
    relabelled = assumptions["relabelled_share"].value * needed_examples * retrainings
    missing = max(0.0, needed_examples - work.labelled_examples)
    upfront = [
        *_prompt_work(work, assumptions),
        _labels("labelling training examples", missing, work, assumptions),
        _evaluation_set(work, assumptions, needed_examples),
        run._replace(name=f"training, {attempts:g} attempts", quantity=run.quantity * attempts),
        _labour("tuning, measuring, deploying", "tuning_engineering_hours", assumptions),
    ]
    monthly = [
        run._replace(
            name=f"retraining, {retrainings * MONTHS_PER_YEAR:g} times a year", quantity=run.quantity * retrainings
        ),
        _labels("labels for retraining", relabelled, work, assumptions),
        _labour("retraining work", "retraining_engineering_hours", assumptions, retrainings),
        _labour("maintenance of the tuned base model", "tuned_maintenance_hours_per_month", assumptions),
    ]
    return upfront, monthly


def _token_lines(
    spec: HostedModelSpec, prices: RequestPrices, tokens: RequestTokens, cached: float
) -> tuple[Line, ...]:
    uncached = tokens.prompt - cached + tokens.input
    why = f"No token price of {spec.id} is on record."
    return (
        _tokens("input tokens", uncached, prices.input_usd, prices.input_source, prices.as_of, why),
        _tokens("cached input tokens", cached, prices.cached_usd, prices.input_source, prices.as_of, why),
        _tokens("output tokens", tokens.output, prices.output_usd, prices.output_source, prices.as_of, why),
    )


def _tokens(title: str, tokens: float, usd: float | None, source: str, as_of: str | None, why: str) -> Line:
    return Line(title, tokens / MILLION, M_TOKENS, Price(usd, source if usd is not None else why, as_of), TOKENS)


def _offer_lines(offer: HostedTuningOffer, source: str, tokens: RequestTokens) -> tuple[Line, ...]:
    spent = tokens.prompt + tokens.input
    read = _offered(offer.input_usd_per_million_tokens, offer, source, "price of input")
    written = _offered(offer.output_usd_per_million_tokens, offer, source, "price of output")
    return (
        Line("input tokens", spent / MILLION, M_TOKENS, read, TOKENS),
        Line("output tokens", tokens.output / MILLION, M_TOKENS, written, TOKENS),
    )


def _offered(usd: float | None, offer: HostedTuningOffer, source: str, what: str) -> Price:
    if usd is None:
        return Price(None, f"The {what} of {offer.id} is not on record.", None)
    return Price.dated(usd, source, offer.as_of)
