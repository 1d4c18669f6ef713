"""Every word that facts are read by, from data/*.yaml, compiled once into a single set of patterns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

import yaml

from app.errors import CatalogueError
from app.facts.patterns import Patterns
from app.kept import kept

_DATA = files("app.facts") / "data"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CUE, SIGNAL, FACT, DOMAIN, TASK = "cue:", "signal:", "fact:", "domain:", "task:"
"""First part of a label: what kind of thing its patterns stand for."""
SIGNAL_FILES = ("signals.yaml", "signals_decision.yaml")
LEXICON_FILES = ("cues.yaml", "facts.yaml", "domains.yaml", "tasks.yaml", *SIGNAL_FILES)
_SIGNAL_KEYS = {"id", "description", "patterns", "negatable", "source"}
_HOW_TO_WRITE = (
    "lower-case words, wor*, (a|b), [a|b], _ and ~, without hyphens; quotes around no, yes, on, off and figures"
)


@dataclass(frozen=True, slots=True)
class Signal:
    """Words with a meaning for rules and decision."""

    id: str
    description: str
    patterns: tuple[str, ...]
    negatable: bool
    source: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Cue classes as bits, signals by id, facts by name, domain names, and one set of patterns for all."""

    bits: Mapping[str, int]
    signals: Mapping[str, Signal]
    facts: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Fact name, value (best first), ids of signals that tell it too."""
    domain_names: Mapping[str, str]
    """What callers write, lower-cased and with blanks for hyphens, and the codebook's domain."""
    kinds: Mapping[str, tuple[str, str]]
    """Kind and name of each label that is no cue's."""
    patterns: Patterns


@cache
def read_data(name: str) -> Any:
    """The content of a file in data/."""
    file = _DATA / name
    return kept(f"facts.{name}", [file], lambda: _parsed(file.read_text(encoding="utf-8")))


def _parsed(text: str) -> Any:
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - the safe loader, in C


@cache
def word_set(name: str) -> frozenset[str]:
    """A closed list of words of data/words.yaml."""
    words: list[str] = read_data("words.yaml")["sets"][name]
    return frozenset(words)


def checked(patterns: Iterable[object], file: str, where: str) -> tuple[str, ...]:
    """The patterns themselves. Raises CatalogueError for one that is no text or could never match."""
    made = []
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise CatalogueError(file, where, f"{pattern!r} is no text.", _HOW_TO_WRITE)
        try:
            Patterns({"": (pattern,)})
        except ValueError as error:
            raise CatalogueError(file, where, f"{error}.", _HOW_TO_WRITE) from None
        made.append(pattern)
    return tuple(made)


def _signal(entry: Mapping[str, Any]) -> Signal:
    where = f"signals[{entry.get('id', '?')}]"
    if wrong := set(entry) ^ _SIGNAL_KEYS:
        raise CatalogueError(
            "signals.yaml",
            where,
            f"Missing or unknown keys: {', '.join(sorted(wrong))}.",
            f"the keys {', '.join(sorted(_SIGNAL_KEYS))}",
        )
    return Signal(
        entry["id"], entry["description"], tuple(entry["patterns"]), bool(entry["negatable"]), entry["source"]
    )


def _signals() -> Mapping[str, Signal]:
    signals: dict[str, Signal] = {}
    for file in SIGNAL_FILES:
        content = read_data(file)
        sets = {f"{{{name}}}": "|".join(words) for name, words in content.get("sets", {}).items()}
        for signal in (_signal({**e, "patterns": _with_sets(e["patterns"], sets)}) for e in content["signals"]):
            if signal.id in signals:
                raise CatalogueError(file, f"signals[{signal.id}]", "Duplicate id.", "one entry with all its patterns")
            signals[signal.id] = signal
    return MappingProxyType(signals)


def _with_sets(patterns: Iterable[object], sets: Mapping[str, str]) -> list[object]:
    """The patterns with each `{name}` replaced by the words of that set."""
    made = []
    for pattern in patterns:
        for name, words in sets.items():
            if isinstance(pattern, str) and name in pattern:
                pattern = pattern.replace(name, words)
        made.append(pattern)
    return made


@cache
def load_lexicon() -> Lexicon:
    """Read and compile the words. Raises CatalogueError where a file is written wrongly."""
    return kept("facts.lexicon", [_DATA / name for name in LEXICON_FILES], _made)


def lexicon_files() -> list[Traversable]:
    """Every file that what is read from a text depends on."""
    return sorted(_DATA.iterdir(), key=lambda file: file.name)


def _made() -> Lexicon:
    cues, signals = read_data("cues.yaml")["cues"], _signals()
    labelled: dict[str, tuple[str, Iterable[str]]] = {CUE + name: ("cues.yaml", words) for name, words in cues.items()}
    labelled |= {SIGNAL + s.id: ("signals.yaml", s.patterns) for s in signals.values()}
    facts: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, values in read_data("facts.yaml")["facts"].items():
        for value, patterns in values.items():
            told = tuple(p[len(SIGNAL) :] for p in patterns if p.startswith(SIGNAL))
            if missing := [s for s in told if s not in signals]:
                raise CatalogueError(
                    "facts.yaml",
                    f"facts.{name}.{value}",
                    f"No signal is called {missing[0]!r}.",
                    "an id of signals.yaml",
                )
            facts.setdefault(name, {})[value] = told
            labelled[f"{FACT}{name}={value}"] = ("facts.yaml", [p for p in patterns if not p.startswith(SIGNAL)])
    domains = read_data("domains.yaml")["domains"]
    labelled |= {DOMAIN + name: ("domains.yaml", entry["words"]) for name, entry in domains.items()}
    labelled |= {TASK + name: ("tasks.yaml", words) for name, words in read_data("tasks.yaml")["task_types"].items()}
    kinds = {label: (f"{kind}:", name) for label in labelled for kind, _, name in (label.partition(":"),)}
    bits = {name: 1 << n for n, name in enumerate(cues)}
    names = {
        spelling: domain
        for domain, entry in domains.items()
        for spelling in (domain.replace("_", " "), *entry["names"])
    }
    return Lexicon(
        MappingProxyType(bits),
        signals,
        MappingProxyType(facts),
        MappingProxyType(names),
        MappingProxyType(kinds),
        _compiled(labelled),
    )


def _compiled(labelled: Mapping[str, tuple[str, Iterable[str]]]) -> Patterns:
    """All patterns together; only when that fails are they tried one by one, to name the wrong one."""
    try:
        return Patterns({label: patterns for label, (_, patterns) in labelled.items()})
    except (ValueError, TypeError):
        for label, (file, patterns) in labelled.items():
            checked(patterns, file, label)
        raise
