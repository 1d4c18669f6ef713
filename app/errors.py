"""Every error that tunewise raises on purpose; knows nothing of HTTP or exit codes.

TunewiseError
├── InputError            the caller's request cannot be answered as asked; carries findings
│   └── UnknownNameError  a name that is in no catalogue; carries the nearest known names
├── CatalogueError        a catalogue, rules or classifier file is wrong: file, key, what to write
├── MissingError          nothing is stored under that id
├── StaleError            it was changed since the caller read it
└── NotReadyError         the service cannot answer yet or any more
    └── StoreAwayError    the database cannot be used; everything that needs none goes on
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from app.records import record


@record
class InputProblem:
    """One thing wrong with an input: where (JSON Pointer, RFC 6901), what, and what to do."""

    pointer: str
    detail: str
    hint: str | None = None


class TunewiseError(Exception):
    """Base of all errors below; its text is safe to show to the caller."""


class InputError(TunewiseError):
    """The request is well-formed JSON or YAML but cannot be answered as asked.

    `code` is a stable machine-readable word, `problems` one or more places in the input.
    """

    def __init__(self, problems: Sequence[InputProblem], code: str = "invalid_request") -> None:
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.detail}" for p in problems))
        self.problems = tuple(problems)
        self.code = code

    @classmethod
    def at(cls, pointer: str, detail: str, hint: str | None = None, code: str = "invalid_request") -> "InputError":
        """An error at a single place."""
        return cls([InputProblem(pointer, detail, hint)], code)


class UnknownNameError(InputError):
    """A base model, GPU, hosted model or rule id that tunewise does not know."""

    def __init__(self, pointer: str, kind: str, name: str, known: Iterable[str]) -> None:
        near = nearest_names(name, known)
        hint = f"Did you mean {', '.join(near)}?" if near else f"GET the catalogue for the known {kind} names."
        super().__init__([InputProblem(pointer, f"Unknown {kind} {name[:100]!r}.", hint)], "unknown_name")
        self.name = name
        self.near = near


class CatalogueError(TunewiseError):
    """A data file that ships with tunewise (or an organisation's overlay) is wrong."""

    def __init__(self, file: str, key: str, detail: str, write_instead: str) -> None:
        super().__init__(f"{file}: {key}: {detail} Write instead: {write_instead}")
        self.file, self.key, self.detail, self.write_instead = file, key, detail, write_instead


class NotReadyError(TunewiseError):
    """The service is starting, draining, or a part that the request needs is away."""


class StoreAwayError(NotReadyError):
    """The database is away, full, locked, read-only or behind; what was asked was not done."""


class MissingError(TunewiseError):
    """Nothing is stored under that id (any more)."""


class StaleError(TunewiseError):
    """The caller's revision is not the newest: somebody changed it since."""


def nearest_names(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """The known names closest to `name`, best first, compared without case; () when none is near."""
    by_folded = {k.casefold(): k for k in known}
    wanted = name.casefold()[:200]
    near = get_close_matches(wanted, by_folded, n=limit, cutoff=0.5)
    inside = [k for k in by_folded if wanted in k and k not in near] if len(wanted) >= 3 else []
    return tuple(by_folded[k] for k in (near + sorted(inside, key=len))[:limit])
