"""The console in Debian's chromium: each action by keyboard, and seen in the store; each page as a picture.

The pictures go to the folder that LEARNRELAY_TEST_PICTURES names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_site import HOSTILE, SECRETS, ConsoleSite, live_a_day, refuse, running_site, store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, Page, expect, sync_playwright
except ImportError:
    CHROMIUM = None

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser: pip install --group browser, apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]

EVENT = (
    '{"event_type": "play_video", "event_source": "browser", "username": "ada", "time": "2026-03-02T09:00:00+00:00",'
    ' "event": "{\\"id\\": \\"v1\\", \\"code\\": \\"mobile\\"}", "context": {"user_id": 7, "course_id":'
    ' "course-v1:Harbour+SAIL+2026", "org_id": "Harbour"}}'
)
PAGES = {
    "destinations": "/",
    "dead letters": "/letters",
    "drop": "/letters/drop?destination=partner",
    "explain": "/explain",
    "plugins": "/plugins",
    "mappings": "/mappings",
    "data map": "/data-map",
    "event": "/data-map/event?event=play_video",
    "no page": "/nothing",
}
SCREENS = {"wide": (1280, 800), "narrow": (360, 740)}
_PATIENCE = 120_000.0  # milliseconds for a slow machine
FOLDER = os.environ.get("LEARNRELAY_TEST_PICTURES")
CHECKED = [("wide", "light"), ("narrow", "dark")]
"""Screens and colours in which each page is checked."""
ONLY_DRAWN = [("wide", "dark"), ("narrow", "light")] if FOLDER else []
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # A sandbox needs rights that containers lack.
        expect.set_options(timeout=_PATIENCE)
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    with pytest.MonkeyPatch.context() as patch, running_site(tmp_path_factory.mktemp("console")) as made:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        yield made


@pytest.fixture(scope="module", autouse=True)
def secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def filled(site: ConsoleSite) -> Iterator[ConsoleSite]:
    """Returns the console over 40 dead letters and 2 conflicts of main, 2 dead letters of partner, and 1,234 that wait.

    Main is not available.
    """
    refuse(site.outbox, "main", 38, "HTTP 400: result.score.scaled: NUMBER is greater than the maximum of 1")
    refuse(site.outbox, "main", 2, "HTTP 413: the statement is too large", "edx.grades.problem.submitted")
    refuse(site.outbox, "main", 2, "HTTP 409: a statement with this id exists", "pause_video", conflict=True)
    refuse(site.outbox, "partner", 2, HOSTILE)
    store(site.outbox, "main", 1234)
    site.outbox.queue("main").trip(
        "failing", "HTTP 503: the service is being maintained", lambda _: 3600.0, probe=False
    )
    live_a_day(site.outbox, "main")
    site.rates.add(0.0, {"main": 0, "partner": 0})
    site.rates.add(10.0, {"main": 423, "partner": 7})
    yield site
    for destination in ("main", "partner"):
        site.outbox.abandon(destination)


@pytest.fixture
def page(browser: Browser, site: ConsoleSite) -> Iterator[Page]:
    """Returns a page whose browser may not complain, say of the policy for contents."""
    context = browser.new_context(base_url=site.address)
    context.set_default_timeout(_PATIENCE)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(f"a script has run: {dialog.message}"))
    yield opened
    context.close()
    assert [text for text in complaints if "Failed to load resource" not in text] == []


def log_in(page: Page, token: str = "ACT_TOKEN") -> None:
    """Logs in by keyboard: the field has the focus."""
    page.goto("/login")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(SECRETS[token])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Destinations")


def press(page: Page, role: Any, name: str) -> None:
    """Moves the focus by Tab to the first such control, which shows it, and presses Enter: another page follows."""
    wanted = page.get_by_role(role, name=name).first
    expect(wanted).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    for _ in range(200):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate("element => getComputedStyle(element).outlineStyle") == "solid", "the focus is seen"
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"the keyboard does not reach {name}")


def numbers(site: ConsoleSite) -> dict[tuple[str, str], int]:
    return {(group.destination, group.cause): group.number for group in site.outbox.dead_letters.list_groups()}


def test_a_destination_is_resumed(page: Page, filled: ConsoleSite) -> None:
    log_in(page)
    press(page, "button", "Resume main")
    expect(page.get_by_role("status")).to_contain_text("main is tried again now")
    assert (filled.outbox.status()["main"].retry_at or 0) <= filled.outbox.clock()


def test_a_group_is_retried(page: Page, filled: ConsoleSite) -> None:
    log_in(page)
    press(page, "link", "What was refused by main")
    press(page, "button", "Retry play_video to main")
    expect(page.get_by_role("status")).to_contain_text("38 dead letters are put back")
    assert ("main", "HTTP 400") not in numbers(filled) and numbers(filled)["partner", "HTTP 400"] == 2
    assert filled.outbox.status()["main"].waiting == 1234 + 38


def test_a_group_is_dropped_after_a_question(page: Page, filled: ConsoleSite) -> None:
    log_in(page)
    press(page, "link", "Dead letters")
    press(page, "link", "Drop … play_video to partner")
    press(page, "link", "Keep them")
    assert numbers(filled)["partner", "HTTP 400"] == 2
    press(page, "link", "Drop … play_video to partner")
    press(page, "button", "Delete 2 for good")
    expect(page.get_by_role("status")).to_contain_text("2 dead letters are deleted")
    assert ("partner", "HTTP 400") not in numbers(filled) and numbers(filled)["main", "HTTP 400"] == 38
    assert filled.outbox.status()["partner"].dropped >= 2


def test_a_single_statement_is_retried_and_another_dropped(page: Page, filled: ConsoleSite) -> None:
    log_in(page)
    press(page, "link", "Dead letters")
    press(page, "link", "Show all 38")
    (first, second, *_) = page.get_by_role("heading", level=3).all_inner_texts()
    press(page, "button", f"Retry {first}")
    expect(page.get_by_role("status")).to_contain_text("1 refused statement is put back")
    press(page, "link", "Show all 37")
    press(page, "link", f"Drop … {second}")
    press(page, "button", "Delete 1 for good")
    expect(page.get_by_role("status")).to_contain_text("1 refused statement is deleted")
    assert numbers(filled)["main", "HTTP 400"] == 36


def test_an_event_is_explained(page: Page, filled: ConsoleSite) -> None:
    log_in(page, "LOOK_TOKEN")
    press(page, "link", "Explain")
    page.get_by_label("One event").fill(EVENT)
    press(page, "button", "Explain")
    expect(page.get_by_role("list", name="Stages")).to_contain_text("partner")
    assert filled.outbox.status()["main"].waiting == 1234


def test_who_only_looks_has_no_button_and_logs_out(page: Page, filled: ConsoleSite) -> None:
    log_in(page, "LOOK_TOKEN")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    press(page, "link", "Dead letters")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    press(page, "button", "Log out")
    page.goto("/letters")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_a_refused_statement_is_read_by_keyboard(page: Page, filled: ConsoleSite) -> None:
    log_in(page)
    press(page, "link", "Dead letters")
    press(page, "link", "Show all 38")
    press(page, "link", "Statement, values hidden")
    shown = page.get_by_role("region", name="Statement")
    expect(shown).to_contain_text("https://w3id.org/xapi/video/verbs/played")
    expect(shown).not_to_contain_text("a-long-address")
    press(page, "button", "Retry")
    assert filled.outbox.status()["main"].waiting == 1235


@pytest.mark.parametrize(("screen", "scheme"), [*CHECKED, *ONLY_DRAWN])
def test_each_page_is_accessible_and_fits(screen: str, scheme: Any, browser: Browser, filled: ConsoleSite) -> None:
    width, height = SCREENS[screen]
    context = browser.new_context(
        base_url=filled.address, viewport={"width": width, "height": height}, color_scheme=scheme
    )
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()

    def look_at(page_name: str) -> None:
        """Takes a picture, and checks that nothing runs out of the page, and what axe checks of WCAG 2.2 AA."""
        name = f"{page_name} {screen} {scheme}"
        if FOLDER:
            page.screenshot(path=Path(FOLDER, f"{name.replace(' ', '-')}.png"), full_page=True)
        needed, there = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert needed <= there, f"{name} is {needed} pixels wide, and the screen {there}"
        if (screen, scheme) in CHECKED:
            results = Axe().run(page, options=RULES)
            assert results.violations_count == 0, f"{name}:\n{results.generate_report()}"

    page.goto("/login")
    look_at("log in")
    log_in(page)
    for name, address in PAGES.items():
        page.goto(address)
        if name == "event":
            page.get_by_role("table").first.wait_for()
        look_at(name)
        if name == "dead letters":
            page.get_by_role("link", name="Show all 38").click()
            look_at("group")
            page.get_by_role("link", name="Statement, values hidden").first.click()
            page.get_by_role("region", name="Statement").wait_for()
            look_at("statement")
        if name == "explain":
            page.get_by_label("One event").fill(EVENT)
            page.get_by_role("button", name="Explain").click()
            page.get_by_role("list", name="Stages").wait_for()
            look_at("explained")
    context.close()
