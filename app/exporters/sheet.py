"""Another tool's configuration while it is being read: what was mapped, assumed, left aside, and never heard of."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from app.errors import InputError, InputProblem, nearest_names
from app.exporters.configuration import Configuration
from app.exporters.run_line import RunFacts
from app.records import record
from app.schemas.base import Assumption
from app.schemas.training import TrainingRequest
from app.schemas.validation import parse, pointer_of
from app.schemas.vocabulary import Framework

GPU_HINT = "Name one with ?gpu=, for example gpu=L40S; the file does not say where it trains."
GPTQ_BITS = 4
"""The one width of GPTQ that is modelled."""
MOST_UNKNOWN = 20
"""Unknown keys named at most."""


@record
class Known:
    """The recorded keys of a tool's version, with its defaults."""

    tool: str
    version: str
    keys: Mapping[str, Any]
    """Key -> default (None where there is none, or no plain one)."""
    plugins: frozenset[str]
    """Keys that plugins add."""


@lru_cache
def known(name: str) -> Known:
    """The record in keys/, made by bench/refresh_keys.py."""
    text = (files("app.exporters") / "keys" / f"{name}.json").read_text(encoding="utf-8")
    made = json.loads(text)
    return Known(made["tool"], made["version"], made["keys"], frozenset(made.get("plugins", ())))


@record(kw_only=True)
class ReadBack:
    """A training run as another tool's file describes it."""

    request: TrainingRequest
    assumptions: tuple[Assumption, ...]
    """Defaults of the tool that apply, and what else had to be assumed."""
    warnings: tuple[str, ...]
    """Keys that matter and are not modelled, and keys that the tool does not know."""
    sources: Mapping[str, str]
    """Pointer into the request -> pointer into the file, for errors that are found later."""

    def blame(self, error: InputError) -> InputError:
        """The same error, pointing into the file."""
        moved = [InputProblem(self._moved(p.pointer), p.detail, p.hint) for p in error.problems]
        return InputError(moved, error.code)

    def _moved(self, pointer: str) -> str:
        owner = next((ours for ours in sorted(self.sources, reverse=True) if _within(pointer, ours)), None)
        return self.sources[owner] if owner is not None else pointer


def _within(pointer: str, owner: str) -> bool:
    return pointer == owner or pointer.startswith(f"{owner}/")


class Sheet:
    """One configuration on its way to a training request; `facts` are those that stand outside of it."""

    def __init__(self, name: str, found: Configuration, facts: RunFacts, legacy: Iterable[str] = ()) -> None:
        self.known, self.document, self.root, self.beside = known(name), found.document, found.root, found.beside
        self.facts = facts.over(found.facts)
        self.label = f"{self.known.tool} {self.known.version}"
        self.assumptions: list[Assumption] = []
        self.warnings: list[str] = []
        self._request: dict[str, Any] = {}
        self._sources: dict[str, str] = {}
        self._legacy = frozenset(legacy)

    @property
    def gpu_count(self) -> int:
        """GPUs that train together, as far as the caller says."""
        stated = self.beside.get("hardware", {}).get("gpu_count") or self.facts.gpu_count
        return stated if isinstance(stated, int) else 1

    def pointer(self, key: str) -> str:
        """Where `key` stands in the body."""
        return self.root + pointer_of([key])

    def given(self, key: str) -> Any:
        """The value in the file; None where it is missing or null."""
        return self.document.get(key)

    def value(self, key: str, name: str | None = None) -> Any:
        """The value in the file, or else the tool's default, which is then stated as an assumption called `name`."""
        found = self.given(key)
        if found is not None:
            return found
        default = self.known.keys.get(key)
        self.assume(name or key, default, f"{self.label}: default of {key}")
        return default

    def flag(self, key: str) -> bool:
        """A switch of the file; its default is stated where it is missing."""
        return bool(self.value(key))

    def whole(self, key: str, name: str | None = None) -> int | None:
        """A whole number, also from a quoted one. Raises InputError."""
        return self._whole(key, self.value(key, name))

    def given_whole(self, key: str) -> int | None:
        """The same, without the tool's default."""
        return self._whole(key, self.given(key))

    def _whole(self, key: str, found: Any) -> int | None:
        if found is None:
            return None
        number = self._number(key, found)
        if number != int(number):
            raise InputError.at(self.pointer(key), "Must be a whole number.")
        return int(number)

    def number(self, key: str, name: str | None = None) -> float | None:
        """A number, also from text such as 2e-4, which PyYAML reads as text. Raises InputError."""
        found = self.value(key, name)
        return None if found is None else self._number(key, found)

    def _number(self, key: str, found: Any) -> float:
        try:
            if isinstance(found, bool) or not isinstance(found, int | float | str):
                raise ValueError
            number = float(found)
            if number != number or number in (float("inf"), float("-inf")):
                raise ValueError
        except (ValueError, OverflowError):
            raise InputError.at(self.pointer(key), "Must be a finite number.") from None
        return number

    def put(self, path: str, value: Any, key: str | None = None) -> None:
        """Set a field of the request, `training/max_seq_length` say, and remember which key of the file it is from."""
        if value is None:
            return
        here = self._request
        *owners, last = path.split("/")
        for owner in owners:
            here = here.setdefault(owner, {})
        here[last] = value
        if key is not None:
            self._sources[f"/{path}"] = self.pointer(key)

    def assume(self, name: str, value: Any, source: str) -> None:
        """State what the file does not."""
        shown = value if isinstance(value, str | bool | int | float) or value is None else json.dumps(value)
        self.assumptions.append(Assumption(name=name, value=shown, origin="default", source=source))

    def warn(self, text: str) -> None:
        """Say what the estimate leaves out."""
        self.warnings.append(text)

    def warn_unmodelled(self, meanings: Mapping[str, str]) -> None:
        """A warning for each of these keys that is switched on."""
        for key, meaning in meanings.items():
            if self.given(key):
                self.warn(f"{key} is not modelled: {meaning}")

    def finish(self, framework: Framework) -> ReadBack:
        """The request. Raises InputError with pointers into the file."""
        facts, training = self.facts, self._request.setdefault("training", {})
        for name in ("gpu", "gpu_count", "sharding"):
            self.put(f"hardware/{name}", getattr(facts, name))
        self.put("training/examples", facts.examples)
        training.setdefault("mean_seq_length", facts.mean_seq_length)
        self.put("training/framework", facts.framework or training.get("framework") or framework)
        self._beside()
        if "gpu" not in self._request.get("hardware", {}):
            raise InputError.at("", "A GPU is needed.", GPU_HINT)
        self.warnings += self._unknown()
        try:
            request = parse(TrainingRequest, _listed(self._request))
        except InputError as error:
            raise self._made(None).blame(error) from None
        return self._made(request)

    def _beside(self) -> None:
        """What the caller states beside the file wins over it."""
        config = self.beside.get("architecture")
        if config is not None:
            self.put("architecture", config)
            self.put("quantization", quantization_of(config))
        self.put("quantization", self.beside.get("quantization"))
        if self._request.get("quantization", "none") != "none" and self._request.get("method") == "lora":
            self.put("method", "qlora")
        for section in ("training", "hardware"):
            for name, value in self.beside.get(section, {}).items():
                self.put(f"{section}/{name}", value)
                self._sources[f"/{section}/{name}"] = f"/{section}{pointer_of([name])}"

    def _made(self, request: Any) -> ReadBack:
        return ReadBack(
            request=request,
            assumptions=tuple(self.assumptions),
            warnings=tuple(self.warnings),
            sources=self._sources,
        )

    def _unknown(self) -> list[str]:
        """A sentence on each key that this version of the tool does not have."""
        keys = self.known.keys
        set_ones = [key for key, value in self.document.items() if value is not None]
        strange = [k for k in set_ones if k not in keys and k not in self.known.plugins and k not in self._legacy]
        said = []
        for key in strange[:MOST_UNKNOWN]:
            near = nearest_names(key, keys, limit=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            said.append(f"{self.label} knows no key {key[:80]!r}; it was passed over.{hint}")
        if len(strange) > MOST_UNKNOWN:
            said.append(f"{len(strange) - MOST_UNKNOWN} more unknown keys were passed over.")
        return said


def _listed(value: Any) -> Any:
    """Tuples as lists: what JSON would have held."""
    if isinstance(value, dict):
        return {k: _listed(v) for k, v in value.items()}
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


def names(sheet: Sheet, key: str, found: Any) -> list[str]:
    """A list of names. Raises InputError."""
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise InputError.at(sheet.pointer(key), "Must be a list of names.")
    return found


def quantization_of(config: Mapping[str, Any]) -> str | None:
    """The quantization that a config.json states for its checkpoint; None when it states none that is modelled."""
    settings = config.get("quantization_config")
    if not isinstance(settings, dict):
        return None
    if settings.get("load_in_4bit"):
        return "nf4_double" if settings.get("bnb_4bit_use_double_quant") else "nf4"
    if settings.get("load_in_8bit"):
        return "int8"
    four = settings.get("quant_method") == "gptq" and settings.get("bits") == GPTQ_BITS
    return "gptq4" if four else None
