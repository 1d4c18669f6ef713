"""The page as people use it, in a real browser: scripts on and off, two widths, light and dark, on paper."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlparse

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.browser.conftest import AXE, Open, size

TASK = (
    "Extract ICD-10 codes from discharge letters as strict JSON. 40,000 letters a day, the ward system gives up "
    "after 300 ms. 12,000 letters are already coded by hand."
)
ANSWER = "?" + urlencode({"title": "ICD-10 coding", "description": TASK})
BROKEN = "?" + urlencode({"description": TASK, "requests_per_day": "lots"})
PAGES = {"form": "", "answer": ANSWER, "mend": BROKEN}
SECONDS = 15
SHEETS = 2
SMALL, LARGE = 360, 1280


def wait(browser: WebDriver, script: str) -> Any:
    """What `script` returns once it returns something."""
    return WebDriverWait(browser, SECONDS).until(lambda b: b.execute_script(f"return {script}"))


def text_of(browser: WebDriver, css: str) -> str:
    return str(browser.find_element(By.CSS_SELECTOR, css).text)


def submit(browser: WebDriver) -> None:
    browser.find_element(By.CSS_SELECTOR, "#task button[type=submit]").click()
    WebDriverWait(browser, SECONDS).until(lambda b: b.find_elements(By.ID, "verdict"))


def logged(browser: WebDriver, kind: str) -> list[dict[str, Any]]:
    """What the browser noted since it was last asked."""
    found: list[dict[str, Any]] = browser.get_log(kind)
    return found


def requests_of(browser: WebDriver) -> Iterator[str]:
    """Every address that the browser asked for since it was last asked."""
    for entry in logged(browser, "performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


def assert_quiet(browser: WebDriver, service: str) -> None:
    """No request to elsewhere, nothing refused by the content security policy, no error in a script."""
    outside = [url for url in requests_of(browser) if urlparse(url).netloc != urlparse(service).netloc]
    assert [url for url in outside if not url.startswith(("data:", "blob:", "chrome:", "about:"))] == []
    noise = [entry for entry in logged(browser, "browser") if "422 (Unprocessable" not in entry["message"]]
    assert noise == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_fill_submit_read_and_follow_a_question(fresh: Open, service: str, scripts: bool) -> None:
    browser = fresh(scripts=scripts)
    browser.get(service)
    browser.find_element(By.ID, "f-description").send_keys(TASK)
    browser.find_element(By.CSS_SELECTOR, "#t-volume summary").click()
    browser.find_element(By.ID, "f-requests_per_day").send_keys("40,000")
    submit(browser)
    assert "base model" in text_of(browser, "#verdict")
    assert browser.find_element(By.ID, "f-requests_per_day").get_attribute("value") == "40,000"
    assert "given" in text_of(browser, "#o-requests_per_day")
    if scripts:
        assert "languages=" not in browser.current_url, "empty fields stay out of the address"

    question = browser.find_element(By.CSS_SELECTOR, ".questions .chip")
    name = str(question.get_attribute("aria-describedby")).removeprefix("q-")
    question.click()
    WebDriverWait(browser, SECONDS).until(lambda b: f"{name}=" in b.current_url)
    answered = Select(browser.find_element(By.ID, f"f-{name}")).first_selected_option
    assert answered.get_attribute("value")
    assert_quiet(browser, service)


def test_a_question_with_a_number_answers_again(browser: WebDriver, service: str) -> None:
    browser.get(service + ANSWER)
    asked = browser.find_element(By.CSS_SELECTOR, ".questions input[name=prompted_quality]")
    asked.send_keys("83%")
    browser.find_element(By.CSS_SELECTOR, "button[aria-describedby=q-prompted_quality]").click()
    wait(browser, "document.getElementById('f-prompted_quality').value === '0.83'")
    assert_quiet(browser, service)


def test_the_permalink_gives_the_same_page_in_a_fresh_profile(fresh: Open, service: str) -> None:
    first = fresh()
    first.get(service + ANSWER)
    link = first.find_element(By.ID, "permalink").get_attribute("href")
    assert link
    assert "as_of=" in link
    first.get(link)
    shown = text_of(first, "#main")
    for scripts in (True, False):
        second = fresh(scripts=scripts)
        second.get(link)
        assert without_buttons(text_of(second, "#main")) == without_buttons(shown)


def without_buttons(text: str) -> str:
    """Buttons that need JavaScript are hidden without it."""
    return text.replace("Copy the link\n", "").replace("Keep this answer\n", "")


def test_a_change_answers_again_in_place(browser: WebDriver, service: str) -> None:
    browser.get(service + ANSWER)
    before = text_of(browser, "#verdict")
    browser.execute_script("document.getElementById('t-quality').open = true")
    field = browser.find_element(By.ID, "f-labelled_examples")
    field.send_keys("0\t")
    wait(browser, "document.getElementById('progress').textContent.startsWith('Answered')")
    assert text_of(browser, "#verdict") != before
    assert "labelled_examples=0" in browser.current_url
    assert browser.execute_script("return document.activeElement.tagName") != "BODY", "focus is kept"
    browser.back()
    wait(browser, f"document.getElementById('verdict')?.innerText === {json.dumps(before)}")
    assert_quiet(browser, service)


def test_a_mistake_is_shown_where_it_is(browser: WebDriver, service: str) -> None:
    browser.get(service + BROKEN)
    assert "Must be a number." in text_of(browser, ".problems")
    field = browser.find_element(By.ID, "f-requests_per_day")
    assert field.is_displayed()
    assert field.get_attribute("aria-invalid") == "true"
    assert "Must be a number." in text_of(browser, "#e-requests_per_day")


def test_nothing_typed_is_run(browser: WebDriver, service: str) -> None:
    bad = "</textarea><script>window.owned=1</script><img src=x onerror=window.owned=1> \"'><svg onload=window.owned=1>"
    browser.get(service + "?" + urlencode({"title": bad, "description": TASK + bad, "domain": '"><b id=owned>'}))
    assert bad in str(browser.find_element(By.ID, "f-description").get_attribute("value"))
    assert browser.execute_script("return window.owned || document.getElementById('owned')") is None
    assert_quiet(browser, service)


@pytest.mark.parametrize("width", [SMALL, LARGE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_no_violation_of_accessibility(browser: WebDriver, service: str, page: str, scheme: str, width: int) -> None:
    assert AXE.is_file(), "axe-core is missing: run .ci/browser"
    size(browser, width, scheme)
    browser.get(service + PAGES[page])
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    # over the debugger: the page's own policy runs no script that is not a file of ours
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = browser.execute_async_script("axe.run().then(arguments[0])")
    said = [(v["id"], [n["html"][:150] + str(n["any"][:1]) for n in v["nodes"][:3]]) for v in found["violations"]]
    assert said == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width, "nothing sticks out"


def test_no_example_sticks_out_of_a_small_screen(browser: WebDriver, service: str) -> None:
    queries = example_queries(browser, service)
    size(browser, SMALL)
    for query in queries:
        browser.get(service + query)
        browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= SMALL, query


def test_every_control_is_reached_by_keyboard_in_the_order_it_is_seen(browser: WebDriver, service: str) -> None:
    browser.get(service + ANSWER)
    reached = browser.execute_script(
        "return [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]"
        ".filter(e => e.checkVisibility()).filter(e => e.tabIndex < 0).map(e => e.outerHTML)"
    )
    assert reached == []


def test_it_prints_on_two_sheets(browser: WebDriver, service: str) -> None:
    for query in (ANSWER, *example_queries(browser, service)):
        browser.get(service + query)
        made = browser.execute_cdp_cmd(
            "Page.printToPDF", {"preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69}
        )
        assert base64.b64decode(made["data"]).count(b"/Type /Page\n") <= SHEETS, query


def example_queries(browser: WebDriver, service: str) -> list[str]:
    browser.get(service)
    links = browser.find_elements(By.CSS_SELECTOR, ".examples a")
    return ["?" + str(link.get_attribute("href")).partition("?")[2] for link in links]


def test_a_description_of_the_greatest_length_is_answered(browser: WebDriver, service: str) -> None:
    browser.get(service)
    words = ("Sort mails into folders, ünïcode included. " * 500)[:20_000]
    browser.execute_script("document.getElementById('f-description').value = arguments[0]", words)
    submit(browser)
    assert text_of(browser, "#verdict")
