"""From a request to bytes: a report is computed once per input and day, then only named and dated anew."""

from collections import OrderedDict
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import TypeAdapter

from app.pipeline import World, advise
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report

_write = TypeAdapter(Report).dump_json
_UNNAMED = b'{"id":"","created_at":"1970-01-01T00:00:00Z"'
"""How every kept report begins, see UNDATED."""


class Answers:
    """`POST /recommend` as bytes, with the newest `limit` answers kept by their input.

    The same input, data and day give the same answer (the contract's promise), so keeping one is no
    more than not computing it twice. The data of a `World` never change, so the input and day are key enough.
    """

    def __init__(self, world: World, limit: int) -> None:
        self.world, self.limit = world, limit
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def report(self, request: RecommendRequest) -> bytes:
        """The JSON of a Report; raises InputError."""
        as_of = request.as_of or datetime.now(UTC).date()
        key = f"{as_of.isoformat()} {request.model_dump_json()}"
        report = self._kept.get(key)
        if report is None:
            report = _write(advise(request, self.world, as_of))
            self._keep(key, report)
        else:
            self._kept.move_to_end(key)
        return _named(report)

    def _keep(self, key: str, report: bytes) -> None:
        if not self.limit:
            return
        self._kept[key] = report
        if len(self._kept) > self.limit:
            self._kept.popitem(last=False)


def _named(report: bytes) -> bytes:
    """The kept report with an id and the time of this answer instead of the empty ones."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return b'{"id":"rec_%s","created_at":"%s"' % (uuid4().hex.encode(), now.encode()) + report[len(_UNNAMED) :]
