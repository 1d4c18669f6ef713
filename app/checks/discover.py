"""From the paths on the command line to the proposal files."""

import fnmatch
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.errors import InputError

SUFFIXES = (".proposal.yaml", ".proposal.yml", ".proposal.json", ".proposal.md", ".proposal.markdown")
"""Files that a folder is searched for; any other file is read when it is named."""
SKIPPED = frozenset(("node_modules", "__pycache__", "venv"))


def proposal_files(paths: Iterable[str], ignore: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The files to read, each once, in order. Raises InputError for a path that does not exist."""
    found: dict[str, None] = {}
    for name in paths:
        path = Path(name)
        if path.is_dir():
            found |= dict.fromkeys(_inside(path))
        elif path.exists():
            found[shown(path)] = None
        else:
            raise InputError.at("", f"{name}: no such file or folder.")
    return tuple(name for name in found if not is_ignored(name, ignore))


def is_ignored(name: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern such as `archive/*` matches the path."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _inside(folder: Path) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES):
                yield shown(Path(here) / name)


def shown(path: Path) -> str:
    """The path as it is reported: relative to the working folder where it lies inside, with forward slashes."""
    if path.is_absolute():
        working = Path.cwd()
        path = path.relative_to(working) if path.is_relative_to(working) else path
    return Path(os.path.normpath(path)).as_posix()
