"""What a generated package requires can be had: every range fits our wheels, and `--group dev` installs."""

from __future__ import annotations

import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from authors_environment import build_wheels, environment_without_ours, make_author, run, shell_of
from installation import Installation

FOLDERS = ["core", "plugins/xapi", "plugins/caliper", "plugins/openedx", "contract_tests"]
STAGES = {
    "transformer": ["--for", "xapi"],
    "filter": [],
    "router": [],
    "resolver": [],
    "standard": [],
    "input": [],
    "scope": [],
    "source": [],
    "sink": [],
    "auth": [],
    "enricher": ["--for", "caliper"],
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with wheels of our packages."""
    return build_wheels(tmp_path_factory.mktemp("wheels"), FOLDERS)


def written(directory: Path, stage: str) -> dict[str, Any]:
    """Returns the pyproject.toml that ``new-plugin`` writes for a stage."""
    done = Installation(directory).run("new-plugin", f"acme-{stage}", "--stage", stage, *STAGES[stage])
    assert done.returncode == 0, done.stderr.decode()
    return tomllib.loads((directory / f"acme-{stage}" / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("stage", STAGES)
def test_every_range_of_a_new_plugin_holds_what_we_build(stage: str, wheels: Path, tmp_path: Path) -> None:
    pyproject = written(tmp_path, stage)
    declared = [*pyproject["project"]["dependencies"], *pyproject["dependency-groups"]["dev"]]
    files = [parse_wheel_filename(path.name) for path in wheels.iterdir()]
    built = {str(name): str(version) for name, version, _, _ in files}
    ours = [Requirement(text) for text in declared if text.startswith("learnrelay")]
    assert {requirement.name for requirement in ours} >= {"learnrelay", "learnrelay-contract-tests"}
    for requirement in ours:
        assert requirement.specifier, f"{requirement.name} has no range"
        assert requirement.specifier.contains(built[requirement.name]), str(requirement)


def test_a_new_standard_requires_what_the_core_requires(tmp_path: Path) -> None:
    dependencies = written(tmp_path, "standard")["project"]["dependencies"]
    declared = {requirement.name: requirement for requirement in map(Requirement, dependencies)}
    core = {requirement.name: requirement for requirement in map(Requirement, requires("learnrelay") or [])}
    for name in ("marshmallow", "orjson"):
        assert declared[name].specifier == core[name].specifier


@pytest.fixture
def authors_python(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the Python of an author, who has the core and two standards, and no learning platform.

    Each test has its own: a package that another test has installed there, a source above all, would be chosen, too.
    """
    return make_author(tmp_path_factory.mktemp("author"), wheels, "learnrelay", "learnrelay-xapi", "learnrelay-caliper")


@pytest.mark.parametrize("stage", [pytest.param(stage, marks=pytest.mark.slow) for stage in STAGES])
def test_a_new_plugin_is_set_up_as_its_readme_says(
    stage: str, wheels: Path, authors_python: Path, tmp_path: Path
) -> None:
    """All that its CI runs, with the commands as they are written there: those of its README, as test_new_plugin holds.

    pip gets the harness from our wheels, and hatchling from this environment instead of one of its own.
    """
    if stage == "enricher":  # the author has statements of the standard; the package's tests then ask for them, too
        run(tmp_path, "pip", "install", "--quiet", "learnrelay-openedx", **shell_of(authors_python, wheels))
    run(tmp_path, authors_python.with_name("learnrelay"), "new-plugin", f"acme-{stage}", "--stage", stage,
        *STAGES[stage])  # fmt: skip
    folder = tmp_path / f"acme-{stage}"
    shell = shell_of(authors_python, wheels)
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    commands = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    assert commands[0] == 'python -m pip install --upgrade "pip>=25.1"'
    for command in commands[1:]:
        printed = run(folder, "bash", "-e", "-c", command, **shell)
        assert "not run" not in printed, f"{command}\n{printed}"
    pyproject = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    assert pyproject["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (folder / "LICENSE").read_text("utf-8")


@pytest.mark.slow
def test_without_a_standard_a_sink_is_written_all_the_same(wheels: Path, tmp_path: Path) -> None:
    python = environment_without_ours(tmp_path)
    run(tmp_path, python, "-m", "pip", "install", "--quiet", "--no-compile", "--no-index", "--find-links", wheels,
        "learnrelay")  # fmt: skip
    run(tmp_path, python.with_name("learnrelay"), "new-plugin", "acme-table", "--stage", "sink")
    assert 'standard = "STANDARD"     # any that is installed' in (tmp_path / "acme-table" / "README.md").read_text()
    family = [python.with_name("learnrelay"), "new-plugin", "acme-poll"]
    refused = subprocess.run(family, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert "add --for STANDARD (installed: none; pip install the package of one" in " ".join(refused.stderr.split())


def test_the_tests_of_an_enricher_have_statements_to_add_to(tmp_path: Path) -> None:
    needed = [Requirement(text).name for text in written(tmp_path, "enricher")["dependency-groups"]["dev"]]
    assert needed[:3] == ["learnrelay-contract-tests", "learnrelay-caliper", "learnrelay-openedx"]
