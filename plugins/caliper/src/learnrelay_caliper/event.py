"""Composing events: what every one has (id, time, actor, application, course, session) around what a mapping said.

A mapping says ``object`` and perhaps ``target``, ``generated``, ``referrer``, ``membership``, ``extensions``; ``actor``
where that is the platform and not the learner; ``eventTime`` (a datetime) where that is not when it was recorded.
The constants of its declaration are ``type``, ``action`` and ``profile``: one each, or several of which the mapping
says one (the first, if it says none). Each of several things said becomes an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from learnrelay import Said, Site, Skip, Statement, Transformer, content_uuid
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER, Common, Named, learner_among
from learnrelay.site import cached

from . import __version__, entities
from .entities import Entity, OfLearner, to_microseconds
from .schema.tables import VERSIONS
from .version_1_1 import in_1_1

CONTEXTS = {version: vocabulary.context for version, vocabulary in VERSIONS.items()}
"""Configured version → ``@context`` and ``dataVersion``."""

OF_A_COURSE = frozenset(
    name for name, lineage in VERSIONS["1.2"].lineage.items() if "DigitalResource" in lineage and name != "WebPage"
)
"""Types of which an object on the platform belongs to the course of its event; a page may belong to none."""

NAMESPACE = UUID("1f5f5b67-6c2e-5b7a-8b0e-1d8c1c8d9c44")
_NAMESPACE = NAMESPACE.bytes
_VERSION = {"transformerVersion": f"learnrelay-caliper@{__version__}"}


def composer(
    settings: Mapping[str, Any], transformer: Transformer, site: Site
) -> Callable[[Common, Said | Sequence[Said]], Sequence[Statement] | Skip]:
    """Prepare everything that does not depend on the event."""
    version = settings["version"]
    around_of = surroundings(site)
    ed_app = entities.platform(site)
    skeleton: Statement = {
        "@context": CONTEXTS[version],
        "id": "",
        "type": _first(transformer.constants["type"]),
        "profile": _first(transformer.constants["profile"]),
        "actor": None,
        "action": _first(transformer.constants["action"]),
        "object": None,
        "eventTime": "",
        "edApp": ed_app,
        "extensions": _VERSION,
    }

    def one(common: Common, said: Said, around: Around, recorded: str) -> Statement:
        parts = pruned(said, around.learner)
        when = to_microseconds(parts.pop("eventTime")) if "eventTime" in parts else recorded
        event: Statement = {**skeleton, **around.parts, **parts}
        event["eventTime"] = f"{when[:23]}Z"
        if "actor" in parts:
            event["actor"], event["edApp"] = ed_app, ed_app["id"]
        if around.course is not None:
            event["object"] = about = in_course(parts["object"], around.course, site.root_url)
            if about["id"] == around.course:
                event["group"] = around.course
        if "extensions" in parts:
            event["extensions"] = {**parts["extensions"], **_VERSION}
        event["id"] = stable_id(common.name, when, event, around, parts)
        return event if version != "1.1" else in_1_1(event)

    def compose(common: Common, said: Said | Sequence[Said]) -> Sequence[Statement] | Skip:
        named = (common.subject_id, common.subject_name, common.user_id, common.username)
        around = around_of((named, common.course_id, common.session))
        if isinstance(around, Skip):
            return around
        recorded = to_microseconds(common.moment)
        if type(said) is dict:
            return [one(common, said, around, recorded)]
        several = [said] if isinstance(said, Mapping) else said
        return [one(common, this, around, recorded) for this in several]

    return compose


@dataclass(frozen=True, slots=True)
class Around:
    """What the events of a learner in a course and a session have in common.

    learner, course: their IRIs. parts: ``actor``, ``group`` and ``session``. told: the same for the id, as JSON.
    """

    learner: str
    course: str | None
    parts: Entity
    told: orjson.Fragment


@cached
def surroundings(site: Site) -> Callable[[tuple[Named, str | None, str | None]], Around | Skip]:
    """From how an event names users, course and session to what surrounds what it says; one cache for all."""

    def around(told: tuple[Named, str | None, str | None]) -> Around | Skip:
        named, course_key, session_key = told
        user = learner_among(named)
        if user is None:
            return Skip(NOBODY)
        learner = site.learner(user)
        if learner is None:
            return Skip(UNKNOWN_LEARNER)
        person = entities.person(site.iri("user", learner.pseudonym))
        parts: Entity = {"actor": person}
        if course_key is not None:
            parts["group"] = entities.course(site, course_key)
        if session_key is not None:
            parts["session"] = {"id": f"urn:uuid:{site.digest(session_key)}", "type": "Session"}
            if learner_acts(named):
                parts["session"]["user"] = person
        course = parts["group"]["id"] if course_key is not None else None
        content = orjson.dumps((person, course, parts.get("session")))
        return Around(person["id"], course, parts, orjson.Fragment(content))

    return cached(around)


def _first(constant: str | tuple[str, ...]) -> str:
    return constant if isinstance(constant, str) else constant[0]


def learner_acts(named: Named) -> bool:
    """Whether the session is the learner's own: not where staff act for a learner whom the payload names."""
    subject_id, subject_name, user_id, username = named
    return subject_id in (None, user_id) and subject_name in (None, username)


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


def stable_id(source: str, when: str, event: Statement, around: Around, parts: Entity) -> str:
    """``urn:uuid:`` of version 5 (RFC 4122, 4.3): the same in live and replay, so consumers can deduplicate.

    Made of the event's own content only, so it tells nothing that the event does not (ADR 6). Known entities count
    by their ids: titles may be others in the next run over the same log. Versions do not count.
    """
    told = (source, when, event["type"], event["action"], around.told, parts)
    content = orjson.dumps(told, default=_id_of, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    return f"urn:uuid:{content_uuid(_NAMESPACE, content)}"


def _id_of(known: Any) -> str:
    identifier: str = known["id"]
    return identifier


def pruned(said: Mapping[str, Any], learner: str) -> Entity:
    """Entities of the learner written out; without what is None, and without objects that are empty then."""
    kept: Entity = {}
    for key, value in said.items():
        kind = type(value)
        if kind is str:  # most of them
            kept[key] = value
        elif value is None:
            continue
        elif kind is dict:
            if inner := pruned(value, learner):
                kept[key] = inner
        elif isinstance(value, OfLearner):
            kept[key] = pruned(value.entity(learner), learner)
        else:
            kept[key] = value
    return kept
