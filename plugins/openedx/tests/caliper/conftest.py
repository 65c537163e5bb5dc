"""A relay for the tests: events in, Caliper events out, with learners, courses and a platform of our own invention."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from golden_files import optional_families
from invented import COURSES
from learnrelay.assembly.assemble import assemble_from
from learnrelay.pipeline.run import Pipeline
from services import reference_folder

sys.path.insert(0, str(Path(__file__).parents[3] / "caliper" / "tests"))

from official_schemas import official_schemas

LEARNERS = {  # user id, username, external id
    ("7", "mira.o", "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07"),
    ("8", "tomas_v", "5f3e9c1a-77b2-4d0e-8a41-c3d5e6f70808"),
    ("9", "dr.okafor", "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c09"),
}


def relay(
    directory: Path,
    *,
    learners: Iterable[tuple[str, str, str]] = LEARNERS,
    root_url: str = "https://learn.example.org",
    identity: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Pipeline:
    """Returns a pipeline with all families, optional ones too; ``settings`` are those of ``[caliper]``."""
    for name, head, rows in (
        ("learners.csv", ("user_id", "username", "external_id"), sorted(learners)),
        ("courses.csv", ("course_id", "title"), COURSES.items()),
    ):
        with (directory / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
    raw = {
        "platform": {"root_url": root_url},
        "plugins": {"enabled": ["caliper.*", *optional_families("caliper")]},
        "identity": identity or {"provider": "table", "path": "learners.csv", "secret": "a secret of the tests"},
        "courses": {"provider": "table", "path": "courses.csv"},
        "caliper": settings,
    }
    return Pipeline(assemble_from(raw, directory / "relay.toml").plan)


@pytest.fixture(scope="session")
def relay_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pipeline]:
    """Returns `relay` in a directory of its own."""
    return lambda **options: relay(tmp_path_factory.mktemp("relay"), **options)


@pytest.fixture(scope="session")
def pipeline(relay_with: Callable[..., Pipeline]) -> Pipeline:
    """Returns the pipeline with default settings."""
    return relay_with()


@pytest.fixture(scope="session")
def reference() -> Path:
    """Returns the reference pack, where it is at hand."""
    return reference_folder()


@pytest.fixture(scope="session")
def officially_valid(reference: Path) -> Callable[[str, dict[str, Any]], bool]:
    """Tells whether 1EdTech's schema accepts an event or entity, in the version 1.2 or 1.1."""
    return official_schemas(reference)
