"""A baseline: a former JSON result, whose findings do not fail the check again."""

import json
from collections.abc import Mapping
from pathlib import Path

from app.checks.finding import ORDER
from app.errors import InputError


def load_baseline(name: str, path: Path) -> Mapping[str, str]:
    """Severity by fingerprint. Raises InputError when the file is no result of `tunewise check --format json`."""
    hint = "Write it with `tunewise check --format json=FILE`."
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        found = {str(f["fingerprint"]): str(f["severity"]) for f in made["findings"] if f["state"] != "waived"}
    except OSError as error:
        raise InputError.at("", f"{name}: {error.strerror or 'cannot be read'}.", hint) from None
    except (ValueError, TypeError, KeyError):
        raise InputError.at("", f"{name}: not a result of `tunewise check`.", hint) from None
    if not set(found.values()) <= set(ORDER):
        raise InputError.at("", f"{name}: holds an unknown severity.", hint)
    return found


def is_known(fingerprint: str, severity: str, baseline: Mapping[str, str]) -> bool:
    """Whether the finding was there before, at least as severe."""
    before = baseline.get(fingerprint)
    return before is not None and ORDER[severity] <= ORDER[before]
