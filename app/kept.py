"""What was made from data files, kept beside Python's bytecode so that the next start need not make it again.

Like `__pycache__`, and trusted as much: a file is used only while the code, the data and Python are those it was
made with; it can be deleted at any time; where it cannot be written, each start makes everything anew.
"""

import contextlib
import copyreg
import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")
PACKAGE = Path(__file__).resolve().parent
FOLDER = PACKAGE / "__pycache__"
DIGEST_BYTES = 32


def kept(name: str, sources: Iterable[Path | Traversable], build: Callable[[], T]) -> T:
    """What `build` makes of the files `sources`, from the file that an earlier process kept when nothing changed.

    What it makes must be plain data and instances of classes of ours. Raises what `build` raises.
    """
    try:
        key = _key(sources)
    except OSError:
        return build()  # which says what is wrong with the files
    path = FOLDER / f"{name}.{sys.implementation.cache_tag}.kept"
    with contextlib.suppress(Exception):  # missing, cut short, of a class that is gone: made anew
        found = path.read_bytes()
        if found[:DIGEST_BYTES] == key:
            made: T = pickle.loads(found[DIGEST_BYTES:])  # noqa: S301 - written by this package for itself
            return made
    made = build()
    _write(path, key + pickle.dumps(made, pickle.HIGHEST_PROTOCOL))
    return made


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, also beside other processes that write the same."""
    part = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        part.write_bytes(content)
        part.replace(path)


def _key(sources: Iterable[Path | Traversable]) -> bytes:
    made = hashlib.sha256(_code())
    for source in sources:
        content = source.read_bytes()
        made.update(f"{source.name} {len(content)}\n".encode())
        made.update(content)
    return made.digest()


@cache
def _code() -> bytes:
    """State of the package's code: names, sizes and times of its files, as Python itself judges bytecode by."""
    return "\n".join(sorted(_stamps(str(PACKAGE)))).encode()


def _stamps(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _stamps(entry.path)
            elif entry.name.endswith(".py"):
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"


def _proxy(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


copyreg.pickle(MappingProxyType, lambda proxy: (_proxy, (dict(proxy),)))  # pickle knows no read-only mappings
