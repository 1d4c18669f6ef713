"""The four options' figures: the two that were planned, and the two ways not taken."""

from app.decision import OptionFigures
from app.estimate.cost import Bill, RequestTokens, hosted_tuning_bill
from app.estimate.deployment import Deployment
from app.pipeline.case import Case, Inputs, Prompted, lasting_offer, prompt_hosted, prompt_on_own_gpus
from app.schemas.base import Range


def figures(case: Case, inputs: Inputs) -> dict[str, OptionFigures]:
    """Figures by option id."""
    hosted, own = both_ways_to_prompt(case, inputs)
    return {
        "prompt_hosted": _prompted(hosted, case),
        "prompt_self_hosted": _prompted(own, case),
        "tune_self_hosted": _tuned(case),
        "tune_hosted": _tuned_elsewhere(case, inputs),
    }


def both_ways_to_prompt(case: Case, inputs: Inputs) -> tuple[Prompted, Prompted]:
    """Prompting behind an API and on own GPUs; one of them is the one that was planned."""
    if isinstance(case.sides.prompted.served, Deployment):
        return prompt_hosted(case.facts, case.sides.load, case.sides.work, inputs), case.sides.prompted
    return case.sides.prompted, prompt_on_own_gpus(case.facts, case.sides.load, case.sides.work, inputs)


def _money(bill: Bill, volume: float) -> tuple[Range | None, Range | None, tuple[str, ...]]:
    monthly, upfront, why = bill.monthly_usd(volume), bill.upfront_usd, bill.unknown()
    return (
        Range(low=monthly[0], expected=monthly[1], high=monthly[2]) if monthly else None,
        Range(low=upfront[0], expected=upfront[1], high=upfront[2]) if upfront else None,
        (why,) if why else (),
    )


def _prompted(option: Prompted, case: Case) -> OptionFigures:
    monthly, upfront, unknown = _money(option.bill, case.sides.load.requests_per_day)
    served = option.served
    estimate = served.estimate if isinstance(served, Deployment) else served
    return OptionFigures(
        monthly_cost_usd=monthly,
        latency_p95_seconds=estimate.latency_p95_seconds,
        upfront_cost_usd=upfront,
        because=(option.chosen.because.text, *(served.because if isinstance(served, Deployment) else ())),
        unknown=unknown,
    )


def _tuned(case: Case) -> OptionFigures:
    deployment = case.sides.tuned.deployment
    monthly, upfront, unknown = _money(case.sides.tuned.bill, case.sides.load.requests_per_day)
    return OptionFigures(
        monthly_cost_usd=monthly,
        latency_p95_seconds=deployment.estimate.latency_p95_seconds,
        upfront_cost_usd=upfront,
        because=(case.sides.tuned.chosen.because.text, *deployment.because),
        unknown=unknown,
    )


def _tuned_elsewhere(case: Case, inputs: Inputs) -> OptionFigures:
    """Tuning at a provider: the first that lasts, else the first that there is, shown with the day it ends."""
    spec, load = case.sides.tuned.chosen.spec, case.sides.load
    lasting = lasting_offer(spec, load, inputs)
    offer = lasting or next((o for o in inputs.world.catalogue.tuning_offers if o.takes(spec)), None)
    if offer is None:
        return OptionFigures(offered=False, unknown=(f"No provider in the catalogue tunes {spec.id}.",))
    training = case.sides.tuned.planned.estimate
    bill = hosted_tuning_bill(
        offer,
        float(training.total_tokens or 0),
        RequestTokens(prompt=0.0, cached=0.0, input=load.input_tokens, output=load.output_tokens),
        case.sides.tuned.planned.plan.data.needed_examples,
        case.sides.work,
        inputs.world.catalogue.assumptions,
        case.sides.tuned.deployment if offer.hosting == "dedicated" else None,
    )
    monthly, upfront, unknown = _money(bill, load.requests_per_day)
    return OptionFigures(
        monthly_cost_usd=monthly,
        upfront_cost_usd=upfront,
        offered=lasting is not None,
        ends=offer.ends,
        because=(f"{offer.provider}, prices of {offer.as_of.isoformat()}.",),
        unknown=(*unknown, "The provider's latency is not on record."),
    )
