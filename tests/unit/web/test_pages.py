"""The page's routes in-process: what is on the page, what is escaped, which headers go out, what it costs in time."""

import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.api.examples import RECOMMEND_EXAMPLES
from app.schemas.recommend import RecommendRequest
from app.service import create_app
from app.settings import Settings
from app.web.fields import NAMES
from app.web.files import PROMPTING_TOOLS, TOOLS
from app.web.page import values_from
from app.web.query import Link

pytestmark = pytest.mark.anyio
TASK = (
    "Extract ICD-10 codes from discharge letters as strict JSON. 40,000 letters a day, the ward system gives up "
    "after 300 ms. 12,000 letters are already coded by hand."
)
VOID = {"meta", "link", "input", "br", "img", "hr", "rect", "line", "circle", "path", "polyline", "polygon"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started application with a store of its own."""
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/kept.sqlite3"))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as made:
        yield made


def link(**values: str) -> str:
    return "/" + Link({"description": TASK, **values})()[2:]


class Checked(HTMLParser):
    """Fails where tags do not nest; collects ids, references and what CSP would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.wanted: set[str] = set()
        self.refused: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"] or "")
        for name in ("for", "aria-labelledby", "aria-describedby", "form", "list"):
            self.wanted |= set((found.get(name) or "").split())
        if (found.get("href") or "").startswith("#"):
            self.wanted.add((found["href"] or "")[1:])
        self.refused += [f"{tag} {name}" for name in found if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.refused.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["", *RECOMMEND_EXAMPLES])
async def test_pages_nest_refer_and_hold_nothing_inline(client: httpx.AsyncClient, name: str) -> None:
    asked = "/"
    if name:
        asked += Link(
            values_from(RecommendRequest.model_validate_json(json.dumps(RECOMMEND_EXAMPLES[name]["value"])))
        )()[2:]
    answer = await client.get(asked)
    assert answer.status_code == 200
    checked = Checked(answer.text)
    assert checked.open == []
    assert len(checked.ids) == len(set(checked.ids)), "ids are unique"
    assert checked.wanted <= set(checked.ids), "every reference has its target"
    assert checked.refused == []
    assert all(f'name="{field}"' in answer.text for field in NAMES)


async def test_the_page_says_what_the_json_says(client: httpx.AsyncClient) -> None:
    made = (await client.post("/recommend", json={"description": TASK})).json()
    page = (await client.get(link())).text
    shown = re.sub(r"\s+", " ", page)
    from markupsafe import escape

    assert str(escape(made["recommendation"]["headline"])) in shown
    for text in (
        *[r["text"] for r in made["recommendation"]["reasons"]],
        *made["recommendation"]["next_steps"],
        *[m["question"] for m in made["missing"]],
        *[p["lesson"] for p in made["precedents"]],
        made["compute"]["break_even"]["why"],
    ):
        assert str(escape(text)) in shown
    assert f"as_of={made['as_of']}" in page


async def test_without_an_as_of_the_answer_is_todays_and_its_permalink_the_same(client: httpx.AsyncClient) -> None:
    live = (await client.get(link())).text
    found = re.search(r'id="permalink" href="\./([^"]+)"', live)
    assert found
    pinned = (await client.get("/" + found[1].replace("&amp;", "&"))).text
    assert pinned == live


def _figures(text: str) -> str:
    """What is said, without addresses and the digest of the request, which holds the day where one was asked for."""
    return re.sub(r'href="[^"]*"|data-keep="[^"]*"|<code>[0-9a-f]{16}</code>', "", text)


async def test_nothing_typed_is_markup(client: httpx.AsyncClient) -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    for asked in (link(title=bad, description=TASK + bad, domain=bad[:70]), link(description="x" + bad[:15], gpu=bad)):
        page = (await client.get(asked)).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert Checked(page).refused == []


async def test_mistakes_come_back_with_what_was_typed(client: httpx.AsyncClient) -> None:
    answer = await client.get(link(requests_per_day="lots", title="Mine"))
    assert answer.status_code == 422
    assert "Must be a number." in answer.text
    assert 'value="lots"' in answer.text
    assert 'value="Mine"' in answer.text
    unknown = await client.get(link(gpu="H100"))
    assert unknown.status_code == 422
    assert "H100-80GB" in unknown.text, "a name that is in no catalogue gets the nearest as a hint"
    assert (await client.get("/?nonsense=1")).status_code == 422


HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
PATHS = ["/", "/history", "/docs", "/redoc", "/redoc.js", "/static/page.css", "/healthz", "/nowhere", "/openapi.json"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_carries_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy.get("script-src", "")
    assert "*" not in answer.headers["content-security-policy"]
    if path == "/":
        assert "unsafe" not in answer.headers["content-security-policy"]


async def test_no_document_asks_elsewhere(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc"):
        assert "//" not in re.sub(r"<!--.*?-->", "", (await client.get(path)).text)
    assert b"cdn.redoc.ly" not in (await client.get("/redoc.js")).content


@pytest.mark.parametrize("tool", [*TOOLS, *PROMPTING_TOOLS])
async def test_files_are_handed_out(client: httpx.AsyncClient, tool: str) -> None:
    answer = await client.get(f"/files/{tool}" + link()[1:])
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    assert f"files/{tool}?" in (await client.get(link())).text


async def test_unknown_files_are_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/files/nothing" + link()[1:])).status_code == 404
    assert (await client.get("/files/peft?description=short")).status_code == 422


async def test_the_proposal_is_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/task.proposal.yaml" + link(requests_per_day="40,000")[1:])
    read = yaml.safe_load(answer.text)
    assert read["kind"] == "Proposal"
    assert read["requirements"] == {"requests_per_day": 40000}
    assert read["approach"] in {"fine_tuning", "prompt_engineering"}


async def test_kept_answers_are_shown_as_they_were_given(client: httpx.AsyncClient) -> None:
    assert "Nothing is kept yet" in (await client.get("/history")).text
    stored: dict[str, Any] = (
        await client.post("/recommendations", json={"title": "A <b> task", "description": TASK})
    ).json()
    listed = (await client.get("/history")).text
    assert f"history?id={stored['id']}" in listed
    assert "A &lt;b&gt; task" in listed
    page = await client.get(f"/history?id={stored['id']}")
    assert page.status_code == 200
    assert Checked(page.text).open == []
    main = re.compile(r"<main.*</main>", re.S)
    live = (await client.get(link(title="A <b> task"))).text
    assert _figures(main.findall(page.text)[0]) == _figures(main.findall(live)[0])
    assert (await client.get("/history?id=rec_" + "0" * 32)).status_code == 404
    assert (await client.get("/history?id=../x")).status_code == 422


async def test_the_page_waits_for_the_world() -> None:
    app = create_app(Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        assert (await client.get("/")).status_code == 503
        assert (await client.get("/docs")).status_code == 200
