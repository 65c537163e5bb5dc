"""Composing events: what every one has (id, time, actor, application, course, session) around what a mapping said.

A mapping says ``object`` and perhaps ``target``, ``generated``, ``referrer``, ``membership``, ``extensions``; ``actor``
where that is the platform and not the learner; ``eventTime`` (a datetime) where that is not when it was recorded.
The constants of its declaration are ``type``, ``action`` and ``profile``: one each, or several of which the mapping
says one (the first, if it says none). Each of several things said becomes an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from learnrelay import Said, Site, Skip, Statement, Transformer, Written, content_uuid, kept_json, to_json
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER, Common, learner_among
from learnrelay.site import cached

from . import __version__, entities
from .entities import ANYBODY, Entity, LearnerWantedError, learner_key, present, to_microseconds
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
_VERSION = {"transformerVersion": f"learnrelay-caliper@{__version__}"}


_WHOLE, _NAMED = attrgetter("json"), attrgetter("told")
"""How a known entity is written: as it is in an event, by its id for the event's id."""


@dataclass(slots=True)
class Thing:
    """A thing said, as JSON in pieces, between which learner and course are put.

    told: what the id is made of besides name, time, learner, course and session: type, action, and the SHA-1 of what
    was said. before, after: the event without id, time, learner, group and session; between them stands what the object
    is part of, where ``in_course``. about: id of the object. by_platform: the actor is in it already. happened: when,
    where that is not when it was recorded.
    """

    told: bytes
    before: Sequence[bytes]
    after: Sequence[bytes]
    in_course: bool
    about: str
    by_platform: bool
    happened: datetime | None


Things = Sequence["Thing | Said"]
"""Things said, prepared where that is possible without knowing the learner."""


def writer(settings: Mapping[str, Any], transformer: Transformer, site: Site) -> Callable[[Said, str], Thing]:
    """A function that writes what a mapping said for the learner with an IRI: one that ends in `ANYBODY` is for all."""
    version = settings["version"]
    ed_app = entities.platform(site)
    skeleton: Statement = {
        "@context": CONTEXTS[version],
        "type": _first(transformer.constants["type"]),
        "profile": _first(transformer.constants["profile"]),
        "action": _first(transformer.constants["action"]),
        "object": None,
        "edApp": ed_app.json,
        "extensions": _VERSION,
    }

    def write(said: Said, learner: str) -> Thing:
        parts = present(said, learner)
        happened: datetime | None = parts.pop("eventTime", None)
        event: Statement = {**skeleton, **parts, "object": in_course(parts["object"], _COURSE, site.root_url)}
        if "actor" in parts:
            event["actor"], event["edApp"] = ed_app.json, ed_app["id"]
        if "extensions" in parts:
            event["extensions"] = {**parts["extensions"], **_VERSION}
        # Known entities count by their ids: titles may be others in the next run over the same log (ADR 6)
        digest = sha1(to_json(parts, _NAMED, orjson.OPT_PASSTHROUGH_SUBCLASS), usedforsecurity=False).hexdigest()
        told = f'"{event["type"]}","{event["action"]}","{digest}"]'.encode()
        if version == "1.1":
            event = in_1_1(event)
        written = to_json(event, _WHOLE, orjson.OPT_PASSTHROUGH_SUBCLASS)
        before, part_of, after = written[1:-1].partition(_COURSE.encode())
        if part_of:
            before, after = before.removesuffix(_PART_OF), after[1:]
        return Thing(
            told,
            before.split(_ANYBODY),
            after.split(_ANYBODY),
            bool(part_of),
            event["object"]["id"],
            "actor" in parts,
            happened,
        )

    return write


_COURSE, _PART_OF = "~QZXJ~ZJXQ~XQJZ~JZQX~ZXJQ~", b',"isPartOf":"'
_ANYBODY = ANYBODY.encode()
"""Places of course and learner in what is written."""


def preparer(
    settings: Mapping[str, Any], transformer: Transformer, site: Site
) -> Callable[[Said | Sequence[Said]], Things]:
    """Prepare what depends on the mapping's words alone; `composer` goes on with what this gives."""
    write, anybody = writer(settings, transformer, site), site.iri("user", ANYBODY)

    def thing(said: Said) -> Thing | Said:
        try:
            return write(said, anybody)
        except LearnerWantedError:
            return said

    return lambda said: [thing(said)] if isinstance(said, Mapping) else [thing(one) for one in said]


def composer(
    settings: Mapping[str, Any], transformer: Transformer, site: Site
) -> Callable[[Common, Things], Sequence[Written] | Skip]:
    """Prepare everything that does not depend on the event: what comes is put between what is JSON already."""
    (around_of, session_of), write = surroundings(site), writer(settings, transformer, site)
    names = {event: kept_json(event) for event in transformer.events}

    def compose(common: Common, things: Things) -> Sequence[Written] | Skip:
        around = around_of((common.subject_id, common.subject_name, common.user_id, common.username, common.course_id))
        if isinstance(around, Skip):
            return around
        name = names.get(common.name) or to_json(common.name)
        recorded = to_microseconds(common.moment)
        session, in_session = session_of((common.session, around.user))
        course, key = around.course, around.key
        surroundings_told = b"".join((around.person, b",", course.id, b",", session))
        made = []
        for prepared in things:
            thing = prepared if isinstance(prepared, Thing) else write(prepared, around.iri)
            when = recorded if thing.happened is None else to_microseconds(thing.happened)
            # UUID of version 5 (RFC 4122, 4.3), made of the event's own content only (ADR 6)
            told = b"".join((b"[", name, b',"', when, b'",[', surroundings_told, b"],", thing.told))
            identifier = f"urn:uuid:{_uuid_of(told)}"
            content = b"".join((
                b'{"id":"', identifier.encode(), b'","eventTime":"', when[:23], b'Z"',
                b"" if thing.by_platform else around.actor,
                course.group if thing.about != course.iri else course.same_group,
                in_session, b",", key.join(thing.before),
                course.part_of if thing.in_course else b"",
                key.join(thing.after), b"}",
            ))  # fmt: skip
            made.append(Written(identifier, content))
        return made

    return compose


@dataclass(slots=True)
class Course:
    """A course as JSON: its IRI (null for none); the properties ``group``, whole and by its id, and ``isPartOf``."""

    iri: str | None
    id: bytes
    group: bytes
    same_group: bytes
    part_of: bytes


@dataclass(slots=True)
class Around:
    """What the events of a learner in a course have in common, most of it as JSON.

    iri: the learner's. key: its end, by which entities of learners are told apart. person: the learner. actor: the
    same as a property; user: as one of the session, where it is the learner's own, and not that of staff who act for
    a learner whom the payload names.
    """

    iri: str
    key: bytes
    person: bytes
    actor: bytes
    user: bytes
    course: Course


Named = tuple[str | None, str | None, str | None, str | None, str | None]
"""How an event names users (id and name in the payload, id and name of who was signed in) and course."""


class Surroundings(NamedTuple):
    """From how an event names users and course to what surrounds what it says; from the key of a session, and the
    property ``user`` that it may have, to the session as JSON (null for none) and as a property. One cache for all.
    """

    around_of: Callable[[Named], Around | Skip]
    session_of: Callable[[tuple[str | None, bytes]], tuple[bytes, bytes]]


@cached
def surroundings(site: Site) -> Surroundings:
    """What surrounds all that events of a platform say."""

    def session(named: tuple[str | None, bytes]) -> tuple[bytes, bytes]:
        key, user = named
        if key is None:
            return b"null", b""
        told = b'{"id":%b,"type":"Session"%b}' % (kept_json(f"urn:uuid:{site.digest(key)}"), user)
        return told, b',"session":' + told

    @cached
    def course_of(key: str | None) -> Course:
        if key is None:
            return Course(None, b"null", b"", b"", b"")
        course = entities.course(site, key)
        iri = kept_json(course["id"])
        return Course(course["id"], iri, b',"group":' + kept_json(course), b',"group":' + iri, b',"isPartOf":' + iri)

    def around(named: Named) -> Around | Skip:
        *users, course_key = named
        user = learner_among(*users)
        if user is None:
            return Skip(NOBODY)
        learner = site.learner(user)
        if learner is None:
            return Skip(UNKNOWN_LEARNER)
        iri = site.iri("user", learner.pseudonym)
        person = kept_json(entities.person(iri))
        subject_id, subject_name, user_id, username = users
        acts = subject_id in (None, user_id) and subject_name in (None, username)
        return Around(
            iri,
            kept_json(learner_key(iri))[1:-1],
            person,
            b',"actor":' + person,
            b',"user":' + person if acts else b"",
            course_of(course_key),
        )

    return Surroundings(cached(around), cached(session))


def _first(constant: str | tuple[str, ...]) -> str:
    return constant if isinstance(constant, str) else constant[0]


def in_course(entity: Entity, course: str, root_url: str) -> Entity:
    """A resource of the platform, or what an attempt is at, as a part of the course, unless it is part of another."""
    if entity["type"] == "Attempt":
        assignable = entity["assignable"]
        if isinstance(assignable, str):
            return entity
        return {**entity, "assignable": in_course(assignable, course, root_url)}
    if entity["type"] in OF_A_COURSE and "isPartOf" not in entity and entity["id"].startswith(root_url):
        return {**entity, "isPartOf": course}
    return entity
