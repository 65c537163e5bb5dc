"""``learnrelay new-plugin``: what it writes is installed by pip as it is, and passes every check that there is.

The standards are those of the environment, and the one that the command itself begins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from installation import Installation
from learnrelay.plugins.discovery import installed

STANDARDS = [info.name for info in installed() if info.kind == "standards"]
OF_NO_STANDARD = ("filter", "router", "resolver", "standard")
SPOKEN = [*STANDARDS, "acme_standard"]
PACKAGES: dict[str, list[str]] = {  # the module's name → what it is made with
    **{f"acme_{stage}": [f"acme-{stage}", "--stage", stage] for stage in OF_NO_STANDARD},
    **{f"{standard}_acme_poll": [f"{standard}.acme_poll"] for standard in SPOKEN},
    **{f"acme_org_of_{one}": [f"acme_org_of_{one}", "--stage", "enricher", "--for", one] for one in SPOKEN},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """All packages, written and installed one after the other: the new standard before what speaks it."""
    installation = Installation(tmp_path_factory.mktemp("new"))
    for module, arguments in PACKAGES.items():
        done = installation.run("new-plugin", *arguments)
        assert done.returncode == 0, done.stderr.decode()
        installation.pip(installation.directory / module.replace("_", "-"))
    return installation


def tool(made: Installation, module: str, *command: str) -> str:
    """Run a tool of Python's in the package's folder; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=made.directory / module.replace("_", "-"), env={**os.environ, "PYTHONPATH": str(made.site)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("module", PACKAGES)
def test_a_new_plugin_passes_its_tests_and_the_contract(made: Installation, module: str) -> None:
    told = tool(made, module, "pytest", "-v", "-p", "no:cacheprovider")
    assert "test_contract::privacy.non-interference PASSED" in told
    assert "SKIPPED" not in told


@pytest.mark.parametrize("module", PACKAGES)
def test_a_new_plugin_is_typed_and_tidy(made: Installation, module: str) -> None:
    tool(made, module, "ruff", "check", "--no-cache", "--select", "E,F,W,I,UP,B,SIM,C4,RET,D2,D3,D4", "--ignore",
         "D203,D205,D213,D400,D401,D413,D415", ".")  # fmt: skip
    tool(made, module, "ruff", "format", "--no-cache", "--check", ".")
    tool(made, module, "mypy", "--cache-dir", str(made.directory / "mypy"))


def test_new_plugins_are_installed_and_say_something(made: Installation) -> None:
    listed = {one["distribution"]: one["name"] for one in json.loads(made.run("plugins", "--json").stdout)}
    assert {module.replace("_", "-") for module in PACKAGES} <= listed.keys()
    for standard in SPOKEN:
        events = made.directory / f"{standard}-acme-poll".replace("_", "-") / "tests" / "events.jsonl"
        done = made.run("transform", "--standard", standard, "--validate", events)
        assert done.returncode == 0, done.stderr.decode()
        assert len([json.loads(one) for one in done.stdout.splitlines()]) == 2


def test_the_next_commands_are_the_right_ones(made: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    done = made.run("new-plugin", "acme-quiz", "--for", "acme_standard", "--directory", folder)
    commands = done.stdout.decode().partition("Next:\n")[2].split("\n")
    assert commands[0].split() == ["pip", "install", "--editable", str(folder), "learnrelay-contract-tests"]
    made.pip(folder)
    for command in commands[1:3]:
        name, *arguments = command.split()
        again = made.run(*arguments)
        assert (name, again.returncode) == ("learnrelay", 0), again.stdout.decode() + again.stderr.decode()
    written = tomllib.loads((folder / "pyproject.toml").read_text())
    assert written["project"]["dependencies"] == ["learnrelay>=0.1,<0.2", "acme-standard>=0.1,<0.2"]


WRONG: list[tuple[list[Any], str]] = [
    (["acme-x"], f"say --for STANDARD (installed: {', '.join(sorted(SPOKEN))})"),
    (["acme-x", "--for", "acme_standart"], 'did you mean "acme_standard"?'),
    (["acme_standard.acme-x", "--for", STANDARDS[0]], f"say NAME as acme-x with --for {STANDARDS[0]}"),
    (["acme-x", "--for", STANDARDS[0], "--stage", "filter"], "a filter is of no standard: say NAME as acme-x"),
    (["Acme", "--stage", "filter"], "is no name for a plugin"),
    (["acme--x", "--stage", "filter"], "is no name for a plugin"),
    (["../acme", "--stage", "filter"], "is no name for a plugin"),
    (["a" * 41, "--stage", "filter"], "is no name for a plugin"),
    (["json", "--stage", "filter"], "as one of Python's"),
    (["class", "--stage", "filter"], "as one of Python's"),
    (["click", "--stage", "filter"], "a module click is installed already"),
    (["acme-filter", "--stage", "filter"], "acme-filter 0.1.0 brings a plugin acme_filter already"),
    (["acme-x", "--stage", "router", "--directory", "acme-filter"], "is there already; nothing was written"),
    (["acme-x", "--stage", "router", "--directory", "acme-filter/README.md"], "is there already; nothing was written"),
    (["acme-x", "--stage", "fliter"], "is not one of"),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG)
def test_a_wrong_name_is_told_and_writes_nothing(made: Installation, arguments: list[str], told: str) -> None:
    before = sorted(made.directory.rglob("*.toml"))
    done = made.run("new-plugin", *arguments)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.decode().split())
    assert b"Traceback" not in done.stderr
    assert sorted(made.directory.rglob("*.toml")) == before
