"""Our own plugins and the deferred pipeline: the declared fields of every sample say the same as the whole event."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from learnrelay.assembly import assemble_from
from learnrelay.delivery.deferred import DeferredEvent
from learnrelay.errors import EventError
from learnrelay.events import SourceEvent, event_from_line, event_from_mapping
from learnrelay.lines import open_log, read_lines
from learnrelay.pipeline import Outcome, Pipeline
from learnrelay.pruning import pruners
from learnrelay_contract_tests.samples import alterations

LOG = Path(__file__).parents[1] / "tracking.log"
ALTERED = 25  # of an event, for the first two of each name


def destination(standard: str, **more: Any) -> dict[str, Any]:
    return {"standard": standard, "url": "https://consumer.example.org/x", "scope": "all", **more}


ASSEMBLY = assemble_from(
    {
        "platform": {"root_url": "https://learn.example.org"},
        "plugins": {"enabled": ["xapi.*", "caliper.*", "enterprise_filter"]},
        "identity": {"provider": "keyed", "secret": "s" * 32},
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


def samples() -> Iterator[SourceEvent]:
    with open_log(str(LOG)) as stream:
        for line in read_lines(stream, "log"):
            try:
                yield event_from_line(line.content)
            except EventError:
                continue
    if reference := os.environ.get("LEARNRELAY_REFERENCE"):
        events = Path(reference, "events")
        for path in sorted(events.joinpath("raw").glob("*.json")):
            told = orjson.loads(path.read_bytes())
            for raw in told if isinstance(told, list) else [told]:
                try:
                    yield event_from_mapping(raw)
                except EventError:
                    continue


def varied() -> Iterator[SourceEvent]:
    seen: Counter[str] = Counter()
    for event in samples():
        yield event
        seen[event.name] += 1
        if seen[event.name] <= 2 and event.name in ASSEMBLY.plan.steps:
            others = [other for _, other in alterations(event.body) if type(other.get("context")) is dict]
            for other in random.Random(event.id).sample(others, min(ALTERED, len(others))):
                try:
                    yield event_from_mapping(other)
                except EventError:
                    continue


def told(outcomes: list[Outcome]) -> Any:
    return [
        (one.standard, one.state, one.reason, one.statements, one.destinations, one.own, one.denied) for one in outcomes
    ]


def of_another(event: SourceEvent) -> SourceEvent:
    """The same event of another learner in another session, later, in another course."""
    body = orjson.loads(orjson.dumps(event.body))
    told = {"user_id": 990_001, "username": "somebody.else", "session": "e" * 32}
    course = {"course_id": "course-v1:Other+COURSE+2026"} if len(event.name) % 2 else {}
    body["context"] = {**body["context"], **told, **course}
    body["timestamp"] = "2026-11-02T08:15:00.123456+02:00"
    return SourceEvent(body)


def test_what_is_remembered_changes_no_outcome() -> None:
    remembering, forgetful = Pipeline(ASSEMBLY.plan), Pipeline(ASSEMBLY.plan, remember=False)
    transformed = 0
    for event in varied():
        for one in (event, of_another(event)):
            outcomes = forgetful.process(one)
            assert told(remembering.process(one)) == told(outcomes), event.name
            transformed += any(outcome.statements for outcome in outcomes)
    assert transformed > 1000


def test_the_declared_fields_of_every_sample_say_the_same() -> None:
    pipeline, prunes = Pipeline(ASSEMBLY.plan), pruners(ASSEMBLY.plan, ASSEMBLY.registry)
    names: Counter[str] = Counter()
    whole_size = kept_size = 0
    for event in varied():
        prune = prunes.get(event.name)
        if prune is None:
            continue
        kept = orjson.dumps({"id": event.id, "body": prune(event.body)})
        stored = orjson.loads(kept)
        again = DeferredEvent(stored["body"], stored["id"])
        assert told(pipeline.process(again)) == told(pipeline.process(event)), event.name
        names[event.name] += 1
        whole_size += len(orjson.dumps(event.body))
        kept_size += len(kept)
    assert len(names) > 50 and names.total() > 3000
    assert kept_size < whole_size


def test_what_nobody_declares_is_not_kept() -> None:
    prunes = pruners(ASSEMBLY.plan, ASSEMBLY.registry)
    for event in samples():
        if event.name in prunes:
            planted = orjson.loads(orjson.dumps(event.body))
            planted["context"]["agent"] = planted["context"]["ip"] = "planted"
            for holder in (planted, planted["data"]):
                if type(holder) is dict:
                    holder["nobody_reads_this"] = {"id": "planted"}
            assert b"planted" not in orjson.dumps(prunes[event.name](event_from_mapping(planted).body)), event.name
