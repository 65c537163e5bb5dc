"""Goldens: what becomes of an event, as whole statements. `goldens/README.md` says how to change them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from learnrelay.events import event_from_mapping
from learnrelay.pipeline import Pipeline, State
from learnrelay_xapi import __version__
from learnrelay_xapi.schema import statement_schema

GOLDENS = Path(__file__).parent / "goldens"
FILES = sorted(file for file in GOLDENS.glob("*.json") if file.stem != "names")
NAMES = json.loads((GOLDENS / "names.json").read_text("utf-8"))
WIDTH = 116


def said_of(pipeline: Pipeline, event: dict[str, Any]) -> Any:
    """The statements, or why there are none, in the form that a golden has; the version is left open."""
    (outcome,) = pipeline.process(event_from_mapping(event))
    if outcome.state is not State.TRANSFORMED:
        where = f"{outcome.error.path}: " if outcome.error else ""
        return f"{outcome.state.value}: {where}{outcome.reason}"
    said = [one.parsed for one in outcome.statements]
    for statement in said:
        assert statement_schema().validate(statement) == {}
    return shortened(said)


def shortened(value: Any) -> Any:
    """With names in the place of what recurs (`goldens/names.json`)."""
    for name, meant in NAMES.items():
        if value == meant:
            return name
    if value == f"learnrelay-xapi@{__version__}":
        return "learnrelay-xapi@…"
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    return [shortened(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_goldens(pipeline: Pipeline, file: Path) -> None:
    goldens = json.loads(file.read_text("utf-8"))
    if os.environ.get("LEARNRELAY_REGENERATE"):
        for golden in goldens:
            golden["gives"] = said_of(pipeline, golden["event"])
        file.write_text(written(goldens) + "\n", "utf-8")
    for golden in goldens:
        assert said_of(pipeline, golden["event"]) == golden["gives"], golden["title"]
        for name in golden.get("also", []):
            others = said_of(pipeline, golden["event"] | {"name": name})
            assert [s | {"id": ""} for s in others] == [s | {"id": ""} for s in golden["gives"]], name


def test_every_mapped_name_has_a_golden(pipeline: Pipeline) -> None:
    goldens = [golden for file in FILES for golden in json.loads(file.read_text("utf-8"))]
    shown = {name for golden in goldens for name in [golden["event"]["name"], *golden.get("also", [])]}
    assert set(pipeline.plan.steps) - shown == set()


def written(value: Any, indent: int = 0, before: int = 0) -> str:
    """JSON in which what fits into a line stands in one; ``before``: characters in the line already."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + before <= WIDTH or not isinstance(value, (dict, list)):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, list):
        members, brackets = [("", item) for item in value], "[]"
    else:
        members, brackets = [(f"{json.dumps(key, ensure_ascii=False)}: ", value[key]) for key in value], "{}"
    lines = [inner + key + written(item, indent + 2, indent + 2 + len(key)) for key, item in members]
    return brackets[0] + "\n" + ",\n".join(lines) + f"\n{' ' * indent}{brackets[1]}"
