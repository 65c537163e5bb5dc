"""Composes events: puts what every one has (id, time, actor, application, course, session) around a mapping's parts.

A mapping gives `EventParts`; the constants of its declaration are ``type``, ``action`` and ``profile``: one each, or
several of which the mapping gives one (by default the first); and ``staff`` (True: staff who acted on the learner are
the actor, where they are known). Each of several parts becomes an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from orjson import Fragment

from learnrelay import (
    Facts,
    Hole,
    Learner,
    Parts,
    Platform,
    SerializedStatement,
    Statement,
    Transformer,
    Who,
    cached_json,
    content_uuid,
    to_json,
)
from learnrelay.caching import cached
from learnrelay.frames import MakeFrame

from . import entities
from .entities import (
    LEARNER,
    Entity,
    Id,
    LearnerWantedError,
    learner_key,
    learner_to_come,
    to_microseconds,
    written_for,
)
from .schema.tables import VERSIONS
from .version_1_1 import in_1_1

CONTEXTS = {version: vocabulary.context for version, vocabulary in VERSIONS.items()}
"""Configured version → ``@context`` and ``dataVersion``."""

OF_A_COURSE = frozenset(
    name for name, lineage in VERSIONS["1.2"].lineage.items() if "DigitalResource" in lineage and name != "WebPage"
)
"""Types of which an object on the platform belongs to the course of its event; a page may belong to none."""

NAMESPACE = UUID("1f5f5b67-6c2e-5b7a-8b0e-1d8c1c8d9c44")
_uuid_of = content_uuid(NAMESPACE)

_WHOLE, _BY_ID = attrgetter("json"), attrgetter("id_json")
"""How a known entity is written: as it is in an event, by its id for the event's id."""

_COURSE, _PART_OF = Hole(1), b',"isPartOf":'
"""Where an object gets its course; the property's name, which is left out where there is no course."""

_OF_THE_PLATFORM = frozenset({"actor", "type", "profile"})
"""Parts of an event of which no person is known to have acted; with staff as actor the first constants hold."""

_ANYBODY = b"~ZXQJ~JQZX~XJQZ~ZQJX~QXZJ~"
"""Stands in the place of the learner in what ids are made of, and nowhere else."""

# --- frames ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class CourseProperties:
    """Holds a course as JSON: its IRI (null for none), ``group``, whole and by its id, and ``isPartOf``."""

    iri: str | None
    id: bytes
    group: bytes
    group_by_id: bytes
    part_of: bytes


@dataclass(slots=True)
class EventFrame:
    """Holds what the events of a learner in a course and a session have in common, most of it as JSON.

    learner: the IRI. key: its end, by which entities of learners are told apart. actor, session: properties. staff: the
    property ``actor`` for staff who acted; empty for nobody. in_id: what of all this ids are made of.
    """

    learner: str
    key: bytes
    actor: bytes
    staff: bytes
    course: CourseProperties
    session: bytes
    in_id: bytes


def framer(platform: Platform) -> MakeFrame:
    """Prepares what surrounds the events of learners."""

    @platform.cached
    def course_of(course_id: str | None) -> CourseProperties:
        if course_id is None:
            return CourseProperties(None, b"null", b"", b"", b"")
        course = entities.course(platform, course_id)
        iri = cached_json(course["id"])
        return CourseProperties(
            course["id"], iri, b',"group":' + cached_json(course), b',"group":' + iri, b',"isPartOf":' + iri
        )

    @cached
    def learner_of(pseudonym: str) -> tuple[str, bytes, bytes]:
        iri = platform.learner_iri(pseudonym)
        return iri, cached_json(learner_key(iri))[1:-1], cached_json(entities.person(iri))

    def staff_of(learner: Learner, who: Who) -> bytes:
        staff = None if who.staff is None else platform.learner(who.staff)
        return b"" if staff is None or staff == learner else b',"actor":' + learner_of(staff.pseudonym)[2]

    def make_frame(learner: Learner, who: Who, course_id: str | None, session: str | None) -> EventFrame:
        iri, key, person = learner_of(learner.pseudonym)
        course = course_of(course_id)
        session_json = b"null"
        if session is not None:
            user = b',"user":' + person if who.owns_session else b""
            session_id = cached_json(f"urn:uuid:{platform.digest(session)}")
            session_json = b'{"id":%b,"type":"Session"%b}' % (session_id, user)
        return EventFrame(
            iri,
            key,
            b',"actor":' + person,
            staff_of(learner, who),
            course,
            b"" if session is None else b',"session":' + session_json,
            b"".join((person, b",", course.id, b",", session_json)),
        )

    return make_frame


# --- events ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class PreparedParts:
    """Parts as JSON in pieces, between which learner and course are put.

    in_id: what the id is made of besides name, time and frame: type, action, and the SHA-1 of the parts. before, after:
    the event without id, time, learner, group and session; between them stands what the object is part of, where
    ``in_course``. about: id of the object. by_platform: the actor is in it already. happened: when, where that is not
    when it was recorded. by_staff: the same for staff as the actor.
    """

    in_id: bytes
    before: Sequence[bytes]
    after: Sequence[bytes]
    in_course: bool
    about: Id
    by_platform: bool
    happened: datetime | None
    by_staff: PreparedParts | None = None


WritePart = Callable[[Parts, Id], PreparedParts]


def part_writer(settings: Mapping[str, Any], transformer: Transformer, platform: Platform) -> WritePart:
    """Prepares the function that writes parts for a learner, given by the IRI: for all by `learner_to_come`."""
    version = settings["version"]
    ed_app = entities.ed_app(platform)
    transformer_version = {"transformerVersion": transformer.origin}
    names_staff: bool = transformer.constants.get("staff", False)
    skeleton: Statement = {
        "@context": CONTEXTS[version],
        "type": _first(transformer.constants["type"]),
        "profile": _first(transformer.constants["profile"]),
        "action": _first(transformer.constants["action"]),
        "object": None,
        "edApp": ed_app.json,
        "extensions": transformer_version,
    }

    def write(parts: Parts, learner: Id) -> PreparedParts:
        written = write_event(parts, learner)
        if names_staff:
            by_person = {name: part for name, part in parts.items() if name not in _OF_THE_PLATFORM}
            written.by_staff = write_event(by_person, learner)
        return written

    def write_event(parts: Parts, learner: Id) -> PreparedParts:
        properties = written_for(parts, learner)
        happened: datetime | None = properties.pop("eventTime", None)
        about = in_course(properties["object"], _COURSE.value, platform.root_url)
        event: Statement = {**skeleton, **properties, "object": about}
        if "actor" in properties:
            event["actor"], event["edApp"] = ed_app.json, ed_app["id"]
        if "extensions" in properties:
            event["extensions"] = {**properties["extensions"], **transformer_version}
        # Known entities count by their ids: titles may be others in the next run over the same log (ADR 6)
        counted = to_json(properties, _BY_ID, orjson.OPT_PASSTHROUGH_SUBCLASS)
        of_anybody = LEARNER.fill(counted, _ANYBODY)
        names_learner = len(of_anybody) > len(counted)
        digest = sha1(of_anybody, usedforsecurity=False).hexdigest()
        in_id = f'"{event["type"]}","{event["action"]}","{digest}"]'.encode()
        if version == "1.1":
            event = in_1_1(event)
        content = to_json(event, _WHOLE, orjson.OPT_PASSTHROUGH_SUBCLASS)[1:-1]
        before, hole, after = _COURSE.partition(content)
        if hole:
            before = before.removesuffix(_PART_OF)
        return PreparedParts(
            in_id,
            LEARNER.split(before) if names_learner else (before,),
            LEARNER.split(after) if names_learner and after else (after,),
            bool(hole),
            event["object"]["id"],
            "actor" in properties,
            happened,
        )

    return write


def preparer(
    settings: Mapping[str, Any], transformer: Transformer, platform: Platform
) -> Callable[[Parts | Sequence[Parts]], Sequence[PreparedParts | Parts]]:
    """Prepares what depends on the mapping's parts alone; `composer` goes on with what this gives.

    Parts with an entity that asks for the real learner are left as they are.
    """
    write, anybody = part_writer(settings, transformer, platform), learner_to_come(platform)

    def prepare(parts: Parts) -> PreparedParts | Parts:
        try:
            return write(parts, anybody)
        except LearnerWantedError:
            return parts

    def prepare_all(parts: Parts | Sequence[Parts]) -> Sequence[PreparedParts | Parts]:
        if type(parts) is dict or isinstance(parts, Mapping):
            return [prepare(parts)]
        return [prepare(child) for child in parts]

    return prepare_all


def composer(
    settings: Mapping[str, Any], transformer: Transformer, platform: Platform, event: str
) -> Callable[[Facts, EventFrame, Sequence[PreparedParts | Parts]], Sequence[SerializedStatement]]:
    """Makes the function that joins prepared parts, time, frame and id to events."""
    write = part_writer(settings, transformer, platform)
    name = b"[" + cached_json(event) + b',"'

    def compose(
        facts: Facts, frame: EventFrame, prepared: Sequence[PreparedParts | Parts]
    ) -> Sequence[SerializedStatement]:
        recorded = to_microseconds(facts.utc)
        course, key = frame.course, frame.key
        events = []
        for parts in prepared:
            written = parts if isinstance(parts, PreparedParts) else write(parts, frame.learner)
            actor, in_frame = frame.actor, frame.in_id
            if frame.staff and written.by_staff is not None:
                written, actor, in_frame = written.by_staff, frame.staff, frame.in_id + frame.staff
            time = recorded if written.happened is None else entities.microseconds_of(written.happened)
            # UUID of version 5 (RFC 4122, 4.3), made of the event's own content only (ADR 6)
            in_id = b"".join((name, time, b'",[', in_frame, b"],", written.in_id))
            identifier = f"urn:uuid:{_uuid_of(in_id)}"
            content = b"".join((
                b'{"id":"', identifier.encode(), b'","eventTime":"', time[:23], b'Z"',
                b"" if written.by_platform else actor,
                course.group if written.about != course.iri else course.group_by_id,
                frame.session, b",", key.join(written.before),
                course.part_of if written.in_course else b"",
                key.join(written.after), b"}",
            ))  # fmt: skip
            events.append(SerializedStatement(identifier, content))
        return events

    return compose


def _first(constant: str | tuple[str, ...]) -> str:
    return constant if isinstance(constant, str) else constant[0]


def in_course(entity: Entity, course: Fragment, root_url: str) -> Entity:
    """Makes a resource of the platform, or that of an attempt, a part of the course, unless it is part of another."""
    if entity["type"] == "Attempt":
        assignable = entity["assignable"]
        if isinstance(assignable, str):
            return entity
        return {**entity, "assignable": in_course(assignable, course, root_url)}
    if entity["type"] in OF_A_COURSE and "isPartOf" not in entity and entity["id"].startswith(root_url):
        return {**entity, "isPartOf": course}
    return entity
