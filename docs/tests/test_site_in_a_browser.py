"""The documentation site in Debian's chromium: nothing runs out of its box, no page complains, search needs no network.

The pages are opened as files, narrow and dark, wide and light. LEARNRELAY_TEST_PICTURES names a folder for pictures.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
try:
    from playwright.sync_api import Browser, expect, sync_playwright
except ImportError:
    CHROMIUM = None

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build/site"
PATIENCE = 120_000.0  # milliseconds for a slow machine
FOLDER = os.environ.get("LEARNRELAY_TEST_PICTURES")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser: pip install --group browser, apt-get install chromium"),
    pytest.mark.xdist_group("site"),
]

TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth, wide = [];
  if (document.documentElement.scrollWidth > width) wide.push("the page: " + document.documentElement.scrollWidth);
  for (const element of document.querySelectorAll("article *")) {
    const box = element.getBoundingClientRect();
    if (!box.width || box.right <= width + 1) continue;
    let around = element;
    while (around && !["auto", "scroll", "hidden"].includes(getComputedStyle(around).overflowX)) {
      around = around.parentElement;
    }
    if (!around) wide.push(element.tagName + ": " + element.textContent.trim().slice(0, 60));
  }
  return wide.slice(0, 5);
}"""
"""Lists what is wider than the window and cannot be scrolled in a box of its own."""

WITHOUT_SEARCH = (
    "window.Worker = class { postMessage() {} addEventListener() {} removeEventListener() {} terminate() {} }"
)
"""Spares each page to read the index of the search, which takes a second or more."""

CONTRAST = """() => {
  const light = text => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map(Number).map(c => c / 255)
      .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const text = light(getComputedStyle(document.querySelector("article h1")).color);
  const page = light(getComputedStyle(document.body).backgroundColor);
  return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
}"""


@pytest.fixture(scope="module")
def site() -> Path:
    subprocess.run([sys.executable, ROOT / "docs/build_site.py"], check=True, capture_output=True, timeout=600)
    return SITE


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_every_page_fits_and_is_quiet(site: Path, browser: Browser, width: int, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.add_init_script(WITHOUT_SEARCH)
    page, faults = context.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url) if request.url.startswith("http") else None)
    seen: dict[str, list[str]] = {}
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if name == "404.html":  # is served, with absolute addresses
            continue
        faults.clear()
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        too_wide = page.evaluate(TOO_WIDE)
        if page.evaluate(CONTRAST) < 3:
            faults.append("the title cannot be read")
        if too_wide or faults:
            seen[name] = [*too_wide, *faults]
        if FOLDER:
            page.screenshot(path=Path(FOLDER) / f"{name.replace('/', '-')}-{width}.png")
    context.close()
    assert not seen, "\n".join(f"{name}: {what}" for name, what in seen.items())


def test_search_needs_no_network(site: Path, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("/")
    page.keyboard.type("pseudonyms")
    expect(page.locator("a[href*='running.html']").filter(has_text="seudonym").first).to_be_visible(timeout=PATIENCE)
    context.close()
