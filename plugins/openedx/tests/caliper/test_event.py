"""What every event has: an id that stays, its time, its learner, and nothing that leads back to a person."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Iterator
from hashlib import sha1
from typing import Any

import orjson
import pytest

from golden_files import read_goldens
from learnrelay import SerializedStatement
from learnrelay.pipeline.run import Pipeline
from learnrelay_caliper.entities import Attempt, EntityOfLearner, Response, written_for
from learnrelay_caliper.event import NAMESPACE
from openedx_events import event_from_line, event_from_mapping

WATCHED = {
    "name": "pause_video",
    "timestamp": "2026-03-02T10:00:50.250999+00:00",
    "context": {"user_id": 7, "course_id": "course-v1:Harbour+SAIL101+2026", "session": "5e55104b1e"},
    "data": {"id": "tacking", "currentTime": 5, "duration": 195},
}
GOLDENS = [golden["event"] for golden in read_goldens("caliper")]
AT_ROOT = ("username", "session", "ip", "agent", "host", "referer", "accept_language", "event_source", "page")


def said_of(pipeline: Pipeline, event: dict[str, Any]) -> list[dict[str, Any]]:
    (outcome,) = pipeline.process(event_from_mapping(event))
    return [statement.parsed for statement in outcome.statements]


def changed(**parts: Any) -> dict[str, Any]:
    """Returns the watched event with other parts; inside data and context in addition to what is there."""
    event: dict[str, Any] = copy.deepcopy(WATCHED)
    for key, value in parts.items():
        event[key] = {**event[key], **value} if isinstance(value, dict) else value
    return event


def test_the_id_is_a_uuid_of_version_5_over_what_the_event_says(pipeline: Pipeline) -> None:
    (event,) = said_of(pipeline, WATCHED)
    parts = {"object": event["object"]["id"], "target": event["target"]}
    around = [event["actor"], event["group"]["id"], event["session"]]
    digest = sha1(orjson.dumps(parts)).hexdigest()
    content = ["pause_video", "2026-03-02T10:00:50.250999", around, "MediaEvent", "Paused", digest]
    assert event["id"] == uuid.uuid5(NAMESPACE, orjson.dumps(content).decode()).urn


def test_the_id_depends_on_what_happened_and_on_nothing_else(pipeline: Pipeline) -> None:
    (event,) = said_of(pipeline, WATCHED)
    same = [
        changed(timestamp="2026-03-02T12:00:50.250999+02:00"),
        changed(context={"ip": "192.0.2.1"}),
        changed(data={"duration": 196}),
    ]
    other = [
        changed(name="edx.video.paused"),
        changed(timestamp="2026-03-02T10:00:50.250998+00:00"),
        changed(context={"user_id": 8}),
        changed(context={"session": "another"}),
        changed(context={"course_id": "Harbour/KNOTS/2014"}),
        changed(data={"currentTime": 6}),
        changed(data={"id": "gybing"}),
        changed(name="stop_video"),
    ]
    assert {said_of(pipeline, variant)[0]["id"] for variant in same} == {event["id"]}
    ids = {said_of(pipeline, variant)[0]["id"] for variant in other}
    assert len(ids) == len(other)
    assert event["id"] not in ids


@pytest.mark.parametrize("event", GOLDENS, ids=lambda event: event["name"])
def test_a_line_of_the_log_gives_the_same_as_the_event_in_the_process(
    pipeline: Pipeline, event: dict[str, Any]
) -> None:
    body = event_from_mapping(event).body
    context = dict(body["context"])
    line = {
        "name": body["name"],
        "event": json.dumps(body["data"]) if isinstance(body["data"], dict) else body["data"],
        "time": body["timestamp"],
        **{key: context.pop(key) for key in AT_ROOT if key in context},
        "context": context,
    }
    (outcome,) = pipeline.process(event_from_line(b"INFO [tracking] " + json.dumps(line).encode()))
    assert [statement.parsed for statement in outcome.statements] == said_of(pipeline, event)


@pytest.mark.parametrize(
    ("timestamp", "written"),
    [
        ("2026-03-02T10:00:50.250999+00:00", "2026-03-02T10:00:50.250Z"),
        ("2026-03-02T00:30:00+02:00", "2026-03-01T22:30:00.000Z"),
        ("2026-03-02 10:00:50.25", "2026-03-02T10:00:50.250Z"),
        ("2026-03-02T10:00:50Z", "2026-03-02T10:00:50.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(pipeline: Pipeline, timestamp: str, written: str) -> None:
    assert said_of(pipeline, changed(timestamp=timestamp))[0]["eventTime"] == written


def test_nothing_leads_back_to_a_person(pipeline: Pipeline) -> None:
    personal = {
        "username": "mira.o",
        "session": "5e55104b1e0c4f1c77aa20e94b6d8d5f",
        "ip": "192.0.2.77",
        "agent": "Mozilla/5.0 (Harbour OS)",
        "client_id": "1789.4711",
        "email": "mira@learn.example.org",
    }
    compared = 0
    for golden in GOLDENS:
        event = event_from_mapping(golden).body
        event["context"] = {**event["context"], "user_id": 7, **personal}
        for statement in said_of(pipeline, event):
            for text in texts(statement):
                assert not any(value in text for value in personal.values()), golden["name"]
            assert statement["session"]["id"].startswith("urn:uuid:")
            assert statement["actor"]["id"].startswith("https://learn.example.org")
            compared += 1
    assert compared > len(GOLDENS) / 2


def texts(value: Any) -> Iterator[str]:
    """Yields all texts below a value, keys as well."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def test_pseudonyms_of_a_secret_differ_between_learners_and_secrets(relay_with: Callable[..., Pipeline]) -> None:
    actors = set()
    for secret in ("a secret of the tests", "another secret of tests"):
        keyed = relay_with(identity={"provider": "keyed", "secret": secret})
        for user in (7, 8):
            (event,) = said_of(keyed, changed(context={"user_id": user}))
            root, _, pseudonym = event["actor"]["id"].rpartition("/")
            assert root == "https://learn.example.org/user"
            assert str(uuid.UUID(pseudonym)) == pseudonym
            assert event["session"]["user"] == event["actor"]
            actors.add(pseudonym)
    assert len(actors) == 4


def test_an_entity_is_described_once_and_named_by_its_id_after_that(pipeline: Pipeline) -> None:
    """In no event is the course, the platform or a resource described twice."""
    for golden in GOLDENS:
        for statement in said_of(pipeline, golden):
            described = [entity["id"] for entity in entities(statement) if set(entity) - {"id", "type"}]
            assert len(described) == len(set(described)), golden["name"]


def entities(value: Any) -> Iterator[dict[str, Any]]:
    """Yields all entities of an event, itself set aside."""
    for inner in value.values() if isinstance(value, dict) else ():
        if isinstance(inner, dict):
            if "id" in inner:
                yield inner
            yield from entities(inner)


class Badge(EntityOfLearner):
    """Makes an entity, of another package, that needs the learner's IRI itself: a placeholder will not do."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt

    def entity(self, learner: str) -> dict[str, Any]:
        return {
            "id": uuid.uuid5(NAMESPACE, learner).urn,
            "type": "Annotation",
            "annotator": learner,
            "annotated": self.attempt.id(learner),
        }


def test_what_is_prepared_is_what_is_written_for_a_learner(relay_with: Callable[..., Pipeline]) -> None:
    """For learners of all kinds of pseudonyms; an entity of somebody else's is written anew for each."""
    learners = [
        ("7", "a", "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07"),
        ("8", "b", "north/8"),
        ("9", "c", 'a "quoted" \\ one%41'),
        ("10", "d", "zażółć"),
    ]
    pipeline = relay_with(learners=learners)
    composing = pipeline.plan.mappings["pause_video"][0].shared
    assert composing.prepare is not None
    item = {"id": "https://learn.example.org/xblock/x", "type": "AssignableDigitalResource"}
    attempt = Attempt(item, 2, part_of=Attempt("https://learn.example.org/y"), describes_learner=True)
    for words in (
        {"object": attempt},
        {"object": item, "generated": Badge(attempt)},
        {"object": attempt, "target": item},
    ):
        prepared = composing.prepare(words)
        for user, _, pseudonym in learners:
            source_event = event_from_mapping(changed(context={"user_id": int(user)}))
            (written,) = composing.compose(source_event.facts, composing.frame(source_event.facts), prepared)
            learner = composing.platform.iri("user", pseudonym)
            assert isinstance(written, SerializedStatement)
            event, expected = written.parsed, written_for(words, learner)
            if "generated" in words:
                assert event["generated"] == expected["generated"]
                continue
            assert event["object"].pop("assignable") == item | {"isPartOf": event["group"]["id"]}
            expected["object"].pop("assignable")
            assert event["object"] == expected["object"]
            assert event["actor"]["id"] == learner
            assert event["object"]["id"].endswith("/attempt/2")
            assert learner.partition("/user/")[2] in event["object"]["id"]


class Numbered(Attempt):
    """Makes an attempt of another package, inside entities of ours."""

    def id(self, learner: str) -> str:
        return uuid.uuid5(NAMESPACE, learner).urn


@pytest.mark.parametrize(
    "of", [lambda entity: Response(entity, "Response"), lambda entity: Attempt("https://x.example", part_of=entity)]
)
def test_what_somebody_else_makes_of_the_learner_is_made_for_each(relay_with: Callable[..., Pipeline], of: Any) -> None:
    composing = relay_with().plan.mappings["pause_video"][0].shared
    assert composing.prepare is not None
    prepared = composing.prepare(
        {"object": {"id": "https://y.example", "type": "WebPage"}, "generated": of(Numbered("z"))}
    )
    for user in (7, 8):
        source_event = event_from_mapping(changed(context={"user_id": user}))
        (written,) = composing.compose(source_event.facts, composing.frame(source_event.facts), prepared)
        assert isinstance(written, SerializedStatement)
        assert uuid.uuid5(NAMESPACE, written.parsed["actor"]["id"]).urn in written.content.decode()


RESET = {
    "name": "edx.grades.problem.state_deleted",
    "timestamp": "2026-03-02T11:00:00+01:00",
    "context": {"user_id": 9, "username": "dr.okafor", "course_id": "course-v1:Harbour+SAIL101+2026"},
    "data": {"user_id": "7", "problem_id": "block-v1:Harbour+SAIL101+2026+type@problem+block@wind"},
}


def by_nobody(event: dict[str, Any]) -> dict[str, Any]:
    """Returns the same event of a task, in which no one is signed in."""
    return {**event, "context": {**event["context"], "user_id": None, "username": ""}}


def test_staff_who_act_on_a_learner_are_the_actor(pipeline: Pipeline) -> None:
    (event,) = said_of(pipeline, RESET)
    (by_platform,) = said_of(pipeline, by_nobody(RESET))
    learner = event["generated"]["assignee"]
    assert (event["type"], event["profile"]) == ("AssessmentEvent", "AssessmentProfile")
    assert event["actor"]["type"] == learner["type"] == "Person"
    assert event["actor"]["id"] != learner["id"]
    assert (by_platform["type"], by_platform["profile"]) == ("Event", "GeneralProfile")
    assert by_platform["actor"]["type"] == "SoftwareApplication"
    assert by_platform["generated"]["assignee"] == learner
    assert event["id"] != by_platform["id"]


def test_the_learner_who_acts_is_no_staff(pipeline: Pipeline) -> None:
    own = {**RESET, "context": {**RESET["context"], "user_id": 7, "username": "mira.o"}}  # type: ignore[dict-item]
    assert said_of(pipeline, own)[0]["actor"]["type"] == "SoftwareApplication"


def test_staff_are_the_actor_where_the_mapping_asks_for_it(pipeline: Pipeline) -> None:
    regraded = {**RESET, "name": "edx.grades.problem.score_overridden"}
    by_staff, by_platform = said_of(pipeline, regraded)[0], said_of(pipeline, by_nobody(regraded))[0]
    assert (by_staff["type"], by_staff["actor"]["type"]) == ("GradeEvent", "Person")
    assert (by_platform["type"], by_platform["actor"]["type"]) == ("GradeEvent", "SoftwareApplication")
    graded = {**RESET, "name": "edx.grades.problem.submitted"}
    assert said_of(pipeline, graded) == said_of(pipeline, by_nobody(graded))
