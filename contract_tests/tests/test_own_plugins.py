"""Our own plugins, and the example of a third party, pass through the public door and keep to their locks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from house import environment

from learnrelay.plugins.discovery import installed

EXAMPLE = Path(__file__).parents[2] / "examples" / "acme_poll"
NEW = ("samples.lines", "standard.composed")
"""Checks that warn in this release."""


def report_on(*arguments: str, path: str = "") -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "learnrelay_contract_tests", *arguments, "--json"],
        env=environment(Path(path)) if path else None, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    plugins: list[dict[str, Any]] = json.loads(done.stdout)["plugins"]
    return plugins


def keeps_to_its_lock(plugin: dict[str, Any]) -> bool:
    """Whether it was compared with a lock, which says what it says now."""
    (check,) = [check for check in plugin["checks"] if check["check"] == "versions.lock"]
    return check["status"] == "nothing to check" or any(
        "any version will do" in note["message"] for note in check["notes"]
    )


def test_our_own_plugins_pass() -> None:
    report = report_on("--all")
    assert {plugin["plugin"] for plugin in report} == {info.name for info in installed()}
    assert all(map(keeps_to_its_lock, report)), "say what has changed with a version, or lock anew"
    for plugin in report:
        assert {check["status"] for check in plugin["checks"]} <= {"passed", "nothing to check", "warned"}
        assert {check["check"] for check in plugin["checks"] if check["status"] == "warned"} <= {*NEW}


def test_the_example_of_a_third_party_passes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index",
         "--disable-pip-version-check", "--target", str(tmp_path), str(EXAMPLE)],
        check=True,
    )  # fmt: skip
    (plugin,) = report_on("xapi.acme_poll", path=str(tmp_path))
    assert keeps_to_its_lock(plugin)
    assert {check["status"] for check in plugin["checks"]} <= {"passed", "nothing to check"}
