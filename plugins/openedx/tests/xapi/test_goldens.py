"""Goldens: what becomes of an event, as whole statements. `../README.md` says how to change them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from golden_files import golden_files, missing_golden, read_names, to_text
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay_openedx import __version__
from learnrelay_xapi.schema import statement_schema
from openedx_events import event_from_mapping

NAMES = read_names("xapi")


def outcome_of(pipeline: Pipeline, event: dict[str, Any]) -> Any:
    """Returns the statements, or why there are none, in the form that a golden has; the version is left open."""
    (outcome,) = pipeline.process(event_from_mapping(event))
    if outcome.state is not OutcomeState.TRANSFORMED:
        where = f"{outcome.error.path}: " if outcome.error else ""
        return f"{outcome.state.value}: {where}{outcome.reason}"
    statements = [statement.parsed for statement in outcome.statements]
    for statement in statements:
        assert statement_schema().validate(statement) == {}
    return shortened(statements)


def shortened(value: Any) -> Any:
    """Puts names in the place of what recurs (`names.json`)."""
    for name, meant in NAMES.items():
        if value == meant:
            return name
    if value == f"learnrelay-openedx@{__version__}":
        return "learnrelay-openedx@…"
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    return [shortened(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("file", golden_files("xapi"), ids=lambda file: file.parent.name)
def test_goldens(pipeline: Pipeline, file: Path) -> None:
    goldens = json.loads(file.read_text("utf-8"))
    if os.environ.get("LEARNRELAY_REGENERATE"):
        for golden in goldens:
            golden["gives"] = outcome_of(pipeline, golden["event"])
        file.write_text(to_text(goldens) + "\n", "utf-8")
    for golden in goldens:
        assert outcome_of(pipeline, golden["event"]) == golden["gives"], golden["title"]
        for name in golden.get("also", []):
            others = outcome_of(pipeline, golden["event"] | {"name": name})
            assert [s | {"id": ""} for s in others] == [s | {"id": ""} for s in golden["gives"]], name


def test_every_mapped_name_has_a_golden(pipeline: Pipeline) -> None:
    assert not (problem := missing_golden("xapi", set(pipeline.plan.mappings))), problem
