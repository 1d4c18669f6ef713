"""The API's named examples as links of the page."""

from collections.abc import Mapping
from typing import Any

from app.schemas.recommend import RecommendRequest
from app.schemas.validation import parse
from app.web.page import Example, values_from
from app.web.query import Link


def examples_of(named: Mapping[str, Mapping[str, Any]]) -> tuple[Example, ...]:
    """OpenAPI examples of a recommend request as links."""
    return tuple(
        Example(str(example["summary"]), Link(values_from(parse(RecommendRequest, example["value"])))())
        for example in named.values()
    )
