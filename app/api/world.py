"""What a route needs of the application's state."""

from fastapi import Request

from app.answers import Answers
from app.api.running import Running
from app.errors import NotReadyError
from app.pipeline import World


def answers_of(request: Request) -> Answers:
    """The answers of this application; NotReadyError (503) while it starts or stops."""
    found = request.app.state.answers
    if not isinstance(found, Answers):
        raise NotReadyError("tunewise is starting or stopping.")
    return found


def world_of(request: Request) -> World:
    """The world of this application; NotReadyError (503) while it starts or stops."""
    return answers_of(request).world


def running_of(request: Request) -> Running:
    """What this application holds besides the world: store, keys, load."""
    found = request.app.state.running
    assert isinstance(found, Running)  # noqa: S101 - narrows for mypy; create_app sets it
    return found
