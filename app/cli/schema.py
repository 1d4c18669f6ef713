"""`tunewise schema`: the JSON Schema of proposals and of the configuration, for editors and for other checks."""

import json
import sys
from pathlib import Path
from typing import Any

from app.errors import InputError, nearest_names

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAMES = ("proposal", "config")


def schema_text(name: str) -> str:
    """The schema of `proposal` or `config`. Raises InputError."""
    if name not in NAMES:
        near = nearest_names(name, NAMES, limit=1)
        raise InputError.at("", f"schema {name[:40]}: unknown.", f"One of: {', '.join(near or NAMES)}.")
    return json.dumps({"$schema": DIALECT, **_schema(name)}, indent=2, ensure_ascii=False) + "\n"


def _schema(name: str) -> dict[str, Any]:
    if name == "proposal":
        from app.checks.proposal import Proposal

        return Proposal.model_json_schema()
    from app.checks.config import Config

    return Config.model_json_schema()


def main() -> None:
    """Write both schemas to the folder `schema`: `python -m app.cli.schema`."""
    for name in NAMES:
        path = Path("schema") / f"{name}.schema.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(schema_text(name), encoding="utf-8")
        sys.stdout.write(f"{path} written\n")


if __name__ == "__main__":
    main()
