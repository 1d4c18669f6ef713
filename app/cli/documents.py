"""Reads a request from a YAML or JSON file, or from standard input."""

import sys
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from app.errors import InputError

MAX_BYTES = 8 * 1024 * 1024
"""As large as the service's largest body."""


def read_document(name: str) -> object:
    """The JSON-like value in file `name` ("-": standard input). Raises InputError that names file and line."""
    return parse_document(read_text(name), "standard input" if name == "-" else name)


def read_text(name: str) -> str:
    """The text of file `name` ("-": standard input). Raises InputError."""
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if name == "-" else _read(Path(name))
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError.at("", f"{name}: not UTF-8 text.", "Save the file as UTF-8.") from None
    except OSError as error:
        raise InputError.at("", f"{name}: {error.strerror or 'cannot be read'}.") from None
    if len(data) > MAX_BYTES:
        raise InputError.at("", f"{name}: larger than {MAX_BYTES:,} bytes.")
    return text


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def parse_document(text: str, name: str) -> object:
    """`text` as YAML 1.2 (which holds all of JSON): duplicate keys, anchors that expand and tags are refused."""
    try:
        return _plain(YAML(typ="safe", pure=True).load(text))
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError.at("", f"{name}{line}: {error.problem or 'not YAML'}.", code="invalid_yaml") from None
    except (YAMLError, RecursionError, ValueError):
        raise InputError.at("", f"{name}: not YAML or JSON.", code="invalid_yaml") from None


def _plain(value: object) -> object:
    """Dates back to text, keys to text: what JSON would have held."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
