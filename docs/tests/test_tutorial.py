"""The tutorial for plugin authors: each file is written, each command is run, and each prints what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from authors_environment import build_wheels, make_author, shell_of

PAGE = (Path(__file__).parents[1] / "plugins" / "tutorial.md").read_text("utf-8")
PACKAGES = ("core", "plugins/xapi", "plugins/openedx", "contract_tests")
SET_UP = (
    "python3 -m venv .venv",
    ". .venv/bin/activate",
    "pip install --quiet 'learnrelay-openedx[xapi]' learnrelay-contract-tests",
)
"""What the test does in its own way, from the wheels of this repository."""


def pattern_of(shown: str) -> re.Pattern[str]:
    """Returns what an output must match: ``…`` alone on a line stands for lines, within a line for a part of it."""
    parts = ["(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in shown.splitlines()]
    return re.compile("".join(parts))


def steps() -> list[tuple[str, str, str]]:
    """Lists the steps of the page: (`file`, path, content), (`diff`, path, changes), (`run`, command, output)."""
    listed: list[tuple[str, str, str]] = []
    for match in re.finditer(r"((?:[^\n]+\n)*)\n```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL):
        before, language, content = match.groups()
        paths = re.findall(r"`([\w./-]+\.(?:py|jsonl))`", before)
        if language in ("python", "json"):
            listed.append(("file", paths[-1], content))
        elif language == "diff":
            listed.append(("diff", paths[-1], content))
        elif language == "console":
            commands = re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]
            listed += [("run", command, output) for command, _, output in (text.partition("\n") for text in commands)]
    return listed


def test_the_page_has_the_steps_that_the_test_takes() -> None:
    kinds = [kind for kind, _, _ in steps()]
    assert (kinds.count("file"), kinds.count("diff"), kinds.count("run")) == (4, 1, PAGE.count("\n$ "))
    assert [text for kind, text, _ in steps() if kind == "run"][:3] == list(SET_UP)
    assert pattern_of("a … c\n…\nz\n").fullmatch("a b c\n1\n2\nz\n")
    assert not pattern_of("a … c\nz\n").fullmatch("a b c\n1\nz\n")


@pytest.mark.slow
def test_the_tutorial_is_so(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "environment").mkdir()
    wheels = build_wheels(tmp_path / "wheels", PACKAGES)
    python = make_author(tmp_path / "environment", wheels, "learnrelay-openedx[xapi]", "learnrelay-contract-tests")
    unset = ("PYTHONPATH", "LEARNRELAY_SOURCE", "CI")
    environment = {name: value for name, value in os.environ.items() if name not in unset} | shell_of(python, wheels)
    folder = tmp_path / "work"
    folder.mkdir()
    here = folder
    faults = []
    for kind, text, content in steps():
        if kind == "file":
            (folder / text).write_text(content, encoding="utf-8")
        elif kind == "diff":
            removed, added = (
                "".join(f"{line[1:]}\n" for line in content.splitlines() if line.startswith(sign)) for sign in "-+"
            )
            source = (folder / text).read_text("utf-8")
            assert source.count(removed) == 1
            (folder / text).write_text(source.replace(removed, added), encoding="utf-8")
        elif text.startswith("cd "):
            here = here / text.removeprefix("cd ")
        elif text not in SET_UP:
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", text], cwd=here, env=environment, timeout=900, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            is_as_shown = pattern_of(content).fullmatch(done.stdout) is not None
            if not is_as_shown or done.returncode != ("FAILED" in content):
                faults.append(f"$ {text}\n{done.stdout}\nthe page shows:\n{content}")
    assert not faults, "\n".join(faults)
    assert "keeps the contract" in (here / "report.html").read_text("utf-8")
