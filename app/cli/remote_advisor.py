"""The company's service instead of the engine in this process: `tunewise check --url`."""

import json
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from pydantic import TypeAdapter, ValidationError

from app.checks.advisor import Licence, offer_named
from app.cli.exits import UnreachableError
from app.errors import InputError, InputProblem
from app.schemas.listing import BaseModelEntry
from app.schemas.problem import Problem
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report
from app.schemas.training import TrainingEstimate, TrainingRequest
from app.schemas.world import HostedTuningOffer

MOST_ITEMS = 100
"""Tasks in one request: a service takes up to 1,000, fewer keep each answer within the time limit."""
_OK = 200


class RemoteAdvisor:
    """A running service. Raises UnreachableError whenever it gives no usable answer."""

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError.at("", f"--url {url[:80]}: must start with http:// or https://.")
        self.url, self.timeout = url.rstrip("/"), timeout
        self.headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self.headers["Authorization"] = f"Bearer {key}"

    def reports(self, requests: Sequence[RecommendRequest], as_of: date) -> Sequence[Report | InputError]:
        """One answer or one refusal per request, in order."""
        bodies = [_body(request) | {"as_of": as_of.isoformat()} for request in requests]
        made: list[Report | InputError] = []
        for start in range(0, len(bodies), MOST_ITEMS):
            part = bodies[start : start + MOST_ITEMS]
            items = self._listed(self._ask("/recommend/batch", {"items": part}), "items")
            if len(items) != len(part):
                raise UnreachableError(f"{self.url} answered {len(items)} of {len(part)} tasks.")
            made += [self._item(item) for item in items]
        return made

    def _listed(self, answer: Any, name: str) -> list[dict[str, Any]]:
        """The list of objects called `name` in an answer."""
        found = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise UnreachableError(f"{self.url} answers without {name}: is it a tunewise service?")
        return found

    def _item(self, item: dict[str, Any]) -> Report | InputError:
        if item.get("status") != _OK:
            return self._problem(item.get("problem"))
        return self._read(Report, item.get("report"))  # type: ignore[no-any-return]

    def training(self, request: TrainingRequest) -> TrainingEstimate:
        """The estimate of a run as the team wants it."""
        return self._read(TrainingEstimate, self._ask("/estimate/training", _body(request)))  # type: ignore[no-any-return]

    def licence(self, base_model: str) -> Licence | None:
        """The licence of a base model; None when the service does not know it."""
        known = (self._read(BaseModelEntry, m) for m in self._listed(self._models, "base_models"))
        found = next((entry for entry in known if entry.id.casefold() == base_model.casefold()), None)
        return None if found is None else Licence(found.id, found.license, found.commercial_use)

    def offer(self, name: str) -> HostedTuningOffer:
        """A provider's tuning offer. Raises UnknownNameError."""
        offers = [self._read(HostedTuningOffer, offer) for offer in self._listed(self._models, "tuning_offers")]
        return offer_named(name, offers)

    @cached_property
    def _models(self) -> Any:
        return self._ask("/catalogue/models", None)

    def _read(self, schema: Any, value: Any) -> Any:
        try:
            return TypeAdapter(schema).validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            reason = f"{where}: {first['msg']}"
            raise UnreachableError(f"{self.url} answers in another form than this tunewise reads ({reason}).") from None

    def _ask(self, path: str, body: object) -> Any:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        request = Request(self.url + path, data, self.headers)  # noqa: S310 - the scheme was checked
        try:
            with urlopen(request, timeout=self.timeout) as response:  # noqa: S310
                return json.loads(response.read())
        except HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise UnreachableError(f"{self.url} gives no usable answer: {reason}.") from None

    def _refusal(self, error: HTTPError) -> Exception:
        if error.code in (401, 403):
            return UnreachableError(f"{self.url} refuses the key: {error.code}. Set TUNEWISE_API_KEY.")
        if error.code != 422:  # the contract: a request that cannot be answered
            return UnreachableError(f"{self.url} answered {error.code}.")
        try:
            return self._problem(json.loads(error.read()))
        except ValueError:
            return UnreachableError(f"{self.url} answered {error.code} without a problem document.")

    def _problem(self, told: Any) -> InputError:
        """A refusal of the task. Raises UnreachableError when it is no problem document."""
        found: Problem = self._read(Problem, told)
        places = [InputProblem(p.pointer, p.detail, p.hint) for p in found.errors]
        return InputError(places or [InputProblem("", found.detail)], found.code)


def _body(request: RecommendRequest | TrainingRequest) -> dict[str, Any]:
    return request.model_dump(mode="json", exclude_none=True)
