"""Access control for learnrelay: which enterprise or university partner may receive which event.

A destination with ``scope = { enterprise = "UUID" }`` or ``scope = { org = "Harbour" }`` receives only events that
prove they belong to it. No proof, or a contradictory one, means no.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import text, uuid
from learnrelay.openedx.keys import parse_course

__version__ = "0.1.0"


class EnterpriseFields(Fields):
    """Where the platform names the enterprise of the learner."""

    in_context = optional("context.enterprise_uuid", kind=text)
    in_data = optional("data.enterprise_uuid", kind=text)


class EnterpriseScope(Scope):
    """``enterprise``: one UUID or a list of them, compared as UUIDs."""

    key = "enterprise"
    reads = EnterpriseFields

    def __init__(self, wanted: Any) -> None:
        self._wanted = frozenset(_uuids(wanted))

    def denial(self, fields: EnterpriseFields) -> str | None:
        """Every enterprise that the event names must be the same, and one of the wanted."""
        named = [told for told in (fields.in_context, fields.in_data) if told is not None]
        if not named:
            return "enterprise: the event names none"
        proofs = {uuid(told) for told in named}
        if None in proofs:
            return "enterprise: what the event names is no UUID"
        if len(proofs) > 1:
            return "enterprise: the event names several that differ"
        return None if proofs <= self._wanted else "enterprise: the event belongs to another"


class OrgFields(Fields):
    """Where an event names the organisation: in the course keys and in the context."""

    org_id = optional("context.org_id", kind=text)
    in_context = optional("context.course_id", kind=text)
    in_data = optional("data.course_id", kind=text)


class OrgScope(Scope):
    """``org``: one organisation or a list of them, as they stand in course keys; compared exactly."""

    key = "org"
    reads = OrgFields

    def __init__(self, wanted: Any) -> None:
        self._wanted = frozenset(_texts(wanted, "an organisation as in course keys"))

    def denial(self, fields: OrgFields) -> str | None:
        """The course key proves the organisation; everything else that names one must agree."""
        courses = [key for key in (fields.in_context, fields.in_data) if key is not None]
        parsed = [parse_course(key) for key in courses]
        if not parsed or None in parsed:
            return "org: the event names no course" if not parsed else "org: the course key cannot be read"
        proofs = {key.org for key in parsed if key is not None}
        if fields.org_id is not None:
            proofs.add(fields.org_id)
        if len(proofs) > 1:
            return "org: course key and organisation contradict each other"
        return None if proofs <= self._wanted else "org: the event belongs to another"


def _texts(wanted: Any, what: str) -> list[str]:
    values = wanted if isinstance(wanted, list) else [wanted]
    if not values or not all(isinstance(value, str) and value.strip() == value and value for value in values):
        raise ValueError(f"expected {what}, or a list of them")
    return values


def _uuids(wanted: Any) -> list[str | None]:
    found = [uuid(value) for value in _texts(wanted, "the UUID of an enterprise")]
    if None in found:
        raise ValueError("expected the UUID of an enterprise, or a list of them")
    return found


@hookimpl
def register_scopes(register: Callable[[type[Scope]], None]) -> None:
    """Contribute both scopes."""
    register(EnterpriseScope)
    register(OrgScope)
