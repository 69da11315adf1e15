"""The review page in headless Chromium: keys, stored decisions, the CSV, and identities that contain HTML."""

import csv
import os
import re
import shutil

import pytest

from reidbench.identifying.answering import identify
from reidbench.identifying.decisions import read_decisions
from reidbench.progress import Progress
from reidbench.reporting.review import review_page, write_review

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(tmp_path_factory, downloads):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install '.[dev]'")
    if not CHROMIUM or not DRIVER:
        pytest.skip("no Chromium with its driver here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    os.environ.setdefault("SE_OFFLINE", "true")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})  # another window may have focus
    driver.execute_cdp_cmd("Page.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(hostile, tmp_path_factory):
    found = identify(
        hostile.photographs, hostile.record, dataset=str(hostile.catalogue), progress=Progress(), device="cpu"
    )
    path = tmp_path_factory.mktemp("page") / "review.html"
    assert write_review(path, found) == path.stat().st_size
    return path


@pytest.fixture
def opened(browser, page):
    """The page without decisions, ready for keys.

    A browser drops keys until it has painted the page and the page has the focus, which takes time on a busy machine.
    The page is reloaded in the process that cleared the storage, because another process might still see the old one.
    """
    browser.get(page.as_uri())
    browser.execute_script("localStorage.clear()")
    browser.get_log("browser")
    browser.refresh()
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    browser.execute_script("window.heard = 0; window.addEventListener('keydown', () => { window.heard += 1; }, true)")
    until(browser, lambda: browser.execute_script("return document.hasFocus()"), "the page has no focus")
    return browser


def until(browser, true, otherwise):
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, 20, poll_frequency=0.02).until(lambda _: true(), otherwise)


def press(browser, *keys):
    """Press keys one after another; wait after each until the page has received it."""
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        heard = browser.execute_script("return window.heard")
        ActionChains(browser).send_keys(key).perform()
        until(browser, lambda: browser.execute_script("return window.heard") > heard, f"{key!r} was not heard")  # noqa: B023


def text(browser, name):
    return browser.find_element("id", name).text


def shown(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('.photograph')].filter((e) => !e.hidden).map((e) => e.dataset.imageId)"
    )


def test_one_photograph_is_shown_and_scripts_in_the_data_do_not_run(opened, hostile):
    assert opened.get_log("browser") == []
    assert opened.execute_script("return typeof window.hacked") == "undefined"
    assert len(shown(opened)) == 1 and text(opened, "place") == f"1 of {len(hostile.truth)}"
    assert "<script>window.hacked=1</script>" in opened.find_element("css selector", "article:not([hidden])").text


def test_keys_decide_and_show_the_next_photograph(opened, hostile):
    first = shown(opened)
    press(opened, "1")
    second = shown(opened)
    press(opened, "n", "r")
    assert first != second and text(opened, "decided") == f"3 of {len(hostile.truth)} decided"
    assert text(opened, "place").startswith("4 of")
    press(opened, "\ue012")  # arrow left
    assert "reject" in opened.find_element("id", "said").get_attribute("textContent")
    press(opened, "u")
    assert text(opened, "decided").startswith("2 of")
    press(opened, "k", "k")
    assert shown(opened) == first
    checked = opened.find_element("css selector", "article:not([hidden]) input:checked")
    assert checked.get_attribute("value") == "accept"


def test_decisions_are_kept_when_the_page_is_closed(opened, page):
    press(opened, "1")
    opened.get("about:blank")
    opened.get(page.as_uri())
    assert text(opened, "decided").startswith("1 of")
    assert text(opened, "place").startswith("2 of")  # the first undecided photograph


def test_keys_can_be_switched_off_and_do_not_type_into_names(opened):
    field = opened.find_element("css selector", "article:not([hidden]) input.name")
    field.clear()
    field.send_keys("runar")  # contains the keys r, u, n and a
    assert text(opened, "decided").startswith("0 of")
    assert field.get_attribute("value") == "runar"
    opened.execute_script("document.activeElement.blur(); document.getElementById('keys').click()")
    before = text(opened, "decided")
    press(opened, "1", "r")
    assert text(opened, "decided") == before and text(opened, "place").startswith("1 of")


def test_a_new_animal_may_not_have_an_enrolled_name(opened, hostile):
    field = opened.find_element("css selector", "article:not([hidden]) input.name")
    enrolled = next(identity for identity in hostile.truth.values() if identity)
    opened.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change', {bubbles: true}))",
        field,
        enrolled,
    )
    alert = opened.find_element("css selector", "article:not([hidden]) .problem")
    assert alert.is_displayed() and "is enrolled already" in alert.text
    assert text(opened, "decided").startswith("0 of")


def test_a_filter_shows_undecided_photographs(opened, hostile):
    from selenium.webdriver.support.select import Select

    press(opened, "1", "1")
    Select(opened.find_element("id", "show")).select_by_value("undecided")
    assert text(opened, "place") == f"1 of {len(hostile.truth) - 2}"


def test_enrolment_reads_the_downloaded_csv(opened, hostile, downloads):
    for old in downloads.iterdir():
        old.unlink()
    press(opened, "1", "n", "r")
    opened.find_element("id", "download").click()
    until(opened, (downloads / "decisions.csv").exists, "nothing was downloaded")
    decisions = read_decisions(downloads / "decisions.csv")
    assert [decision.decision for decision in decisions] == ["accept", "new", "reject"]
    assert decisions[0].identity.startswith("<script>") and decisions[1].identity.startswith("new_")
    assert all(len(decision.sha256) == 64 and decision.group == "turtle" for decision in decisions)
    with (downloads / "decisions.csv").open(encoding="utf-8") as file:
        assert {row["run"] for row in csv.DictReader(file)} == {hostile.record.id}


@pytest.mark.parametrize("width", [1200, 420])
def test_the_page_is_not_wider_than_the_window(opened, width):
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    wide = opened.execute_script("return document.documentElement.scrollWidth")
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


def test_every_control_has_a_name_for_screen_readers(opened):
    nameless = opened.execute_script(
        """
        return [...document.querySelectorAll("button, input, select, img, fieldset, progress")].filter((each) =>
          !(each.getAttribute("aria-label") || each.textContent.trim() || (each.labels && each.labels.length)
            || each.getAttribute("alt") !== null || each.querySelector("legend"))).map((each) => each.outerHTML);
        """
    )
    assert nameless == []
    assert opened.find_element("id", "said").get_attribute("aria-live") == "polite"


def test_without_a_budget_pictures_are_left_out_with_a_note(hostile):
    found = identify(
        hostile.photographs, hostile.record, dataset=str(hostile.catalogue), progress=Progress(), device="cpu"
    )
    page = review_page(found, budget=0)
    assert "data:image/jpeg" not in page and "pictures were left out" in page
    assert not re.search(r"(https?:)?//[a-z]+\.", page)  # nothing is fetched from the network
