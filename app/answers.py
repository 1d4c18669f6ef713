"""From a request to bytes: a report is computed once per input and day, then only named and dated anew."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import uuid4

from pydantic import TypeAdapter

from app.pipeline import World, advise
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report

_write = TypeAdapter(Report).dump_json
_UNNAMED = b'{"id":"","created_at":"1970-01-01T00:00:00Z"'
"""How every kept report begins, see UNDATED."""
_PAGES_SHARE = 4
"""Pages are some four times as large as the JSON that they show, so a quarter as many are kept."""

WritePage = Callable[[RecommendRequest, Report], bytes]


class Answers:
    """`POST /recommend` as bytes, with the newest `limit` answers kept by their input; pages likewise.

    The same input, data and day give the same answer (the contract's promise), so keeping one is no
    more than not computing it twice. The data of a `World` never change, so the input and day are key enough.
    """

    def __init__(self, world: World, limit: int) -> None:
        self.world = world
        self.told: Callable[[bytes], object] | None = None
        """Called with every report that is given; what it does is up to who sets it."""
        self._reports = Kept(limit)
        self._pages = Kept(limit // _PAGES_SHARE)

    def report(self, request: RecommendRequest) -> bytes:
        """The JSON of a Report; raises InputError."""
        report = self._reports.get(self._key(request), lambda: _write(self.made(request)))
        if self.told:
            self.told(report)
        return _named(report)

    def page(self, request: RecommendRequest, write: WritePage) -> bytes:
        """A Report as `write` shows it to people; always the same `write`. Raises InputError."""
        return self._pages.get(self._key(request), lambda: write(request, self.made(request)))

    def made(self, request: RecommendRequest) -> Report:
        """The Report itself, computed now; raises InputError."""
        return advise(request, self.world, _day(request))

    def _key(self, request: RecommendRequest) -> str:
        return f"{_day(request).isoformat()} {request.model_dump_json()}"


class Kept:
    """The newest `limit` texts by their key."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._texts: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The text of `key`, made when it is not kept."""
        text = self._texts.get(key)
        if text is None:
            text = make()
            self._keep(key, text)
        else:
            self._texts.move_to_end(key)
        return text

    def _keep(self, key: str, text: bytes) -> None:
        if not self.limit:
            return
        self._texts[key] = text
        if len(self._texts) > self.limit:
            self._texts.popitem(last=False)


def _day(request: RecommendRequest) -> date:
    return request.as_of or datetime.now(UTC).date()


def _named(report: bytes) -> bytes:
    """The kept report with an id and the time of this answer instead of the empty ones."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return b'{"id":"rec_%s","created_at":"%s"' % (uuid4().hex.encode(), now.encode()) + report[len(_UNNAMED) :]
