"""Swagger UI and ReDoc in a real browser: they stand alone, and an example answers 200."""

from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.browser.test_page import assert_quiet

SECONDS = 30


def test_swagger_ui_executes_every_example_of_recommend(browser: WebDriver, service: str) -> None:
    browser.get(service + "docs")
    wait = WebDriverWait(browser, SECONDS)
    block = wait.until(lambda b: b.find_element(By.ID, "operations-Advice-recommend_recommend_post"))
    block.find_element(By.CSS_SELECTOR, "button.opblock-summary-control").click()
    examples = Select(wait.until(lambda b: block.find_element(By.CSS_SELECTOR, ".examples-select-element")))
    names = [option.text for option in examples.options if "Modified" not in option.text]
    assert len(names) >= 8
    for name in names:
        Select(block.find_element(By.CSS_SELECTOR, ".examples-select-element")).select_by_visible_text(name)
        button = block.find_element(By.CSS_SELECTOR, "button.execute")
        browser.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", button)
        wait.until(lambda b: block.find_elements(By.CSS_SELECTOR, ".live-responses-table .response-col_status"))
        status = wait.until(
            lambda b: block.find_element(By.CSS_SELECTOR, ".live-responses-table tbody .response-col_status")
        )
        assert status.text.startswith("200"), name
        browser.execute_script("arguments[0].click()", block.find_element(By.CSS_SELECTOR, "button.btn-clear"))
        wait.until(lambda b: not block.find_elements(By.CSS_SELECTOR, ".live-responses-table"))
    assert_quiet(browser, service)


def test_redoc_shows_every_operation(browser: WebDriver, service: str) -> None:
    browser.get(service + "redoc")
    WebDriverWait(browser, SECONDS).until(lambda b: "/recommend/batch" in b.find_element(By.TAG_NAME, "body").text)
    assert_quiet(browser, service)
