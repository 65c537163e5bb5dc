"""Goldens of the families: rows of the log, and the statements that they give in each standard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STANDARDS = ("xapi", "caliper")

LEARNERS = (  # user id, username, external id
    ("31", "mira", "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07"),
    ("32", "tomas", "5f3e9c1a-77b2-4d0e-8a41-c3d5e6f70808"),
    ("40", "okafor", "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c09"),
)
COURSES = (("7", "Sailing for Beginners"),)


def golden_files() -> list[Path]:
    """Lists the golden files, one for each family."""
    return sorted(HERE.glob("*/goldens.json"))


def read_goldens() -> Iterator[dict[str, Any]]:
    """Reads the goldens, family by family."""
    for file in golden_files():
        yield from json.loads(file.read_text("utf-8"))


def line_of(row: dict[str, Any]) -> bytes:
    """Writes a row as a line of JSON."""
    return json.dumps(row).encode()
