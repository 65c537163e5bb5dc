"""Declares the facts of Open edX's events: when, who, which course, which session."""

from __future__ import annotations

from learnrelay import Facts, InvalidFieldError, UserRef, Who, optional, required
from learnrelay.kinds import INVALID, Invalid, identifier, moment, strict_identifier, strict_text, text

from .courses import COURSE_FOUND, WHERE, course_key
from .origins import OriginFields, is_from_client

_WHO = "turned into a pseudonym by the identity provider; the value itself reaches no output"


class OpenedxFacts(OriginFields, Facts):
    """Declares what is read for every statement of every standard."""

    moment = required("timestamp", kind=moment)
    time_text = required("timestamp", kind=text)
    subject_id = optional("data.user_id", "data.attempt_user_id", kind=strict_identifier, reason=_WHO)
    subject_name = optional("data.username", kind=strict_text, reason=_WHO)
    user_id = optional("context.user_id", kind=identifier, reason=_WHO)
    username = optional("context.username", kind=text, reason=_WHO)
    course_id = optional(*COURSE_FOUND, kind=course_key, reason=WHERE)
    session = optional("context.session", kind=text, reason="published only as a keyed digest")

    who_reads = ("subject_id", "subject_name", "user_id", "username", "sender", "request")

    @staticmethod
    def who(
        subject_id: str | Invalid | None,
        subject_name: str | Invalid | None,
        user_id: str | None,
        username: str | None,
        sender: str | Invalid | None = None,
        request: str | None = None,
    ) -> Who | None:
        """Returns the user whom the server's payload names, else who was signed in; None for nobody.

        Staff who act for a learner are in the context, the learner in the payload. Where a client sent the payload, it
        may name anybody: who was signed in counts. A text that is no number in the place of an id is a user name (some
        old events have it so). Raises InvalidFieldError where the server's payload names a user whom nobody can read:
        the one who was signed in may be another.
        """
        if is_from_client(sender, request):
            subject_id = subject_name = None
        if isinstance(subject_id, Invalid) or isinstance(subject_name, Invalid):
            raise InvalidFieldError(
                "the payload names a user by what is none",
                path="data.user_id" if subject_id is INVALID else "data.username",
            )
        owns_session = subject_id in (None, user_id) and subject_name in (None, username)
        staff = _staff(subject_id, subject_name, user_id, username)
        if subject_id is None and subject_name is None:
            subject_id, subject_name = user_id, username
        elif subject_name is None and subject_id == user_id:
            subject_name = username
        elif subject_id is None and subject_name == username:
            subject_id = user_id
        if subject_id is not None and not subject_id.isdecimal():
            subject_id, subject_name = None, subject_name or subject_id
        return Who(UserRef(subject_id, subject_name), owns_session, staff) if subject_id or subject_name else None


def _staff(
    subject_id: str | None, subject_name: str | None, user_id: str | None, username: str | None
) -> UserRef | None:
    """Returns who was signed in, where that is certainly not the user whom the payload names."""
    if user_id and subject_id:
        is_another = subject_id not in (user_id, username)
    else:
        is_another = bool(username and subject_name) and username != subject_name
    known_id = user_id if user_id and user_id.isdecimal() else None
    return UserRef(known_id, username) if is_another and (known_id or username) else None
