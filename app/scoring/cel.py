"""The CEL engine, `cel` of the package common-expression-language, without its console.

Importing the package imports its command line, and with it prompt_toolkit, rich and asyncio: a tenth of a second at
every start. The compiled module beside it is all that expressions need.
"""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

PACKAGE = "cel"


def _compiled() -> ModuleType:
    """The extension module alone; the whole package where its layout is another one."""
    if PACKAGE in sys.modules:
        return sys.modules[PACKAGE]
    found = importlib.util.find_spec(PACKAGE)
    folders = found.submodule_search_locations if found else None
    for folder in folders or ():
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder) / f"{PACKAGE}{suffix}"
            if path.is_file():
                return _loaded(path)
    return importlib.import_module(PACKAGE)


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{PACKAGE}.{PACKAGE}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} cannot be loaded")
    made = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # it cannot be loaded twice
    spec.loader.exec_module(made)
    return made


cel = _compiled()
