"""The work, sent to a running service (`--url`)."""

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from app.cli.exits import UnreachableError
from app.errors import InputError, InputProblem

TIMEOUT_SECONDS = 30.0


def answer(url: str, path: str, document: object) -> dict[str, Any]:
    """The service's answer. Raises InputError for its 4xx, UnreachableError for everything else."""
    if not url.startswith(("http://", "https://")):
        raise InputError.at("", f"--url {url[:80]}: must start with http:// or https://.")
    body = json.dumps(document, allow_nan=False).encode()
    request = Request(url.rstrip("/") + path, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            made: dict[str, Any] = json.loads(response.read())
    except HTTPError as error:
        raise _refusal(error) from None
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(f"{url} gives no usable answer: {reason}.") from None
    return made


def _refusal(error: HTTPError) -> Exception:
    if error.code not in {413, 422}:
        return UnreachableError(f"the service answered {error.code}.")
    try:
        found = json.loads(error.read())
        places = [InputProblem(p["pointer"], p["detail"], p.get("hint")) for p in found["errors"]]
    except (ValueError, KeyError, TypeError):
        return UnreachableError(f"the service answered {error.code} without a problem document.")
    return InputError(places or [InputProblem("", found["detail"])], found["code"])
