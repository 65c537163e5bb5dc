"""Knows which statements the models of Aspects cannot read.

Its views cast values of statements that they choose by verb. A value that cannot be cast fails the insert of the whole
batch, so statements that have one are inserted apart, and left out by those views alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .rows import StatementHead

EVALUATED = "https://w3id.org/xapi/acrossx/verbs/evaluated"
ATTEMPT = "http://id.tincanapi.com/extension/attempt-id"
VIDEO_VERBS = frozenset(
    {
        "http://adlnet.gov/expapi/verbs/completed",
        "http://adlnet.gov/expapi/verbs/initialized",
        "http://adlnet.gov/expapi/verbs/terminated",
        "https://w3id.org/xapi/video/verbs/paused",
        "https://w3id.org/xapi/video/verbs/played",
        "https://w3id.org/xapi/video/verbs/seeked",
    }
)
TIMES = ("https://w3id.org/xapi/video/extensions/time", "https://w3id.org/xapi/video/extensions/time-from")
LONGEST_TIME = 10**7  # seconds; Decimal32(2) has seven digits before the point


def is_readable(head: StatementHead) -> bool:
    """Tells whether all models of Aspects can read a statement. Those of others may have any form."""
    verb = _member(head.verb, "id")
    if verb == EVALUATED:  # taken for an answer to a problem, also where it is about something else
        attempt = _member(_parsed(head.object), "definition", "extensions", ATTEMPT)
        return isinstance(_member(_parsed(head.result), "success"), bool) and _is_whole(attempt)
    if isinstance(verb, str) and verb in VIDEO_VERBS:
        extensions = _member(_parsed(head.result), "extensions")
        return all(_is_time(_member(extensions, name)) for name in TIMES)
    return True


def _parsed(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw) if bytes(raw) else None


def _member(value: Any, *keys: str) -> Any:
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _is_whole(value: Any) -> bool:
    return type(value) is int or (isinstance(value, str) and value.isdecimal() and value.isascii())


def _is_time(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and abs(value) < LONGEST_TIME)
