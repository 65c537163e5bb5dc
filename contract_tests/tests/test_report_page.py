"""The report for people: what failed stands first, foreign text is shown as text, and it fits a phone and paper."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from installed_plugins import ZOO, environment, install
from rich.console import Console

from learnrelay_contract_tests.checks import Finding, Note, load_all
from learnrelay_contract_tests.report.explanations import link_to
from learnrelay_contract_tests.report.page import format_html, format_markdown
from learnrelay_contract_tests.report.terminal import print_plugin
from learnrelay_contract_tests.runner import FAILED, NOT_RUN, NOTHING, PASSED, CheckResult, PluginReport, Report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = (
    '</ul></code><script>alert("1")</script><img src=x onerror=alert(2)> | `code` [link](javascript:alert(3)) \n# Title'
)
SUMMARY = {
    "reads": [
        {
            "what": "event", "name": f"xapi: {HOSTILE}",
            "fields": [
                {"path": f"data.{HOSTILE}", "kind": "text", "required": True, "grade": "indirect", "reason": HOSTILE},
                {"path": "data.count", "kind": "count", "required": False, "grade": "none", "reason": ""},
            ],
            "outputs": [{"path": f"result.{HOSTILE}", "types": ["text"], "always": False, "constant": HOSTILE}],
        },
        {"what": "hook", "name": "filter_event", "fields": [], "outputs": []},
        {"what": "scope", "name": HOSTILE, "fields": [], "outputs": []},
    ],
    "beside": {HOSTILE: HOSTILE}, "wheel": "ab" * 32, "source": "cd" * 32,
}  # fmt: skip


def results(*statuses: tuple[str, str]) -> list[CheckResult]:
    finding = Finding(HOSTILE, HOSTILE, "data." + "long_" * 60)
    return [
        CheckResult(name, f"Proves {name}.", status, [finding] if status == FAILED else [], [Note(HOSTILE)], HOSTILE)
        for name, status in statuses
    ]


def report_of(*statuses: tuple[str, str]) -> Report:
    return Report([PluginReport(HOSTILE, HOSTILE, HOSTILE, results(*statuses), 3, 1.5, summary=SUMMARY)])


BROKEN = report_of(("plugin.loads", PASSED), ("behaviour.ids", FAILED), ("stage.filter", NOTHING))


class Elements(HTMLParser):
    """Collects the elements of a page and what it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "srcset", "background", "data")]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_foreign_text_is_shown_and_not_run() -> None:
    page = Elements(format_html(BROKEN))
    assert {"script", "img", "iframe", "link", "object"}.isdisjoint(page.names)
    assert page.loaded == []
    assert page.text.count(HOSTILE) >= 10, "everything foreign is there, in full"
    markdown = format_markdown(BROKEN)
    assert not re.search(r"<(script|img)", markdown)
    assert not re.search(r"(?<!\\)\]\(javascript:", markdown)
    assert not re.search(r"^# Title", markdown, flags=re.MULTILINE)
    for line in markdown.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4), line


def test_the_verdict_and_what_failed_stand_first() -> None:
    for text in (format_html(BROKEN), format_markdown(BROKEN)):
        places = [text.index(words) for words in ("Failed: ", "What failed", link_to("behaviour.ids"), "What it does")]
        assert places == sorted(places)
        assert "UTC" in text
        assert "Python 3." in text
        assert "ab" * 32 in text
        assert "indirectly personal" in text
    whole = report_of(("plugin.loads", PASSED))
    assert "What failed" not in format_html(whole) + format_markdown(whole)
    assert "keeps the contract" in format_html(whole)


def test_what_did_not_run_because_of_one_fault_is_one_line() -> None:
    checks = [CheckResult("plugin.loads", "It loads.", FAILED, [Finding("cannot be imported")])]
    checks += [CheckResult(name, "", NOT_RUN, reason="the plugin did not load") for name in load_all()]
    report = Report([PluginReport("acme", "acme", "1.0", checks)])
    failures = format_html(report).partition("What failed")[2].partition("<h2>")[0]
    assert failures.count("Why it fails") == 1
    assert f"{len(load_all())} other checks did not run" in failures

    terminal = StringIO()
    print_plugin(report.plugins[0], Console(file=terminal, width=120))
    assert terminal.getvalue().splitlines()[-1] == f"  not run {len(load_all())} other checks (the plugin did not load)"


def test_a_run_says_what_the_plugin_reads_and_puts_out(tmp_path: Path) -> None:
    name = install(ZOO / "good" / "plainest.py", tmp_path)
    subprocess.run(
        [sys.executable, "-m", "learnrelay_contract_tests", "--quick", name, "--html", "r.html", "--markdown", "r.md",
         "--json"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, check=True,
    )  # fmt: skip
    text = Elements((tmp_path / "r.html").read_text("utf-8")).text
    for words in ("No verdict", "What it does", "carrier: ", "data.", "not installed from a wheel file", "SHA-256"):
        assert words in text, words
    assert "| <code>plugin.loads</code> |" in (tmp_path / "r.md").read_text("utf-8")


@pytest.mark.skipif(CHROMIUM is None, reason="no browser: pip install --group browser, apt-get install chromium")
@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1440, "light")])
def test_nothing_runs_out_of_its_box(tmp_path: Path, width: int, scheme: str) -> None:
    api = pytest.importorskip("playwright.sync_api")
    (tmp_path / "report.html").write_text(format_html(BROKEN), encoding="utf-8")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        messages: list[str] = []
        page.on("console", lambda message: messages.append(message.text))
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        colours = page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )
        assert colours[0] != colours[1]
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert json.dumps(messages) == "[]"
        browser.close()
