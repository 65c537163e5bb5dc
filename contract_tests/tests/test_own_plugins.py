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

EXAMPLE = Path(__file__).parents[2] / "examples" / "acme_poll"
NEW = ("samples.lines", "standard.composed")
"""Checks that warn in this release."""
OWN = sorted(info.name for info in installed())
QUICK = {"xapi.completion"}
"""`make test` checks these, and no others."""
NO_CHECKS_YET = pytest.mark.xfail(strict=True, reason="the lint does not know yet what the modules of a sink may do")


def marks_of(name: str) -> list[pytest.MarkDecorator]:
    return [*([] if name in QUICK else [pytest.mark.slow]), *([NO_CHECKS_YET] if name == "clickhouse" else [])]


LOCK_BROKEN = (
    "the output has changed; raise __version__ in plugins/openedx/src/learnrelay_openedx/__init__.py, then "
    "`make install && learnrelay contract-test xapi.video caliper.video --lock` "
    "(CONTRIBUTING.md, Adding an event, step 5)"
)


def report_on(*arguments: str, path: str = "") -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "learnrelay_contract_tests", *arguments, "--json"],
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


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks_of(name)) for name in OWN])
def test_our_own_plugins_pass(name: str) -> None:
    (plugin,) = report_on(name)
    assert plugin["plugin"] == name
    assert keeps_to_its_lock(plugin), LOCK_BROKEN
    assert {check["status"] for check in plugin["checks"]} <= {"passed", "nothing to check", "warned"}
    assert {check["check"] for check in plugin["checks"] if check["status"] == "warned"} <= {*NEW}


def test_the_quick_plugins_are_there() -> None:
    assert {*OWN} >= QUICK


@pytest.mark.slow
def test_the_example_of_a_third_party_passes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index",
         "--disable-pip-version-check", "--target", str(tmp_path), str(EXAMPLE)],
        check=True,
    )  # fmt: skip
    (plugin,) = report_on("xapi.acme_poll", path=str(tmp_path))
    assert keeps_to_its_lock(plugin)
    assert {check["status"] for check in plugin["checks"]} <= {"passed", "nothing to check"}
