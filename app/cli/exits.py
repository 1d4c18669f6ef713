"""Exit codes, never reused, and the one place where an exception becomes one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from app.errors import CatalogueError, InputError, MissingError, StoreAwayError, TunewiseError

PASS = 0
FINDING = 1
BAD_INPUT = 2
INTERNAL = 3
UNREACHABLE = 4
NO_PROPOSAL = 5


class UnreachableError(TunewiseError):
    """The service behind `--url` gives no usable answer."""


def stop(code: int, text: str) -> NoReturn:
    """Say why on stderr and leave with `code`."""
    print(text, file=sys.stderr)
    raise SystemExit(code)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turns what goes wrong inside into text on stderr and the published exit code."""
    try:
        yield
    except InputError as error:
        stop(BAD_INPUT, "\n".join(_line(p.pointer, p.detail, p.hint) for p in error.problems))
    except (CatalogueError, MissingError) as error:
        stop(BAD_INPUT, f"tunewise: {error}")
    except (StoreAwayError, UnreachableError) as error:
        stop(UNREACHABLE, f"tunewise: {error}")
    except BrokenPipeError:
        raise SystemExit(PASS) from None
    except Exception as error:
        if os.environ.get("TUNEWISE_TRACEBACK"):
            raise
        stop(INTERNAL, f"tunewise: internal error: {type(error).__name__}. Run with TUNEWISE_TRACEBACK=1 to see where.")


def _line(pointer: str, detail: str, hint: str | None) -> str:
    return f"tunewise: {pointer or '/'}: {detail}" + (f" {hint}" if hint else "")
