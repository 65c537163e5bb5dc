"""Our own plugins and the deferred pipeline: the declared fields of every sample say the same as the whole event."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from learnrelay.assembly.assemble import assemble_from
from learnrelay.errors import EventError
from learnrelay.events import SourceEvent
from learnrelay.outbox.deferred import DeferredEvent
from learnrelay.pipeline.run import Outcome, Pipeline
from learnrelay.privacy.pruning import compile_pruners
from learnrelay.reading.lines import open_log, read_lines
from learnrelay_contract_tests.samples import alterations
from openedx_events import event_from_line, event_from_mapping
from services import reference_folder

LOG = Path(__file__).parents[1] / "tracking.log"
ALTERED = 25  # of an event, for the first two of each name


def destination(standard: str, **more: Any) -> dict[str, Any]:
    return {"standard": standard, "url": "https://consumer.example.org/x", "scope": "all", **more}


ASSEMBLY = assemble_from(
    {
        "platform": {"root_url": "https://learn.example.org"},
        "plugins": {"enabled": ["xapi.*", "caliper.*", "enterprise_filter"]},
        "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
        "destinations": {
            "all": destination("xapi"),
            "own": destination("xapi", pseudonyms="own"),
            "partner": destination("xapi", scope={"org": "HarbourTech"}),
            "course": destination("caliper", scope={"all": True, "deny": {"org": "HarbourTech"}}),
            "matched": destination("caliper", match={"context.user_id": [7, 12], "data.mode": ["audit"]}),
        },
    },
    Path("relay.toml"),
)


def events_of_the_log() -> Iterator[SourceEvent]:
    with open_log(str(LOG)) as stream:
        for line in read_lines(stream, "log"):
            try:
                yield event_from_line(line.content)
            except EventError:
                continue


def events_of_the_reference() -> Iterator[SourceEvent]:
    for path in sorted((reference_folder() / "events" / "raw").glob("*.json")):
        content = orjson.loads(path.read_bytes())
        for raw in content if isinstance(content, list) else [content]:
            try:
                yield event_from_mapping(raw)
            except EventError:
                continue


Samples = Callable[[], Iterator[SourceEvent]]

of_all_samples = pytest.mark.parametrize("samples", [events_of_the_log, events_of_the_reference])


def varied(samples: Samples) -> Iterator[SourceEvent]:
    seen: Counter[str] = Counter()
    for event in samples():
        yield event
        seen[event.name] += 1
        if seen[event.name] <= 2 and event.name in ASSEMBLY.plan.mappings:
            others = [other for _, other in alterations(event.body) if type(other.get("context")) is dict]
            for other in random.Random(event.id).sample(others, min(ALTERED, len(others))):
                try:
                    yield event_from_mapping(other)
                except EventError:
                    continue


def comparable(outcomes: list[Outcome]) -> Any:
    return [
        (
            outcome.standard,
            outcome.state,
            outcome.reason,
            outcome.statements,
            outcome.destinations,
            outcome.own,
            outcome.denied,
        )
        for outcome in outcomes
    ]


def of_another(event: SourceEvent) -> SourceEvent:
    """Returns the same event of another learner in another session, later, in another course."""
    body = orjson.loads(orjson.dumps(event.body))
    learner = {"user_id": 990_001, "username": "somebody.else", "session": "Nq4vz7Mtd2Jk9pRx"}
    course = {"course_id": "course-v1:Other+COURSE+2026"} if len(event.name) % 2 else {}
    body["context"] = {**body["context"], **learner, **course}
    body["timestamp"] = "2026-11-02T08:15:00.123456+02:00"
    return SourceEvent(body, event.reader)


@of_all_samples
def test_what_is_remembered_changes_no_outcome(samples: Samples) -> None:
    remembering, forgetful = Pipeline(ASSEMBLY.plan), Pipeline(ASSEMBLY.plan, caching=False)
    transformed = 0
    for event in varied(samples):
        for seen in (event, of_another(event)):
            outcomes = forgetful.process(seen)
            assert comparable(remembering.process(seen)) == comparable(outcomes), event.name
            transformed += any(outcome.statements for outcome in outcomes)
    assert transformed > 1000


@of_all_samples
def test_the_declared_fields_of_every_sample_give_the_same_statements(samples: Samples) -> None:
    pipeline, prunes = Pipeline(ASSEMBLY.plan), compile_pruners(ASSEMBLY.plan, ASSEMBLY.registry, ASSEMBLY.source.facts)
    names: Counter[str] = Counter()
    whole_size = kept_size = 0
    for event in varied(samples):
        prune = prunes.get(event.name)
        if prune is None:
            continue
        kept = orjson.dumps({"id": event.id, "body": prune(event.body)})
        stored = orjson.loads(kept)
        again = DeferredEvent(stored["body"], stored["id"], ASSEMBLY.source.reader)
        assert comparable(pipeline.process(again)) == comparable(pipeline.process(event)), event.name
        names[event.name] += 1
        whole_size += len(orjson.dumps(event.body))
        kept_size += len(kept)
    assert len(names) > 50 and names.total() > 1000
    assert kept_size < whole_size


@of_all_samples
def test_what_nobody_declares_is_not_kept(samples: Samples) -> None:
    prunes = compile_pruners(ASSEMBLY.plan, ASSEMBLY.registry, ASSEMBLY.source.facts)
    for event in samples():
        if event.name in prunes:
            planted = orjson.loads(orjson.dumps(event.body))
            planted["context"]["agent"] = planted["context"]["ip"] = "planted"
            for holder in (planted, planted["data"]):
                if type(holder) is dict:
                    holder["nobody_reads_this"] = {"id": "planted"}
            assert b"planted" not in orjson.dumps(prunes[event.name](event_from_mapping(planted).body)), event.name
