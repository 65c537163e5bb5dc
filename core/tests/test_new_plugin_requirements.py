"""What a generated package requires can be had: every range fits our wheels, and `--group dev` installs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from installation import Installation

ROOT = Path(__file__).parents[2]
FOLDERS = ["core", "plugins/xapi", "plugins/caliper", "contract_tests"]
STAGES = {
    "transformer": ["--for", "xapi"],
    "enricher": ["--for", "caliper"],
    "filter": [],
    "router": [],
    "resolver": [],
    "standard": [],
    "input": [],
}
BUILD = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with wheels of our packages."""
    folder = tmp_path_factory.mktemp("wheels")
    for package in FOLDERS:
        subprocess.run(
            [sys.executable, "-c", BUILD, folder], cwd=ROOT / package, check=True, capture_output=True, timeout=300
        )
    return folder


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


@pytest.mark.slow
def test_a_new_plugin_is_set_up_as_its_readme_says(wheels: Path, tmp_path: Path) -> None:
    """An author has the core and a standard; the harness comes with the package's dev group, from our wheels.

    Not ``--editable``: of the build requirements only hatchling is installed here.
    """
    python = environment_without_ours(tmp_path)
    install: list[str | Path] = [
        python, "-m", "pip", "install", "--quiet", "--no-compile", "--no-index", "--find-links", wheels,
        "--no-build-isolation",
    ]  # fmt: skip
    run(tmp_path, *install, "learnrelay", "learnrelay-xapi")
    run(tmp_path, python.with_name("learnrelay"), "new-plugin", "acme-poll", "--for", "xapi")
    run(tmp_path / "acme-poll", *install, ".", "--group", "dev")
    plugins = json.loads(run(tmp_path, python.with_name("learnrelay"), "plugins", "--json"))
    assert "xapi.acme_poll" in {plugin["name"] for plugin in plugins}
    run(tmp_path, python, "-c", "import learnrelay_contract_tests")


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


def environment_without_ours(directory: Path) -> Path:
    """Returns the Python of an environment that sees all packages that are installed here, save this repository's."""
    others = directory / "others"
    others.mkdir()
    for path in {Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}:
        for entry in path.iterdir():
            if not entry.name.lstrip("_").startswith("learnrelay"):
                (others / entry.name).symlink_to(entry)
    venv.create(directory / "venv", symlinks=True)
    python = directory / "venv" / "bin" / "python"
    (site,) = (directory / "venv").glob("lib/python*/site-packages")
    (site / "others.pth").write_text(f"{others}\n", "utf-8")
    return python


def run(directory: Path, *command: str | Path) -> str:
    """Returns the standard output of a command that must succeed."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=directory, env=clean, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
