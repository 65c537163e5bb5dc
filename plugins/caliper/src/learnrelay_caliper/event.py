"""Composing events: what every one has (id, time, actor, application, course, session) around what a mapping said.

A mapping says ``object`` and perhaps ``target``, ``generated``, ``referrer``, ``membership``, ``extensions``; ``actor``
where that is the platform and not the learner; ``eventTime`` (a datetime) where that is not when it was recorded.
The constants of its declaration are ``type``, ``action`` and ``profile``: one each, or several of which the mapping
says one (the first, if it says none). Each of several things said becomes an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha1
from typing import Any
from uuid import UUID

import orjson

from learnrelay import Said, Site, Skip, Statement, Transformer
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER, Common, Named, learner_among
from learnrelay.site import cached

from . import __version__, entities
from .entities import Entity, Known, OfLearner, to_microseconds
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
    context = CONTEXTS[version]
    default_type, default_action, default_profile = (
        _first(transformer.constants[key]) for key in ("type", "action", "profile")
    )
    ed_app = entities.platform(site)

    @cached
    def learner_iri(named: Named) -> str | Skip:
        user = learner_among(named)
        if user is None:
            return Skip(NOBODY)
        learner = site.learner(user)
        return Skip(UNKNOWN_LEARNER) if learner is None else site.iri("user", learner.pseudonym)

    def one(common: Common, said: Said, learner: str, recorded: str) -> Statement:
        parts = pruned(said, learner)
        when = to_microseconds(parts.pop("eventTime")) if "eventTime" in parts else recorded
        course = None if common.course_id is None else entities.course(site, common.course_id)
        about: Entity = parts["object"] if course is None else in_course(parts["object"], course["id"], site.root_url)
        event: Statement = {
            "@context": context,
            "id": "",
            "type": parts.get("type", default_type),
            "profile": parts.get("profile", default_profile),
            "actor": {"id": learner, "type": "Person"},
            "action": parts.get("action", default_action),
            "object": about,
            "eventTime": f"{when[:23]}Z",
        }
        for key in ("target", "generated", "referrer", "membership"):
            if key in parts:
                event[key] = parts[key]
        event["edApp"] = ed_app
        if "actor" in parts:
            event["actor"], event["edApp"] = ed_app, ed_app["id"]
        if course is not None:
            event["group"] = course if about["id"] != course["id"] else course["id"]
        if common.session is not None:
            event["session"] = {"id": f"urn:uuid:{site.digest(common.session)}", "type": "Session"}
            if learner_acts(common):
                event["session"]["user"] = {"id": learner, "type": "Person"}
        event["extensions"] = {**parts["extensions"], **_VERSION} if "extensions" in parts else _VERSION
        event["id"] = stable_id(common.name, when, event, course, parts)
        return event if version != "1.1" else in_1_1(event)

    def compose(common: Common, said: Said | Sequence[Said]) -> Sequence[Statement] | Skip:
        learner = learner_iri((common.subject_id, common.subject_name, common.user_id, common.username))
        if isinstance(learner, Skip):
            return learner
        recorded = to_microseconds(common.moment)
        if type(said) is dict:
            return [one(common, said, learner, recorded)]
        several = [said] if isinstance(said, Mapping) else said
        return [one(common, this, learner, recorded) for this in several]

    return compose


def _first(constant: str | tuple[str, ...]) -> str:
    return constant if isinstance(constant, str) else constant[0]


def learner_acts(common: Common) -> bool:
    """Whether the session is the learner's own: not where staff act for a learner whom the payload names."""
    return common.subject_id in (None, common.user_id) and common.subject_name in (None, common.username)


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


def stable_id(source: str, when: str, event: Statement, course: Known | None, parts: Entity) -> str:
    """``urn:uuid:`` of version 5 (RFC 4122, 4.3): the same in live and replay, so consumers can deduplicate.

    Made of the event's own content only, so it tells nothing that the event does not (ADR 6). Known entities count
    by their ids: titles may be others in the next run over the same log. Versions do not count.
    """
    told = (source, when, event["actor"], event["type"], event["action"], course, event.get("session"), parts)
    content = orjson.dumps(told, default=_id_of, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    digits = sha1(_NAMESPACE + content, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def _id_of(known: Any) -> str:
    identifier: str = known["id"]
    return identifier


def pruned(said: Mapping[str, Any], learner: str) -> Entity:
    """Entities of the learner written out; without what is None, and without objects that are empty then."""
    kept: Entity = {}
    for key, value in said.items():
        if value is None:
            continue
        if type(value) is dict:
            if inner := pruned(value, learner):
                kept[key] = inner
        elif isinstance(value, OfLearner):
            kept[key] = pruned(value.entity(learner), learner)
        else:
            kept[key] = value
    return kept
