"""The example of a further platform: its own tests pass, and 1EdTech's schemas accept what it makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from services import reference_folder

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins" / "caliper" / "tests"))

from official_schemas import official_schemas

EXAMPLE = Path(__file__).parents[1] / "canvas"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Installs the example in a folder of its own; returns the environment of processes that have it."""
    site = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
         "--disable-pip-version-check", "--target", site, EXAMPLE],
        check=True, timeout=300,
    )  # fmt: skip
    # A service for CI sets CI, with which the harness refuses a run that leaves the contract out.
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV")) and key != "CI"}
    secret = {"LEARNRELAY_IDENTITY_SECRET": "Kd7wq2Lmz9Xv4bTn"}
    return {**kept, **secret, "PYTHONPATH": str(site), "LEARNRELAY_SOURCE": "canvas"}


def test_its_own_tests_pass(environment: dict[str, str]) -> None:
    """Leaves the contract to ``test_own_plugins.py``, where it is slow."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not contract", EXAMPLE / "tests"],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.fixture(params=["1.2", "1.1"])
def relay(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Writes an operator's file for the versions of Caliper."""
    (file := tmp_path / f"{request.param}.toml").write_text(
        f"""
        platform = {{source = "canvas", root_url = "https://canvas.harbour-college.example"}}
        plugins = {{enabled = ["caliper.canvas"]}}
        identity = {{provider = "keyed", secret = "env:LEARNRELAY_IDENTITY_SECRET"}}
        caliper = {{version = "{request.param}"}}
        """,
        "utf-8",
    )
    return file


def run(environment: dict[str, str], *arguments: str | Path) -> str:
    """Runs ``learnrelay``, and returns what it prints."""
    command = [Path(sys.executable).parent / "learnrelay", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout


def test_its_events_pass_the_official_schemas(environment: dict[str, str], relay: Path) -> None:
    is_valid = official_schemas(reference_folder())
    made = run(environment, "transform", "--config", relay, EXAMPLE / "events.jsonl")
    events = [json.loads(line) for line in made.splitlines()]
    assert len({event["type"] for event in events}) == 5
    for event in events:
        assert is_valid(relay.stem, event), event["type"]


@pytest.mark.parametrize("relay", ["1.2"], indirect=True)
def test_its_data_map_lists_what_passes(environment: dict[str, str], relay: Path) -> None:
    passed: dict[str, set[str]] = defaultdict(set)
    for flow in json.loads(run(environment, "privacy", "--config", relay, "--json"))["flows"]:
        if flow["form"] not in ("", "derived", "decides"):
            passed[flow["source"]].add(f"{flow['grade']}: {flow['form']}")
    assert passed == {
        "context.actor.id": {"indirect: pseudonym"},
        "context.generated.maxScore": {"none: value"},
        "context.generated.scoreGiven": {"none: value"},
        "context.group.id": {"none: value"},
        "context.session.id": {"indirect: digest", "indirect: pseudonym"},
        "data.assignable.id": {"none: value"},
        "data.assignee.id": {"indirect: pseudonym"},
        "data.count": {"none: value"},
        "data.id": {"indirect: value"},
        "data.isPartOf.id": {"none: value"},
        "timestamp": {"none: value"},
    }
