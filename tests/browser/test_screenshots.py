"""The pictures in docs/screenshots, taken anew when asked for: TUNEWISE_UPDATE_SCREENSHOTS=1."""

import base64
import os
from urllib.parse import urlencode

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.conftest import ROOT, size
from tests.browser.test_page import ANSWER, LARGE, SMALL

FOLDER = ROOT / "docs" / "screenshots"
ROUTING = "?" + urlencode(
    {
        "title": "Ticket routing",
        "description": "Assign every incoming support message to exactly one of 42 queues, before it is stored.",
        "requests_per_day": "250,000",
        "latency_p95_seconds": "0.5",
        "labelled_examples": "85,000",
        "prompted_quality": "84%",
        "target_quality": "92%",
    }
)
DAY = "&as_of=2026-11-24"
PICTURES = [
    ("answer.png", LARGE, 1180, "light", ANSWER),
    ("answer-dark-small.png", SMALL, 1400, "dark", ANSWER),
    ("costs.png", LARGE, 1130, "light", ROUTING + DAY + "#cost"),
    ("costs-dark.png", LARGE, 1130, "dark", ROUTING + DAY + "#cost"),
]


@pytest.mark.skipif(not os.environ.get("TUNEWISE_UPDATE_SCREENSHOTS"), reason="only when asked for")
@pytest.mark.parametrize(("name", "width", "height", "scheme", "query"), PICTURES, ids=[p[0] for p in PICTURES])
def test_take(browser: WebDriver, service: str, name: str, width: int, height: int, scheme: str, query: str) -> None:
    size(browser, width, scheme)
    browser.get(service + query + ("" if DAY in query else DAY))
    top = browser.execute_script("return window.scrollY")
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_bytes(base64.b64decode(taken["data"]))
