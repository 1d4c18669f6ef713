"""The decision: how long it takes, how many what-ifs it asks, and how often it agrees with what happened.

`python -m bench.decision`. Accuracy is leave-one-source-out, beside the baselines (see models/evaluate_decision.py);
times are the best of several rounds over every fourth shared case, facts and scores given.
"""

import timeit
from collections.abc import Callable
from datetime import date
from typing import Any
from unittest.mock import patch

import app.pipeline.advice as advice_module
import app.pipeline.case as case_module
from app.decision import decide, options, recommendation
from app.facts import workload
from app.pipeline import World, advise, load_world
from app.precedents import nearest
from app.schemas.facts import Facts
from app.schemas.recommend import RecommendRequest
from models.decision_cases import load_cases, reader, request_of
from models.evaluate_decision import as_table, evaluate

EVERY = 4
ROUNDS, REPEATS = 5, 5
MICRO = 1e6


def best(work: Callable[[], Any], tasks: int) -> float:
    """Microseconds per task, the best of several rounds."""
    return min(timeit.repeat(work, number=ROUNDS, repeat=REPEATS)) / ROUNDS / tasks * MICRO


def times(world: World, requests: list[RecommendRequest]) -> dict[str, float]:
    """Microseconds per task of each part."""
    read, book = reader(), world.decision
    tasks = [read(request) for request in requests]
    advice = [advise(request, world, date(2026, 11, 24)) for request in requests]
    work = _workload(world)
    verdicts = [decide(t.scores, t.facts, work(t.facts), t.comparison, book) for t in tasks]
    pairs = list(zip(tasks, verdicts, strict=True))
    made = {
        "decide": lambda: [decide(t.scores, t.facts, work(t.facts), t.comparison, book) for t in tasks],
        "recommendation": lambda: [
            recommendation(v, t.facts, work(t.facts), t.comparison, t.scores, book, a.prompting, a.fine_tuning)
            for (t, v), a in zip(pairs, advice, strict=True)
        ],
        "options": lambda: [options(v, t.facts, t.comparison, book, {}) for t, v in pairs],
        "precedents": lambda: [nearest(t.facts, t.scores, world.precedents, v.approach) for t, v in pairs],
    }
    return {name: best(part, len(tasks)) for name, part in made.items()}


def _workload(world: World) -> Callable[[Facts], Any]:
    known: dict[int, Any] = {}
    return lambda facts: known.setdefault(id(facts), workload(facts, world.catalogue))


def what_ifs(world: World, requests: list[RecommendRequest]) -> float:
    """Evaluations of the whole pipeline per recommendation, for sensitivity and missing facts together."""
    with patch.object(advice_module, "judge", wraps=case_module.judge) as asked:
        for request in requests:
            advise(request, world, date(2026, 11, 24))
    return asked.call_count / len(requests)


def main() -> None:
    """Print everything."""
    world = load_world()
    requests = [request_of(case, with_facts=True) for case in load_cases()[::EVERY]]
    for part, micro in times(world, requests).items():
        print(f"{part:16s} {micro:7.1f} us")
    print(f"what-ifs         {what_ifs(world, requests):7.1f} evaluations of the pipeline per recommendation")
    print()
    print(as_table(evaluate(world.decision)))


if __name__ == "__main__":
    main()
