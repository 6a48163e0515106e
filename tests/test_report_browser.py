"""A report in a browser: Chromium reads its figures back, opens a trial and plays it, and complains of nothing."""

import base64
import os
import re
import shutil
from pathlib import Path

import pytest
from command_line import ROOT
from scored import evaluated

from cache.utterances import UtteranceCache
from evaluation.report.page import MOST_BYTES, write_report
from evaluation.results import COLUMNS

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = [
    pytest.mark.long,  # as the page is held to its figures by tests/test_report_page.py, too
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium and its driver are not installed"),
]
PATIENCE = 20  # s
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name leads anywhere
)
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
HOSTILE = "</title><script>document.title = 'taken'</script><b>\u202e"


@pytest.fixture(scope="module")
def evaluation(cache_template):
    return evaluated(UtteranceCache.open(cache_template))


@pytest.fixture(scope="module")
def page(tmp_path_factory, cache_template, evaluation) -> Path:
    path = tmp_path_factory.mktemp("browser") / "report.html"
    histories = sorted((ROOT / "models" / "pretrained").glob("*.history.csv"))
    cache = UtteranceCache.open(cache_template)
    write_report(path, evaluation.sets, evaluation.results, {"note": HOSTILE}, cache, histories)
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    quiet = {**os.environ, "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
    driver = Chrome(options=options, service=Service(DRIVER, env=quiet))
    driver.set_script_timeout(PATIENCE)
    driver.get("about:blank")  # away from Chromium's own first page
    driver.get_log("performance")
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium, page):
    """The page, freshly opened; afterwards, nothing may have gone wrong in it and nothing been asked for."""
    from selenium.webdriver.support.wait import WebDriverWait

    chromium.get("about:blank")
    chromium.get(page.as_uri())
    WebDriverWait(chromium, PATIENCE).until(lambda it: it.execute_script("return document.readyState") == "complete")
    yield chromium
    assert chromium.get_log("browser") == []
    requested = {re.match(r'.*?"url":"([^"]{0,60})', entry["message"])[1] for entry in requests_in(chromium)}
    assert {url.partition(":")[0] for url in requested} <= {"about", "data", "file"}
    for command in ("clearDeviceMetricsOverride", "setEmulatedMedia"):
        chromium.execute_cdp_cmd(f"Emulation.{command}", {})


def requests_in(chromium) -> list[dict]:
    return [entry for entry in chromium.get_log("performance") if '"Network.requestWillBeSent"' in entry["message"]]


def emulate(browser, media: str = "screen", **features: str) -> None:
    wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": wanted})


def press(browser, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def find(browser, selector: str):
    return browser.find_element("css selector", selector)


def contrast(browser, color: str, paper: str) -> float:
    """WCAG's contrast of two of the page's colours, as they are at present."""

    def lightness(name: str) -> float:
        text = browser.execute_script(
            "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])", name
        )
        shares = [int(text.strip()[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear))

    dark, light = sorted((lightness(color), lightness(paper)))
    return (light + 0.05) / (dark + 0.05)


def test_the_figures_in_the_page_are_those_of_the_evaluation(browser, evaluation):
    read = {
        (*(row.get_attribute(f"data-{name}") for name in ("source", "cut", "subset", "score-norm")), measure): value
        for row in browser.find_elements("css selector", "#all-figures tbody tr")
        for cell in row.find_elements("css selector", "td[data-measure]")
        for measure, value in [
            (cell.get_attribute("data-measure"), (cell.get_attribute("data-value"), cell.get_attribute("textContent")))
        ]
    }
    expected = {}
    for result in evaluation.results:
        if result.long_enough:
            for measure, estimate in result.estimates.items():
                cut = "whole" if result.cut is None else f"{result.cut:g} s"
                expected[result.source, cut, result.subset, result.score_norm, measure] = estimate
    assert read.keys() == expected.keys() and len(read) > 20
    for key, (value, words) in read.items():
        assert float(value) == expected[key].value
        _, scale, decimals = COLUMNS[key[-1]]
        assert words.split()[0] == f"{scale * expected[key].value:.{decimals}f}"


def test_the_main_figures_are_seen_at_once(browser, evaluation):
    (row,) = browser.find_elements("css selector", "#main-figures tbody tr")
    assert (row.get_attribute("data-cut"), row.get_attribute("data-score-norm")) == ("whole", "as")
    (eer,) = (r.estimates["eer"].value for r in evaluation.results if r.cut is None and r.score_norm == "as")
    assert row.find_element("css selector", "[data-measure=eer]").text.startswith(f"{100 * eer:.2f}")
    assert not find(browser, "#all-figures").is_displayed()


def test_a_trial_opens_at_a_click_and_both_sides_can_be_played(browser):
    trial = find(browser, "#trial-1")
    players = trial.find_elements("css selector", "audio")
    assert not players[0].is_displayed()
    trial.find_element("css selector", "summary").click()
    assert [player.is_displayed() for player in players] == [True, True]
    assert all(svg.size["width"] > 200 for svg in trial.find_elements("css selector", "svg"))
    for player in players:
        reached = browser.execute_async_script(PLAYS, player)
        assert reached > 0.2
    assert browser.execute_script("return arguments[0].paused", players[0])


PLAYS = """
const [player, done] = arguments;
player.addEventListener("timeupdate", () => { if (player.currentTime > 0.2) done(player.currentTime); });
player.addEventListener("error", () => done(-1));
player.play();
"""
PLAYS_BOTH = """
const [trial, done] = arguments;
const played = [];
const players = [...trial.querySelectorAll("audio")];
for (const player of players) {
  player.playbackRate = 8;
  player.addEventListener("play", () => played.push(players.indexOf(player)));
}
players[1].addEventListener("ended", () => done(played));
trial.querySelector("button.both").click();
"""


def test_a_button_plays_one_side_after_the_other(browser):
    trial = find(browser, "#trial-2")
    trial.find_element("css selector", "summary").click()
    assert browser.execute_async_script(PLAYS_BOTH, trial) == [0, 1]


def test_trials_and_players_are_reached_and_worked_by_keyboard(browser):
    from selenium.webdriver.common.keys import Keys

    browser.execute_script(
        "document.querySelector('#worst').scrollIntoView(); document.querySelector('#trial-1 summary').focus()"
    )
    press(browser, Keys.ENTER)
    assert find(browser, "#trial-1").get_attribute("open")
    reached = []
    for _ in range(3):
        press(browser, Keys.TAB)
        reached.append(browser.switch_to.active_element.tag_name)
    assert reached[:2] == ["button", "audio"]


def test_the_first_stop_of_the_keyboard_skips_to_the_figures_and_each_is_visible(browser):
    from selenium.webdriver.common.keys import Keys

    press(browser, Keys.TAB)
    first = browser.switch_to.active_element
    assert first.text == "To the figures" and first.rect["x"] >= 0
    outlines = set()
    for _ in range(8):
        press(browser, Keys.TAB)
        outlines.add(browser.switch_to.active_element.value_of_css_property("outline-style"))
    assert outlines == {"solid"}


def test_arrow_keys_go_over_the_map_and_say_names(browser):
    from selenium.webdriver.common.keys import Keys

    browser.execute_script("document.querySelector('.points').focus()")
    said = []
    for _ in range(3):
        press(browser, Keys.ARROW_RIGHT)
        said.append(find(browser, "output.name").text)
    press(browser, Keys.ARROW_LEFT)
    assert find(browser, "output.name").text == said[1]
    named = [point.get_attribute("data-name") for point in browser.find_elements("css selector", ".points [data-name]")]
    assert said == named[:3]


def test_a_point_of_the_map_says_its_name_when_pointed_at(browser):
    from selenium.webdriver import ActionChains

    point = browser.find_elements("css selector", ".points [data-name]")[5]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", point)
    ActionChains(browser).move_to_element(point).perform()
    assert find(browser, "output.name").text == point.get_attribute("data-name")
    assert point.find_element("css selector", "title").get_attribute("textContent") == point.get_attribute("data-name")


def test_on_a_phone_nothing_is_wider_than_the_screen(browser):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    browser.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    for svg in browser.find_elements("css selector", ".picture > svg"):
        assert 250 <= svg.size["width"] <= PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_curves_stand_out_in_light_and_dark(browser, scheme):
    emulate(browser, prefers_color_scheme=scheme)
    for paper in ("--paper", "--panel"):
        for color in ("--ink", "--soft", "--link"):
            assert contrast(browser, color, paper) >= 4.5
        for color in ("--blue", "--vermilion", "--green", "--purple", "--ochre"):
            assert contrast(browser, color, paper) >= 3
    axis = find(browser, ".det svg text").value_of_css_property("fill")
    bright = int(re.search(r"\d+", axis)[0]) > 128
    assert bright == (scheme == "dark")


def test_on_paper_everything_is_open_and_after_it_shut_again(browser):
    browser.execute_script("""
        addEventListener("beforeprint", () => {
            window.shut = document.querySelectorAll("details:not([open])").length;
        });
    """)
    assert base64.b64decode(browser.print_page()).startswith(b"%PDF")
    assert browser.execute_script("return window.shut") == 0
    assert browser.execute_script("return document.querySelectorAll('details[open]').length") == 0


def test_paper_is_white_and_has_no_players(browser):
    emulate(browser, "print", prefers_color_scheme="dark")
    assert find(browser, "body").value_of_css_property("color") == "rgba(27, 27, 34, 1)"
    assert find(browser, "audio").value_of_css_property("display") == "none"
    assert find(browser, "nav").value_of_css_property("display") == "none"


def test_nothing_moves_by_itself(browser):
    """Nobody needs to ask for reduced motion."""
    find(browser, "#trial-1 summary").click()
    assert browser.execute_script("return document.getAnimations().length") == 0
    assert find(browser, "html").value_of_css_property("scroll-behavior") == "auto"


def test_a_hostile_setting_is_shown_as_it_is_and_does_nothing(browser):
    assert browser.title.startswith("Evaluation of a speaker network")
    (value,) = (dd.text for dd in browser.find_elements("css selector", "#about dd") if "taken" in dd.text)
    assert value == HOSTILE.replace("\u202e", "\\u202e")


def test_every_picture_has_a_name_for_those_who_can_not_see_it(browser):
    pictures = browser.find_elements("css selector", "svg")
    assert all(picture.get_attribute("aria-label") for picture in pictures)
    assert {picture.aria_role for picture in pictures[:3]} <= {"img", "image"}


def test_the_page_is_small(page):
    assert page.stat().st_size < MOST_BYTES
