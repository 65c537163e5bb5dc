"""``enterprise``: the customer whose learner the event is about, by the UUID that the platform gives it."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from learnrelay import Doubt, Fields, Scope, optional
from learnrelay.kinds import UNREADABLE, identifier, strict_identifier, strict_text, text, uuid
from learnrelay.site import REMEMBERED

_read = lru_cache(REMEMBERED)(uuid)


def enterprise(value: str | None) -> str | None:
    """A field's value as canonical UUID, UNREADABLE for what is none, None where there is nothing."""
    return None if value is None else _read(value) or UNREADABLE


_WHOSE = "compared only, reaches no output"
_WHO = "compared only, to see whether the enterprise is that of the learner or of staff; reaches no output"


class EnterpriseFields(Fields):
    """Where the platform names the enterprise, and whose it is: the context is about who was signed in.

    The kinds are strict: what cannot be read must spoil the proof, and not go unseen.
    """

    in_context = optional("context.enterprise_uuid", kind=strict_text, reason=_WHOSE)
    in_data = optional("data.enterprise_uuid", kind=strict_text, reason=_WHOSE)
    user_id = optional("context.user_id", kind=identifier, reason=_WHO)
    username = optional("context.username", kind=text, reason=_WHO)
    subject_id = optional("data.user_id", "data.attempt_user_id", kind=strict_identifier, reason=_WHO)
    subject_name = optional("data.username", kind=strict_text, reason=_WHO)


class EnterpriseScope(Scope):
    """One UUID or a list of them, compared as UUIDs."""

    key = "enterprise"
    reads = EnterpriseFields

    def wanted(self, value: str) -> str:
        """A UUID."""
        found = uuid(value)
        if found is None:
            raise ValueError("expected the UUID of an enterprise, or a list of them")
        return found

    def owners(self, fields: EnterpriseFields) -> Collection[str] | Doubt:
        """The enterprise that the event names; of all that it names, none may differ.

        Where one user acts for another, the context names the enterprise of the acting one: no proof for the learner.
        """
        in_context, in_data = enterprise(fields.in_context), enterprise(fields.in_data)
        proof = in_context if in_data is None else in_data
        if proof is None:
            return Doubt.ABSENT
        if UNREADABLE in (in_context, in_data):
            return Doubt.UNREADABLE
        if in_context not in (None, proof):
            return Doubt.CONTRADICTORY
        return Doubt.UNPROVEN if in_data is None and _acts_for_another(fields) else (proof,)


def _acts_for_another(fields: EnterpriseFields) -> bool:
    """Whether the payload's user is not who was signed in, or cannot be told to be; where nobody was, nobody acts."""
    for subject, signed_in in ((fields.subject_id, fields.user_id), (fields.subject_name, fields.username)):
        if subject is not None and signed_in is not None:
            return subject != signed_in
    is_named = fields.subject_id is not None or fields.subject_name is not None
    return is_named and (fields.user_id is not None or fields.username is not None)
