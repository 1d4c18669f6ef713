"""What a plan knows and a training tool has no key for: kept in one comment line, so that the file can be read back.

# tunewise-run: gpu=L40S gpu_count=1 sharding=none examples=11000 mean_seq_length=960.0 framework=hf_peft
"""

import re
from dataclasses import asdict, replace
from typing import get_args

from app.errors import InputError
from app.records import record
from app.schemas.plan import FineTuningPlan
from app.schemas.vocabulary import Framework, Sharding

MARK = "tunewise-run:"
_LINE = re.compile(rf"^# {MARK}(?P<words>( [a-z_]+=[A-Za-z0-9._+-]+)*) *$", re.MULTILINE)
_PLANNED_WITH: Framework = "hf_peft"
"""Whose memory behaviour a plan is estimated with (app/planning/training_requests.py)."""


@record(kw_only=True)
class RunFacts:
    """Facts of a run that stand outside of a training tool's file; None where nobody said."""

    gpu: str | None = None
    gpu_count: int | None = None
    sharding: Sharding | None = None
    examples: int | None = None
    mean_seq_length: float | None = None
    framework: Framework | None = None

    def over(self, other: "RunFacts") -> "RunFacts":
        """These facts, and those of `other` where these are silent."""
        return replace(other, **{k: v for k, v in asdict(self).items() if v is not None})


def run_line(plan: FineTuningPlan) -> str:
    """The comment line of a plan."""
    t, hardware = plan.training, plan.hardware
    facts = RunFacts(
        gpu=hardware.gpu,
        gpu_count=hardware.gpu_count,
        sharding=hardware.sharding,
        examples=t.examples,
        mean_seq_length=t.mean_seq_length,
        framework=_PLANNED_WITH,
    )
    return f"# {MARK} " + " ".join(f"{k}={v}" for k, v in asdict(facts).items())


def facts_in(text: str) -> RunFacts:
    """The facts in the comment line of `text`; none where it has no such line. Raises InputError for nonsense in it."""
    found = _LINE.search(text)
    if found is None:
        return RunFacts()
    return run_facts(dict(word.split("=", 1) for word in found["words"].split()), f"The comment {MARK} says ")


def run_facts(words: dict[str, str], where: str = "") -> RunFacts:
    """Facts from words such as the query of a request. Raises InputError that names the word."""
    made: dict[str, object] = {}
    for name, word in words.items():
        if name in ("gpu_count", "examples"):
            made[name] = _number(name, word, where, int)
        elif name == "mean_seq_length":
            made[name] = _number(name, word, where, float)
        elif name in ("sharding", "framework"):
            made[name] = _one_of(name, word, where, get_args(Sharding if name == "sharding" else Framework))
        elif name == "gpu":
            made[name] = word
        else:
            raise InputError.at("", f"{where}{name[:80]}, which is no fact of a run.")
    return RunFacts(**made)  # type: ignore[arg-type]


def _number(name: str, word: str, where: str, kind: type[int] | type[float]) -> float:
    try:
        return kind(word)
    except (ValueError, OverflowError):
        raise InputError.at("", f"{where}{name}={word[:80]}, which is no number.") from None


def _one_of(name: str, word: str, where: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise InputError.at("", f"{where}{name}={word[:80]}.", f"One of: {', '.join(known)}.")
    return word
