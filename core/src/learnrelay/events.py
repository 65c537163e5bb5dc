"""Source events: the two shapes in which the platform writes an event become one.

The in-process shape (``name``, ``data``, ``context``, ``timestamp``) is the canonical one. A tracking-log line
has the payload under ``event`` (often as JSON text), the time under ``time``, and has some of the context at the
root; mixtures of both occur. Paths in declarations (``data.…``, ``context.…``) always mean the canonical shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from hashlib import blake2b
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson

from .errors import UnreadableEventError
from .kinds import moment
from .lines import LONGEST_LINE

ROOT_OF_CONTEXT = (
    "username", "session", "ip", "agent", "host", "referer", "accept_language", "event_source", "page",
)  # fmt: skip
"""Keys of the context that a log line carries at its root."""

_root_of_context = itemgetter(*ROOT_OF_CONTEXT)

_IDENTIFYING_CONTEXT = ("user_id", "username", "session", "course_id", "org_id", "path")


class SourceEvent:
    """One event. Its name is known at once, the rest is brought into the canonical shape when it is asked for."""

    __slots__ = ("_body", "_raw", "name")

    def __init__(self, raw: dict[str, Any]) -> None:
        """``raw``: the parsed object, in either shape; it becomes part of the event.

        Raises UnreadableEventError when it has no name.
        """
        name = raw.get("name") or raw.get("event_type")
        if type(name) is not str:
            raise UnreadableEventError("no event name (name, or event_type in old lines)")
        self.name = name
        self._raw = raw
        self._body: dict[str, Any] | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The event in the canonical shape: exactly name, data, context and timestamp."""
        if self._body is None:
            self._body = _canonical(self.name, self._raw)
        return self._body

    @property
    def id(self) -> str:
        """UUID text of the event: equal for both shapes and under replay. For errors and logs, never in an output."""
        context = self.body["context"]
        written = self.body["timestamp"]
        when = moment(written)
        told = [
            self.name,
            when.astimezone(UTC).isoformat() if when else written if type(written) is str else None,
            {
                key: str(value)
                for key in _IDENTIFYING_CONTEXT
                if (value := context.get(key)) and type(value) in (str, int, float)
            },
        ]
        try:
            content = orjson.dumps([*told, self.body["data"]], option=orjson.OPT_SORT_KEYS)
        except TypeError:  # nested deeper than can be written: the rest tells it apart well enough for an error
            content = orjson.dumps(told, default=str)
        return str(UUID(bytes=blake2b(content, digest_size=16).digest()))

    @property
    def course_id(self) -> str | None:
        """The course run that it names."""
        body = self.body
        course = body["context"].get("course_id")
        if not course and type(body["data"]) is dict:
            course = body["data"].get("course_id")
        return course if type(course) is str and course else None

    def __repr__(self) -> str:
        """Name only: the content of an event never reaches a log."""
        return f"SourceEvent({self.name})"


def event_from_line(line: bytes) -> SourceEvent:
    """Read one line of a tracking log, with or without the logger's prefix before the JSON object.

    Where the JSON gives a key twice, the last one counts, for every reader alike.
    Raises UnreadableEventError with the reason, never with the content.
    """
    start = line.find(b"{")
    content = line[start:] if start >= 0 and line[0] not in b"[ \t" else _object_in(line, start)
    try:
        return SourceEvent(orjson.loads(content))
    except orjson.JSONDecodeError as error:
        if (lenient := _lenient(content)) is not None:
            return SourceEvent(lenient)
        reason = f"not valid JSON: {error.msg.partition(':')[0]}"
        raise UnreadableEventError(reason, path=f"column {start + error.colno}") from None


def _lenient(content: bytes) -> Any:
    """JSON with ``NaN`` and ``Infinity``, which the platform's logger writes though there are none in JSON, as null.

    None for what is no JSON otherwise.
    """
    if b"NaN" not in content and b"Infinity" not in content:
        return None
    try:
        said = json.loads(content, parse_constant=lambda _: None, parse_int=orjson.loads)
        return orjson.loads(orjson.dumps(said))  # refuses what else the slow reader takes
    except (ValueError, TypeError, RecursionError):
        return None


def _object_in(line: bytes, start: int) -> bytes:
    """The object that begins at ``start`` of a line that begins unlike those of loggers."""
    if start < 0:
        raise UnreadableEventError("blank line" if not line.strip() else "no JSON object in the line")
    if line[:start].lstrip()[:1] == b"[":
        raise UnreadableEventError("a JSON array, expected one object a line")
    return line[start:]


def event_from_mapping(raw: Mapping[str, Any]) -> SourceEvent:
    """Read an event handed over inside a Python process. It is copied through JSON, so the caller's stays untouched.

    Raises UnreadableEventError when it holds what JSON cannot say, or too much.
    """
    try:
        content = _as_json(raw)
        refuse_above_limit(content)
        copy = orjson.loads(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnreadableEventError(f"cannot be written as JSON ({type(error).__name__})") from None
    if type(copy) is not dict:
        raise UnreadableEventError("not an object")
    return SourceEvent(copy)


def _as_json(raw: Mapping[str, Any]) -> bytes:
    """Raises TypeError, ValueError, RecursionError."""
    try:
        return orjson.dumps(raw, _in_json, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # perhaps an integer of more than 64 bits, which the platform's logger writes
        content = json.dumps(raw, default=_in_json).encode()
        lenient = _lenient(content)
        return content if lenient is None else orjson.dumps(lenient)


def refuse_above_limit(content: bytes) -> None:
    """The same limit as where logs are read: what is stored can be replayed. Raises UnreadableEventError."""
    if len(content) > LONGEST_LINE:
        raise UnreadableEventError(f"more than {LONGEST_LINE:,} bytes")


def _canonical(name: str, raw: dict[str, Any]) -> dict[str, Any]:
    data = raw.get("data")
    if data is None:
        data = raw.get("event")
    if type(data) is str:
        data = _payload(data)
    context = raw.get("context")
    if type(context) is not dict:
        context = {}
    try:  # a line of the platform's logger has all of them; written out, for a loop takes three times as long
        username, session, ip, agent, host, referer, language, source, page = _root_of_context(raw)
        context = {
            "username": username,
            "session": session,
            "ip": ip,
            "agent": agent,
            "host": host,
            "referer": referer,
            "accept_language": language,
            "event_source": source,
            "page": page,
            **context,
        }
    except KeyError:
        context = {key: raw[key] for key in ROOT_OF_CONTEXT if key in raw} | context
    timestamp = raw.get("timestamp")
    if timestamp is None:
        timestamp = raw.get("time")
    return {"name": name, "data": data, "context": context, "timestamp": timestamp}


def _payload(text: str) -> Any:
    """A payload that is JSON text, parsed; other text (URL-encoded, or JSON cut short) as it is; None for empty."""
    if text[:1] in ("{", "[", '"'):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            lenient = _lenient(text.encode())
            return text if lenient is None else lenient
    return text or None


def _in_json(value: Any) -> Any:
    """What JSON has no form for, in the form that the platform's own logger gives it."""
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, (tuple, bytes)):
        return list(value) if isinstance(value, tuple) else value.decode("utf-8", "replace")
    return str(value)  # keys of courses and blocks, UUIDs, decimals, lazy translations
