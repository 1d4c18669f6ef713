"""The prompting plan: which techniques, why, and the tokens that follow from them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.planning.book import PlanningBook
from app.planning.chosen import Chosen
from app.planning.rank import NARROW
from app.schemas.facts import Facts, Workload
from app.schemas.plan import Because, PromptingPlan, Technique
from app.schemas.world import BaseModelSpec, HostedModelSpec
from app.units import SECONDS_PER_DAY

STRUCTURED = {
    "json": "JSON",
    "label": "The label",
    "number": "The number",
    "structured_document": "The document",
}
"""Output formats that a schema or grammar can hold, and their name at the start of a sentence."""


@dataclass(slots=True)
class _Tokens:
    """Tokens of a request while techniques add to them."""

    prompt: int
    cached: int
    variable: int
    output: int
    retrieval: int = 0
    batch: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    facts: Facts
    workload: Workload
    spec: HostedModelSpec | BaseModelSpec
    book: PlanningBook
    tokens: _Tokens
    cache_hit_rate: float
    cache_lifetime_seconds: float

    @property
    def hosted(self) -> HostedModelSpec | None:
        return self.spec if isinstance(self.spec, HostedModelSpec) else None

    def technique(self, name: str, entry: str | None = None, **values: object) -> Technique:
        text = self.book.techniques[entry or name]
        return Technique(name=name, because=text.template.format_map(values), source=text.source)


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

    `cache_hit_rate` and `cache_lifetime_seconds` are the catalogue's assumptions of those names.
    """
    tokens = _Tokens(
        prompt=round(workload.prompt_tokens),
        cached=0,
        variable=round(workload.input_tokens),
        output=max(1, round(workload.output_tokens)),
    )
    case = _Case(facts, workload, chosen.spec, book, tokens, cache_hit_rate, cache_lifetime_seconds)
    techniques = tuple(_techniques(case))
    return PromptingPlan(
        model=chosen.spec.id,
        deployment="hosted" if case.hosted else "self_hosted",
        techniques=techniques,
        prompt_tokens=tokens.prompt,
        cached_prompt_tokens=tokens.cached,
        input_tokens=tokens.variable,
        output_tokens=tokens.output,
        retrieval_tokens=tokens.retrieval,
        batch=tokens.batch,
        because=(replace(chosen.because, field="model"), *_token_reasons(case)),
        runners_up=chosen.runners_up,
    )


def _techniques(case: _Case) -> Iterator[Technique]:
    """In order of value: what the answer rests on, its form, examples, steps, price, safety."""
    yield from _first_steps(case)
    yield from _retrieval(case)
    yield from _form(case)
    yield from _examples(case)
    yield from _steps(case)
    yield from _caching(case)
    yield from _batch(case)
    yield from _validation(case)


def _first_steps(case: _Case) -> Iterator[Technique]:
    facts, spec = case.facts, case.spec
    if isinstance(spec, BaseModelSpec):
        why = "Self-hosting is required" if facts.self_hosting_required else "The data may not go to a provider"
        yield case.technique("self_hosted_open_model", why=why, model=spec.id)
    if facts.prompted_quality is None:
        held = "Cut 50 to 300 labelled examples off" if case.workload.labelled_examples else "Label 50 to 300 examples"
        yield case.technique("evaluation_set", examples=held)
    elif facts.prompting_effort in ("none", "single_prompt"):
        effort = "No prompt was worked on yet" if facts.prompting_effort == "none" else "Only a single prompt was tried"
        yield case.technique("prompt_optimization", effort=effort)


def _retrieval(case: _Case) -> Iterator[Technique]:
    facts, signals, s = case.facts, case.facts.signals, case.book.prompting
    if facts.knowledge_changes == "fast" or "documents_change" in signals:
        why = "The facts behind right answers change within weeks"
    elif "cite_sources" in signals:
        why = "Answers must name their sources"
    elif "rag_over_documents" in signals or (case.workload.task_type == "qa" and facts.knowledge_changes != "static"):
        why = "Answers come from a body of documents"
    else:
        return
    tokens = s.retrieval_tokens
    if "input_tokens" in case.workload.defaulted and case.workload.task_type in ("qa", "ranking"):
        tokens = max(0, min(tokens, case.tokens.variable - s.least_question_tokens))
        case.tokens.variable -= tokens  # the assumed input of these tasks holds its passages already
    case.tokens.retrieval = tokens
    yield case.technique("retrieval", why=why, tokens=tokens)


def _form(case: _Case) -> Iterator[Technique]:
    facts, signals, hosted = case.facts, case.facts.signals, case.hosted
    named = STRUCTURED.get(facts.output_format or "")
    if named is None and ("strict_schema" in signals or case.workload.task_type == "extraction"):
        named = "The output"
    if case.workload.task_type == "tool_use":
        yield case.technique("tool_calling")
    if named is not None and hosted is not None and hosted.structured_output:
        yield case.technique("structured_output", format=named, model=hosted.id)
    elif named is not None and hosted is None:
        yield case.technique("structured_output", "structured_output_self_hosted", format=named)
    if facts.output_format == "label" or "fixed_labels" in signals or case.workload.task_type == "classification":
        yield case.technique("closed_labels")
    if "tone_of_voice" in signals or "style_imitation" in signals:
        yield case.technique("style_guide")


def _examples(case: _Case) -> Iterator[Technique]:
    s, workload, known = case.book.prompting, case.workload, case.facts.labelled_examples
    each = max(1.0, workload.tokens_per_example)
    shots = min(s.most_shots, int(case.tokens.prompt * s.examples_share / each))
    if shots < 1 or known == 0:
        return
    if known is not None and known >= s.pool_from_labels:
        yield case.technique("dynamic_examples", shots=shots, labels=int(known))
    else:
        yield case.technique("few_shot", shots=shots, tokens=round(each), prompt=case.tokens.prompt)


def _steps(case: _Case) -> Iterator[Technique]:
    s, facts, task = case.book.prompting, case.facts, case.workload.task_type
    limit = facts.latency_p95_seconds
    if limit is not None and limit < s.thinking_from_seconds:
        return
    reasoned = task == "reasoning" or "multi_step_reasoning" in facts.signals
    if reasoned:
        added = ""
        if case.tokens.output < s.short_answer_tokens:
            case.tokens.output += s.thinking_tokens
            added = f" They add about {s.thinking_tokens} tokens to the answer."
        yield case.technique("chain_of_thought", tokens=added)
    if task == "code" or (reasoned and task not in NARROW) or "complex_code" in facts.signals:
        how = "plan, write, run the tests, repair" if task == "code" else "find what matters, decide, check, write"
        yield case.technique("decomposition", how=how)


def _caching(case: _Case) -> Iterator[Technique]:
    tokens, hosted = case.tokens, case.hosted
    if case.workload.requests_per_day * case.cache_lifetime_seconds < SECONDS_PER_DAY or tokens.prompt == 0:
        return  # the next request comes after the cache has expired
    if hosted is None:
        tokens.cached = round(tokens.prompt * case.cache_hit_rate)
        yield case.technique("prompt_caching", "prefix_caching", prompt=tokens.prompt)
        return
    least, prices = hosted.cache_min_tokens, hosted.prices
    if least is None or tokens.prompt < least or not prices.input_usd or prices.cached_input_usd is None:
        return
    tokens.cached = round(tokens.prompt * case.cache_hit_rate)
    share = prices.cached_input_usd / prices.input_usd
    yield case.technique("prompt_caching", prompt=tokens.prompt, model=hosted.id, least=least, share=share)


def _batch(case: _Case) -> Iterator[Technique]:
    facts, hosted = case.facts, case.hosted
    waits = facts.latency_p95_seconds is not None or facts.time_to_first_token_p95_seconds is not None
    if waits or "user_waits" in facts.signals or "batch_offline" not in facts.signals:
        return
    if hosted is not None and hosted.prices.batch_factor is not None:
        case.tokens.batch = True
        yield case.technique("batch", model=hosted.id, share=hosted.prices.batch_factor)


def _validation(case: _Case) -> Iterator[Technique]:
    facts, s = case.facts, case.book.prompting
    if (
        facts.output_format in STRUCTURED
        or "machine_consumed" in facts.signals
        or facts.max_invalid_output_rate is not None
    ):
        limit = facts.latency_p95_seconds
        tight = limit is not None and limit < s.retry_from_seconds
        yield case.technique(
            "output_validation", limit=" There is no time for a second attempt: hand over at once." if tight else ""
        )


def _token_reasons(case: _Case) -> Iterator[Because]:
    tokens, workload = case.tokens, case.workload
    own = case.book.techniques["output_validation"].source
    for field, value in (
        ("prompt_tokens", tokens.prompt),
        ("input_tokens", tokens.variable),
        ("output_tokens", tokens.output),
    ):
        origin = workload.defaulted.get(field)
        text = f"{value:,}: " + ("assumed for this task type." if origin else "stated or read from the description.")
        yield Because(field=field, text=text, source=origin or "The request")
    if tokens.prompt:
        share = (
            f"{case.cache_hit_rate:.0%} of requests find the prefix in the cache"
            if tokens.cached
            else "nothing is cached"
        )
        yield Because(
            field="cached_prompt_tokens", text=f"{tokens.cached:,} on average: {share}{_no_cache(case)}.", source=own
        )


def _no_cache(case: _Case) -> str:
    """Why a hosted prompt is not cached."""
    hosted, tokens = case.hosted, case.tokens
    if tokens.cached:
        return ""
    if case.workload.requests_per_day * case.cache_lifetime_seconds < SECONDS_PER_DAY:
        return ", since the cache expires between two requests"
    if hosted is not None and hosted.cache_min_tokens is not None and tokens.prompt < hosted.cache_min_tokens:
        return f", since {hosted.id} caches from {hosted.cache_min_tokens:,} tokens on"
    return ", since the provider offers no cache"
