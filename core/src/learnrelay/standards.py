"""Defines a standard, which composes statements, and implements the protocol of its destinations.

The core owns time, retries, leases and storage; the standard owns the form of a statement and of a batch, the
headers, and the meaning of an answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, cast

import marshmallow
import orjson
from orjson import Fragment

from .caching import cached
from .errors import NotJsonError

if TYPE_CHECKING:
    from .facts import Facts
    from .frames import MakeFrame
    from .mapping import MappingResult, Skip, Transformer
    from .platform import Platform
    from .providers import Learner

Statement = dict[str, Any]
"""One finished statement: JSON types only; its key ``id`` is a text that is equal in live and replay."""


@dataclass(slots=True)
class SerializedStatement:
    """Holds a finished statement as JSON, with its ``id``, as it is stored and sent."""

    id: str
    content: bytes

    @property
    def parsed(self) -> Statement:
        """Parses the statement."""
        return cast("Statement", orjson.loads(self.content))


Prepare = Callable[["MappingResult"], Any]
"""Parts from a mapping → prepared parts for the composer. The result depends on the parts alone."""

Compose = Callable[["Facts", Any, Any], "Sequence[Statement | SerializedStatement] | Skip"]
"""(facts of the event, frame, parts or prepared parts) → finished statements, or a skip.

A composer that joins JSON that it has serialized before saves most of the work.
"""


def to_json(value: Any, default: Callable[[Any], Any] | None = None, option: int | None = None) -> bytes:
    """Serializes a statement or a part of one as JSON, UTF-8; ``default`` and ``option`` are those of `orjson.dumps`.

    Raises NotJsonError. A number that is not finite becomes null, which the harness refuses.
    """
    try:
        return orjson.dumps(value, default, option)
    except TypeError:
        raise NotJsonError("the statement cannot be written as JSON") from None


def cached_json(value: Any) -> bytes:
    """Serializes a part of many statements, in little memory. Raises NotJsonError."""
    return bytes(memoryview(to_json(value)))  # a copy: the result of orjson occupies 4 KiB


class Hole:
    """Marks the places of serialized JSON that differ from statement to statement.

    Whatever people write, no text can hold the mark or break the split: orjson escapes each control character of a
    text and of a key, and the mark is such a character, raw. Several kinds of holes have numbers of their own.

    >>> learner, more = Hole(), Hole(1)
    >>> template = to_json({"id": learner.within("/user/", "/badge"), "name": more.after("typed")})
    >>> before, after = more.split(template)
    >>> b"7".join(learner.split(before)) + b',"count":1' + after
    b'{"id":"/user/7/badge","name":"typed","count":1}'
    """

    def __init__(self, number: int = 0) -> None:
        """Takes a number from 0 to 8: the control characters that JSON does not use between values."""
        if number not in range(9):
            raise ValueError("the number of a hole is from 0 to 8")
        self.mark = bytes((number,))
        self.value = Fragment(self.mark)
        """Stands in the place of a whole value."""

    def split(self, content: bytes) -> list[bytes]:
        """Splits JSON with holes of this number into what stands between them.

        `bytes.split` looks at each byte of long JSON with few holes.
        """
        mark = self.mark
        hole = content.find(mark)  # `in` takes ten times as long: it tries the mark as a number first
        if hole < 0:
            return [content]
        pieces, start = [], 0
        while hole >= 0:
            pieces.append(content[start:hole])
            start = hole + 1
            hole = content.find(mark, start)
        pieces.append(content[start:])
        return pieces

    def partition(self, content: bytes) -> tuple[bytes, bytes, bytes]:
        """Splits JSON at its first hole of this number: before it, the hole, after it; without one, it stands first."""
        return content.partition(self.mark)

    def fill(self, content: bytes, piece: bytes) -> bytes:
        """Puts the same piece into each hole of this number."""
        return content.replace(self.mark, piece)

    def after(self, value: Any) -> Fragment:
        """Writes a value with a hole behind it, for more properties or items. Raises NotJsonError."""
        return Fragment(to_json(value) + self.mark)

    def within(self, before: str, after: str) -> Fragment:
        """Writes a text with a hole in it, for a piece of JSON text without quotes. Raises NotJsonError."""
        return Fragment(_opened_text(before) + self.mark + _closed_text(after))


@cached  # ids of what an event is about stand in it several times
def _opened_text(text: str) -> bytes:
    return to_json(text)[:-1]


@cached
def _closed_text(text: str) -> bytes:
    return to_json(text)[1:]


def without_none(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Copies parts without None values, and without objects that become empty.

    >>> without_none({"id": "x", "result": {"score": None}, "items": [{"name": None, "id": 1}]})
    {'id': 'x', 'items': [{'id': 1}]}
    """
    kept: dict[str, Any] = {}
    for key, value in parts.items():
        kind = type(value)
        if kind in _PLAIN:
            kept[key] = value
        elif value is None:
            continue
        elif kind is dict:
            if inner := without_none(value):
                kept[key] = inner
        elif kind is list:
            kept[key] = [without_none(item) if type(item) is dict else item for item in value]
        else:
            kept[key] = value
    return kept


_PLAIN = frozenset((str, int, float, bool))


class Verdict(Enum):
    """Classifies a consumer's answer by its meaning for the statements of a request."""

    STORED = "stored"  # all of them are there, now or since before
    RETRY = "retry"  # try the same again later
    REFUSED = "refused"  # something in it will never be taken: find it by bisection
    CONFLICT = "conflict"  # one of them is there in another form: find it by bisection, the rest is fine
    TOO_LARGE = "too large"  # split it, and send less at once from now on; a single statement is refused
    HALTED = "halted"  # the destination is at fault (credentials, address): keep everything, stop sending


@dataclass(frozen=True, slots=True)
class Judgement:
    """Holds a verdict with its reason (at most a few hundred characters, no statement content).

    The core puts the HTTP status before them. ``stored``: the ids of the statements that the answer names as stored,
    where it names them; then those that it does not name are sent again. None: the verdict is about all of them.
    """

    verdict: Verdict
    reason: str = ""
    stored: Collection[str] | None = None


_MESSAGE_NAMES = ("detail", "message", "error", "title")
_LONGEST_MESSAGE = 300  # characters


@dataclass(frozen=True, slots=True)
class Answer:
    """Holds a consumer's HTTP answer, with at most 1 MiB of its body.

    ``sent``: body of the request, for standards whose answers refer to it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    sent: bytes = b""

    def message(self) -> str:
        """Returns the consumer's message, shortened: a text of a JSON body, by its usual names (RFC 9457 and others).

        Nothing else of the body, for it may echo statements.
        """
        try:
            body = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return ""
        texts = [body.get(name) for name in _MESSAGE_NAMES] if isinstance(body, dict) else []
        return next((text[:_LONGEST_MESSAGE] for text in texts if isinstance(text, str) and text), "")


@dataclass(frozen=True, slots=True)
class Request:
    """Holds body and headers of a POST. The core adds address, credentials and time limits."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Constant:
    """Describes a constant that a standard's mappings declare beside ``reads``.

    ``several``: a tuple of values is taken too, the first being the usual one.
    """

    kind: type
    required: bool = True
    several: bool = False

    def takes(self, value: Any) -> bool:
        """Tells whether a value is of the declared kind."""
        several = value if self.several and type(value) is tuple and value else (value,)
        return all(isinstance(item, self.kind) for item in several)


class Standard(ABC):
    """Implements a standard with its settings. Subclass it, contribute the class through ``register_standards``.

    Class attributes
        name: as in the operator's file, e.g. the name of its section and of ``standard = …`` in destinations.
        settings_schema: marshmallow schema of the standard's own section in the operator's file.
        constants: what its mappings declare beside ``reads``, by name; other names are refused at start-up. None: any.
        parts: the parts that they return, as a TypedDict: unknown and missing ones fail the event. None: any.
        starter: folder of templates for ``learnrelay new-plugin --for``, as ``package/folder``, with files named like
            those of ``learnrelay/cli/starter``. The core's templates are used without it.
    """

    name: ClassVar[str]
    settings_schema: ClassVar[type[marshmallow.Schema]]
    constants: ClassVar[Mapping[str, Constant] | None] = None
    parts: ClassVar[type[Any] | None] = None
    starter: ClassVar[str] = ""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Keeps the settings: the loaded section, with the defaults of ``settings_schema``."""
        self.settings = settings

    @abstractmethod
    def framer(self, platform: Platform) -> MakeFrame:
        """Prepares the function that makes a frame of learner, course and session. Called once, at start-up.

        Frames are cached for all events of a learner in a course and a session.
        """

    def preparer(self, transformer: Transformer, platform: Platform) -> Prepare | None:
        """Prepares the function for the part of composing that depends on a mapping's parts alone, once at start-up.

        The composer then gets its result in place of the parts. Results are cached for all events with the same
        declared values, and the mapping is not called again; so the composer must not change them. None: the composer
        gets the parts.
        """
        return None

    @abstractmethod
    def composer(self, transformer: Transformer, platform: Platform, event: str) -> Compose:
        """Prepares the function that composes statements of events of one name. Called once, at start-up."""

    @abstractmethod
    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        """Encodes serialized statements (at least one, each a JSON object) as one request, sent at ``now`` (UTC)."""

    @abstractmethod
    def judge(self, answer: Answer) -> Judgement:
        """Judges an answer. Never raises, whatever the consumer wrote."""

    def probe(self) -> Mapping[str, str]:
        """Returns the headers of a GET that checks whether a destination answers and accepts the credentials."""
        return {}

    def notices(self) -> Sequence[str]:
        """Lists what its settings disclose of learners beyond a pseudonym, as ``setting: what it shows``."""
        return ()

    def names(self, learner: Learner, platform: Platform) -> Sequence[str]:
        """Lists the names of a learner in its statements, under any settings, for `learnrelay forget`.

        These are the pseudonym, and its form in addresses, unless the standard knows others.
        """
        return (learner.pseudonym, platform.iri(learner.pseudonym).removeprefix(f"{platform.root_url}/"))

    @abstractmethod
    def learners(self, statement: Statement) -> Iterable[str]:
        """Lists the names of all learners in a finished statement, in the forms of `names`, for `learnrelay forget`.

        Read the places that identify people, and no others: a short name may also be a second, a score or an answer.
        The statement may be of other settings or another version, and enrichers may have added anything.
        """

    def needs_addresses(self) -> bool:
        """Tells whether its settings name learners by e-mail addresses, so that a learner without one is skipped."""
        return False

    def void(self, statement_id: str, platform: Platform) -> SerializedStatement | None:
        """Makes the statement that voids a delivered one, for `learnrelay void`; None: the standard knows no voiding.

        The same arguments give the same statement, with an id derived from ``statement_id``, so that a repetition
        changes nothing. Raises ValueError for a text that is no id of a statement.
        """
        return None

    @abstractmethod
    def schema(self) -> marshmallow.Schema:
        """Returns the schema of a finished statement in the configured version, for the harness and ``--validate``."""


def judge_status(status: int) -> Verdict:
    """Judges an answer by its HTTP status alone; a standard's protocol may refine it."""
    if 200 <= status < 300:
        return Verdict.STORED
    if status in (408, 425, 429) or (status >= 500 and status != 501):
        return Verdict.RETRY
    if status == 413:
        return Verdict.TOO_LARGE
    if status == 409:
        return Verdict.CONFLICT
    if status in (400, 422):
        return Verdict.REFUSED
    return Verdict.HALTED  # 401, 403, 404, 405, 415, 501, redirects: another statement would fail too
