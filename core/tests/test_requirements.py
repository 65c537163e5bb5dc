"""What our packages require can be had: beside the packages of Open edX, and in its lowest versions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from planted import consuming
from relay_files import relay_toml

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "core", *sorted((ROOT / "plugins").iterdir()), ROOT / "contract_tests"]
UV = Path(sys.executable).with_name("uv")

OPEN_EDX = [  # of the platform's requirements/edx/base.txt, in April 2026, for the release Verawood
    "celery==5.6.3", "click==8.3.2", "cryptography==45.0.7", "Django==5.2.12", "edx-django-utils==8.0.1",
    "edx-event-bus-redis==1.0.0", "event-tracking==4.0.0", "kombu==5.6.2", "openedx-events==11.1.1",
    "openedx-filters==3.1.0", "redis==7.4.0", "requests==2.33.1", "stevedore==5.7.0", "urllib3==2.6.3",
]  # fmt: skip
OPEN_EDX_PYTHON = "3.12"


def required(*, of_the_site: bool = False) -> list[str]:
    """Lists what our packages and all their extras require, save our own packages."""
    projects = [
        tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
        for package in PACKAGES
        if not (of_the_site and package.name == "contract_tests")
    ]
    needs = chain(*(project["dependencies"] for project in projects))
    extras = chain(*(chain(*project.get("optional-dependencies", {}).values()) for project in projects))
    return sorted({need for need in (*needs, *extras) if not need.startswith("learnrelay")})


def uv(*arguments: object, stdin: str = "") -> str:
    """Runs uv, and returns what it prints."""
    done = subprocess.run(
        [UV, *map(str, arguments)], input=stdin, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_everything_resolves_beside_the_packages_of_open_edx() -> None:
    resolved = uv(
        "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", OPEN_EDX_PYTHON, "-",
        stdin="\n".join([*required(of_the_site=True), *OPEN_EDX]),
    )  # fmt: skip
    versions = dict(line.partition("==")[::2] for line in resolved.lower().splitlines() if "==" in line)
    pins = dict(pin.lower().split("==") for pin in OPEN_EDX)
    assert {name: versions[name] for name in pins} == pins
    assert {Requirement(need).name.lower() for need in required(of_the_site=True)} <= versions.keys()


@pytest.mark.slow
def test_the_lowest_versions_work(tmp_path: Path) -> None:
    """Lines are read, transformed in both standards and validated, stored sealed, delivered, and given to Celery."""
    python = tmp_path / "venv" / "bin" / "python"
    uv("venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    (tmp_path / "direct.txt").write_text("\n".join(required()), encoding="utf-8")
    install = ("pip", "install", "--quiet", "--python", python)
    uv(*install, "--resolution", "lowest-direct", "--requirements", tmp_path / "direct.txt")
    uv(*install, "--no-deps", *PACKAGES)
    lines = (ROOT / "examples" / "tracking.log").read_bytes().splitlines(keepends=True)
    (tmp_path / "log").write_bytes(b"".join(line for line in lines[:300] if _is_json(line)))
    with consuming() as port:
        config = tmp_path / "relay.toml"
        destination = {"standard": "caliper", "url": f"http://127.0.0.1:{port}/200"}
        delivery = {"database": "sqlite:///outbox.db", "key": "env:KEY"}
        config.write_text(relay_toml(["xapi.*", "caliper.*", "enterprise_filter"], {"lrs": destination},
                                     delivery=delivery, platform={"source": "openedx"}), encoding="utf-8")  # fmt: skip

        def run(*arguments: object) -> str:
            done = subprocess.run(
                [python, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
                env={"PATH": os.environ["PATH"], "LEARNRELAY_CONFIG": str(config), "SECRET": "Kd7wq2Lmz9Xv4bTn",
                     "KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
            )  # fmt: skip
            assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
            return done.stdout

        run("-m", "learnrelay", "check", "--config", config, "--connect")
        for standard in ("xapi", "caliper"):
            made = tmp_path / f"{standard}.jsonl.zst"
            run("-m", "learnrelay", "transform", "--config", config, "--standard", standard, "--validate",
                "--output", made, "log")  # fmt: skip
            assert made.stat().st_size
        run("-c", EMIT)
        run("-m", "learnrelay", "worker", "--config", config, "--until-empty")
        assert '"waiting": 0' in run("-m", "learnrelay", "status", "--config", config, "--json")
        config.write_text(config.read_text("utf-8").replace("[delivery]", CELERY), encoding="utf-8")
        run("-m", "learnrelay", "contract-test", "--help")
        assert "learnrelay" in run("-m", "celery", "-A", "learnrelay.celery", "report")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


EMIT = """
from learnrelay import Relay
with open("log", "rb") as log, Relay.from_file("relay.toml") as relay:
    outcomes = [outcome for line in log for outcome in relay.emit(line)]
assert any(outcome.statements for outcome in outcomes)
"""
CELERY = """[delivery]
engine = "celery"
broker = "redis://127.0.0.1:1/0"
pipeline = "worker"
"""
