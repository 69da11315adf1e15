"""The page in a real headless Chromium: it loads without errors, sorts, filters and shows its pictures."""

import os
import shutil

import pytest

from reidbench.leaderboard.ranking import leaderboard
from reidbench.reporting.page import PageOptions, write_report
from reidbench.reporting.photographs import find_photographs

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install '.[dev]'")
    if not CHROMIUM or not DRIVER:
        pytest.skip("no Chromium with its driver here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1200,900",
    ):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    os.environ.setdefault("SE_OFFLINE", "true")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(finished, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    shown = find_photographs(finished.records, [str(finished.hostile_csv)])
    path.write_text(write_report(leaderboard(finished.records), PageOptions(), shown), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, page):
    browser.get_log("browser")
    browser.get("about:blank")
    browser.get(page.as_uri())
    return browser


def column(browser, heading):
    """Return the texts of a column of the first leaderboard, top to bottom."""
    return browser.execute_script(
        """
        const table = document.querySelector("table.leaderboard");
        const place = [...table.tHead.rows[0].cells].findIndex((head) => head.textContent.trim() === arguments[0]);
        return [...table.tBodies[0].rows].map((row) => row.cells[place].textContent.trim());
        """,
        heading,
    )


def head(browser, heading):
    return browser.find_element("xpath", f"(//table)[1]//th[normalize-space()='{heading}']")


def test_it_loads_without_a_word_on_the_console(opened):
    assert opened.get_log("browser") == []
    assert opened.title == "reidbench report"


def test_no_script_of_the_data_runs(opened):
    assert opened.execute_script("return typeof window.hacked") == "undefined"
    assert "<script>window.hacked=1</script>" in opened.execute_script("return document.body.textContent")


def test_a_script_that_slips_in_all_the_same_is_refused(opened):
    opened.execute_script("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked=3\">')")
    assert opened.execute_script("return typeof window.hacked") == "undefined"
    assert any("Content Security Policy" in entry["message"] for entry in opened.get_log("browser"))


def test_a_heading_sorts_up_and_down_and_says_so(opened):
    scores = [float(text) for text in column(opened, "score")]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) > 1
    assert head(opened, "rank").get_attribute("aria-sort") == "ascending"
    head(opened, "seconds").find_element("tag name", "button").click()
    assert head(opened, "seconds").get_attribute("aria-sort") == "descending"
    assert head(opened, "rank").get_attribute("aria-sort") is None
    seconds = [float(text) for text in column(opened, "seconds")]
    assert seconds == sorted(seconds, reverse=True)
    head(opened, "seconds").find_element("tag name", "button").send_keys("\ue007")  # Enter: keys do what clicks do
    assert head(opened, "seconds").get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in column(opened, "seconds")] == sorted(seconds)
    head(opened, "method").find_element("tag name", "button").click()
    assert column(opened, "method") == ["color_histogram", "sift"]


def test_a_filter_hides_rows_series_and_panels(opened):
    board = opened.find_element("css selector", "section.board")
    field = board.find_element("css selector", ".filter")
    field.send_keys("color")
    assert board.find_element("css selector", ".count").text == "1 of 2 rows"
    shown = [row.text.split()[1] for row in board.find_elements("css selector", ".leaderboard tbody tr") if row.text]
    assert shown == ["color_histogram"]
    keys = opened.execute_script(
        "return [...arguments[0].querySelectorAll('[data-row]')].filter((e) => getComputedStyle(e).display !== 'none')"
        ".map((e) => e.dataset.row)",
        board,
    )
    assert len(set(keys)) == 1
    field.clear()
    field.send_keys("no such method")
    assert board.find_element("css selector", ".count").text == "0 of 2 rows"


def test_every_picture_is_decoded(opened):
    sizes = opened.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        document.querySelectorAll("details").forEach((panel) => { panel.open = true; });
        const images = [...document.querySelectorAll("img")];
        Promise.all(images.map((image) => image.decode())).then(
          () => done(images.map((image) => image.naturalWidth)), (error) => done(String(error)));
        """
    )
    assert isinstance(sizes, list) and len(sizes) > 20 and min(sizes) > 0


def test_a_method_in_the_table_opens_its_panel(opened):
    panel = opened.find_elements("css selector", "section.board details")[1]
    assert panel.get_attribute("open") is None
    key = panel.get_attribute("id")
    opened.execute_script("arguments[0].click()", opened.find_element("css selector", f".leaderboard a[href='#{key}']"))
    assert opened.execute_script("return new Promise((ready) => setTimeout(() => ready(arguments[0].open), 50))", panel)


@pytest.mark.parametrize("width", [1200, 420])
def test_nothing_is_wider_than_the_window(opened, width):
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    opened.execute_script("document.querySelectorAll('details').forEach((panel) => { panel.open = true; })")
    wide = opened.execute_script("return document.documentElement.scrollWidth")
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


def test_the_theme_follows_the_system_until_it_is_chosen(opened):
    def background():
        return opened.execute_script("return getComputedStyle(document.body).backgroundColor")

    found = []
    for scheme in ("light", "dark"):
        opened.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        found.append(background())
    assert found[0] != found[1]
    theme = opened.find_element("id", "theme")
    theme.click()  # light, while the system is dark
    assert background() == found[0] and theme.get_attribute("aria-label") == "Theme: light"
    theme.click()
    assert background() == found[1]
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_it_prints_every_panel(opened):
    pdf = opened.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert len(pdf["data"]) > 50_000
    assert opened.execute_script("return [...document.querySelectorAll('details')].every((panel) => panel.open)")
