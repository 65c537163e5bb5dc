"""Live and replayed statements of every sample of the reference pack: the same, with the same ids."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import Assembly, assemble
from learnrelay.events import SourceEvent
from learnrelay.pipeline.run import OutcomeState, Pipeline
from openedx_events import SOURCE, event_from_line, event_from_mapping
from relay_files import relay_toml
from services import reference_folder

pytest.importorskip("learnrelay_xapi")
pytest.importorskip("learnrelay_caliper")

CONFIG = relay_toml(
    ["xapi.*", "caliper.*"],
    identity={"secret": "env:LEARNRELAY_IDENTITY_SECRET"},
    caliper={"sensor": "https://learn.example.org/sensor"},
)


@pytest.fixture
def assembly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assembly:
    """Assembles all plugins of this repository."""
    monkeypatch.setenv("LEARNRELAY_IDENTITY_SECRET", "Kd7wq2Lmz9Xv4bTn")
    (tmp_path / "relay.toml").write_text(CONFIG, encoding="utf-8")
    return assemble(tmp_path / "relay.toml")


def in_process(event: SourceEvent) -> dict[str, Any]:
    """Returns the event as the LMS hands it over: with a datetime."""
    body = dict(event.body)
    with suppress(TypeError, ValueError):
        body["timestamp"] = datetime.fromisoformat(body["timestamp"])
    return body


def as_line(event: SourceEvent) -> bytes:
    """Writes the event as the platform's logger does: parts of the context at the root, the payload as text."""
    context = dict(event.body["context"])
    root = {key: context.pop(key) for key in SOURCE.shape.context_at_root if key in context}
    data = event.body["data"]
    record = {"name": event.name, "event": json.dumps(data) if isinstance(data, dict) else data, "context": context}
    prefix = b"2025-03-03 09:00:00,104 INFO 17 [tracking] [user 4] [ip 203.0.113.24] logger.py:41 - "
    return prefix + json.dumps({**record, **root, "time": event.body["timestamp"]}).encode()


def test_live_and_replayed_statements_of_every_sample(assembly: Assembly) -> None:
    pipeline = Pipeline(assembly.plan)

    def said(event: SourceEvent) -> list[dict[str, Any]]:
        """Times as instants: the samples have some in other zones than the platform writes."""
        parsed = [statement.parsed for outcome in pipeline.process(event) for statement in outcome.statements]
        for statement in parsed:
            key = "timestamp" if "timestamp" in statement else "eventTime"
            statement[key] = datetime.fromisoformat(statement[key])
        return parsed

    transformed = 0
    for path in sorted((reference_folder() / "events" / "raw").glob("*.json")):
        content = json.loads(path.read_bytes())
        for raw in content if isinstance(content, list) else [content]:
            if path.stem == "INDEX" or not isinstance(raw, dict):
                continue
            event = event_from_mapping(raw)
            live, replayed = said(event_from_mapping(in_process(event))), said(event_from_line(as_line(event)))
            assert live == replayed, path.name
            states = {outcome.state for outcome in pipeline.process(event)}
            assert OutcomeState.FAILED in states or bool(live) == (OutcomeState.TRANSFORMED in states)
            transformed += bool(live)
    assert transformed > 100
