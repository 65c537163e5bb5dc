"""The documentation site: every page has its place, every link leads somewhere, nothing is loaded from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from learnrelay.cli import cli
from learnrelay_contract_tests.endpoints import CaliperEndpoint, ReferenceLrs

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build/site"


def test_links_that_lead_nowhere_and_what_is_loaded_from_elsewhere_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    from build_site import find_faults

    (tmp_path / "a").mkdir()
    (tmp_path / "index.html").write_text('<h1 id="top">x</h1><a href="a/b.html#here">x</a><a href="#top">x</a>')
    (tmp_path / "a/b.html").write_text(
        '<p id="here"><a href="../index.html#gone">x</a><a href="c.html">x</a><a href="https://example.org/">x</a>'
        '<script src="https://example.org/x.js"></script><img src="../x.svg">'
    )
    assert list(find_faults(tmp_path)) == [
        "a/b.html loads https://example.org/x.js",
        "a/b.html: the link ../index.html#gone leads nowhere",
        "a/b.html: the link c.html leads nowhere",
    ]


@pytest.mark.slow
@pytest.mark.xdist_group("site")  # which is built in the same folder for the tests in a browser
def test_the_site_is_built_without_a_fault() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs/build_site.py"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(SITE.rglob("*.html"))) > 70
    words = (SITE / "search.json").read_text("utf-8")
    assert "LearnrelayNobodyDelivers" in words and "openedx_bus" in words


@pytest.mark.slow
def test_the_quick_start_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/quick-start.md").read_text("utf-8")
    text, second = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    tables = re.findall(r"```console\n(?:…\n)?(.*?)…\n```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNRELAY_IDENTITY_SECRET", "Kd7wq2Lmz9Xv4bTn")
    (tmp_path / "tracking.log").write_bytes((ROOT / "examples/tracking.log").read_bytes())
    shown = CliRunner().invoke(cli, ["transform", "--standard", "xapi", "tracking.log"])
    assert shown.exit_code in {0, 1}
    summary = [" ".join(line.split()) for line in shown.stderr.splitlines()]
    for line in tables[0].splitlines():
        assert " ".join(line.split()) in summary, f"docs/quick-start.md: {line}\n{shown.stderr}"
    with ReferenceLrs() as lrs:
        address = "http://127.0.0.1:8080/xAPI/statements"
        (tmp_path / "relay.toml").write_text(text.replace(address, lrs.url))
        for command in (["check"], ["worker", "--until-empty"]):
            assert CliRunner().invoke(cli, [*command, "--config", "relay.toml"]).exit_code == 0
        status = json.loads(CliRunner().invoke(cli, ["status", "--json", "--config", "relay.toml"]).stdout)["main"]
        assert status["delivered"] == len(lrs.statements) + lrs.duplicates
        assert f" {status['delivered']:,} " in tables[1], f"docs/quick-start.md: {status['delivered']:,} are delivered"
        assert address in tables[1]
        with CaliperEndpoint() as endpoint:
            both = (tmp_path / "relay.toml").read_text().replace('["xapi.*"]', '["xapi.*", "caliper.*"]')
            assert '`enabled = ["xapi.*", "caliper.*"]`' in page
            (tmp_path / "relay.toml").write_text(both + second.replace("http://127.0.0.1:8081/caliper", endpoint.url))
            assert CliRunner().invoke(cli, ["check", "--connect", "--config", "relay.toml"]).exit_code == 0
            shown = CliRunner().invoke(cli, ["replay", "--config", "relay.toml", "--to", "warehouse", "tracking.log"])
            assert shown.exit_code == 1, "some lines of the log cannot be read"
            summary = [" ".join(line.split()) for line in shown.output.splitlines()]
            for line in tables[2].splitlines():
                assert " ".join(line.split()) in summary, f"docs/quick-start.md: {line}\n{shown.output}"
            assert f" {len(endpoint.statements):,}\n" in tables[2]
