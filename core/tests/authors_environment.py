"""The environment of a plugin's author for tests: wheels of our packages, and a Python that knows no others of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BUILD = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"


def build_wheels(folder: Path, packages: Sequence[str]) -> Path:
    """Builds wheels of our packages, by their folders, and returns the folder with them."""
    for package in packages:
        subprocess.run(
            [sys.executable, "-c", _BUILD, folder], cwd=ROOT / package, check=True, capture_output=True, timeout=300
        )
    return folder


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


def make_author(directory: Path, wheels: Path, *packages: str) -> Path:
    """Returns the Python of an author who has installed these of our packages, and has the tools beside it."""
    python = environment_without_ours(directory)
    run(directory, python, "-m", "pip", "install", "--quiet", "--no-compile", "--no-index", "--find-links", wheels,
        *packages)  # fmt: skip
    for name in ("pip", "pytest", "mypy"):  # those of this environment would run with its Python
        (script := python.with_name(name)).write_text(f'#!/bin/sh\nexec "{python}" -m {name} "$@"\n', "utf-8")
        script.chmod(0o755)
    python.with_name("ruff").symlink_to(Path(sys.executable).with_name("ruff"))
    return python


def shell_of(python: Path, wheels: Path) -> dict[str, str]:
    """Returns the environment variables of the author's shell: pip takes our wheels, and nothing from an index.

    It builds with the hatchling that is installed here, not with one of its own.
    """
    return {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_BUILD_ISOLATION": "0",  # which switches it off
        "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1",
    }  # fmt: skip


def run(directory: Path, *command: str | Path, **environment: str) -> str:
    """Returns the standard output of a command that must succeed."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LEARNRELAY_SOURCE")}
    clean |= environment
    done = subprocess.run(command, cwd=directory, env=clean, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
