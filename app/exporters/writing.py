"""How exported files are written: comments that cannot be left, and YAML scalars that every reader takes alike."""

import json
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from app import __version__
from app.records import record
from app.schemas.plan import FineTuningPlan

Scalar = str | int | float | bool
Value = Scalar | Sequence[Scalar] | Sequence[Mapping[str, Scalar | Sequence[str]]] | Mapping[str, Scalar]
WIDTH = 110
"""Columns of a comment."""
NEEDS_QUOTES = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
"""Words that some YAML reader takes for something else than text."""


@record
class Entry:
    """A key of a configuration with its value and the reason, which becomes the comment above it."""

    key: str
    value: Value
    why: str = ""


class Reasons:
    """The becauses of a plan by field, with the number of each source: [3] is the third of `sources`."""

    def __init__(self, plan: FineTuningPlan) -> None:
        self._numbers = {b.source: 0 for b in plan.because if b.source}
        self._numbers = {source: number for number, source in enumerate(self._numbers, 1)}
        self._by_field = {b.field: b.text + self._reference(b.source) for b in plan.because}

    def _reference(self, source: str) -> str:
        return f" [{self._numbers[source]}]" if source else ""

    def sources(self) -> list[str]:
        """Comment lines that name every source by its number."""
        return comments(*(f"[{number}] {source}" for source, number in self._numbers.items()))

    def __call__(self, *fields: str) -> str:
        """The reasons of these fields, one after the other; empty where the plan gives none."""
        return " ".join(self._by_field[f] for f in fields if f in self._by_field)


def one_line(text: str) -> str:
    """`text` without line breaks and control characters, so that it cannot leave its comment."""
    spaced = " ".join(text.split())
    return "".join(c for c in spaced if c.isprintable())


def comment(text: str, indent: str = "") -> list[str]:
    """`text` as comment lines of YAML or Python."""
    start = f"{indent}# "
    lines = wrap(one_line(text), WIDTH - len(start), break_long_words=False, break_on_hyphens=False)
    return [start + line for line in lines]


def comments(*texts: str) -> list[str]:
    """Each text as a comment of its own."""
    return [line for text in texts for line in comment(text)]


def heading(plan: FineTuningPlan, tool: str) -> str:
    """The first line of every export."""
    method = {"lora": "LoRA", "qlora": "QLoRA", "full": "full fine-tuning"}[plan.method]
    return f"{tool}: {method} of {plan.base_model}, exported by tunewise {__version__}."


def whole(value: float) -> int | float:
    """32 for 32.0: what has no fraction is written as a whole number."""
    return int(value) if value == int(value) else value


def yaml_scalar(value: Scalar) -> str:
    """`value` so that YAML 1.1 and 1.2 read the same: 3.0e-05 (PyYAML takes 3e-05 for text), quoted words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        mantissa, exponent, power = repr(value).partition("e")
        return f"{mantissa}.0e{power}" if exponent and "." not in mantissa else repr(value)
    plain = value.replace("/", "").replace(".", "").replace("_", "").replace("-", "")
    safe = plain.isascii() and plain.isalnum() and value[0].isalpha() and value.casefold() not in NEEDS_QUOTES
    return value if safe else json.dumps(value)


def _sequence(key: str, items: Sequence[Scalar | Mapping[str, Scalar | Sequence[str]]]) -> list[str]:
    if not items:
        return [f"{key}: []"]
    if all(not isinstance(item, Mapping) for item in items):
        return [f"{key}:", *(f"  - {yaml_scalar(item)}" for item in items if not isinstance(item, Mapping))]
    lines = [f"{key}:"]
    for item in items:
        assert isinstance(item, Mapping)  # noqa: S101 - lists hold either scalars or mappings, see Value
        for number, (name, value) in enumerate(item.items()):
            written = yaml_scalar(value) if isinstance(value, Scalar) else json.dumps(list(value))
            lines.append(f"  {'- ' if number == 0 else '  '}{name}: {written}")
    return lines


def yaml_entry(entry: Entry) -> list[str]:
    """The lines of an entry, its reason above it."""
    lines, value = comment(entry.why), entry.value
    if isinstance(value, str | int | float):
        lines.append(f"{entry.key}: {yaml_scalar(value)}")
    elif isinstance(value, Mapping):
        lines += [f"{entry.key}:", *(f"  {name}: {yaml_scalar(v)}" for name, v in value.items())]
    else:
        lines += _sequence(entry.key, value)
    return lines


def yaml_text(header: Iterable[str], sections: Iterable[Iterable[Entry]], footer: Sequence[str]) -> str:
    """A YAML document: comment lines, then sections with an empty line before each, then comment lines."""
    lines = list(header)
    for section in sections:
        lines += ["", *(line for entry in section for line in yaml_entry(entry))]
    lines += ["", *footer] if footer else []
    return "\n".join(lines) + "\n"


def literal(value: Value | None) -> str:
    """`value` as a Python literal in double quotes."""
    if isinstance(value, str):
        return json.dumps(value)
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(json.dumps(item) for item in value) + "]"


def python_call(opening: str, entries: Iterable[Entry | tuple[str, str, str]]) -> list[str]:
    """A call over several lines: entries are keyword arguments, or (name, Python expression, reason) as they stand."""
    lines = [opening]
    for entry in entries:
        name, text, why = (entry.key, literal(entry.value), entry.why) if isinstance(entry, Entry) else entry
        lines += [*comment(why, "    "), f"    {name}={text},"]
    return [*lines, ")"]
