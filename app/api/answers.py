"""From a request to bytes: advice is computed once per input and day, then only named and dated anew."""

from collections import OrderedDict
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import TypeAdapter

from app.pipeline import World, advise
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Advice

_write_advice = TypeAdapter(Advice).dump_json


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
        advice = self._kept.get(key)
        if advice is None:
            advice = _write_advice(advise(request, self.world, as_of))
            self._keep(key, advice)
        else:
            self._kept.move_to_end(key)
        return _named(advice)

    def _keep(self, key: str, advice: bytes) -> None:
        if not self.limit:
            return
        self._kept[key] = advice
        if len(self._kept) > self.limit:
            self._kept.popitem(last=False)


def _named(advice: bytes) -> bytes:
    """The advice with an id and the time of this answer in front."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return b'{"id":"rec_%s","created_at":"%s",' % (uuid4().hex.encode(), now.encode()) + advice[1:]
