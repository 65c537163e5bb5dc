"""A relay for the tests: events in, statements out, with learners, courses and a platform of our own invention."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from golden_files import optional_families
from invented import COURSES
from learnrelay.assembly.assemble import assemble_from
from learnrelay.pipeline.run import Pipeline
from services import reference_folder

LEARNERS = {  # user id, username, external id, e-mail
    ("7", "mira.o", "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07", "mira@learn.example.org"),
    ("8", "tomas_v", "5f3e9c1a-77b2-4d0e-8a41-c3d5e6f70808", ""),
    ("9", "dr.okafor", "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c09", "okafor@learn.example.org"),
}


def relay(
    directory: Path,
    learners: Any = LEARNERS,
    courses: Mapping[str, str] = COURSES,
    root_url: str = "https://learn.example.org",
    identity: Mapping[str, Any] | None = None,
    language: str = "und",
    **settings: Any,
) -> Pipeline:
    """Returns a pipeline with all families, those that are off by default too; ``settings`` are those of ``[xapi]``."""
    with (directory / "learners.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("user_id", "username", "external_id", "email"), *sorted(learners)])
    with (directory / "courses.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("course_id", "title"), *courses.items()])
    raw = {
        "platform": {"root_url": root_url, "language": language},
        "plugins": {"enabled": ["xapi", "xapi.*", *optional_families("xapi")]},
        "identity": identity or {"provider": "table", "path": "learners.csv", "secret": "a secret of the tests"},
        "courses": {"provider": "table", "path": "courses.csv"},
        "xapi": settings,
    }
    return Pipeline(assemble_from(raw, directory / "relay.toml").plan)


@pytest.fixture(scope="session")
def relay_in() -> Callable[..., Pipeline]:
    """Returns `relay` itself."""
    return relay


@pytest.fixture
def relay_with(tmp_path: Path) -> Callable[..., Pipeline]:
    """Returns `relay` in a directory of its own."""
    return partial(relay, tmp_path)


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Returns the pipeline with default settings."""
    return relay(tmp_path_factory.mktemp("relay"))


@pytest.fixture(scope="session")
def reference() -> Path:
    """Returns the reference pack of an event-routing-backends release, where it is at hand."""
    return reference_folder()
