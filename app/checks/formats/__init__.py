"""One file a format: `render(result) -> str`. Imported when asked for."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.checks.run import Result

NAMES = ("text", "json", "markdown", "sarif", "junit", "github", "gitlab")


def renderer(name: str) -> "Callable[[Result], str]":
    """The function that writes a result in a format of NAMES."""
    made: Callable[[Result], str] = import_module(f"app.checks.formats.{name}").render
    return made
