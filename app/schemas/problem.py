"""RFC 9457 problem documents: the one shape of every error answer."""

from app.errors import InputProblem
from app.schemas.base import answer

TYPE_PREFIX = "https://tunewise.dev/problems/"
MEDIA_TYPE = "application/problem+json"


@answer
class ProblemPlace:
    """One thing wrong with the request."""

    pointer: str
    """JSON Pointer into the body; empty for the whole body."""
    detail: str
    """What is wrong."""
    hint: str | None = None
    """What to do about it."""


@answer
class Problem:
    """RFC 9457 `application/problem+json`."""

    type: str
    """A stable address that names the kind of problem."""
    title: str
    """The kind of problem, in words."""
    status: int
    """HTTP status."""
    detail: str
    """What happened here."""
    code: str
    """A stable word for programs."""
    errors: tuple[ProblemPlace, ...] = ()
    """Places in the body, when there are any."""


TITLES = {
    400: "Bad request",
    401: "A key is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "The body came too slowly",
    412: "Changed meanwhile",
    413: "Too large",
    422: "The request cannot be answered as asked",
    428: "If-Match is needed",
    429: "Too many requests",
    500: "Internal error",
    503: "Not ready",
}


def problem(status: int, code: str, detail: str, places: tuple[InputProblem, ...] = ()) -> Problem:
    """A problem document; `places` are findings in the body."""
    return Problem(
        type=TYPE_PREFIX + code.replace("_", "-"),
        title=TITLES.get(status, "Error"),
        status=status,
        detail=detail,
        code=code,
        errors=tuple(ProblemPlace(pointer=p.pointer, detail=p.detail, hint=p.hint) for p in places),
    )


def input_problem(places: tuple[InputProblem, ...], code: str = "invalid_request") -> Problem:
    """A 422 with its findings; the detail names the first."""
    first = places[0]
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return problem(422, code, f"{first.pointer or 'body'}: {first.detail}{more}", places)
