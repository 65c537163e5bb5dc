"""Declares the source ``canvas``: envelopes with a Caliper event, as Canvas sends them.

The payload is the event's object. An event has no name of its own: type and action are joined to make it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from learnrelay import (
    Facts,
    Fields,
    Grade,
    PersonalNames,
    Shape,
    Skip,
    Source,
    UnreadableEventError,
    UserRef,
    Who,
    each,
    hookimpl,
    optional,
    required,
)
from learnrelay.kinds import identifier, moment, text

from .fields import CANVAS, id_of

_WHO = "the identity provider makes a pseudonym of it"
_PEOPLE = (f"{CANVAS}user:470113", f"{CANVAS}user:470217")
_COURSES = (f"{CANVAS}course:565", f"{CANVAS}course:8346")


class CanvasFacts(Facts):
    """Declares what is read for every statement. The learner is who handed work in, otherwise who acted."""

    moment = required("timestamp", kind=moment)
    time_text = required("timestamp", kind=text)
    actor_id = optional("context.actor.id", kind=id_of("user"), reason=_WHO, example=_PEOPLE)
    assignee_id = optional("data.assignee.id", kind=id_of("user"), reason=_WHO, example=_PEOPLE)
    course_id = optional("context.group.id", kind=id_of("course"), example=_COURSES)
    session = optional("context.session.id", kind=text, reason="published only as a keyed digest")

    who_reads = ("actor_id", "assignee_id")

    @staticmethod
    def who(actor_id: str | None, assignee_id: str | None) -> Who | None:
        """Returns the learner; the session is that of the one who acted. None for the system."""
        learner_id = assignee_id or actor_id
        return None if learner_id is None else Who(UserRef(learner_id), owns_session=learner_id == actor_id)


class CanvasSource(Source):
    """``[platform] source = "canvas"``."""

    name = "canvas"
    shape = Shape(
        name=("name",),
        timestamp=("eventTime",),
        data=("object",),
        context_at_root=("id", "actor", "generated", "group", "session"),
        identifying=("id",),
    )
    facts = CanvasFacts
    course_address = "courses/{}"
    personal_names = PersonalNames(
        direct=frozenset({
            "asset_name", "body", "client_ip", "display_name", "filename", "sis_id", "user_login", "user_sis_id",
        }),
        known_paths={
            "timestamp": Grade.NONE, "context.group.id": Grade.NONE,
            "context.actor.id": Grade.INDIRECT, "context.session.id": Grade.INDIRECT,
            "data.id": Grade.INDIRECT, "data.assignee.id": Grade.INDIRECT,  # of a submission, of a person
        },
    )  # fmt: skip

    def bring_into_shape(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Takes the event out of its envelope, and names it. Raises UnreadableEventError."""
        events = raw.get("data")
        if type(events) is list:
            if len(events) != 1 or type(events[0]) is not dict:
                raise UnreadableEventError("an envelope of other than one event", path="data")
            raw = events[0]
        if "name" not in raw and type(raw.get("type")) is type(raw.get("action")) is str:
            raw["name"] = f"{raw['type']}.{raw['action']}"
        return raw


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Contributes the source."""
    register(CanvasSource)


class ActorExtension(Fields):
    """Declares what tells that somebody else acted in the name of a user."""

    real_user_id = optional("real_user_id", kind=identifier, reason="only its presence counts")


class ActorFields(Fields):
    """Declares the extensions of the actor; the key of Canvas's, ``com.instructure.canvas``, has dots."""

    extensions = each("context.actor.extensions", ActorExtension)


@hookimpl(reads=ActorFields)
def filter_event(fields: ActorFields) -> Skip | None:
    """Drops what an administrator did who acted as the learner (masquerading)."""
    acts_as = any(extension.real_user_id for extension in fields.extensions)
    return Skip("somebody else acted in the learner's name") if acts_as else None
