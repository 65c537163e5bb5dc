"""Composing events: what every one has (id, time, actor, application, course, session) around what a mapping said.

A mapping says ``object`` and perhaps ``target``, ``generated``, ``referrer``, ``membership``, ``extensions``; ``actor``
where that is the platform and not the learner; ``eventTime`` (a datetime) where that is not when it was recorded.
The constants of its declaration are ``type``, ``action`` and ``profile``: one each, or several of which the mapping
says one (the first, if it says none). Each of several things said becomes an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from hashlib import sha1
from typing import Any
from uuid import UUID

import orjson

from learnrelay import Said, Site, Skip, Statement, Transformer
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER, Common, learner_of
from learnrelay.site import UserRef, cached

from . import __version__, entities
from .entities import Entity, Known, OfLearner, in_utc
from .schema.tables import VERSIONS
from .version_1_1 import in_1_1

CONTEXTS = {version: vocabulary.context for version, vocabulary in VERSIONS.items()}
"""Configured version → ``@context`` and ``dataVersion``."""

OF_A_COURSE = frozenset(
    name for name, lineage in VERSIONS["1.2"].lineage.items() if "DigitalResource" in lineage and name != "WebPage"
)
"""Types of which an object belongs to the course; a page of the web may be anywhere."""

NAMESPACE = UUID("1f5f5b67-6c2e-5b7a-8b0e-1d8c1c8d9c44")
_NAMESPACE = NAMESPACE.bytes
_VERSION = {"transformerVersion": f"learnrelay-caliper@{__version__}"}


def composer(
    settings: Mapping[str, Any], transformer: Transformer, site: Site
) -> Callable[[Common, Said | Sequence[Said]], Sequence[Statement] | Skip]:
    """Prepare everything that does not depend on the event."""
    version = settings["version"]
    context = CONTEXTS[version]
    default_type, default_action, default_profile = (
        _first(transformer.constants[key]) for key in ("type", "action", "profile")
    )
    ed_app = entities.platform(site)

    @cached
    def course_of(key: str) -> Known:
        return Known(pruned(entities.course(site, key), ""))

    @cached
    def iri_of(user: UserRef) -> str | None:
        known = site.learner(user)
        return None if known is None else site.iri("user", known.pseudonym)

    def one(common: Common, said: Said, learner: str) -> Statement:
        said = pruned(said, learner)
        course = None if common.course_id is None else course_of(common.course_id)
        said_object = said["object"] if course is None else in_course(said["object"], course["id"])
        event: Statement = {
            "@context": context,
            "id": "",
            "type": said.get("type", default_type),
            "profile": said.get("profile", default_profile),
            "actor": {"id": learner, "type": "Person"},
            "action": said.get("action", default_action),
            "object": said_object,
            "eventTime": in_utc(said.get("eventTime", common.moment)),
        }
        for key in ("target", "generated", "referrer", "membership"):
            if key in said:
                event[key] = said[key]
        event["edApp"] = ed_app
        if "actor" in said:
            event["actor"], event["edApp"] = ed_app, ed_app["id"]
        if course is not None:
            event["group"] = course if said_object["id"] != course["id"] else course["id"]
        if common.session is not None:
            event["session"] = {"id": f"urn:uuid:{site.digest(common.session)}", "type": "Session"}
            if learner_acts(common):
                event["session"]["user"] = {"id": learner, "type": "Person"}
        event["extensions"] = {**said["extensions"], **_VERSION} if "extensions" in said else _VERSION
        event["id"] = stable_id(common, event, said, learner)
        return event if version != "1.1" else in_1_1(event)

    def compose(common: Common, said: Said | Sequence[Said]) -> Sequence[Statement] | Skip:
        user = learner_of(common)
        if user is None:
            return Skip(NOBODY)
        learner = iri_of(user)
        if learner is None:
            return Skip(UNKNOWN_LEARNER)
        if isinstance(said, dict):
            return [one(common, said, learner)]
        several = [said] if isinstance(said, Mapping) else said
        return [one(common, this, learner) for this in several]

    return compose


def _first(constant: str | tuple[str, ...]) -> str:
    return constant if isinstance(constant, str) else constant[0]


def learner_acts(common: Common) -> bool:
    """Whether the session is the learner's own: not where staff act for a learner whom the payload names."""
    return common.subject_id in (None, common.user_id) and common.subject_name in (None, common.username)


def in_course(entity: Entity, course: str) -> Entity:
    """A resource, or what an attempt is at, as a part of the course, unless it is part of something else."""
    if entity["type"] == "Attempt":
        assignable = entity["assignable"]
        return entity if isinstance(assignable, str) else {**entity, "assignable": in_course(assignable, course)}
    return {**entity, "isPartOf": course} if entity["type"] in OF_A_COURSE and "isPartOf" not in entity else entity


def stable_id(common: Common, event: Statement, said: Said, learner: str) -> str:
    """``urn:uuid:`` of version 5 (RFC 4122, 4.3): the same in live and replay, so consumers can deduplicate.

    Made of the event's own content only, so it tells nothing that the event does not (ADR 6); not of what
    may change between two runs over the same log (titles, versions).
    """
    told = "\n".join((
        common.name,
        said.get("eventTime", common.moment).astimezone(UTC).isoformat(),
        learner,
        event["type"],
        event["action"],
        event["object"]["id"],
        said["target"]["id"] if "target" in said else "",
        said["generated"]["id"] if "generated" in said else "",
        orjson.dumps(said["extensions"]).decode() if "extensions" in said else "",
    ))  # fmt: skip
    digits = sha1(_NAMESPACE + told.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def pruned(said: Mapping[str, Any], learner: str) -> Entity:
    """Entities of the learner written out; without what is None, and without objects that are empty then."""
    kept: Entity = {}
    for key, value in said.items():
        kind = type(value)
        if kind is str or kind is Known:
            kept[key] = value
        elif kind is dict:
            if inner := pruned(value, learner):
                kept[key] = inner
        elif isinstance(value, OfLearner):
            kept[key] = pruned(value.entity(learner), learner)
        elif value is not None:
            kept[key] = value
    return kept
