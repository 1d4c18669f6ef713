"""The prompting plan: its techniques in order of value, and the tokens that follow from them."""

from collections.abc import Iterator

from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.planning.prompting_case import PromptingCase, RequestPlan
from app.planning.techniques import techniques
from app.schemas.facts import Facts, Workload
from app.schemas.plan import Because, PromptingPlan
from app.schemas.world import BaseModelSpec, HostedModelSpec


def plan_prompting(
    facts: Facts,
    workload: Workload,
    chosen: Chosen[HostedModelSpec] | Chosen[BaseModelSpec],
    *,
    book: PlanningBook,
    cache_hit_rate: float,
    cache_lifetime_seconds: float,
) -> PromptingPlan:
    """The prompting plan with this hosted base model, or with this open one on own GPUs.

    `cache_hit_rate` (share of requests) and `cache_lifetime_seconds` are the catalogue's assumptions of those names.
    Tokens are the workload's, changed only where a technique adds to them; each change has its reason.
    """
    request = RequestPlan(
        prompt=round(workload.prompt_tokens),
        fixed=round(workload.prompt_tokens),
        variable=round(workload.input_tokens),
        output=max(1, round(workload.output_tokens)),
    )
    case = PromptingCase(
        facts=facts,
        workload=workload,
        spec=chosen.spec,
        book=book,
        request=request,
        cache_hit_rate=cache_hit_rate,
        cache_lifetime_seconds=cache_lifetime_seconds,
    )
    found = tuple(techniques(case))
    return PromptingPlan(
        model=chosen.spec.id,
        deployment="hosted" if case.hosted else "self_hosted",
        techniques=found,
        prompt_tokens=request.prompt,
        cached_prompt_tokens=request.cached,
        input_tokens=request.variable,
        output_tokens=request.output,
        retrieval_tokens=request.retrieval,
        batch=request.batch,
        because=tuple(_reasons(case, chosen.because)),
        runners_up=chosen.runners_up,
    )


def _reasons(case: PromptingCase, model: Because) -> Iterator[Because]:
    texts, request = case.book.prompting_reasons, case.request
    yield Because(field="model", text=model.text, source=model.source)
    yield texts["deployment_hosted" if case.hosted else "deployment_self_hosted"].fixed("deployment")
    yield _stated(case, "prompt_tokens", request.prompt, "")
    if request.cached:
        yield texts["cached"].because(
            "cached_prompt_tokens", cached=request.cached, fixed=request.fixed, rate=case.cache_hit_rate
        )
    else:
        yield texts["not_cached"].because("cached_prompt_tokens", why=request.not_cached)
    inside = request.retrieval > 0 and request.passages_inside
    yield _stated(case, "input_tokens", request.variable, ", less the passages that it held" if inside else "")
    thinking = f", and {case.book.prompting.thinking_tokens} for the steps before it" if request.thinks else ""
    yield _stated(case, "output_tokens", request.output, thinking)
    if request.retrieval:
        within = ", taken from the assumed input, which held them already" if inside else ""
        yield texts["retrieval_tokens"].because("retrieval_tokens", tokens=request.retrieval, inside=within)
    else:
        yield texts["no_retrieval"].fixed("retrieval_tokens")
    if request.batch:
        yield texts["batch_on"].fixed("batch")
    else:
        yield texts["batch_off"].because("batch", why=request.not_batched)


def _stated(case: PromptingCase, field: str, value: int, more: str) -> Because:
    """Where a number of tokens comes from: the caller's text or fields, or the usual for the task type."""
    source = case.workload.defaulted.get(field)
    if source is None:
        return Because(field=field, text=f"{value:,}: stated or read from the description{more}.", source="the request")
    return Because(field=field, text=f"{value:,}: assumed for a task of this type{more}.", source=source)
