"""`tools/watched.py`: whoever waits for a silent command sees that it runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools/watched.py"
MAKEFILE = (SCRIPT.parents[1] / "Makefile").read_text("utf-8")


def test_a_silent_command_is_heard_of_and_its_exit_code_kept() -> None:
    silent = "import sys, time; time.sleep(7); print('done'); print('careful', file=sys.stderr); sys.exit(3)"
    command = [sys.executable, SCRIPT, "waiting", sys.executable, "-c", silent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    first, *between, last = done.stdout.splitlines()
    assert (first, last) == ("waiting ...", "done")
    assert len(between) >= 2, "7 seconds, a line every 3"
    assert all(re.fullmatch(r"  waiting \.\.\. \d+ s", line) for line in between)
    assert done.stderr == "careful\n"


@pytest.mark.parametrize("code", ["import os; os.kill(os.getpid(), 9)"])
def test_a_command_that_is_killed_has_failed(code: str) -> None:
    done = subprocess.run([sys.executable, SCRIPT, "waiting", sys.executable, "-c", code], check=False)
    assert done.returncode == 137


def test_each_silent_step_of_the_installation_is_watched() -> None:
    recipe = MAKEFILE.partition("$(VENV)/.installed:")[2].partition("\n\n")[0]
    silent = [line for line in recipe.splitlines() if "$(INSTALL)" in line or "-m venv" in line]
    assert len(silent) == 5
    assert [line for line in silent if "$(WATCHED)" not in line] == []
