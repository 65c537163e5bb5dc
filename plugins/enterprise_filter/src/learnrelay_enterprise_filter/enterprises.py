"""Implements the scope ``enterprise``: the customer whose learner the event is about, by the platform's UUID."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from learnrelay import Scope, Source, Unproven
from learnrelay.caching import cached
from learnrelay.config.fields import NO_SETTINGS
from learnrelay.kinds import INVALID, Invalid, uuid

_read = cached(uuid)


def enterprise(value: str | Invalid | None) -> str | Invalid | None:
    """Returns a field's value as canonical UUID, INVALID for another value, None without one."""
    return value if value is None or isinstance(value, Invalid) else _read(value) or INVALID


class EnterpriseScope(Scope):
    """Stands for one UUID or a list of them, compared as UUIDs. The source declares where events name it."""

    key = "enterprise"

    def __init__(self, source: Source, settings: Mapping[str, Any] = NO_SETTINGS) -> None:
        super().__init__(source, settings)
        if source.enterprise_proof is None:
            raise ValueError(f"events of {source.name} name no enterprise")
        self._proof = source.enterprise_proof
        self.reads = self._proof.reads

    def wanted(self, value: str) -> str:
        """Reads a UUID of the operator's file."""
        canonical = uuid(value)
        if canonical is None:
            raise ValueError("expected the UUID of an enterprise, or a list of them")
        return canonical

    def owners(self, fields: Any) -> Collection[str] | Unproven:
        """Returns the enterprise that the event names, if it names no other.

        Where one user acts for another, the context names the enterprise of the acting one: no proof for the learner.
        A payload that a client sent proves nothing, and is about who was signed in.
        """
        is_trusted = self._proof.trusts_payload(fields)
        in_context, in_data = enterprise(fields.in_context), enterprise(fields.in_data) if is_trusted else None
        proof = in_context if in_data is None else in_data
        if proof is None:
            return Unproven.ABSENT
        if isinstance(proof, Invalid) or isinstance(in_context, Invalid):
            return Unproven.UNREADABLE
        if in_context not in (None, proof):
            return Unproven.CONTRADICTORY
        is_of_another = is_trusted and in_data is None and self._proof.speaks_of_another(fields)
        return Unproven.INSUFFICIENT if is_of_another else (proof,)
