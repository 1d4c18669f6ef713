"""How a rule file and the thresholds are written: strict records, every key explained."""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from app.catalogue.strict_yaml import Entry
from app.errors import CatalogueError
from app.schemas.vocabulary import Need
from app.scoring.conditions import Known, flat

Status = Literal["experimental", "stable", "retired"]
WEIGHT_MAX = 5.0
"""Log-odds: 148 to 1. A single rule that claims more claims to be always right."""
Text = Annotated[str, Field(min_length=1, max_length=600)]


def _not_zero(weight: float) -> float:
    if weight == 0 or not math.isfinite(weight):
        raise ValueError("a rule of weight 0 says nothing")
    return weight


class ReferenceEntry(Entry):
    """A source that anybody can look up."""

    title: Text
    """What it is."""
    href: Annotated[str, Field(pattern=r"^https?://\S+$")]
    """Where it is."""


class ExampleEntry(Entry):
    """A case of the rule's own: facts (with `signals` and `options`), and whether the rule fires on them."""

    given: dict[str, Any]
    """Known facts by name; `signals`: names that are on; `options`: figures by name. Everything else is unknown."""
    fires: bool
    """Whether the rule fires."""


class RuleEntry(Entry):
    """One judgement: when it holds, how much it says about a need, why, and where it fails."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$", max_length=60)]
    """Stable name in capitals, the need first: LATENCY-INLINE."""
    title: Text
    """The condition in words, as it is shown as evidence."""
    status: Status
    """`stable` counts, `experimental` is shown with weight 0, `retired` is kept for its id alone."""
    need: Need
    """The need it speaks about; the file's name."""
    when: Text
    """CEL over `facts`, `signals` and `options`."""
    weight: Annotated[float, Field(ge=-WEIGHT_MAX, le=WEIGHT_MAX), AfterValidator(_not_zero)]
    """Log-odds on the need being high."""
    medium: Annotated[float, Field(ge=-WEIGHT_MAX, le=WEIGHT_MAX)] = 0.0
    """Log-odds on the need being medium rather than low, where it is not high: what speaks for a middle level."""
    because: Text
    """Why the condition says that about the need."""
    known_limits: Text
    """When it misleads."""
    reference: Annotated[list[ReferenceEntry], Field(min_length=1)]
    """What it rests on."""
    examples: Annotated[list[ExampleEntry], Field(min_length=2)]
    """At least one that fires and one that does not."""


class RuleFile(Entry):
    """The rules of one need."""

    rules: Annotated[list[RuleEntry], Field(min_length=1)]
    """In the order in which they are read."""


def example_context(given: dict[str, Any], known: Known, file: str, key: str) -> dict[str, Any]:
    """The CEL values of an example by flat name, of correct types. Raises CatalogueError for what does not exist."""
    facts = {k: v for k, v in given.items() if k not in ("signals", "options")}
    signals, options = given.get("signals", []), given.get("options", {})
    if not isinstance(signals, list) or not all(isinstance(s, str) for s in signals):
        raise CatalogueError(file, f"{key}.signals", "Not a list of names.", "signals: [as_you_type]")
    if not isinstance(options, dict):
        raise CatalogueError(file, f"{key}.options", "Not names with figures.", "options: {cost_ratio: 0.4}")
    made: dict[str, Any] = {}
    for group, values in (("facts", facts), ("options", options), ("signals", dict.fromkeys(signals, True))):
        for name, value in values.items():
            if not known.allows(group, name):
                near = known.near(group, name)
                raise CatalogueError(file, f"{key}.{name}", f"Unknown name {group}.{name}.", f"one of {near}.")
            made[flat(group, name)] = (
                value if group == "signals" else _typed(value, known.types[flat(group, name)], file, f"{key}.{name}")
            )
    return made


def _typed(value: Any, hint: Any, file: str, key: str) -> Any:
    if isinstance(value, list):
        value = tuple(value)
    try:
        made = TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CatalogueError(
            file, key, f"{first['msg']} (found {str(value)[:60]!r}).", "a value that meets this."
        ) from None
    return made
