"""Relays for the tests: rows of the log in, statements of both standards out, with learners of our own invention."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import Assembly, assemble_from
from moodle_goldens import COURSES, LEARNERS


def assembled(directory: Path, **sections: Any) -> Assembly:
    """Assembles a relay with all families of Moodle in both standards."""
    for name, head, rows in (
        ("learners.csv", ("user_id", "username", "external_id"), LEARNERS),
        ("courses.csv", ("course_id", "title"), COURSES),
    ):
        with (directory / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
    raw = {
        "platform": {"root_url": "https://learn.example.org", "source": "moodle"},
        "plugins": {"enabled": ["xapi.*", "caliper.*"]},
        "identity": {"provider": "table", "path": "learners.csv", "secret": "Kd7wq2Lmz9Xv4bTn"},
        "courses": {"provider": "table", "path": "courses.csv"},
        **sections,
    }
    return assemble_from(raw, directory / "relay.toml")


@pytest.fixture(scope="session")
def assemble(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Assembly]:
    """Returns `assembled` in a directory of its own."""
    return lambda **sections: assembled(tmp_path_factory.mktemp("relay"), **sections)


@pytest.fixture(scope="session")
def assembly(assemble: Callable[..., Assembly]) -> Assembly:
    """Returns a relay with default settings."""
    return assemble()


@pytest.fixture(scope="session")
def gradebook_assembly(assemble: Callable[..., Assembly]) -> Assembly:
    """Returns a relay in which the gradebook tells grades."""
    return assemble(moodle={"grades": "gradebook"})
