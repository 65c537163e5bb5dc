"""Makes statements that void others (xAPI 1.0.3, Data 2.3.2 and 2.4.4.3)."""

from __future__ import annotations

from uuid import UUID

from learnrelay import Platform, SerializedStatement, content_uuid, to_json
from learnrelay.kinds import uuid

from .vocabulary import VOIDED

RELAY = "learnrelay"
"""Account of the agent that voids, under the platform's address: the relay itself, for it was no learner."""

_uuid_of = content_uuid(UUID("2d581029-da07-4fa6-aa27-2f54c89afffe"))


def voiding_statement(statement_id: str, version: str, platform: Platform) -> SerializedStatement:
    """Makes the statement that voids another. Raises ValueError for an id that is no UUID.

    It has no time of its own, which the LRS then gives it: made again, it is the same statement.
    """
    voided_id = uuid(statement_id)
    if voided_id is None:
        raise ValueError("is no UUID")
    identifier = _uuid_of(voided_id.encode())
    statement = {
        "id": identifier,
        "actor": {"objectType": "Agent", "account": {"name": RELAY, "homePage": platform.home_url}},
        "verb": VOIDED.json,
        "object": {"objectType": "StatementRef", "id": voided_id},
        "version": version,
    }
    return SerializedStatement(identifier, to_json(statement))
