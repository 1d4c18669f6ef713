"""Compares the catalogue's base models with config.json files, and drafts the entry of a new one.

    python bench/compare_configs.py FOLDER          # files named ORG--NAME_config.json, as in aiconfigurator-core
    python bench/compare_configs.py --entry ORG/NAME config.json

Exit code 1 when a shape differs. Parameters of a draft are counted by the app itself: compare them with the Hub's.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.catalogue import load_catalogue
from app.catalogue.architectures import read_architecture
from app.estimate.params import inventory

UNSHAPED = {"rope_theta", "rope_scaling", "torch_dtype", "dtype", "use_cache", "transformers_version", "architectures"}
"""Fields of a config.json that change neither parameters nor memory."""


def differences(config: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    """One line for every field of ours that the config.json states otherwise."""
    for field, value in ours.items():
        if isinstance(value, Mapping):
            yield from (f"{field}.{line}" for line in differences(config.get(field, {}), value))
        elif field in config and config[field] != value:
            yield f"{field}: {value!r} here, {config[field]!r} there"


def compare(folder: Path) -> int:
    """Prints what differs; the number of base models that do."""
    catalogue, wrong, seen = load_catalogue(), 0, 0
    known = {**catalogue.base_models, **catalogue.base_model_aliases}
    for path in sorted(folder.glob("*--*_config.json")):
        spec = known.get(path.name.removesuffix("_config.json").replace("--", "/"))
        if spec is None:
            continue
        seen += 1
        ours = {k: v for k, v in spec.architecture.raw.items() if k != "max_position_embeddings"}
        lines = list(differences(json.loads(path.read_text(encoding="utf-8")), ours))
        wrong += bool(lines)
        print(f"{spec.id}: {'; '.join(lines) or 'the same'}")
    print(f"{seen} compared, {wrong} differ")
    return wrong


def draft(base_model_id: str, path: Path) -> str:
    """The lines to paste into base_models.yaml, with what only a person can know left open."""
    config = json.loads(path.read_text(encoding="utf-8"))
    counted = inventory(read_architecture(config)[0])
    shape = {k: v for k, v in config.items() if k not in UNSHAPED and not k.endswith("_token_id")}
    return (
        f"  {base_model_id}:\n    family: ?\n    config: {json.dumps(shape)}\n"
        f"    total_parameters: {counted.total_parameters}\n    active_parameters: {counted.active_parameters}\n"
        f"    license: ?\n    commercial_use: ?\n    max_position_embeddings: {config.get('max_position_embeddings')}\n"
        "    released: ?\n    languages: [?]\n    gated: ?\n    instruct_id: ?\n    chat_template: ?\n"
        "    quality_index: null\n    sources: [?]\n"
    )


def main() -> int:
    """Compares, or drafts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--entry", metavar="ORG/NAME", help="draft the entry of this base model")
    options = parser.parse_args()
    if options.entry:
        print(draft(options.entry, options.path))
        return 0
    return 1 if compare(options.path) else 0


if __name__ == "__main__":
    raise SystemExit(main())
