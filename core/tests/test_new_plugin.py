"""``learnrelay new-plugin``: what it writes is installed by pip as it is, and passes every check that there is.

The standards are those of the environment, and the one that the command itself begins.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from installation import Installation
from learnrelay.plugins.discovery import installed

STANDARDS = [info.name for info in installed() if info.kind == "standards"]
OF_NO_STANDARD = ("filter", "router", "scope", "resolver", "standard", "source", "input", "sink", "auth")
SPOKEN = [*STANDARDS, "acme_standard"]
QUIZ_EVENTS = Path(__file__).with_name("quiz_events.jsonl")
PACKAGES: dict[str, list[str]] = {  # the module's name → what it is made with
    **{f"acme_{stage}": [f"acme-{stage}", "--stage", stage] for stage in OF_NO_STANDARD},
    **{f"{standard}_acme_poll": [f"{standard}.acme_poll"] for standard in SPOKEN},
    **{
        f"acme_org_of_{standard}": [f"acme_org_of_{standard}", "--stage", "enricher", "--for", standard]
        for standard in SPOKEN
    },
    **{
        f"{standard}_acme_survey": [f"{standard}.acme_survey", "--source", "openedx", "--event", str(QUIZ_EVENTS)]
        for standard in SPOKEN
    },
}


pytestmark = pytest.mark.xdist_group("new plugins")
"""One worker of pytest-xdist makes each package once."""


def packages(*quick: str) -> pytest.MarkDecorator:
    """Parametrises a test with all packages; those that are not named are slow."""
    return pytest.mark.parametrize(
        "module", [pytest.param(module, marks=[] if module in quick else pytest.mark.slow) for module in PACKAGES]
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Returns the installation that `package` installs into."""
    return Installation(tmp_path_factory.mktemp("new"))


def package(made: Installation, module: str) -> Path:
    """Writes and installs a package, after the standard that it speaks, unless it is there; returns its folder."""
    folder = made.directory / module.replace("_", "-")
    if not folder.exists():
        if module != "acme_standard" and "acme_standard" in " ".join(PACKAGES[module]):
            package(made, "acme_standard")
        done = made.run("new-plugin", *PACKAGES[module])
        assert done.returncode == 0, done.stderr.decode()
        made.pip(folder)
    return folder


def tool(made: Installation, module: str, *command: str) -> str:
    """Runs a tool of Python in the package's folder, and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=package(made, module), env={**os.environ, "PYTHONPATH": str(made.site)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@packages(f"{STANDARDS[0]}_acme_poll")
def test_a_new_plugin_passes_its_tests_and_the_contract(made: Installation, module: str) -> None:
    output = tool(made, module, "pytest", "-v", "-p", "no:cacheprovider")
    assert "test_contract::privacy.non-interference PASSED" in output
    assert "SKIPPED" not in output


@pytest.mark.slow
def test_an_auth_scheme_is_checked_where_several_sources_are_installed(made: Installation) -> None:
    package(made, "acme_auth")
    done = made.run("contract-test", "acme_auth", LEARNRELAY_SOURCE="")
    assert done.returncode == 0, done.stdout.decode()


@packages()
def test_a_new_plugin_is_typed_and_tidy(made: Installation, module: str) -> None:
    tool(made, module, "ruff", "check", "--no-cache", "--select", "E,F,W,I,UP,B,SIM,C4,RET,D2,D3,D4", "--ignore",
         "D203,D205,D213,D400,D401,D413,D415", ".")  # fmt: skip
    tool(made, module, "ruff", "format", "--no-cache", "--check", ".")
    tool(made, module, "learnrelay", "lint", "src")
    tool(made, module, "mypy", "--cache-dir", str(made.directory / "mypy"))


@packages()
def test_ci_and_hooks_run_what_its_readme_says(made: Installation, module: str) -> None:
    folder = package(made, module)
    (commands,) = re.findall(r"## Work on it\n\n((?:    .*\n)+)", (folder / "README.md").read_text())
    documented = [
        command for line in commands.splitlines() for command in re.split(r" && |  +#.*", line.strip()) if command
    ]
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "ci.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step][1:] == documented
    assert steps[1]["with"] == {"python-version": "${{ matrix.python }}"}
    hooks = yaml.safe_load((folder / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {hook["entry"] for hook in hooks} >= {"mypy", documented[1]}
    assert "__pycache__/" in (folder / ".gitignore").read_text()


BASE = {
    "platform": 'root_url = "https://learn.example.org"',
    "plugins": f"enabled = {json.dumps([f'{standard}.*' for standard in SPOKEN])}",
    "identity": 'provider = "keyed"\nsecret = "env:SECRET"',
}
SECRETS = {"SECRET": "Kd7wq2Lmz9Xv4bTnR8", "CONSUMER_KEY": "Pf3xs6Jny1Qw5cVm"}


@packages("acme_sink", "acme_auth", "acme_source", "acme_input", f"{STANDARDS[0]}_acme_poll")
def test_the_configuration_in_its_readme_is_sound(made: Installation, module: str, tmp_path: Path) -> None:
    package(made, "acme_standard")
    (block,) = re.findall(r"```toml\n(.*?)```", (package(made, module) / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / "events.db").touch()  # an input names a file that is there
    block = block.replace("enabled = [", "enabled = [" + "".join(f'"{standard}.*", ' for standard in SPOKEN))
    rest = "".join(f"[{name}]\n{keys}\n" for name, keys in BASE.items() if f"[{name}]" not in block)
    (tmp_path / "relay.toml").write_text(rest + block, encoding="utf-8")
    done = made.run("check", "--config", tmp_path / "relay.toml", stdin=b"", **SECRETS)
    assert done.returncode == 0, done.stderr.decode()
    assert module.rpartition("acme")[2] in done.stdout.decode()


@pytest.mark.slow
def test_new_plugins_are_installed_and_make_statements(made: Installation) -> None:
    for module in PACKAGES:
        package(made, module)
    listed = {plugin["distribution"]: plugin["name"] for plugin in json.loads(made.run("plugins", "--json").stdout)}
    assert {module.replace("_", "-") for module in PACKAGES} <= listed.keys()
    for standard in SPOKEN:
        events = made.directory / f"{standard}-acme-poll".replace("_", "-") / "tests" / "events.jsonl"
        done = made.run("transform", "--standard", standard, "--validate", events)
        assert done.returncode == 0, done.stderr.decode()
        assert len([json.loads(row) for row in done.stdout.splitlines()]) == 2


@pytest.mark.slow
def test_the_next_commands_are_the_right_ones(made: Installation, tmp_path: Path) -> None:
    package(made, "acme_standard")
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
    (["acme-x"], f"add --for STANDARD (installed: {', '.join(sorted(SPOKEN))})"),
    (["acme-x", "--for", "acme_standart"], 'did you mean "acme_standard"?'),
    (["acme_standard.acme-x", "--for", STANDARDS[0]], f"write NAME as acme-x with --for {STANDARDS[0]}"),
    (["acme-x", "--for", STANDARDS[0], "--stage", "filter"], "a filter is of no standard: write NAME as acme-x"),
    (["Acme", "--stage", "filter"], "is no name for a plugin"),
    (["acme--x", "--stage", "filter"], "is no name for a plugin"),
    (["../acme", "--stage", "filter"], "is no name for a plugin"),
    (["a" * 41, "--stage", "filter"], "is no name for a plugin"),
    (["json", "--stage", "filter"], "as one of Python's"),
    (["class", "--stage", "filter"], "as one of Python's"),
    (["click", "--stage", "filter"], "a module click is installed already"),
    (["acme-filter", "--stage", "filter"], "acme-filter 0.1.0 brings a plugin acme_filter already"),
    (["acme-x", "--stage", "router", "--directory", "acme-filter"], "exists already, so nothing was written"),
    (["acme-x", "--stage", "router", "--directory", "acme-filter/README.md"], "exists already, so nothing was written"),
    (["acme-x", "--stage", "fliter"], "is not one of"),
    (["acme-x", "--for", STANDARDS[0], "--stage", "auth"], "an auth scheme is of no standard: write NAME as acme-x"),
    (["acme-x", "--for", STANDARDS[0], "--stage", "input"], "an input is of no standard: write NAME as acme-x"),
    (["acme-x", "--stage", "enricher"], "an enricher needs a standard: add --for STANDARD (installed: "),
    (["acme-x", "--stage", "filter", "--event", str(QUIZ_EVENTS)], "--event is for transformers: a filter is of no"),
    (["acme-x", "--event", "nowhere.jsonl"], "'nowhere.jsonl' does not exist"),
    (["acme-x", "--event", str(QUIZ_EVENTS), "--source", "opened"], 'did you mean "openedx"?'),
]


@pytest.mark.parametrize(("arguments", "reason"), WRONG)
def test_a_wrong_name_is_an_error_and_writes_nothing(made: Installation, arguments: list[str], reason: str) -> None:
    for module in ("acme_standard", "acme_filter"):
        package(made, module)
    before = sorted(made.directory.rglob("*.toml"))
    done = made.run("new-plugin", *arguments)
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.decode().split())
    assert b"Traceback" not in done.stderr
    assert sorted(made.directory.rglob("*.toml")) == before
