"""Really installed packages for tests: written, installed by pip into a directory of their own, found as any other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from command_server import run_command

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "1.0"
{entry_points}
[tool.hatch.build.targets.wheel]
packages = ["{module}"]
"""


class Installation:
    """Holds a directory of installed packages, and runs the command line that sees them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.site = directory / "site"

    def install(self, name: str, entry_points: Mapping[str, Mapping[str, str]], source: str) -> None:
        """Makes a package of one module (``acme-x`` → ``acme_x``) and installs it with pip."""
        module = name.replace("-", "_")
        project = self.directory / name
        (project / module).mkdir(parents=True)
        (project / module / "__init__.py").write_text(source, encoding="utf-8")
        tables = "\n".join(
            f'[project.entry-points."{group}"]\n' + "\n".join(f'"{key}" = "{value}"' for key, value in points.items())
            for group, points in entry_points.items()
        )
        pyproject = PYPROJECT.format(name=name, module=module, entry_points=tables)
        (project / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        self.pip(project)

    def pip(self, project: Path) -> None:
        """Installs a project's wheel, without looking at any index."""
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
             "--disable-pip-version-check", "--target", self.site, project],
            check=True, capture_output=True, timeout=300,
        )  # fmt: skip

    def run(self, *arguments: str | Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
        """Runs ``learnrelay`` with the packages of this installation beside those of the environment."""
        return run_command(arguments, self.environment(**environment), self.directory, stdin)

    def environment(self, **variables: str) -> dict[str, str]:
        """Returns the environment variables of a process that has these packages."""
        paths = os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")])
        return {**os.environ, "PYTHONPATH": paths, "NO_COLOR": "1", **variables}
