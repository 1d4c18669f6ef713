"""`tunewise comment`: one comment on a merge request, created once and updated in place."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from app.cli.exits import UnreachableError
from app.errors import InputError
from app.records import record

TAG = "<!-- tunewise-check -->"
"""As in app/checks/formats/markdown.py, which this must not import to start quickly."""
TIMEOUT_SECONDS = 20.0
PER_PAGE = 100
MOST_PAGES = 30
REFUSED = (401, 403, 404)
"""What a token without the right to comment gets: that of a fork, for one."""
When = Literal["always", "on-change", "never"]
QUIET = ("Passed: 0 errors, 0 warnings, 0 notes",)
"""Headlines that say nothing; `on-change` starts no comment for them."""


@record(kw_only=True)
class Thread:
    """Where comments of a merge request are listed, and how they are written."""

    comments: str
    """Address of the list; one comment is this, a slash and its id."""
    headers: Mapping[str, str]
    update: Literal["PATCH", "PUT"]


def comment(platform: str, file: str, when: str) -> str:
    """Post the Markdown in a file; what was done, in words. Raises InputError and UnreachableError."""
    if platform not in PLATFORMS:
        raise InputError.at("", f"{platform[:40]}: unknown platform.", f"One of: {', '.join(PLATFORMS)}.")
    if when not in ("always", "on-change", "never"):
        raise InputError.at("", f"--when {when[:40]}: unknown.", "One of: always, on-change, never.")
    if when == "never":
        return "no comment wanted"
    try:
        body = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError.at(
            "", f"{file}: cannot be read.", "Write it with `tunewise check --format markdown=FILE`."
        ) from None
    if not body.startswith(TAG):
        raise InputError.at("", f"{file}: does not begin with {TAG}.", "Write it with --format markdown=FILE.")
    thread = PLATFORMS[platform](os.environ)
    if isinstance(thread, str):
        return thread
    try:
        return _post(thread, body, when)
    except HTTPError as error:
        with error:
            if error.code in REFUSED:
                return f"no comment: the token may not write here ({error.code}); the job summary has it all"
            raise UnreachableError(f"the platform answered {error.code} at {error.url}.") from None
    except (URLError, OSError, ValueError) as error:
        raise UnreachableError(f"the platform gives no usable answer: {getattr(error, 'reason', error)}.") from None


def _post(thread: Thread, body: str, when: str) -> str:
    found = next((c for c in _comments(thread) if str(c.get("body", "")).startswith(TAG)), None)
    if found is None:
        if when == "on-change" and any(words in body for words in QUIET):
            return "nothing to say, no comment yet: none made"
        _ask(thread, "POST", thread.comments, {"body": body})
        return "comment created"
    if str(found["body"]).replace("\r\n", "\n").strip() == body.strip():
        return "comment is current"
    _ask(thread, thread.update, f"{_one(thread)}/{found['id']}", {"body": body})
    return "comment updated"


def _one(thread: Thread) -> str:
    """GitHub's single comments live one level up from those of an issue."""
    if thread.update == "PATCH":
        repository = thread.comments.rsplit("/issues/", 1)[0]
        return f"{repository}/issues/comments"
    return thread.comments


def _comments(thread: Thread) -> Iterator[dict[str, Any]]:
    for page in range(1, MOST_PAGES + 1):
        found = _ask(thread, "GET", f"{thread.comments}?per_page={PER_PAGE}&page={page}", None)
        yield from found
        if len(found) < PER_PAGE:
            return


def _ask(thread: Thread, method: str, url: str, body: object) -> Any:
    if not url.startswith(("http://", "https://")):
        raise InputError.at("", f"{url[:80]}: no http address.")
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "tunewise", **thread.headers}
    request = Request(url, data, headers, method=method)  # noqa: S310 - the scheme was checked
    with urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
        return json.loads(response.read() or b"null")


def _github(environment: Mapping[str, str]) -> Thread | str:
    token, repository = environment.get("GITHUB_TOKEN"), environment.get("GITHUB_REPOSITORY")
    number = _pull_request(environment)
    if number is None:
        return "no comment: this is no pull request"
    if not token or not repository:
        return "no comment: there is no token (a fork has none); the job summary has it all"
    api = environment.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    return Thread(
        comments=f"{api}/repos/{quote(repository)}/issues/{number}/comments",
        headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        update="PATCH",
    )


def _pull_request(environment: Mapping[str, str]) -> int | None:
    """The number in the event that started the workflow."""
    try:
        event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        return int(event["pull_request"]["number"])
    except (KeyError, OSError, ValueError, TypeError):
        return None


def _gitlab(environment: Mapping[str, str]) -> Thread | str:
    token = environment.get("TUNEWISE_GITLAB_TOKEN")
    project, number = environment.get("CI_PROJECT_ID"), environment.get("CI_MERGE_REQUEST_IID")
    if not number or not project:
        return "no comment: this is no merge request"
    if not token:
        return "no comment: TUNEWISE_GITLAB_TOKEN is not set (a fork has none); the report artifacts have it all"
    api = environment.get("CI_API_V4_URL", "https://gitlab.com/api/v4").rstrip("/")
    return Thread(
        comments=f"{api}/projects/{quote(project, safe='')}/merge_requests/{quote(number)}/notes",
        headers={"PRIVATE-TOKEN": token},
        update="PUT",
    )


PLATFORMS = {"github": _github, "gitlab": _gitlab}
