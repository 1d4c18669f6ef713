"""A rule's `when`: a CEL expression over facts, signals and options, checked when it is loaded.

An expression names `facts.latency_p95_seconds`, `signals.as_you_type` or `options.cost_ratio`. Each such name is
turned into one flat CEL variable before compiling. So `Program.variables()` lists every name that is read (of
nested maps it lists the map alone), and only what some rule reads is converted for CEL, which is most of the time
that an evaluation takes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, field, fields
from difflib import get_close_matches
from functools import cache
from itertools import islice, product
from operator import itemgetter
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from app.errors import CatalogueError
from app.records import record
from app.schemas.comparison import Comparison
from app.schemas.facts import Facts
from app.schemas.vocabulary import Domain
from app.scoring.cel import cel

CelValue = float | bool | str | tuple[str, ...] | None
CEL_ERRORS = (KeyError, TypeError, RuntimeError, ValueError, ArithmeticError)
"""What a CEL program may raise: missing names, mixed types, overflow, division by zero."""
NOT_FACTS = frozenset({"text", "signals", "sources", "conflicts"})
"""Fields of Facts that are no facts about the task."""
NOT_A_TRUTH_VALUE = "no condition"
OUTCOMES_KEPT = 512
"""Outcomes remembered per condition; all are forgotten when full."""
TRIAL_RUNS_MAX = 600
"""Combinations of sample values that a condition is tried on when it is loaded."""
_NAME = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<![\w.])(facts|signals|options)\s*\.\s*([A-Za-z_]\w*)""")
_TEXT = re.compile(r"""["']((?:[^"'\\]|\\.)*)["']""")


def flat(group: str, name: str) -> str:
    """The CEL variable that stands for `group.name`."""
    return f"{group}_{name}"


@record
class Known:
    """What conditions may name: facts and options with their types, and signals (None: not known here, any goes)."""

    types: Mapping[str, Any]
    signals: frozenset[str] | None

    def allows(self, group: str, name: str) -> bool:
        """Whether `group.name` exists."""
        return (self.signals is None or name in self.signals) if group == "signals" else flat(group, name) in self.types

    def near(self, group: str, name: str) -> str:
        """The nearest names of the group, for a message."""
        start = f"{group}_"
        every = (
            self.signals or ()
            if group == "signals"
            else [k.removeprefix(start) for k in self.types if k.startswith(start)]
        )
        near = get_close_matches(name, every, n=3, cutoff=0.5) or sorted(every)[:40]
        return ", ".join(f"{group}.{n}" for n in near) or "a name that exists"


def known_names(signals: frozenset[str] | None = None) -> Known:
    """The names of Facts and Comparison with their types; `signals` are the declared signal names, when at hand."""
    types = {flat("facts", n): t for n, t in get_type_hints(Facts).items() if n not in NOT_FACTS}
    types |= {flat("options", n): t for n, t in get_type_hints(Comparison).items()}
    types[flat("options", "cost_ratio")] = float | None
    types[flat("facts", "domain")] = Domain | None  # as facts are read; a rule that names another field never fires
    return Known(types, signals)


FACT_DEFAULTS: Mapping[str, CelValue] = {
    f.name: f.default for f in fields(Facts) if f.name not in NOT_FACTS and f.default is not MISSING
}
"""What each fact is when nothing is known."""


@record(eq=False)
class Condition:
    """A compiled `when`. `names` are the (group, name) pairs it reads, in the order of the text.

    Outcomes are remembered by the values that the condition reads: most conditions read a few truth values, and a
    search over one requirement changes none of what most of them read.
    """

    source: str
    flattened: str
    """The source with each name as one flat variable."""
    names: tuple[tuple[str, str], ...]
    pick: Callable[[Mapping[str, CelValue]], Any]
    """The values of its names out of all values, as a hashable key."""
    known: dict[Any, bool | str] = field(default_factory=dict, repr=False)

    def outcome(self, values: Mapping[str, CelValue]) -> bool | str:
        """Whether it holds for `values` by flat name, every name of it set; the reason when that cannot be told."""
        key = self.pick(values)
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= OUTCOMES_KEPT:
                self.known.clear()
            found = self.known[key] = self._run({flat(*pair): values[flat(*pair)] for pair in self.names})
        return found

    def _run(self, values: dict[str, CelValue]) -> bool | str:
        try:
            result = _program(self.flattened).execute(cel.Context(values))
        except CEL_ERRORS as error:
            return str(error).split(". ")[0][:200] or type(error).__name__
        return result if isinstance(result, bool) else f"{NOT_A_TRUTH_VALUE}: it gives {type(result).__name__}"


@cache
def _program(flattened: str) -> Any:
    """The compiled expression, made when it is first run. Raises ValueError for what is not CEL."""
    return cel.compile(flattened)


def compile_condition(source: str, known: Known, file: str, key: str) -> Condition:
    """Compile `source` and try it on sample values, nulls among them. Raises CatalogueError with what to write."""
    found = dict.fromkeys((m[2], m[3]) for m in _NAME.finditer(source) if m[2])
    for group, name in found:
        if not known.allows(group, name):
            raise CatalogueError(file, key, f"Unknown name {group}.{name}.", f"one of {known.near(group, name)}.")
    flattened = _NAME.sub(lambda m: m[1] or flat(m[2], m[3]), source)
    try:
        program = _program(flattened)
    except ValueError as error:
        reason = str(error).splitlines()[0][:200]
        raise CatalogueError(
            file, key, f"Not CEL: {reason}.", "an expression such as `facts.x != null && facts.x <= 1.0`."
        ) from None
    stray = set(program.variables()) - {flat(*pair) for pair in found}
    if stray:
        raise CatalogueError(
            file, key, f"Unknown name {sorted(stray)[0]}.", "`facts.`, `signals.` or `options.` before each name."
        )
    if not found:
        raise CatalogueError(
            file, key, "It reads nothing, so it is always the same.", "a condition on facts, signals or options."
        )
    condition = Condition(source, flattened, tuple(found), itemgetter(*(flat(*pair) for pair in found)))
    _check_words(condition, known, file, key)
    _try_out(condition, known, file, key)
    return condition


def _check_words(condition: Condition, known: Known, file: str, key: str) -> None:
    """Quoted words that no fact of a closed vocabulary can equal are typing errors: the rule would never fire."""
    of_facts = [known.types[flat(g, n)] for g, n in condition.names if g == "facts"]
    closed = {word for hint in of_facts for word in vocabulary_of(hint)}
    is_open = any(str in (hint, *get_args(hint)) or get_origin(_plain(hint)) is tuple for hint in of_facts)
    for word in _TEXT.findall(condition.source):
        if not is_open and word not in closed:
            raise CatalogueError(
                file, key, f"No fact here can be {word!r}.", f"one of {', '.join(sorted(closed)) or 'no text'}."
            )


def vocabulary_of(hint: Any) -> tuple[str, ...]:
    """The words of a `Literal[...] | None`, () for other types."""
    plain = _plain(hint)
    return get_args(plain) if get_origin(plain) is Literal else ()


def _plain(hint: Any) -> Any:
    """The type without `| None`."""
    kinds = [a for a in get_args(hint) if a is not NoneType] if NoneType in get_args(hint) else [hint]
    return kinds[0]


def _try_out(condition: Condition, known: Known, file: str, key: str) -> None:
    for values in _trials(condition, known):
        outcome = condition.outcome(values)
        if isinstance(outcome, str):
            where = ", ".join(f"{name} = {value!r}" for name, value in values.items())
            raise CatalogueError(file, key, f"It fails with {where[:300]}: {outcome}.", _remedy(outcome, values))
    condition.known.clear()


def _remedy(reason: str, values: Mapping[str, CelValue]) -> str:
    nulls = [name.replace("_", ".", 1) for name, value in values.items() if value is None]
    if reason.startswith(NOT_A_TRUTH_VALUE):
        return "an expression that gives true or false, with a comparison in it."
    if nulls and ("null" in reason or "overload" in reason):
        return f"`{nulls[0]} != null && ...`; a fact may be unknown."
    return "every number with a decimal point (2.0, not 2): facts are floating-point numbers, and CEL does not convert."


def _trials(condition: Condition, known: Known) -> Iterator[dict[str, CelValue]]:
    """Contexts with all combinations of samples of facts and options, with every signal off and every signal on."""
    names = [flat(g, n) for g, n in condition.names if g != "signals"]
    signals = [flat(g, n) for g, n in condition.names if g == "signals"]
    for values in islice(product(*(_samples(known.types[name]) for name in names)), TRIAL_RUNS_MAX):
        for on in (False, True):
            yield dict(zip(names, values, strict=True)) | dict.fromkeys(signals, on)


def _samples(hint: Any) -> tuple[CelValue, ...]:
    """A few values of a type, null first when it may be null."""
    plain = _plain(hint)
    null: tuple[CelValue, ...] = (None,) if NoneType in get_args(hint) else ()
    if plain is bool:
        return (*null, True, False)
    if plain is float:
        return (*null, 0.0, 0.5, 1e6)
    if get_origin(plain) is tuple:
        return (*null, ("en",))
    words = vocabulary_of(plain)
    return (*null, words[0], words[-1]) if words else (*null, "en")
