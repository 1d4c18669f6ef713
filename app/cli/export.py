"""`tunewise export`: a plan, a recommendation or a task as a training tool's own file."""

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from app.cli import local, remote
from app.cli.documents import read_document, read_text
from app.errors import InputError
from app.exporters import EXPORTERS, KITS, READERS, ExportFormat, RunFacts, estimate_back, export
from app.pipeline.kits import kit_case
from app.schemas.plan_body import PlanBody
from app.schemas.recommend import RecommendRequest
from app.schemas.training import TrainingEstimate
from app.schemas.validation import parse

RECOMMENDATION = "recommendation"
"""A key that the answer of POST /recommend has, and a task has not."""


def exported(form: str, file: str, url: str | None) -> str:
    """The text of the export. Raises InputError that names the place in `file`."""
    document = read_document(file)
    if form in KITS:
        return _kit(form, document)
    known = known_format(form)
    return export(known, parse(PlanBody, plan_in(document, url)).plan()).text


def _kit(form: str, document: object) -> str:
    """A kit, which needs the whole task. Raises InputError."""
    task = parse(RecommendRequest, document)
    return KITS[form](kit_case(task, local.world(), task.as_of or datetime.now(UTC).date())).text


def plan_in(document: object, url: str | None) -> object:
    """The tuning plan in `document`: itself, inside a recommendation, or made for a task (by the service at `url`)."""
    if not isinstance(document, dict):
        return document
    stored = document.get("report")
    found: dict[str, Any] = stored if isinstance(stored, dict) else document
    if "description" in found and "fine_tuning" not in found:
        found = _recommended(found, url)
    return found.get("fine_tuning", found)


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
    raise InputError.at("", f"--format {name[:80]} is not known.", f"One of: {', '.join((*EXPORTERS, *KITS))}.")
