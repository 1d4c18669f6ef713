"""Log lines as JSON: one object a line, never a description unless the operator asked for it."""

import json
import logging
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

access = logging.getLogger("tunewise.access")
_write = json.JSONEncoder(ensure_ascii=False, default=str).encode
TOLD_MAX = 2000
"""Characters of a body or an exception's text that are logged when asked for."""


class JsonLines(logging.Formatter):
    """time, level, logger, message, what `extra={"fields": {...}}` holds, and for an exception its type and frames.

    An exception's text may quote a request, so it is left out unless `texts`.
    """

    def __init__(self, texts: bool = False) -> None:
        super().__init__()
        self._texts = texts

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        told: dict[str, Any] = {
            "time": f"{_second(int(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            told["exception"] = _exception(record.exc_info[1], self._texts)
        return _write(told)


@lru_cache(maxsize=4)
def _second(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def answered(fields: dict[str, Any]) -> None:
    """Log one request; made without `Logger.info`, which walks the whole stack to find its caller."""
    record = logging.LogRecord(access.name, logging.INFO, "", 0, "request", None, None)
    record.fields = fields
    access.handle(record)


def _exception(error: BaseException, texts: bool) -> dict[str, Any]:
    frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    told: dict[str, Any] = {"type": type(error).__name__, "frames": frames}
    if texts:
        told["text"] = str(error)[:TOLD_MAX]
    return told
