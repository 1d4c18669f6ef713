"""When each prompting technique is proposed. What is said of it, and its source, stand in techniques.yaml."""

from collections.abc import Iterator

from app.planning.prompting_case import PromptingCase
from app.planning.rank import NARROW
from app.schemas.plan import Technique
from app.schemas.vocabulary import TaskType

SHAPED = {
    "json": "JSON",
    "label": "The label",
    "number": "The number",
    "structured_document": "The document",
}
"""Output formats that a schema or grammar can hold, and their name at the start of a sentence."""
WITHOUT_EXAMPLES: frozenset[TaskType] = frozenset({"reasoning", "conversation", "qa"})
"""Base models that think by themselves lose by examples (DeepSeek-R1, arXiv 2501.12948, section 5); dialogues need tone
and rules, and answers from passages need the passages."""
STYLE_SIGNALS = frozenset({"tone_of_voice", "style_imitation", "creative"})
PASSAGES_ASSUMED: frozenset[TaskType] = frozenset({"qa", "ranking"})
"""Task types whose assumed input holds its passages already (task_defaults of the catalogue)."""


def techniques(case: PromptingCase) -> Iterator[Technique]:
    """In order of value: measuring, what the answer rests on, its form, examples, steps, price, safety."""
    yield from _first(case)
    yield from _retrieval(case)
    yield from _form(case)
    yield from _examples(case)
    yield from _steps(case)
    yield from _caching(case)
    yield from _batch(case)
    yield from _validation(case)


def _first(case: PromptingCase) -> Iterator[Technique]:
    facts = case.facts
    if case.hosted is None:
        why = "Self-hosting is required" if facts.self_hosting_required else "An open base model is preferred"
        yield case.technique("self_hosted_open_model", why=why, model=case.spec.id)
    if facts.prompted_quality is None:
        has_labels = bool(facts.labelled_examples) or "labels_exist" in facts.signals
        held = "Keep 50 to 300 labelled examples apart" if has_labels else "Label 50 to 300 examples"
        yield case.technique("evaluation_set", examples=held)
    elif facts.prompting_effort in ("none", "single_prompt"):
        effort = "No prompt was worked on yet" if facts.prompting_effort == "none" else "Only a single prompt was tried"
        yield case.technique("prompt_optimization", effort=effort)


def _retrieval(case: PromptingCase) -> Iterator[Technique]:
    request, s = case.request, case.book.prompting
    why, entry = _why_retrieval(case)
    if not why:
        return
    tokens = s.retrieval_tokens
    if "input_tokens" in case.workload.defaulted and case.workload.task_type in PASSAGES_ASSUMED:
        tokens = max(0, min(tokens, request.variable - s.least_question_tokens))
        request.variable -= tokens
        request.passages_inside = True
    request.retrieval = tokens
    yield case.technique("retrieval", entry, why=why, tokens=tokens)


def _why_retrieval(case: PromptingCase) -> tuple[str, str]:
    """Why passages are looked up, and which words say it; empty when they are not."""
    facts, signals = case.facts, case.facts.signals
    if "cite_sources" in signals:
        return "Answers must name their sources", "retrieval_citations"
    moves = facts.knowledge_changes is None and "facts_move" in signals  # as the decision reads it
    if facts.knowledge_changes == "fast" or "documents_change" in signals or moves:
        return "The facts behind right answers change within weeks", "retrieval"
    if "rag_over_documents" in signals or (case.workload.task_type == "qa" and facts.knowledge_changes != "static"):
        return "Answers come from a body of documents", "retrieval"
    return "", ""


def _form(case: PromptingCase) -> Iterator[Technique]:
    facts, signals, task = case.facts, case.facts.signals, case.workload.task_type
    if task == "tool_use" or "tools_and_agents" in signals:
        yield case.technique("tool_calling", model=case.spec.id)
    named = SHAPED.get(facts.output_format or "")
    if named is None and ("strict_schema" in signals or (task == "extraction" and facts.output_format is None)):
        named = "The output"
    if named is not None and case.hosted is None:
        yield case.technique("structured_output", "structured_output_self_hosted", format=named)
    elif named is not None and case.hosted is not None and case.hosted.structured_output:
        yield case.technique("structured_output", format=named, model=case.hosted.id)
    if facts.output_format == "label" or "fixed_labels" in signals or task == "classification":
        yield case.technique("closed_labels")
    if not signals.keys().isdisjoint(STYLE_SIGNALS):
        yield case.technique("style_guide")
    if "creative" in signals:
        yield case.technique("several_candidates")


def _examples(case: PromptingCase) -> Iterator[Technique]:
    """As many examples as the prompt holds; shortened ones where whole ones do not fit."""
    workload, known, request, s = case.workload, case.facts.labelled_examples, case.request, case.book.prompting
    if workload.task_type in WITHOUT_EXAMPLES or "creative" in case.facts.signals:
        return
    room, each = int(request.prompt * s.examples_share), max(1, round(workload.tokens_per_example))
    shots = min(s.most_shots, room // each)
    written = ", written by hand" if known == 0 or "no_labels" in case.facts.signals else ""
    if shots >= 1 and known is not None and known >= s.pool_from_labels:
        request.fixed -= shots * each
        yield case.technique("dynamic_examples", shots=shots, labels=int(known))
    elif shots >= 1:
        yield case.technique("few_shot", shots=shots, tokens=each, prompt=request.prompt, written=written)
    elif room // s.least_shots >= s.least_example_tokens:
        shortened = {"shots": s.least_shots, "tokens": room // s.least_shots, "each": each}
        yield case.technique("few_shot", "few_shot_shortened", **shortened, prompt=request.prompt, written=written)


def _steps(case: PromptingCase) -> Iterator[Technique]:
    """Thinking and splitting, where the task is reasoned and time allows."""
    s, facts, task, request = case.book.prompting, case.facts, case.workload.task_type, case.request
    limit = facts.latency_p95_seconds
    if limit is not None and limit < s.thinking_from_seconds:
        return
    reasoned = task == "reasoning" or "multi_step_reasoning" in facts.signals
    if reasoned:
        added = ""
        if request.output < s.short_answer_tokens:
            request.output += s.thinking_tokens
            request.thinks = True
            added = f" They add about {s.thinking_tokens} tokens to the answer."
        yield case.technique("chain_of_thought", tokens=added)
    if task == "code" or (reasoned and task not in NARROW) or "complex_code" in facts.signals:
        how = "plan, write, run the tests, repair" if task == "code" else "find what matters, decide, check, write"
        yield case.technique("decomposition", how=how)


def _caching(case: PromptingCase) -> Iterator[Technique]:
    request, hosted = case.request, case.hosted
    request.not_cached = _against_caching(case)
    if request.not_cached:
        return
    request.cached = round(request.fixed * case.cache_hit_rate)
    if hosted is None:
        yield case.technique("prompt_caching", "prefix_caching", fixed=request.fixed)
        return
    share = (hosted.prices.cached_input_usd or 0.0) / (hosted.prices.input_usd or 1.0)
    yield case.technique(
        "prompt_caching", fixed=request.fixed, model=hosted.id, least=hosted.cache_min_tokens, share=share
    )


def _against_caching(case: PromptingCase) -> str:
    """Why the fixed part is not read from a cache; empty when it is."""
    request, hosted = case.request, case.hosted
    if request.fixed == 0:
        return "no part is the same in every request"
    if not case.keeps_cache_warm:
        return "a cached prefix expires between two requests"
    if hosted is None:
        return ""
    if hosted.cache_min_tokens is None or hosted.prices.cached_input_usd is None or not hosted.prices.input_usd:
        return f"no price of cached input to {hosted.id} is on record"
    if request.fixed < hosted.cache_min_tokens:
        same = f"{request.fixed:,} tokens are the same in every request"
        return f"{same}, and {hosted.id} caches from {hosted.cache_min_tokens:,} on"
    return ""


def _batch(case: PromptingCase) -> Iterator[Technique]:
    facts, hosted, request = case.facts, case.hosted, case.request
    waits = facts.latency_p95_seconds is not None or facts.time_to_first_token_p95_seconds is not None
    if waits or "user_waits" in facts.signals:
        request.not_batched = "Somebody or something waits for the answer"
        return
    if "batch_offline" not in facts.signals:
        return
    if hosted is None:
        request.not_batched = "No provider is involved"
        yield case.technique("batch", "batch_self_hosted")
    elif hosted.prices.batch_factor is None:
        request.not_batched = f"No batch price of {hosted.id} is on record"
    else:
        request.batch = True
        yield case.technique("batch", model=hosted.id, share=hosted.prices.batch_factor)


def _validation(case: PromptingCase) -> Iterator[Technique]:
    facts, s = case.facts, case.book.prompting
    shaped = facts.output_format in SHAPED or "machine_consumed" in facts.signals
    if shaped or facts.max_invalid_output_rate is not None:
        limit = facts.latency_p95_seconds
        hurried = limit is not None and limit < s.retry_from_seconds
        if hurried:
            retry = " and hand over to a person at once where it fails: there is no time for a second attempt"
        else:
            retry = ", ask once more with the error shown, then hand over to a person"
        yield case.technique("output_validation", retry=retry)
