"""Composing events: what every one has (id, time, actor, application, course, session) around what a mapping said.

A mapping says ``object`` and perhaps ``target``, ``generated``, ``referrer``, ``membership``, ``extensions``; ``actor``
where that is the platform and not the learner; ``eventTime`` (a datetime) where that is not when it was recorded.
The constants of its declaration are ``type``, ``action`` and ``profile``: one each, or several of which the mapping
says one (the first, if it says none). Each of several things said becomes an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from orjson import Fragment

from learnrelay import Said, Site, Skip, Statement, Transformer, Written, content_uuid, kept_json, to_json
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER, Common, learner_among
from learnrelay.site import cached

from . import __version__, entities
from .entities import Entity, present, to_microseconds
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


def composer(
    settings: Mapping[str, Any], transformer: Transformer, site: Site
) -> Callable[[Common, Said | Sequence[Said]], Sequence[Written] | Skip]:
    """Prepare everything that does not depend on the event."""
    version = settings["version"]
    around_of = surroundings(site)
    ed_app = entities.platform(site)
    version_said = kept_json(_VERSION)
    skeleton: Statement = {
        "@context": CONTEXTS[version],
        "id": "",
        "type": _first(transformer.constants["type"]),
        "profile": _first(transformer.constants["profile"]),
        "actor": None,
        "action": _first(transformer.constants["action"]),
        "object": None,
        "eventTime": "",
        "edApp": ed_app.json,
        "extensions": version_said,
    }

    def one(source: str, said: Said, around: Around, session: Entity | None, recorded: str) -> Written:
        parts = present(said, around.learner)
        when = to_microseconds(parts.pop("eventTime")) if "eventTime" in parts else recorded
        event: Statement = {**skeleton, **around.parts, **parts, "eventTime": f"{when[:23]}Z"}
        if session is not None:
            event["session"] = session
        if "actor" in parts:
            event["actor"], event["edApp"] = ed_app, ed_app["id"]
        if around.course is not None:
            event["object"] = about = in_course(parts["object"], around.course, site.root_url)
            if about["id"] == around.course:
                event["group"] = around.course
        if "extensions" in parts:
            event["extensions"] = {**parts["extensions"], **_VERSION}
        event["id"] = identifier = stable_id(source, when, event, (around.person, around.course, session), parts)
        if version == "1.1":
            event = in_1_1(event)
        return Written(identifier, to_json(event, _WHOLE, orjson.OPT_PASSTHROUGH_SUBCLASS))

    def compose(common: Common, said: Said | Sequence[Said]) -> Sequence[Written] | Skip:
        around = around_of((common.subject_id, common.subject_name, common.user_id, common.username, common.course_id))
        if isinstance(around, Skip):
            return around
        source, recorded = common.name, to_microseconds(common.moment)
        session = None if common.session is None else session_of(common.session, around, site)
        if type(said) is dict:
            return [one(source, said, around, session, recorded)]
        several = [said] if isinstance(said, Mapping) else said
        return [one(source, this, around, session, recorded) for this in several]

    return compose


_WHOLE, _NAMED = attrgetter("json"), attrgetter("told")
"""How a known entity is written: as it is in an event, by its id for the event's id."""


@dataclass(frozen=True, slots=True)
class Around:
    """What the events of a learner in a course have in common.

    learner, course: their IRIs. person: the learner, as JSON. parts: ``actor`` and ``group``, as JSON. acts: whether
    the session is the learner's own, and not that of staff who act for a learner whom the payload names.
    """

    learner: str
    course: str | None
    person: Fragment
    parts: dict[str, Fragment]
    acts: bool


Named = tuple[str | None, str | None, str | None, str | None, str | None]
"""How an event names users (id and name in the payload, id and name of who was signed in) and course."""


@cached
def surroundings(site: Site) -> Callable[[Named], Around | Skip]:
    """From how an event names users and course to what surrounds what it says; one cache for all."""

    def around(named: Named) -> Around | Skip:
        *users, course_key = named
        user = learner_among(*users)
        if user is None:
            return Skip(NOBODY)
        learner = site.learner(user)
        if learner is None:
            return Skip(UNKNOWN_LEARNER)
        address = site.iri("user", learner.pseudonym)
        person = kept_json(entities.person(address))
        subject_id, subject_name, user_id, username = users
        acts = subject_id in (None, user_id) and subject_name in (None, username)
        if course_key is None:
            return Around(address, None, person, {"actor": person}, acts)
        course = entities.course(site, course_key)
        return Around(address, course["id"], person, {"actor": person, "group": course.json}, acts)

    return cached(around)


def session_of(key: str, around: Around, site: Site) -> Entity:
    """The session, by a digest of its key."""
    session: Entity = {"id": f"urn:uuid:{site.digest(key)}", "type": "Session"}
    if around.acts:
        session["user"] = around.person
    return session


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


def stable_id(source: str, when: str, event: Statement, around: tuple[Any, ...], parts: Entity) -> str:
    """``urn:uuid:`` of version 5 (RFC 4122, 4.3): the same in live and replay, so consumers can deduplicate.

    Made of the event's own content only, so it tells nothing that the event does not (ADR 6). Known entities count
    by their ids: titles may be others in the next run over the same log. Versions do not count.
    """
    told = (source, when, event["type"], event["action"], around, parts)
    return f"urn:uuid:{_uuid_of(to_json(told, _NAMED, orjson.OPT_PASSTHROUGH_SUBCLASS))}"
