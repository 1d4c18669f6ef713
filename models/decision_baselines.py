"""Simple ways to decide, against which the decision is measured on the same cases, each without the case's source."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from math import log
from typing import Any

import numpy as np

from models.decision_cases import Case
from models.decision_fit import Matrix

_WORD = re.compile(r"[a-z]{3,}")
TUNE_WORDS = (
    "labelled",
    "annotat",
    "style",
    "scheme",
    "taxonomy",
    "fixed",
    "strict",
    "cost",
    "latency",
    "million",
    "device",
    "premises",
)
PROMPT_WORDS = (
    "question",
    "answer",
    "document",
    "change",
    "reason",
    "assistant",
    "prototype",
    "few",
    "code",
    "explain",
    "languages",
    "review",
)
"""A keyword rule as somebody would write it in ten minutes: more words of one side decide; even means tuning."""
PROMPTED_TASKS = ("qa", "reasoning", "summarization", "code", "tool_use")
TUNED_TASKS = ("classification", "extraction", "generation")
MANY_REQUESTS, SOME_LABELS, MANY_LABELS = 50_000, 500, 1_000


def left_out(cases: Sequence[Case], learn: Callable[[Sequence[Case]], Callable[[Case], float]]) -> Matrix:
    """Probability of tuning for each case, from what `learn` makes of the cases of all other sources."""
    made = np.zeros(len(cases))
    for group in sorted({c.group for c in cases}):
        predict = learn([c for c in cases if c.group != group])
        for i, case in enumerate(cases):
            if case.group == group:
                made[i] = predict(case)
    return made


def always_tune(_: Sequence[Case]) -> Callable[[Case], float]:
    """Tuning, whatever the task."""
    return lambda _case: 1.0


def best_stump(cases: Sequence[Case]) -> Callable[[Case], float]:
    """The single question that separates the given cases best: a task type's majority, or one fact."""

    def by_task(case: Case) -> str:
        return str(case.requirements.get("task_type"))

    def fast(case: Case) -> str:
        return str(case.requirements.get("knowledge_changes") == "fast")

    def labels(case: Case) -> str:
        return str((case.requirements.get("labelled_examples") or 0) >= MANY_LABELS)

    def form(case: Case) -> str:
        return str(case.requirements.get("output_format"))

    best: tuple[float, dict[str, float], Callable[[Case], str]] = (-1.0, {}, by_task)
    for question in (by_task, fast, labels, form):
        shares = _shares(cases, question)
        right = float(np.mean([(shares[question(c)] > 0.5) == c.tuned for c in cases]))
        if right > best[0]:
            best = (right, shares, question)
    return lambda case: best[1].get(best[2](case), 1.0)


def _shares(cases: Sequence[Case], question: Callable[[Case], str]) -> dict[str, float]:
    tuned, total = Counter[str](), Counter[str]()
    for case in cases:
        total[question(case)] += 1
        tuned[question(case)] += int(case.tuned)
    return {answer: (tuned[answer] + 0.5) / (n + 1) for answer, n in total.items()}


def naive_bayes(with_facts: bool) -> Callable[[Sequence[Case]], Callable[[Case], float]]:
    """Words that are there (and stated facts), each counted once, add-one smoothing."""

    def learn(cases: Sequence[Case]) -> Callable[[Case], float]:
        counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        totals = [0, 0]
        for case in cases:
            side = int(case.tuned)
            totals[side] += 1
            counts[side].update(_tokens(case, with_facts))

        def predict(case: Case) -> float:
            odds = log((totals[1] + 1) / (totals[0] + 1))
            for token in _tokens(case, with_facts):
                odds += log((counts[1][token] + 1) / (totals[1] + 2)) - log((counts[0][token] + 1) / (totals[0] + 2))
            return float(1 / (1 + np.exp(-np.clip(odds, -30, 30))))

        return predict

    return learn


def _tokens(case: Case, with_facts: bool) -> set[str]:
    found = set(_WORD.findall(case.description.lower()))
    return found | {_fact_token(name, value) for name, value in case.requirements.items()} if with_facts else found


def _fact_token(name: str, value: Any) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{name}={round(np.log10(max(value, 1e-3)))}" if known else f"{name}={value}"


def keyword_rule(_: Sequence[Case]) -> Callable[[Case], float]:
    """Counts of two lists of words."""

    def predict(case: Case) -> float:
        text = case.description.lower()
        lead = sum(w in text for w in TUNE_WORDS) - sum(w in text for w in PROMPT_WORDS)
        return float(lead >= 0)

    return predict


def needs_rule(_: Sequence[Case]) -> Callable[[Case], float]:
    """The short rule that was written after reading all cases; needs stated facts."""

    def predict(case: Case) -> float:
        facts = case.requirements
        task = facts.get("task_type")
        hosted, fast_answer = not facts.get("self_hosting_required"), "latency_p95_seconds" in facts
        if facts.get("knowledge_changes") == "fast" and hosted and not fast_answer:
            return 0.0
        if not hosted or fast_answer or (facts.get("requests_per_day") or 0) >= MANY_REQUESTS:
            return 1.0
        if task in PROMPTED_TASKS:
            return 0.0
        return float(task in TUNED_TASKS or (facts.get("labelled_examples") or 0) >= SOME_LABELS)

    return predict
