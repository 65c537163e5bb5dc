"""Goldens of the families: source events, and the statements that they give. ``README.md`` says how to change them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WIDTH = 116

ONE_STANDARD = {
    "edx.certificate.generation.disabled": "xapi",  # Caliper has no action for these
    "edx.certificate.generation.enabled": "xapi",
    "edx.course.home.course_update.toggled": "xapi",
    "edx.drag_and_drop_v2.item.picked_up": "xapi",
    "microsoft.office.mix.loaded": "xapi",
}
"""Event that one standard alone can express → that standard."""


def optional_families(standard: str) -> list[str]:
    """Lists the families of this package that are off by default."""
    points = entry_points(group="learnrelay.optional_families.v1")
    return [
        point.name for point in points
        if point.dist and point.dist.name == "learnrelay-openedx" and point.name.startswith(f"{standard}.")
    ]  # fmt: skip


def golden_files(standard: str) -> list[Path]:
    """Lists the golden files of a standard, one for each family."""
    return sorted(HERE.glob(f"*/{standard}.json"))


def read_goldens(standard: str) -> Iterator[dict[str, Any]]:
    """Reads the goldens of a standard, family by family."""
    for file in golden_files(standard):
        yield from json.loads(file.read_text("utf-8"))


def read_names(standard: str) -> dict[str, Any]:
    """Reads the names of what recurs in the goldens of a standard."""
    names: dict[str, Any] = json.loads((HERE / standard / "names.json").read_text("utf-8"))
    return names


def missing_golden(standard: str, mapped: set[str]) -> str:
    """Says which mapped names have no golden, and what to do; empty where all have one."""
    shown = {name for golden in read_goldens(standard) for name in [golden["event"]["name"], *golden.get("also", [])]}
    if not (missing := sorted(mapped - shown)):
        return ""
    return (
        f"no golden shows {', '.join(missing)}: add an entry with title and event to plugins/openedx/tests/FAMILY/"
        f"{standard}.json, and fill in what it gives (CONTRIBUTING.md, Adding an event, step 3)"
    )


def to_text(value: Any, indent: int = 0, before: int = 0) -> str:
    """Writes JSON in which what fits into a line stands in one; ``before``: characters in the line already."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + before <= WIDTH or not isinstance(value, (dict, list)):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, list):
        members, brackets = [("", item) for item in value], "[]"
    else:
        members, brackets = [(f"{json.dumps(key, ensure_ascii=False)}: ", value[key]) for key in value], "{}"
    lines = [inner + key + to_text(item, indent + 2, indent + 2 + len(key)) for key, item in members]
    return brackets[0] + "\n" + ",\n".join(lines) + f"\n{' ' * indent}{brackets[1]}"
