"""Composing events: what every one has (id, time, actor, application, course, session) around what a mapping said.

A mapping says ``object`` and perhaps ``target``, ``generated``, ``referrer``, ``membership``, ``extensions``, ``actor``.
The constants of its declaration are ``type``, ``action`` and ``profile``: one each, or several of which the mapping
says one (the first, if it says none). Each of several things said becomes an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import UUID

import orjson

from learnrelay import Said, Site, Skip, Statement, Transformer
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER, Common, learner_of
from learnrelay.site import cached

from . import __version__, entities

CONTEXTS = {
    "1.2": "http://purl.imsglobal.org/ctx/caliper/v1p2",
    "1.1": "http://purl.imsglobal.org/ctx/caliper/v1p1",
}
"""Configured version → ``@context`` and ``dataVersion``."""

_EXTENSIONS = {"transformerVersion": f"learnrelay-caliper@{__version__}"}
_NAMESPACE = UUID("1f5f5b67-6c2e-5b7a-8b0e-1d8c1c8d9c44").bytes


def composer(
    settings: Mapping[str, Any], transformer: Transformer, site: Site
) -> Callable[[Common, Said | Sequence[Said]], Sequence[Statement] | Skip]:
    """Prepare everything that does not depend on the event."""
    constants = transformer.constants
    version = settings["version"]
    default_type, default_action, default_profile = (
        _first(constants[key]) for key in ("type", "action", "profile")
    )
    ed_app = entities.platform(site)
    course_of = cached(lambda key: pruned(entities.course(site, key), ""))

    def one(common: Common, said: Said, learner: str) -> Statement:
        said = pruned(said, learner)
        event: Statement = {"@context": CONTEXTS[version], "id": "", "type": said.get("type", default_type)}
        if version != "1.1":
            event["profile"] = said.get("profile", default_profile)
        event["actor"] = said.get("actor") or {"id": learner, "type": "Person"}
        event["action"] = said.get("action", default_action)
        event["object"] = said["object"]
        event["eventTime"] = in_utc(common.moment)
        for key in ("target", "generated", "referrer", "membership"):
            if key in said:
                event[key] = said[key]
        event["edApp"] = ed_app
        if common.course_id is not None:
            event["group"] = course_of(common.course_id)
        if common.session is not None:
            event["session"] = {
                "id": f"urn:uuid:{site.digest(common.session)}",
                "type": "Session",
                "user": {"id": learner, "type": "Person"},
            }
        event["extensions"] = {**said.get("extensions", {}), **_EXTENSIONS}
        event["id"] = stable_id(common, event, learner)
        return event

    def compose(common: Common, said: Said | Sequence[Said]) -> Sequence[Statement] | Skip:
        user = learner_of(common)
        if user is None:
            return Skip(NOBODY)
        known = site.learner(user)
        if known is None:
            return Skip(UNKNOWN_LEARNER)
        learner: str = entities.person(site, known.pseudonym)["id"]
        several = [said] if isinstance(said, Mapping) else said
        return [one(common, this, learner) for this in several]

    return compose


def _first(constant: str | tuple[str, ...]) -> str:
    return constant if isinstance(constant, str) else constant[0]


def stable_id(common: Common, event: Statement, learner: str) -> str:
    """``urn:uuid:`` of version 5, of what the event says: the same in live and replay, so consumers can deduplicate.

    Made of the event's own content only, so it tells nothing that the event does not (ADR 6).
    """
    told = [
        common.name,
        (common.moment if common.moment.tzinfo is UTC else common.moment.astimezone(UTC)).isoformat(),
        learner,
        event["type"],
        event["action"],
        event["object"]["id"],
        event.get("target"),
        event.get("generated"),
        event["extensions"],
    ]
    digest = bytearray(sha1(_NAMESPACE + orjson.dumps(told), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return f"urn:uuid:{UUID(bytes=bytes(digest))}"


def in_utc(moment: datetime) -> str:
    """A moment in UTC with milliseconds and ``Z`` (Caliper 1.2, 4.2): what is finer is cut, as the clock would."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def pruned(said: Mapping[str, Any], learner: str) -> dict[str, Any]:
    """Entities of the learner written out; without what is None, and without objects that are empty then."""
    kept: dict[str, Any] = {}
    for key, value in said.items():
        if isinstance(value, entities.OfLearner):
            value = value.entity(learner)  # noqa: PLW2901
        if type(value) is dict:
            if inner := pruned(value, learner):
                kept[key] = inner
        elif value is not None:
            kept[key] = value
    return kept
