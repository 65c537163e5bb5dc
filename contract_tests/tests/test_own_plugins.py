"""Our own plugins pass through the public door, in the time that the harness promises."""

from __future__ import annotations

import json
import subprocess
import sys

from learnrelay.plugins.discovery import installed


def test_our_own_plugins_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "learnrelay_contract_tests", "--all", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert {plugin["plugin"] for plugin in report["plugins"]} == {info.name for info in installed()}
    assert done.returncode == 0, done.stderr
