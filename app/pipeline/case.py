"""One task worked out: both plans, both estimates, both bills, the scores and the verdict."""

from dataclasses import field
from datetime import date

from app.decision import Verdict, decide
from app.estimate.break_even import break_even, crossing_volume
from app.estimate.cost import Bill, RequestTokens, Work, offer_outlasts, prompting_bill, tuning_bill
from app.estimate.deployment import Deployment, Limits, plan_deployment
from app.estimate.hosted import estimate_hosted
from app.estimate.params import default_targets, inventory, parameters_per_rank
from app.estimate.training import estimate_training
from app.facts import workload as workload_of
from app.pipeline.world import World
from app.planning import (
    Chosen,
    PlannedTuning,
    TuningTools,
    choose_base_model,
    choose_hosted,
    expert_tensors,
    plan_fine_tuning,
    plan_prompting,
)
from app.planning.tuning_task import task_from_facts
from app.records import record
from app.schemas.architecture import Architecture
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts, Reading, Workload
from app.schemas.plan import PromptingPlan
from app.schemas.recommend import Preferences
from app.schemas.report import BreakEven, HostedServingEstimate, Score
from app.schemas.training import TrainingEstimate, TrainingRequest
from app.schemas.vocabulary import Need
from app.schemas.world import BaseModelSpec, GpuSpec, HostedModelSpec, HostedTuningOffer
from app.scoring.needs import score, score_unexplained


@record(kw_only=True)
class Inputs:
    """What stays the same when a requirement is moved to see whether the verdict flips.

    `planned` keeps tuning plans by what they were made from: most moves leave the plan as it is.
    """

    reading: Reading
    preferences: Preferences
    as_of: date
    world: World
    planned: dict[tuple[object, ...], PlannedTuning] = field(default_factory=dict)


@record(kw_only=True)
class Prompted:
    """The prompting option: its plan, how it is served, and its bill."""

    plan: PromptingPlan
    chosen: Chosen[HostedModelSpec] | Chosen[BaseModelSpec]
    served: HostedServingEstimate | Deployment
    bill: Bill


@record(kw_only=True)
class Tuned:
    """The tuning option: its plan with the training estimate, its deployment, and its bill."""

    planned: PlannedTuning
    chosen: Chosen[BaseModelSpec]
    deployment: Deployment
    bill: Bill


@record(kw_only=True)
class Sides:
    """Both options of a task, planned, estimated and priced."""

    load: Workload
    work: Work
    prompted: Prompted
    tuned: Tuned


@record(kw_only=True)
class Case:
    """A task worked out to the verdict."""

    facts: Facts
    sides: Sides
    break_even: BreakEven
    comparison: Comparison
    scores: dict[Need, Score]
    verdict: Verdict


def work_out(facts: Facts, inputs: Inputs) -> Case:
    """Plan, estimate, compare, score, decide. Raises InputError for preferences that cannot be met."""
    world, sides = inputs.world, both_sides(facts, inputs)
    crossing = break_even(sides.prompted.bill, sides.tuned.bill, sides.load.requests_per_day)
    comparison = compare(sides, crossing.requests_per_day, inputs)
    scores = score(world.rules.evaluate(facts, comparison), inputs.reading, world.thresholds)
    return Case(
        facts=facts,
        sides=sides,
        break_even=crossing,
        comparison=comparison,
        scores=scores,
        verdict=decide(scores, facts, sides.load, comparison, world.decision),
    )


def judge(facts: Facts, inputs: Inputs) -> Verdict:
    """The verdict of `work_out` without what only people read: a search asks it for dozens of variants."""
    world, sides = inputs.world, both_sides(facts, inputs)
    crossing = crossing_volume(sides.prompted.bill, sides.tuned.bill)
    comparison = compare(sides, crossing, inputs)
    scores = score_unexplained(world.rules.evaluate(facts, comparison), inputs.reading, world.thresholds)
    return decide(scores, facts, sides.load, comparison, world.decision)


def both_sides(facts: Facts, inputs: Inputs) -> Sides:
    """Both options; prompting on own GPUs where the base model must not be somebody else's."""
    load = workload_of(facts, inputs.world.catalogue)
    work = _work(facts, load)
    ask = prompt_on_own_gpus if facts.self_hosting_required else prompt_hosted
    return Sides(load=load, work=work, prompted=ask(facts, load, work, inputs), tuned=tune(facts, load, work, inputs))


def _work(facts: Facts, load: Workload) -> Work:
    return Work(
        horizon_months=load.horizon_months,
        task_type=load.task_type,
        labelled_examples=facts.labelled_examples or 0.0,
        expert_labels="experts_label" in facts.signals,
        prompt_exists=facts.prompting_effort in ("few_shot", "optimized"),
        knowledge_changes=facts.knowledge_changes or "static",
    )


def prompt_hosted(facts: Facts, load: Workload, work: Work, inputs: Inputs) -> Prompted:
    """A hosted base model, prompted."""
    catalogue, own = inputs.world.catalogue, inputs.preferences
    chosen = choose_hosted(facts, load, catalogue, own, inputs.as_of, book=inputs.world.planning)
    plan = _prompting_plan(facts, load, chosen, inputs.world)
    prices = (own.input_usd_per_million_tokens, own.output_usd_per_million_tokens)
    served = estimate_hosted(
        chosen.spec,
        prompt_tokens=plan.prompt_tokens,
        cached_prompt_tokens=plan.cached_prompt_tokens,
        input_tokens=plan.input_tokens + plan.retrieval_tokens,
        output_tokens=plan.output_tokens,
        batch=plan.batch,
        input_usd_per_million_tokens=prices[0],
        output_usd_per_million_tokens=prices[1],
    )
    bill = prompting_bill(
        chosen.spec,
        _tokens(plan),
        work,
        catalogue.assumptions,
        batch=plan.batch,
        input_usd_per_million_tokens=prices[0],
        output_usd_per_million_tokens=prices[1],
    )
    return Prompted(plan=plan, chosen=chosen, served=served, bill=bill)


def prompt_on_own_gpus(facts: Facts, load: Workload, work: Work, inputs: Inputs) -> Prompted:
    """An open base model on own GPUs, prompted."""
    world = inputs.world
    chosen = choose_base_model(
        facts,
        load,
        world.catalogue,
        inputs.preferences,
        inputs.as_of,
        book=world.planning,
        inventory=inventory,
        to_prompt=True,
    )
    plan = _prompting_plan(facts, load, chosen, world)
    read = plan.prompt_tokens + plan.input_tokens + plan.retrieval_tokens
    served = _deployment(chosen.spec, read, plan.output_tokens, facts, load, inputs, adapted=False)
    bill = prompting_bill(served, _tokens(plan), work, world.catalogue.assumptions)
    return Prompted(plan=plan, chosen=chosen, served=served, bill=bill)


def _prompting_plan(
    facts: Facts, load: Workload, chosen: Chosen[HostedModelSpec] | Chosen[BaseModelSpec], world: World
) -> PromptingPlan:
    assumed = world.catalogue.assumptions
    return plan_prompting(
        facts,
        load,
        chosen,
        book=world.planning,
        cache_hit_rate=assumed["cache_hit_rate"].value,
        cache_lifetime_seconds=assumed["cache_lifetime_seconds"].value,
    )


def _tokens(plan: PromptingPlan) -> RequestTokens:
    return RequestTokens(
        prompt=plan.prompt_tokens,
        cached=plan.cached_prompt_tokens,
        input=plan.input_tokens + plan.retrieval_tokens,
        output=plan.output_tokens,
    )


def tune(facts: Facts, load: Workload, work: Work, inputs: Inputs) -> Tuned:
    """An open base model, tuned and served on own GPUs."""
    world, catalogue = inputs.world, inputs.world.catalogue
    chosen = choose_base_model(
        facts, load, catalogue, inputs.preferences, inputs.as_of, book=world.planning, inventory=inventory
    )
    planned = _planned(facts, load, chosen, inputs)
    deployment = _deployment(chosen.spec, load.input_tokens, load.output_tokens, facts, load, inputs, adapted=True)
    bill = tuning_bill(deployment, planned.estimate, planned.plan.data.needed_examples, work, catalogue.assumptions)
    return Tuned(planned=planned, chosen=chosen, deployment=deployment, bill=bill)


def _planned(facts: Facts, load: Workload, chosen: Chosen[BaseModelSpec], inputs: Inputs) -> PlannedTuning:
    """The tuning plan, made once for a task and a base model chosen for the same reasons."""
    book = inputs.world.planning
    task = task_from_facts(facts, load, inputs.preferences, book)
    key = (task, chosen.spec.id, chosen.because, chosen.runners_up, chosen.misses)
    found = inputs.planned.get(key)
    if found is None:
        catalogue = inputs.world.catalogue
        tools = tuning_tools(chosen.spec.architecture, inputs.world)
        own = inputs.preferences
        found = plan_fine_tuning(facts, load, chosen, catalogue, own, book=book, tools=tools)
        inputs.planned[key] = found
    return found


def tuning_tools(architecture: Architecture, world: World) -> TuningTools:
    """What planning needs of the estimators, for one base model."""

    def estimate(request: TrainingRequest) -> TrainingEstimate:
        gpu = world.catalogue.gpu(request.hardware.gpu, "/preferences/gpu")
        return estimate_training(request, architecture, gpu, accepted=world.accepted)

    return TuningTools(
        estimate=estimate,
        parameters_per_rank=lambda shape, targets: parameters_per_rank(inventory(shape), targets),
        default_targets=lambda shape: default_targets(inventory(shape)),
        expert_tensors=lambda shape: expert_tensors(inventory(shape)),
    )


def _deployment(
    spec: BaseModelSpec,
    input_tokens: float,
    output_tokens: float,
    facts: Facts,
    load: Workload,
    inputs: Inputs,
    *,
    adapted: bool,
) -> Deployment:
    limits = Limits(
        latency_p95_seconds=facts.latency_p95_seconds,
        time_to_first_token_p95_seconds=facts.time_to_first_token_p95_seconds,
        nobody_waits="batch_offline" in facts.signals and facts.latency_p95_seconds is None,
    )
    return plan_deployment(
        spec.architecture,
        offered_gpus(inputs),
        peak_requests_per_second=load.peak_requests_per_second,
        requests_per_day=load.requests_per_day,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        limits=limits,
        base_model=spec.id,
        adapter="merged" if adapted else "none",
        usd_per_gpu_hour=inputs.preferences.usd_per_gpu_hour,
    )


def offered_gpus(inputs: Inputs) -> tuple[GpuSpec, ...]:
    """The caller's GPU, or all that have a price."""
    if inputs.preferences.gpu is not None:
        return (inputs.world.catalogue.gpu(inputs.preferences.gpu, "/preferences/gpu"),)
    return inputs.world.priced_gpus


def lasting_offer(spec: BaseModelSpec, load: Workload, inputs: Inputs) -> HostedTuningOffer | None:
    """The first provider that tunes this base model for a new customer and serves it over the whole horizon."""
    offers = (o for o in inputs.world.catalogue.tuning_offers if o.takes(spec))
    return next((o for o in offers if offer_outlasts(o, inputs.as_of, load.horizon_months)), None)


def compare(sides: Sides, crossing: float | None, inputs: Inputs) -> Comparison:
    """Both options in a few numbers; `crossing` is the break-even volume."""
    prompted, tuned, load = sides.prompted, sides.tuned, sides.load
    volume = load.requests_per_day
    asked, given = prompted.served, tuned.deployment.estimate
    first = asked.estimate if isinstance(asked, Deployment) else asked
    training = tuned.planned.estimate
    spec = tuned.chosen.spec
    return Comparison(
        horizon_months=load.horizon_months,
        prompt_hosted=not isinstance(asked, Deployment),
        prompt_fits_context=first.fits,
        prompt_monthly_usd=_middle(prompted.bill.monthly_usd(volume)),
        prompt_upfront_usd=_middle(prompted.bill.upfront_usd),
        prompt_total_usd=_total(prompted.bill, volume),
        prompt_latency_p95_seconds=first.latency_p95_seconds.expected,
        prompt_time_to_first_token_seconds=first.time_to_first_token_seconds.expected,
        tune_fits_gpu=training.memory.fits and given.fits,
        tune_training_usd=training.cost.total_usd.expected if training.cost.total_usd else None,
        tune_monthly_usd=_middle(tuned.bill.monthly_usd(volume)),
        tune_upfront_usd=_middle(tuned.bill.upfront_usd),
        tune_total_usd=_total(tuned.bill, volume),
        tune_latency_p95_seconds=given.latency_p95_seconds.expected,
        tune_time_to_first_token_seconds=given.time_to_first_token_seconds.expected,
        tune_hosted_offered=lasting_offer(spec, load, inputs) is not None,
        tuned_base_model_parameters=float(spec.total_parameters),
        break_even_requests_per_day=crossing,
        prompt_usd_per_request=_per_request(asked),
    )


def _middle(triple: tuple[float, float, float] | None) -> float | None:
    return None if triple is None else triple[1]


def _total(bill: Bill, volume: float) -> float | None:
    total = bill.total_usd(volume)
    return None if total is None else total.expected


def _per_request(asked: HostedServingEstimate | Deployment) -> float | None:
    """Tokens alone; unknown on own GPUs, which are paid by the hour."""
    if isinstance(asked, Deployment) or asked.usd_per_request is None:
        return None
    return asked.usd_per_request.expected
