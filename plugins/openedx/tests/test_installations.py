"""The package installed with none, one and both standards: what is missing is listed, and is never imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest

from relay_files import relay_toml

ROOT = Path(__file__).parents[3]
STANDARDS = ("caliper", "xapi")
ASSEMBLE = """
import json, sys
from pathlib import Path
from learnrelay import ConfigurationError
from learnrelay.assembly.assemble import assemble
problems, families = [], []
try:
    assembly = assemble(Path("relay.toml"))
    families = sorted({mapping.family for mapping in assembly.table.values()})
except ConfigurationError as error:
    problems = [[problem.key, problem.reason] for problem in error.problems]
imported = [name for name in sys.modules if name.startswith("learnrelay_")]
print(json.dumps({"problems": problems, "families": families, "imported": imported}))
"""

pytestmark = pytest.mark.xdist_group("installations of learnrelay-openedx")


class Environment:
    """Wheels of ours beside the libraries that they need, and nothing else of ours."""

    def __init__(self, directory: Path, site: Path, libraries: Path) -> None:
        self.directory = directory
        self.paths = os.pathsep.join([str(site), str(libraries)])

    def enable(self, pattern: str) -> None:
        """Writes the operator's file."""
        (self.directory / "relay.toml").write_text(
            relay_toml([pattern], identity={"secret": "file:secret"}), encoding="utf-8"
        )
        (self.directory / "secret").write_text("Kd7wq2Lmz9Xv4bTn", encoding="utf-8")

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Python without the packages of this environment."""
        return subprocess.run(
            [sys.executable, "-S", *arguments],
            cwd=self.directory, capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "PYTHONPATH": self.paths, "NO_COLOR": "1"},
        )  # fmt: skip

    def assemble(self, pattern: str) -> dict[str, Any]:
        """Assembles a relay in a process of its own."""
        self.enable(pattern)
        done = self.python("-c", ASSEMBLE)
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def plugins(self, pattern: str) -> dict[str, dict[str, str]]:
        """Lists the plugins with ``learnrelay plugins``, by name."""
        self.enable(pattern)
        done = self.python("-m", "learnrelay", "plugins", "--config", "relay.toml", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return {plugin["name"]: plugin for plugin in json.loads(done.stdout)}


def families() -> list[str]:
    """Lists the families that a glob enables."""
    project = tomllib.loads((ROOT / "plugins" / "openedx" / "pyproject.toml").read_text("utf-8"))["project"]
    points = sorted(project["entry-points"]["learnrelay.families.v1"])
    return [name.removeprefix("xapi.") for name in points if name.startswith("xapi.")]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Builds the wheels: folder → file."""
    directory = tmp_path_factory.mktemp("wheels")
    build = "import sys, hatchling.build as build; print(build.build_wheel(sys.argv[1]))"
    return {
        folder: directory / subprocess.run(
            [sys.executable, "-c", build, directory],
            cwd=ROOT / folder, check=True, capture_output=True, text=True, timeout=300,
        ).stdout.split()[-1]
        for folder in ("core", "plugins/openedx", *(f"plugins/{standard}" for standard in STANDARDS))
    }  # fmt: skip


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Links the libraries of others, without our packages and without the links to the checkout."""
    directory = tmp_path_factory.mktemp("libraries")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "learnrelay" not in entry.name and entry.suffix != ".pth":
            (directory / entry.name).symlink_to(entry)
    return directory


INSTALLED = [
    pytest.param((), id="none"),
    *[pytest.param((standard,), id=standard, marks=pytest.mark.slow) for standard in STANDARDS],
    pytest.param(STANDARDS, id="both"),
]


@pytest.fixture(scope="module", params=INSTALLED)
def installed(
    request: pytest.FixtureRequest, wheels: dict[str, Path], libraries: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[tuple[str, ...], Environment]:
    """Returns the standards that are installed, and the environment."""
    directory = tmp_path_factory.mktemp("environment")
    chosen = ["core", "plugins/openedx", *(f"plugins/{standard}" for standard in request.param)]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check",
         "--target", directory / "site", *(wheels[folder] for folder in chosen)],
        check=True, timeout=300,
    )  # fmt: skip
    return request.param, Environment(directory, directory / "site", libraries)


def test_every_plugin_enabled_assembles_what_there_is(installed: tuple[tuple[str, ...], Environment]) -> None:
    standards, environment = installed
    report = environment.assemble("*")
    assert report["problems"] == []
    assert report["families"] == [f"{standard}.{family}" for standard in standards for family in families()]
    assert "learnrelay_openedx.source" in report["imported"]
    for standard in STANDARDS:
        of_it = [name for name in report["imported"] if name.endswith(f".{standard}") or f"_{standard}" in name]
        assert bool(of_it) is (standard in standards), of_it


def test_a_family_without_its_standard_is_listed_with_the_command_that_installs_it(
    installed: tuple[tuple[str, ...], Environment],
) -> None:
    standards, environment = installed
    plugins = environment.plugins("*")
    assert plugins["openedx"]["kind"] == "sources"
    for standard in STANDARDS:
        assert (standard in plugins) is (standard in standards)
        for family in families():
            plugin = plugins[f"{standard}.{family}"]
            assert plugin["distribution"] == "learnrelay-openedx"
            if standard in standards:
                assert (plugin["state"], plugin["reason"]) == ("active", "")
            else:
                assert (plugin["state"], plugin["reason"]) == ("unavailable", missing(standard))


def test_to_name_a_family_without_its_standard_is_a_problem_of_the_file(
    installed: tuple[tuple[str, ...], Environment],
) -> None:
    standards, environment = installed
    for standard in STANDARDS:
        report = environment.assemble(f"{standard}.video")
        if standard in standards:
            assert (report["problems"], report["families"]) == ([], [f"{standard}.video"])
        else:
            assert report["problems"] == [["plugins.enabled", f'"{standard}.video": {missing(standard)}']]
            assert not [name for name in report["imported"] if name.endswith(f".{standard}")]


def missing(standard: str) -> str:
    """Returns the reason that a family without its standard has."""
    return f"the standard {standard} is not installed: pip install 'learnrelay-openedx[{standard}]'"
