"""Our own plugins and the third-party example pass as installed plugins and match their locks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from installed_plugins import environment

from learnrelay.plugins.discovery import installed
from tables.lms_tables import make_contract_tables

EXAMPLES = Path(__file__).parents[2] / "examples"
NEW = ("samples.fields", "samples.lines", "standard.composed")
"""Checks that warn in this release."""
OWN = sorted({info.name for info in installed()})
BATCH = 8
OF_EACH_KIND = {
    "openedx", "moodle", "xapi", "caliper", "http", "openedx_bus", "openedx_bus_kafka", "clickhouse",
    "enterprise_filter",
    "xapi.completion",
    "xapi.problem", "caliper.problem", "xapi.forum", "caliper.navigation", "xapi.moodle_quiz", "caliper.moodle_forum",
}  # fmt: skip
"""`make test-all` checks these, and `make test-nightly` all; for `make test`, the plainest of the zoo is enough."""
LOCK_BROKEN = (
    "the output has changed; raise __version__ in plugins/openedx/src/learnrelay_openedx/__init__.py, then "
    "`make install && learnrelay contract-test xapi.video caliper.video --lock` "
    "(CONTRIBUTING.md, Adding an event, step 5)"
)


def report_on(*arguments: str, path: str = "") -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "learnrelay_contract_tests", "--audit", *arguments, "--json"],
        env=environment(Path(path)) if path else None, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    plugins: list[dict[str, Any]] = json.loads(done.stdout)["plugins"]
    return plugins


def keeps_to_its_lock(plugin: dict[str, Any]) -> bool:
    """Tells whether it was compared with a lock that matches its output."""
    (check,) = [check for check in plugin["checks"] if check["check"] == "versions.lock"]
    return check["status"] == "nothing to check" or any(
        "any version will do" in note["message"] for note in check["notes"]
    )


def in_batches(names: list[str], mark: pytest.MarkDecorator) -> list[Any]:
    """Returns parameters of several names each: what a run begins with takes longer than most plugins."""
    return [
        pytest.param(batch, id="+".join(batch), marks=mark)
        for batch in (names[start : start + BATCH] for start in range(0, len(names), BATCH))
    ]


@pytest.fixture
def lms_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the tables that `contract.toml` of learnrelay-openedx names."""
    url = f"sqlite:///{tmp_path}/lms.sqlite"
    make_contract_tables(url)
    monkeypatch.setenv("OPENEDX_TABLES", url)


@pytest.mark.parametrize(
    "names",
    [
        *in_batches(sorted(OF_EACH_KIND), pytest.mark.slow),
        *in_batches([name for name in OWN if name not in OF_EACH_KIND], pytest.mark.nightly),
    ],
)
def test_our_own_plugins_pass(names: list[str], lms_tables: None) -> None:
    plugins = report_on(*names)
    assert [plugin["plugin"] for plugin in plugins] == names
    for plugin in plugins:
        assert keeps_to_its_lock(plugin), (plugin["plugin"], LOCK_BROKEN)
        statuses = {check["check"]: check["status"] for check in plugin["checks"]}
        assert {*statuses.values()} <= {"passed", "nothing to check", "warned"}, (plugin["plugin"], statuses)
        assert {check for check, status in statuses.items() if status == "warned"} <= {*NEW}, plugin["plugin"]


def test_settings_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENEDX_TABLES", raising=False)
    command = [sys.executable, "-m", "learnrelay_contract_tests", "openedx", "--check", "provider.courses"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        "with [sections.courses] of contract.toml: courses.database: environment variable OPENEDX_TABLES is not set"
        in done.stdout
    )


def test_the_plugins_of_each_kind_are_there() -> None:
    assert {*OWN} >= OF_EACH_KIND


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "names"),
    [("acme_poll", ["xapi.acme_poll"]), ("canvas", ["canvas", "caliper.canvas", "xapi.canvas"])],
    ids=["acme_poll", "canvas"],
)
def test_the_examples_of_third_parties_pass(folder: str, names: list[str], tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index",
         "--disable-pip-version-check", "--target", str(tmp_path), str(EXAMPLES / folder)],
        check=True,
    )  # fmt: skip
    plugins = report_on(*names, path=str(tmp_path))
    assert [plugin["plugin"] for plugin in plugins] == names
    for plugin in plugins:
        assert keeps_to_its_lock(plugin)
        assert {check["status"] for check in plugin["checks"]} <= {"passed", "nothing to check"}
