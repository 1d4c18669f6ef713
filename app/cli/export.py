"""`tunewise export`: a plan, a recommendation or a task as a training tool's own file."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from app.cli import local, remote
from app.cli.documents import read_document, read_text
from app.errors import InputError
from app.exporters import EXPORTERS, READERS, ExportFormat, RunFacts, estimate_back, export
from app.schemas.plan_body import PlanBody
from app.schemas.training import TrainingEstimate
from app.schemas.validation import parse

RECOMMENDATION = "recommendation"
"""A key that the answer of POST /recommend has, and a task has not."""


def exported(form: ExportFormat, file: str, url: str | None) -> str:
    """The text of the export. Raises InputError that names the place in `file`."""
    found = plan_in(read_document(file), url)
    return export(form, parse(PlanBody, found).plan()).text


def plan_in(document: object, url: str | None) -> object:
    """The tuning plan in `document`: itself, inside a recommendation, or made for a task (by the service at `url`)."""
    if not isinstance(document, Mapping):
        return document
    if isinstance(document.get("report"), Mapping):  # a stored recommendation
        document = document["report"]
    if "fine_tuning" in document:
        return document["fine_tuning"]
    if "description" in document:
        return _recommended(dict(document), url)["fine_tuning"]
    return document


def _recommended(task: dict[str, Any], url: str | None) -> dict[str, Any]:
    return remote.answer(url, "/recommend", task) if url else local.answer("/recommend", task)


def estimated_from(tool: str, file: str, gpu: str | None, url: str | None) -> dict[str, Any]:
    """The training estimate of another tool's file. Raises InputError that points into the file."""
    form = next((name for name in READERS if name == tool), None)
    if form is None:
        raise InputError.at("", f"--from {tool[:80]} is not known.", f"One of: {', '.join(READERS)}.")
    if url:
        raise InputError.at("", "--from works in-process only.", "Leave --url out, or POST /estimate/training?from=.")
    made = estimate_back(form, read_text(file), RunFacts(gpu=gpu), local.world())
    found: dict[str, Any] = json.loads(TypeAdapter(TrainingEstimate).dump_json(made))
    return found


def known_format(name: str) -> ExportFormat:
    """`name` as a format. Raises InputError."""
    for form in EXPORTERS:
        if form == name:
            return form
    raise InputError.at("", f"--format {name[:80]} is not known.", f"One of: {', '.join(EXPORTERS)}.")
