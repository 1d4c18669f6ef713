"""Kept answers: the list, and each as it was given then."""

import json
from collections.abc import Awaitable, Callable
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from app.records import record
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report
from app.schemas.stored import StoredPage
from app.schemas.validation import parse

_read = TypeAdapter(Report).validate_json


class Document(Protocol):
    """What is kept of one answer: what was asked and what was answered, as JSON."""

    @property
    def request(self) -> bytes: ...
    @property
    def report(self) -> bytes: ...


@record
class Shelf:
    """Where answers are kept."""

    page: Callable[[str | None], Awaitable[StoredPage]]
    """The newest from a cursor on."""
    get: Callable[[str], Awaitable[Document]]
    """One by its id; raises MissingError."""


def as_given(document: Document) -> tuple[RecommendRequest, Report] | None:
    """Request and report as they were; None when they are of a release whose form this one does not read."""
    try:
        return parse(RecommendRequest, json.loads(document.request)), _read(document.report)
    except (ValidationError, ValueError):
        return None
