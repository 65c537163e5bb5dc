"""A relay for the tests: events in, Caliper events out, with learners, courses and a platform of our own invention."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
from referencing.jsonschema import DRAFT4

from learnrelay.assembly import assemble_from
from learnrelay.pipeline import Pipeline

LEARNERS = {  # user id, username, external id
    ("7", "mira.o", "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07"),
    ("8", "tomas_v", "5f3e9c1a-77b2-4d0e-8a41-c3d5e6f70808"),
    ("9", "dr.okafor", "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c09"),
}
COURSES = {
    "course-v1:Harbour+SAIL101+2026": "Sailing for Beginners",
    "ccx-v1:Harbour+SAIL101+2026+ccx@4": "Sailing for Beginners, evening group",
    "Harbour/KNOTS/2014": "Knots",
    "course-v1:Łódź+ŻEGL+2026": "Żeglarstwo dla początkujących",
}


def relay(
    directory: Path,
    *,
    learners: Iterable[tuple[str, str, str]] = LEARNERS,
    root_url: str = "https://learn.example.org",
    identity: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Pipeline:
    """A pipeline with all families of the standard; ``settings`` are those of ``[caliper]``."""
    for name, head, rows in (
        ("learners.csv", ("user_id", "username", "external_id"), sorted(learners)),
        ("courses.csv", ("course_id", "title"), COURSES.items()),
    ):
        with (directory / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
    raw = {
        "platform": {"root_url": root_url},
        "plugins": {"enabled": ["caliper.*"]},
        "identity": identity or {"provider": "table", "path": "learners.csv", "secret": "a secret of the tests"},
        "courses": {"provider": "table", "path": "courses.csv"},
        "caliper": settings,
    }
    return Pipeline(assemble_from(raw, directory / "relay.toml").plan)


@pytest.fixture(scope="session")
def relay_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pipeline]:
    """`relay` in a directory of its own."""
    return lambda **options: relay(tmp_path_factory.mktemp("relay"), **options)


@pytest.fixture(scope="session")
def pipeline(relay_with: Callable[..., Pipeline]) -> Pipeline:
    """The pipeline with default settings."""
    return relay_with()


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference pack, where it is at hand."""
    path = os.environ.get("LEARNRELAY_REFERENCE")
    if not path:
        pytest.skip("LEARNRELAY_REFERENCE is not set")
    return Path(path)


@pytest.fixture(scope="session")
def officially_valid(reference: Path) -> Callable[[str, dict[str, Any]], bool]:
    """Whether 1EdTech's schema (draft 4) of the type of an event or entity accepts it, in the version 1.2 or 1.1."""
    base = "https://caliper.example/"  # the schemas' own ids are bare names

    def registry(version: str) -> referencing.Registry[Any]:
        files = (reference / "specs" / f"caliper_schema_v{version.replace('.', 'p')}").glob("*.json")
        schemas = ((base + file.stem, json.loads(file.read_text("utf-8"))) for file in files)
        return referencing.Registry().with_resources(
            (iri, DRAFT4.create_resource(schema | {"id": iri})) for iri, schema in schemas
        )

    registries = {version: registry(version) for version in ("1.1", "1.2")}

    def verdict(version: str, thing: dict[str, Any]) -> bool:
        schema: Any = registries[version].contents(base + thing["type"])
        return bool(jsonschema.Draft4Validator(schema, registry=registries[version]).is_valid(thing))

    return verdict
