"""Five tasks end to end, against a table of arithmetic that a reader can follow: tests/cases/worked_cases.yaml."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from app.catalogue.engines import engine_profile
from app.estimate.break_even import break_even
from app.estimate.cost import RequestTokens, Work, prompting_bill, tuning_bill
from app.estimate.deployment import Deployment, Limits, plan_deployment
from app.estimate.hosted import estimate_hosted
from app.schemas.base import Range
from app.schemas.report import BreakEven, HorizonCost, HostedServingEstimate
from app.schemas.training import CostEstimate
from tests.unit.estimate.serving_cases import architecture, assumptions, gpu, hosted, training

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "worked_cases.yaml").read_text(encoding="utf-8"))
TITLES = [c["title"] for c in CASES["cases"]]


@pytest.mark.parametrize("case", CASES["cases"], ids=TITLES)
def test_every_row_holds(case: Mapping[str, Any]) -> None:
    program = _figures(case)
    names: dict[str, Any] = {"engine": engine_profile("vllm"), "gpu": program["gpu"], "serving": program["serving"]}
    checked = 0
    for name, arithmetic, check in _rows(case["rows"]):
        names[name] = _evaluated(arithmetic, names)
        if check:
            part, figure = check.split(".")
            found = getattr(program[part], figure)
            assert found == pytest.approx(names[name], rel=2e-3), f"{case['title']}: {name}"
            checked += 1
    assert checked >= 5
    for words in case["say"]:
        assert words in program["break_even"].why
    if case.get("months") == "never":
        assert program["break_even"].months is None


def _figures(case: Mapping[str, Any]) -> dict[str, Any]:
    """What the program says of a case, in the names that the table checks."""
    task, tokens = case["task"], RequestTokens(**case["tokens"])
    batch = task.get("batch", False)
    work = Work(
        horizon_months=task["horizon_months"],
        task_type=task["task_type"],
        labelled_examples=task["labelled_examples"],
        knowledge_changes=task["knowledge_changes"],
    )
    tuned = _deployment(case["tuned"], task)
    prompted = _deployment(case["prompted"], task) if task.get("self_hosted") else None
    served = prompted or hosted(**CASES["prices"])
    prompting = prompting_bill(served, tokens, work, assumptions(), batch=batch)
    run = training(case["tuned"]["training_hours"], case["tuned"]["gpu_usd"])
    tuning = tuning_bill(tuned, run, task["needed_examples"], work, assumptions())
    volume = task["requests_per_day"]
    return {
        "gpu": _gpu(case.get("prompted") or case["tuned"]),
        "serving": _serving(tuned),
        "prompted": _serving(prompted) if prompted else None,
        "hosted": _hosted(tokens, batch),
        "prompting": _cost(prompting.at(volume)),
        "tuning": _cost(tuning.at(volume)),
        "break_even": _crossing(break_even(prompting, tuning, volume)),
    }


def _deployment(side: Mapping[str, Any], task: Mapping[str, Any]) -> Deployment:
    return plan_deployment(
        architecture(side["base_model"]),
        [gpu(side["gpu"], side["gpu_usd"])],
        input_tokens=side["input"],
        output_tokens=side["output"],
        requests_per_day=task["requests_per_day"],
        peak_requests_per_second=task["peak_requests_per_second"],
        limits=Limits(latency_p95_seconds=task.get("latency_p95_seconds"), nobody_waits=task.get("batch", False)),
    )


def _gpu(side: Mapping[str, Any]) -> SimpleNamespace:
    spec = gpu(side["gpu"])
    peaks = spec.flops_per_second
    return SimpleNamespace(
        memory=spec.memory_bytes, bandwidth=spec.bandwidth_bytes_per_second, bf16=peaks["bf16"], fp8=peaks["fp8"]
    )


def _serving(plan: Deployment) -> SimpleNamespace:
    made = plan.estimate
    return SimpleNamespace(
        concurrency=made.concurrency,
        others=made.concurrency - 1,
        token=made.time_per_output_token_seconds.expected,
        latency_p95=made.latency_p95_seconds.expected,
        replicas=made.replicas,
        utilization=made.utilization,
    )


def _hosted(tokens: RequestTokens, batch: bool) -> SimpleNamespace:
    made: HostedServingEstimate = estimate_hosted(
        hosted(**CASES["prices"]),
        prompt_tokens=tokens.prompt,
        cached_prompt_tokens=tokens.cached,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        batch=batch,
    )
    return SimpleNamespace(
        usd_per_request=_expected(made.usd_per_request),
        first_token=made.time_to_first_token_seconds.expected,
        latency=made.latency_seconds.expected,
        latency_p95=made.latency_p95_seconds.expected,
    )


def _cost(made: HorizonCost) -> SimpleNamespace:
    hours = [i.quantity for i in made.monthly.items if i.name.endswith("hosting")]
    return SimpleNamespace(
        upfront=_usd(made.upfront),
        monthly=_usd(made.monthly),
        total=_expected(made.total_usd),
        gpu_hours=hours[0] if hours else 0.0,
    )


def _usd(made: CostEstimate) -> float:
    return _expected(made.total_usd)


def _expected(held: Range | None) -> float:
    assert held is not None
    return held.expected


def _crossing(made: BreakEven) -> SimpleNamespace:
    return SimpleNamespace(requests_per_day=made.requests_per_day, months=made.months, why=made.why)


# ---- arithmetic as written in the table


def _rows(table: str) -> list[tuple[str, str, str]]:
    """Name, arithmetic and what it must equal (or nothing) of each row; comments and empty lines are passed over."""
    made = []
    for row in table.splitlines():
        text = row.partition("#")[0].strip()
        if text:
            name, _, rest = text.partition(" = ")
            arithmetic, _, check = rest.partition(" => ")
            made.append((name, arithmetic.strip(), check.strip()))
    return made


OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "log": math.log,
}


def _evaluated(text: str, names: Mapping[str, Any]) -> float:
    return _value(ast.parse(text, mode="eval").body, names)


def _value(node: ast.expr, names: Mapping[str, Any]) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return float(names[node.id])
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return float(getattr(names[node.value.id], node.attr))
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return FUNCTIONS[node.func.id](*(_value(a, names) for a in node.args))
    raise AssertionError(f"not arithmetic: {ast.dump(node)}")
