"""Record the keys and defaults of the training tools that app/exporters writes and reads.

    python bench/refresh_keys.py app/exporters/keys

Needs the environment of tests_real (see .ci/real-exports), not tunewise. Classes that load without a GPU are asked
themselves; Unsloth and Axolotl's plugins are read from their source. Read the diff before you commit it: a default
that moved changes what a file means.
"""

import ast
import dataclasses
import enum
import importlib.metadata
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Keys = dict[str, Any]
PLAIN = (str, int, float, bool, type(None))


def plain(value: Any) -> Any:
    """A default as JSON holds it; None where it is no plain value."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, list | tuple) and all(isinstance(item, PLAIN) for item in value):
        return list(value)
    return value if isinstance(value, PLAIN) else None


def of_dataclass(cls: type) -> Keys:
    """Fields of a dataclass that `__init__` takes."""
    made: Keys = {}
    for field in dataclasses.fields(cls):
        if field.init:
            made[field.name] = None if field.default is dataclasses.MISSING else plain(field.default)
    return made


def of_schema(cls: Any) -> Keys:
    """Fields of a Pydantic schema, by the names that a file uses."""
    return {field.alias or name: plain(field.default) for name, field in cls.model_fields.items()}


def package_folder(name: str) -> Path:
    """Where a package lies, without importing it."""
    found = importlib.util.find_spec(name)
    assert found is not None, name
    assert found.submodule_search_locations, name
    return Path(next(iter(found.submodule_search_locations)))


def axolotl() -> dict[str, Keys]:
    """The configuration's schema, its plugins' fields, and those of a data set."""
    from axolotl.utils.schemas.config import AxolotlInputConfig  # type: ignore[import-not-found]
    from axolotl.utils.schemas.datasets import SFTDataset  # type: ignore[import-not-found]

    plugins: Keys = {}
    for file in sorted((package_folder("axolotl") / "integrations").glob("*/args.py")):
        for cls in (node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)):
            if not cls.name.endswith(("Args", "ArgsMixin")):
                continue
            for node in cls.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    plugins[node.target.id] = None
    return {"keys": of_schema(AxolotlInputConfig), "plugins": plugins, "datasets": of_schema(SFTDataset)}


def llama_factory() -> dict[str, Keys]:
    """All argument classes of `llamafactory-cli train`."""
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    from llamafactory.hparams import (  # type: ignore[import-not-found]
        DataArguments,
        FinetuningArguments,
        GeneratingArguments,
        ModelArguments,
        TrainingArguments,
    )

    classes = (TrainingArguments, GeneratingArguments, ModelArguments, DataArguments, FinetuningArguments)
    return {"keys": {name: default for cls in classes for name, default in of_dataclass(cls).items()}}


def peft() -> dict[str, Keys]:
    """LoraConfig."""
    from peft import LoraConfig  # type: ignore[import-not-found]

    return {"keys": of_dataclass(LoraConfig)}


def trl() -> dict[str, Keys]:
    """What the exported script calls."""
    from transformers import BitsAndBytesConfig  # type: ignore[import-not-found]
    from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found]

    def parameters(call: Any) -> Keys:
        return {name: plain(p.default) for name, p in inspect.signature(call).parameters.items() if name != "self"}

    return {
        "SFTConfig": of_dataclass(SFTConfig),
        "SFTTrainer": parameters(SFTTrainer.__init__),
        "BitsAndBytesConfig": parameters(BitsAndBytesConfig.__init__),
    }


def unsloth() -> dict[str, Keys]:
    """Signatures that the exported script calls, from the source: importing Unsloth needs a GPU."""
    found = dict(_functions(package_folder("unsloth") / "models" / "loader.py", "FastLanguageModel"))
    adapters = dict(_functions(package_folder("unsloth") / "models" / "llama.py", "FastLlamaModel"))
    return {"from_pretrained": found["from_pretrained"], "get_peft_model": adapters["get_peft_model"]}


def _functions(file: Path, cls: str) -> Iterator[tuple[str, Keys]]:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == cls:
            for function in (n for n in node.body if isinstance(n, ast.FunctionDef)):
                yield function.name, {a.arg: None for a in (*function.args.args, *function.args.kwonlyargs)}


TOOLS = {
    "axolotl": ("Axolotl", "axolotl", axolotl),
    "llama_factory": ("LLaMA-Factory", "llamafactory", llama_factory),
    "peft": ("PEFT", "peft", peft),
    "trl": ("TRL", "trl", trl),
    "unsloth": ("Unsloth", "unsloth", unsloth),
}


def recorded(name: str) -> str:
    """The file of a tool, as it stands in app/exporters/keys."""
    tool, package, read = TOOLS[name]
    made = {"tool": tool, "version": importlib.metadata.version(package), **read()}
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def main() -> int:
    """Write every file."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    for name in TOOLS:
        (folder / f"{name}.json").write_text(recorded(name), encoding="utf-8")
        print(f"{name}: {importlib.metadata.version(TOOLS[name][1])}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
