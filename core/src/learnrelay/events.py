"""Reads source events from JSON, and brings them into one shape.

The canonical shape has exactly ``name``, ``data``, ``context`` and ``timestamp``. Paths in declarations (``data.…``,
``context.…``) always mean this shape. A source declares, as a `Shape`, where its raw events have these parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, cast
from urllib.parse import quote_plus
from uuid import UUID

import orjson

from .errors import BlankLineError, GluedEventsError, UnreadableEventError
from .facts import Facts, compile_facts
from .fields import first_value
from .inner_texts import is_cut_off, read_pythons_json
from .kinds import moment
from .logs import escape

LONGEST_EVENT = 2**20
"""Bytes of an event, as JSON, that is read at all."""

_MARKS = "0"
"""Names of requests, like no name at all, are below this: one comparison tells all others apart."""

_KEY_OF_THE_RUN = token_bytes(32)


@dataclass(frozen=True, slots=True)
class RequestNames:
    """Declares names of requests, of which there is no end, that stand for fixed names.

    longest: characters that they may have. forms: fixed name → regular expression for the whole of the names that it
    stands for; of several that match, the first counts. key: key of the context that holds the name as it is written;
    it is set where it is missing.
    """

    longest: int
    forms: Mapping[str, str]
    key: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Declares where a platform's raw events have the parts of the canonical shape.

    name, timestamp, data: keys at the root, the first that holds a value counts. context: key of the object that is
    the context. context_at_root: keys of the context that stand at the root of some events. json_in_data: whether a
    payload that is text may be JSON. input_prefix: with what the names of a form's inputs begin; a payload that is an
    object of such names alone is read as the text of a form, without what was put in; empty without such payloads.
    identifying: keys of the context that tell two events apart, for `SourceEvent.id`.
    client_mark: key and value of the context by which the platform marks what a client sent; None where it has no such
    events. request_prefix: the punctuation mark, below the digits, with which names of events begin that are records of
    requests; empty without such. Those that are not mapped are counted together. request_names: those that are read as
    fixed names, where these are mapped.
    """

    name: tuple[str, ...] = ("name",)
    timestamp: tuple[str, ...] = ("timestamp",)
    data: tuple[str, ...] = ("data",)
    context: str = "context"
    context_at_root: tuple[str, ...] = ()
    json_in_data: bool = False
    input_prefix: str = ""
    identifying: tuple[str, ...] = ()
    client_mark: tuple[str, str] | None = None
    request_prefix: str = ""
    request_names: RequestNames | None = None

    def __post_init__(self) -> None:
        """Refuses a prefix with which other names may begin. Raises ValueError."""
        prefix = self.request_prefix
        if (prefix or self.request_names) and (not "" < prefix < _MARKS or len(prefix) > 1):
            raise ValueError(f"names of requests begin with a punctuation mark below the digits, got {prefix!r}")


class EventReader:
    """Reads the parts of raw events of one shape. Compiled once for each source.

    id_key: key of `SourceEvent.id`, at most 64 bytes; that of the run until start-up sets the operator's.
    """

    __slots__ = (
        "_course", "_fixed_names", "_form", "_mapped_prefix", "body_of", "facts_of", "first_name", "id_key", "shape",
    )  # fmt: skip

    def __init__(self, shape: Shape, facts: type[Facts]) -> None:
        self.shape = shape
        self.body_of = _compile_body(shape)
        self.facts_of = compile_facts(facts)
        self._course = facts.declared["course_id"]
        self.first_name = shape.name[0]
        self.id_key = _KEY_OF_THE_RUN
        self._mapped_prefix = ""
        self._form = re.compile("")
        self._fixed_names: dict[str | None, str] = {}

    def use_request_names(self, mapped: Container[str]) -> None:
        """Reads names of requests as the fixed names, as far as these are mapped; until then as they are written."""
        names = self.shape.request_names
        if names is None:
            return
        forms = {name: form for name, form in names.forms.items() if name in mapped}
        self._mapped_prefix = self.shape.request_prefix if forms else ""
        self._fixed_names = {f"n{order}": name for order, name in enumerate(forms)}
        self._form = re.compile("|".join(f"(?P<{group}>{forms[name]})" for group, name in self._fixed_names.items()))

    def event_from_line(self, line: bytes) -> SourceEvent:
        """Reads the event in a line that `parse_line` can read. Raises UnreadableEventError."""
        start = line.find(b"{")
        if start and (start < 0 or line[0] in b"[ \t"):
            return SourceEvent(parse_line(line), self)
        try:
            raw = orjson.loads(line[start:] if start else line)
        except orjson.JSONDecodeError:
            raw = parse_line(line)  # reads what orjson does not, or says what is wrong
        return SourceEvent(raw, self)

    def distrust(self, event: SourceEvent) -> SourceEvent:
        """Returns the event as one that a client sent, whatever it says of itself."""
        assert self.shape.client_mark is not None
        key, value = self.shape.client_mark
        body = event.body
        return SourceEvent({}, self, {**body, "context": {**body["context"], key: value}})

    def name_of(self, name: Any, raw: dict[str, Any]) -> str:
        """Returns the event's name: ``name``, or the first that ``raw`` has; for a request, the fixed name.

        Raises UnreadableEventError when there is none.
        """
        if type(name) is not str or not name:
            name = next((value for key in self.shape.name if (value := raw.get(key))), None)
        if type(name) is not str:
            raise UnreadableEventError(f"no event name ({' or '.join(self.shape.name)})")
        return self._fixed_name_of(name, raw) if name[0] == self._mapped_prefix else name

    def peek_name(self, raw: Mapping[str, Any]) -> str | None:
        """Returns the name that an event will have, reading and changing nothing else; None where it has none."""
        name = next((value for key in self.shape.name if (value := raw.get(key))), None)
        if type(name) is not str:
            return None
        return (self._fixed_name(name) or name) if name[0] == self._mapped_prefix else name

    def _fixed_name(self, written: str) -> str | None:
        names = self.shape.request_names
        assert names is not None
        match = self._form.fullmatch(written) if len(written) <= names.longest else None
        return None if match is None else self._fixed_names[match.lastgroup]

    def _fixed_name_of(self, written: str, raw: dict[str, Any]) -> str:
        """Returns the fixed name of a request, and keeps the written one in its context."""
        name = self._fixed_name(written)
        if name is None:
            return written
        assert self.shape.request_names is not None
        key = self.shape.request_names.key
        context = raw.get(self.shape.context)
        if type(context) is not dict:
            context = raw[self.shape.context] = {}
        if not context.get(key):
            context[key] = written
        return name

    def course_of(self, body: Mapping[str, Any]) -> str | None:
        """Returns the course run that an event names."""
        return cast("str | None", first_value(body, self._course))


class SourceEvent:
    """Holds one event. Its name is read at once, the canonical shape and the facts on first use."""

    __slots__ = ("_body", "_facts", "_raw", "name", "reader")

    def __init__(self, raw: dict[str, Any], reader: EventReader, body: dict[str, Any] | None = None) -> None:
        """Takes over ``raw``, the parsed object. ``body``: the canonical shape, where it is known already.

        Raises UnreadableEventError when it has no name.
        """
        name = raw.get(reader.first_name) if body is None else body["name"]
        self.name: str = name if type(name) is str and name > _MARKS else reader.name_of(name, raw)
        self.reader = reader
        self._raw = raw
        self._body = body
        self._facts: Facts | None = None

    @property
    def body(self) -> dict[str, Any]:
        """Returns the event in the canonical shape: exactly name, data, context and timestamp."""
        if self._body is None:
            self._body = self.reader.body_of(self.name, self._raw)
        return self._body

    @property
    def facts(self) -> Facts:
        """Extracts when, who, which course and which session. Raises MissingFieldError, InvalidFieldError."""
        facts = self._facts
        if facts is None:
            facts = self._facts = self.reader.facts_of(self._body or self.body)
        return facts

    @property
    def id(self) -> str:
        """Computes the event's UUID with the reader's key. For errors and logs, never outputs.

        It is equal in all raw shapes, and under replay with the same key. It is keyed because user ids are few: they
        could be tried out.
        """
        context = self.body["context"]
        written = self.body["timestamp"]
        when = moment(written)
        parts = [
            self.name,
            when.astimezone(UTC).isoformat() if when else str(written) if type(written) in (str, int, float) else None,
            {
                key: str(value)
                for key in self.reader.shape.identifying
                if (value := context.get(key)) and type(value) in (str, int, float)
            },
        ]
        try:
            content = orjson.dumps([*parts, self.body["data"]], option=orjson.OPT_SORT_KEYS)
        except TypeError:  # nested too deep for JSON: the other parts suffice for an error
            content = orjson.dumps(parts, default=str)
        return str(UUID(bytes=blake2b(content, digest_size=16, key=self.reader.id_key).digest()))

    @property
    def shown_name(self) -> str:
        """Returns the name for errors and logs, on a line. A path that was requested may name a learner: ``…``."""
        prefix = self.reader.shape.request_prefix
        return "…" if prefix and self.name.startswith(prefix) else escape(self.name)

    @property
    def course_id(self) -> str | None:
        """Returns the course run that the event names."""
        return self.reader.course_of(self.body) if self._facts is None else self._facts.course_id

    def __repr__(self) -> str:
        """Shows the name only: the content of an event never reaches a log."""
        return f"SourceEvent({self.name})"


# --- JSON -----------------------------------------------------------------------------------------------


def parse_line(line: bytes) -> dict[str, Any]:
    """Reads the JSON object in a line, with or without a logger's prefix before it.

    Where the JSON gives a key twice, the last one counts, for every reader alike.
    Raises UnreadableEventError with the reason, never with the content; GluedEventsError for a line of several events.
    """
    start = line.find(b"{")
    content = line[start:] if start >= 0 and line[0] not in b"[ \t" else _object_in(line, start)
    try:
        return cast("dict[str, Any]", orjson.loads(content))
    except orjson.JSONDecodeError as error:
        if (lenient := read_pythons_json(content)) is not None:
            return cast("dict[str, Any]", lenient)
        if len(glued := _glued_events(content)) > 1:
            raise GluedEventsError(glued) from None
        reason = f"not valid JSON: {error.msg.partition(':')[0]}"
        if is_cut_off(error):
            reason = "cut off: the line ends within its event"
        elif _ends_with_event(content):
            reason = "cut off: another event begins in the same line, within the one before it"
        raise UnreadableEventError(reason, path=f"column {start + error.colno}") from None


_MOST_BEGINNINGS = 30


def _glued_events(content: bytes) -> list[bytes]:
    """Splits a line that holds a whole event and, with or without a logger's prefix, others behind it."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return []
    read = json.JSONDecoder().raw_decode
    glued: list[bytes] = []
    start = 0
    while start >= 0:
        try:
            _, end = read(text, start)
        except (ValueError, RecursionError):
            end = len(text)
        glued.append(text[start:end].encode())
        start = text.find("{", end)
    return glued


def _ends_with_event(content: bytes) -> bool:
    """Tells whether a whole object stands at the end of a line, behind one that is cut off.

    For the reason alone: what was cut off may hold an object of a client's making, which must not be read as an event.
    """
    start = 0
    for _ in range(_MOST_BEGINNINGS):
        if (start := content.find(b'{"', start + 1)) < 0:
            return False
        with suppress(orjson.JSONDecodeError):
            orjson.loads(content[start:])
            return True
    return False


def _object_in(line: bytes, start: int) -> bytes:
    """Returns the object that begins at ``start`` of a line that begins unlike those of loggers."""
    if not line.strip():
        raise BlankLineError
    if start < 0:
        raise UnreadableEventError("no JSON object in the line")
    if line[:start].lstrip()[:1] == b"[":
        raise UnreadableEventError("a JSON array, expected one object a line")
    return line[start:]


def copy_mapping(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Copies an event handed over inside a Python process through JSON, so the caller's stays untouched.

    Raises UnreadableEventError when it holds a value that JSON cannot represent, or is too large.
    """
    try:
        content = _as_json(raw)
        refuse_above_limit(content)
        copy = orjson.loads(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnreadableEventError(f"cannot be written as JSON ({type(error).__name__})") from None
    if type(copy) is not dict:
        raise UnreadableEventError("not an object")
    return copy


def _as_json(raw: Mapping[str, Any]) -> bytes:
    """Serializes an event. Raises TypeError, ValueError, RecursionError."""
    try:
        return orjson.dumps(raw, _in_json, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # perhaps an integer of more than 64 bits, which Python's own writer knows
        content = json.dumps(raw, default=_in_json).encode()
        lenient = read_pythons_json(content)
        return content if lenient is None else orjson.dumps(lenient)


def refuse_above_limit(content: bytes) -> None:
    """Refuses an event that is too long to be read from a log. Raises UnreadableEventError."""
    if len(content) > LONGEST_EVENT:
        raise UnreadableEventError(f"more than {LONGEST_EVENT:,} bytes")


def _compile_body(shape: Shape) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Generates the function from name and raw event to the canonical shape."""
    lines = ["def body_of(name, raw):"]

    def first(variable: str, keys: tuple[str, ...]) -> None:
        for order, key in enumerate(keys):
            lines.append(
                f" {variable} = raw.get({key!r})"
                if order == 0
                else f" if {variable} is None: {variable} = raw.get({key!r})"
            )

    first("data", shape.data)
    if shape.json_in_data:
        lines.append(" if type(data) is str: data = payload(data)")
    if shape.input_prefix:
        lines += [
            f" if type(data) is dict and next(iter(data), '').startswith({shape.input_prefix!r}):",
            f"  data = form(data, {shape.input_prefix!r})",
        ]
    lines += [f" context = raw.get({shape.context!r})", " if type(context) is not dict: context = {}"]
    if shape.context_at_root:  # most events have all of them; a loop over the keys takes three times as long
        pairs = ", ".join(f"{key!r}: raw[{key!r}]" for key in shape.context_at_root)
        lines += [
            f" try: context = {{{pairs}, **context}}",
            " except KeyError: context = {key: raw[key] for key in at_root if key in raw} | context",
        ]
    first("timestamp", shape.timestamp)
    lines.append(" return {'name': name, 'data': data, 'context': context, 'timestamp': timestamp}")
    scope: dict[str, Any] = {"payload": _payload, "form": _form_of, "at_root": shape.context_at_root}
    # The source is made of a plugin's declared keys, through repr(); never of event text.
    exec(compile("\n".join(lines), "<body of an event>", "exec"), scope)  # noqa: S102
    return cast("Callable[[str, dict[str, Any]], dict[str, Any]]", scope["body_of"])


def _form_of(inputs: dict[str, Any], prefix: str) -> Any:
    """Writes an object of inputs as the text of their form, with no values; another object stays."""
    if not all(name.startswith(prefix) for name in inputs):
        return inputs
    return "&".join(f"{quote_plus(name, errors='replace')}=" for name in inputs)


def _payload(text: str) -> Any:
    """Parses a payload that is JSON text; other text (URL-encoded, or JSON cut short) stays; None for empty text."""
    if text[:1] in ("{", "[", '"'):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            lenient = read_pythons_json(text.encode())
            return text if lenient is None else lenient
    return text or None


def _in_json(value: Any) -> Any:
    """Converts a value that JSON cannot represent to the form that loggers commonly write."""
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
