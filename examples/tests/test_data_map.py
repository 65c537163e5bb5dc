"""The data map of our own plugins against the example log: what an alteration changes is listed, for every event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from learnrelay.assembly.assemble import assemble_from
from learnrelay.errors import EventError
from learnrelay.events import SourceEvent
from learnrelay.mapping import Skip
from learnrelay.pipeline.plan import MappingPlan
from learnrelay.pipeline.run import Pipeline
from learnrelay.privacy.data_map import derive_data_map
from learnrelay.privacy.tracing import Leaves, leaves_of
from learnrelay.reading.lines import open_log, read_lines
from openedx_events import event_from_line

LOG = Path(__file__).parents[1] / "tracking.log"
OF_EACH_EVENT = 4


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        yield path
    else:
        for key, inner in pairs:
            yield from paths_in(inner, (*path, key))


def altered(body: dict[str, Any], path: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for what in (lambda old: "other", lambda old: old + 1 if type(old) in (int, float) else not old):
        copy = orjson.loads(orjson.dumps(body))
        holder = copy
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = what(holder[path[-1]])
        yield copy


@pytest.mark.slow
def test_what_an_alteration_changes_is_in_the_map() -> None:
    assembly = assemble_from(
        {
            "platform": {"root_url": "https://learn.example.org"},
            "plugins": {"enabled": ["xapi.*", "caliper.*"]},
            "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
        },
        Path("relay.toml"),
    )
    listed: dict[tuple[str, str], dict[tuple[str, ...], set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in derive_data_map(assembly):
        if row.output:
            listed[row.standard, row.event][tuple(row.source.split("."))].add(row.output)
    pipeline = Pipeline(assembly.plan)

    def leaves(mapping: MappingPlan, body: dict[str, Any]) -> Leaves | None:
        try:
            made = pipeline.statements(mapping, SourceEvent(body, assembly.source.reader, body))
        except EventError:
            return None
        return None if isinstance(made, Skip) else leaves_of(made)

    seen: dict[str, int] = defaultdict(int)
    flows = 0
    with open_log(str(LOG)) as stream:
        for line in read_lines(stream, "log"):
            try:
                event = event_from_line(line.content)
            except EventError:
                continue
            seen[event.name] += 1
            if seen[event.name] > OF_EACH_EVENT:
                continue
            for mapping in assembly.plan.mappings.get(event.name, ()):
                before = leaves(mapping, event.body)
                if before is None:
                    continue
                sources = listed[mapping.standard, event.name]
                for path in paths_in(event.body):
                    allowed: set[str] = set()
                    for source, outputs in sources.items():
                        if all(step in ("*", str(other)) for step, other in zip(source, path, strict=False)):
                            allowed |= outputs if len(source) <= len(path) else set()
                    for body in altered(event.body, path):
                        after = leaves(mapping, body)
                        if after is None:
                            continue
                        changed = {
                            output for output in before.keys() | after.keys()
                            if set(map(repr, before.get(output, ()))) != set(map(repr, after.get(output, ())))
                        }  # fmt: skip
                        assert changed <= allowed, (mapping.standard, event.name, path, changed - allowed)
                        flows += len(changed)
    assert flows > 3_000, "the log exercises the mappings"
