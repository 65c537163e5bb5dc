"""What every event tells: when, who, in which course, in which session."""

from __future__ import annotations

from ..errors import InvalidFieldError
from ..fields import Fields, optional, required
from ..kinds import UNREADABLE, identifier, moment, strict_identifier, strict_text, text
from ..site import UserRef

NOBODY = "nobody is signed in"
UNKNOWN_LEARNER = "the identity provider does not know the learner"
"""Reasons for which an event without a usable learner is skipped."""

_WHO = "turned into a pseudonym by the identity provider; the value itself reaches no output"


class Common(Fields):
    """Read for every statement of every standard."""

    name = required("name", kind=text)
    moment = required("timestamp", kind=moment)
    subject_id = optional("data.user_id", "data.attempt_user_id", kind=strict_identifier, reason=_WHO)
    subject_name = optional("data.username", kind=strict_text, reason=_WHO)
    user_id = optional("context.user_id", kind=identifier, reason=_WHO)
    username = optional("context.username", kind=text, reason=_WHO)
    course_id = optional("context.course_id", "data.course_id", kind=text)
    session = optional("context.session", kind=text, reason="published only as a keyed digest")


def learner_of(common: Common) -> UserRef | None:
    """The user whom an event is about: the one that its payload names, else who was signed in; None for nobody.

    Staff who act for a learner are in the context, the learner in the payload. A text that is no number in the
    place of an id is a user name (some old events have it so). Raises InvalidFieldError where the payload names a user
    whom nobody can read: the one who was signed in may be another.
    """
    return learner_among(common.subject_id, common.subject_name, common.user_id, common.username)


def learner_among(
    user_id: str | None, name: str | None, signed_in_id: str | None, signed_in_name: str | None
) -> UserRef | None:
    """`learner_of` from its four values, which are a key for what is made of the learner."""
    if UNREADABLE in (user_id, name):
        raise InvalidFieldError(
            "the payload names a user by what is none",
            path="data.user_id" if user_id == UNREADABLE else "data.username",
        )
    if user_id is None and name is None:
        user_id, name = signed_in_id, signed_in_name
    elif name is None and user_id == signed_in_id:
        name = signed_in_name
    elif user_id is None and name == signed_in_name:
        user_id = signed_in_id
    if user_id is not None and not user_id.isdecimal():
        user_id, name = None, name or user_id
    return UserRef(user_id, name) if user_id or name else None
