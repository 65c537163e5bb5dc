"""Tries what is installed in the environment that runs it; `release_check` calls it. Needs nothing of the repository.

python -I tools/release_smoke.py EXAMPLES
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

BIN = Path(sys.executable).parent
SECRET = "Kd7wq2Lmz9Xv4bTnR8sP"  # noqa: S105  # of nobody
LOGS = {"learnrelay_openedx": ("openedx", "tracking.log"), "learnrelay_moodle": ("moodle", "moodle.jsonl")}
STANDARDS = {"learnrelay_xapi": "xapi", "learnrelay_caliper": "caliper"}
RUN_WHEN_IMPORTED = {"__main__", "celery", "celery_app"}
"""Names of modules that are programs: the last two need an operator's file."""
FOR_A_PLATFORM = {"django", "edx_django_utils", "eventtracking", "flake8", "openedx_events"}
"""Packages that some modules of ours need, and that only a platform has."""


def main(examples: Path) -> None:
    """Imports all modules, loads all entry points, runs commands; a failure is an exception."""
    ours = [d for d in distributions() if "learnrelay" in d.name]
    packages = sorted({file.parts[0] for d in ours for file in d.files or () if file.name == "py.typed"})
    assert packages, "nothing of ours is installed"
    required = {name.lower() for d in ours for name in d.requires or () if "extra ==" not in name}
    for name in packages:
        import_all(importlib.import_module(name), has_all="celery" in {d.name.lower() for d in distributions()})
    if (BIN / "learnrelay").exists():
        assert run("learnrelay", "--version").startswith("learnrelay"), "learnrelay --version"
        assert json.loads(run("learnrelay", "keys", "--json-schema"))["properties"]["platform"]
        run("learnrelay", "plugins")
    for package, (source, log) in LOGS.items():
        for standard in [STANDARDS[name] for name in packages if name in STANDARDS and package in packages]:
            deliver(source, standard, examples / log)
    if "learnrelay_tutor" in packages:
        with tempfile.TemporaryDirectory() as folder:
            assert "learnrelay" in run("tutor", "plugins", "list", TUTOR_ROOT=folder)
    print(", ".join(packages), f"({len(required)} requirements)")


def import_all(package: ModuleType, *, has_all: bool) -> None:
    """Imports each module of a package; without the extras, those may fail that need them."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.rpartition(".")[2] in RUN_WHEN_IMPORTED:
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            missing = str(error.name).partition(".")[0]
            assert not missing.startswith("learnrelay_") or not has_all, f"{module.name} needs {missing}"
            assert missing in FOR_A_PLATFORM or not has_all, f"{module.name} needs {missing}"


def deliver(source: str, standard: str, log: Path) -> None:
    """Reads a log, and delivers what becomes of it into files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "relay.toml").write_text(
            f"""[platform]
source = "{source}"
root_url = "https://learn.example.org"
[plugins]
enabled = ["{standard}.*"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[delivery]
database = "sqlite:///outbox.db"
[inputs.log]
input = "files"
paths = ["{log}"]
[destinations.files]
standard = "{standard}"
scope = "all"
sink = "files"
folder = "files"
compress = "none"
batch = {{ size = 1000, interval = "100ms" }}
"""
        )
        options = ("--config", f"{folder}/relay.toml")
        run("learnrelay", "check", *options, SECRET=SECRET)
        run("learnrelay", "worker", *options, "--until-empty", SECRET=SECRET)
        status = json.loads(run("learnrelay", "status", *options, "--json", SECRET=SECRET))["files"]
        written = sum(len(file.read_text("utf-8").splitlines()) for file in (folder / "files").rglob("*.jsonl"))
        assert status["waiting"] == status["dead"] == 0 and written == status["delivered"] > 5, status


def run(command: str, *arguments: str, **environment: str) -> str:
    """Runs a program of this environment, and returns its output."""
    done = subprocess.run(
        [BIN / command, *arguments], capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, f"{command} {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
