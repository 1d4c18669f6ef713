"""An answer as a person reads it in a terminal."""

from typing import Any

from app.units import as_gib, as_seconds, as_usd


def as_text(made: dict[str, Any]) -> str:
    """The few lines of any answer that matter first; everything else is in `--format json`."""
    if "recommendation" in made:
        lines = _advice(made)
    elif "memory" in made:
        lines = _training(made)
    elif "because" in made:
        lines = _plan(made)
    else:
        lines = _serving(made)
    return "\n".join(lines) + "\n"


def _span(value: dict[str, float] | None, write: Any) -> str:
    if value is None:
        return "unknown"
    if value["low"] == value["high"]:
        return str(write(value["expected"]))
    return f"{write(value['expected'])} ({write(value['low'])} to {write(value['high'])})"


def _advice(made: dict[str, Any]) -> list[str]:
    verdict = made["recommendation"]
    lines = [verdict["headline"], ""]
    lines.append(
        "Scores: " + ", ".join(f"{need} {s['level']} ({s['value']:.2f})" for need, s in made["scores"].items())
    )
    lines += ["", "Why:"] + [f"  {r['weight']:+.2f}  {r['text']}" for r in verdict["reasons"]]
    lines += ["", "Options:"] + [_option(o) for o in made["options"]]
    lines += ["", "Break-even: " + made["compute"]["break_even"]["why"]]
    lines += ["", "Would flip the verdict:"] + (
        [f"  {s['text']}" for s in made["sensitivity"]] or ["  nothing that was tried"]
    )
    lines += ["", "Worth asking:"] + (
        [f"  {m['question']}" for m in made["missing"] if m["could_change_approach"]]
        or ["  nothing: no plausible answer changes the advice"]
    )
    lines += ["", "Bear in mind:"] + [f"  {caveat}" for caveat in verdict["caveats"]]
    lines += ["", "Next:"] + [f"  {n}. {step}" for n, step in enumerate(verdict["next_steps"], 1)]
    lines += ["", *[f"Warning: {w}" for w in made["warnings"]]]
    return lines


def _option(option: dict[str, Any]) -> str:
    state = "" if option["feasible"] else f" [not feasible: {option['because'][0].rstrip('.')}]"
    cost, wait = option["monthly_cost_usd"], option["latency_p95_seconds"]
    return f"  {option['rank']}. {option['title']}{state}: {_span(cost, as_usd)} a month, p95 {_span(wait, as_seconds)}"


def _training(made: dict[str, Any]) -> list[str]:
    memory = made["memory"]
    lines = [
        f"{made['trainable_parameters']:,} of {made['total_parameters']:,} parameters train "
        f"({made['trainable_fraction']:.3%})",
        f"Card needs {_span(memory['device_bytes'], as_gib)}: {'fits' if memory['fits'] else 'does not fit'}",
        *[f"  {as_gib(part['bytes']):>12}  {part['name']}" for part in memory["components"]],
        f"Step {_span(made['step_seconds'], as_seconds)}, run {_span(made['train_seconds'], as_seconds)}, "
        f"{_span(made['cost']['total_usd'], as_usd)}",
    ]
    lines += [f"Would fit: {change['text']}" for change in memory["would_fit_with"]]
    return lines + [f"Warning: {w}" for w in made["warnings"]]


def _serving(made: dict[str, Any]) -> list[str]:
    return [
        f"{'Fits' if made['fits'] else 'Does not fit'}; at most {made['max_concurrency']} requests at once",
        f"First token {_span(made['time_to_first_token_seconds'], as_seconds)}, then "
        f"{_span(made['time_per_output_token_seconds'], as_seconds)} a token",
        f"Answer {_span(made['latency_seconds'], as_seconds)}, p95 {_span(made['latency_p95_seconds'], as_seconds)}",
        f"{_span(made['usd_per_million_output_tokens'], as_usd)} per million output tokens",
        *[f"Warning: {w}" for w in made["warnings"]],
    ]


def _plan(made: dict[str, Any]) -> list[str]:
    return [f"{made['method']} of {made['base_model']}", *[f"  {b['field']}: {b['text']}" for b in made["because"]]]
