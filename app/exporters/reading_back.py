"""Other tools' configurations as training runs, by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from app.exporters import from_axolotl, from_llama_factory, from_peft
from app.exporters.configuration import read_configuration
from app.exporters.run_line import RunFacts
from app.exporters.sheet import ReadBack, Sheet

ReadFormat = Literal["axolotl", "llama_factory", "peft"]
READERS: Mapping[ReadFormat, tuple[Callable[[Sheet], ReadBack], tuple[str, ...]]] = MappingProxyType(
    {
        "axolotl": (from_axolotl.from_axolotl, from_axolotl.LEGACY),
        "llama_factory": (from_llama_factory.from_llama_factory, from_llama_factory.LEGACY),
        "peft": (from_peft.from_peft, from_peft.LEGACY),
    }
)
"""Reader of each tool, and keys of its other versions."""


def read_back(form: ReadFormat, text: str, given: RunFacts | None = None) -> ReadBack:
    """The training run that a tool's file describes; `given` wins over what the file says. Raises InputError."""
    reader, legacy = READERS[form]
    return reader(Sheet(form, read_configuration(text), given or RunFacts(), legacy))
