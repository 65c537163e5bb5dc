"""What a standard's plugin gives: how a statement is composed, and how its consumers are spoken to.

The core owns time, retries, leases and storage; the standard owns the statement's common parts, the batching
form, the headers and the meaning of an answer (house rule 4).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from hashlib import sha1
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID

import marshmallow
import orjson

from .errors import NotJsonError

if TYPE_CHECKING:
    from .families import Skip, Transformer, Words
    from .fields import Fields
    from .site import Learner, Site

Statement = dict[str, Any]
"""One finished statement: JSON types only; its key ``id`` is a text that is equal in live and replay."""


@dataclass(slots=True)
class Written:
    """A finished statement as JSON, with its ``id``: what is stored and sent."""

    id: str
    content: bytes

    @property
    def parsed(self) -> Statement:
        """The statement as an object."""
        return cast("Statement", orjson.loads(self.content))


Prepare = Callable[["Words"], Any]
"""What a mapping said → what the composer makes of it, as far as that depends on nothing else."""

Compose = Callable[[Any, Any], "Sequence[Statement | Written] | Skip"]
"""(common fields, what the mapping said, prepared) → finished statements, or a skip with its reason.

A composer that writes the JSON itself, from parts that it has written before, spares most of the work.
"""


def to_json(said: Any, default: Callable[[Any], Any] | None = None, option: int | None = None) -> bytes:
    """A statement or a part of one as JSON, UTF-8; ``default`` and ``option`` are those of `orjson.dumps`.

    Raises NotJsonError. A number that is not finite becomes null, which the harness refuses.
    """
    try:
        return orjson.dumps(said, default, option)
    except TypeError:
        raise NotJsonError("the statement cannot be written as JSON") from None


def kept_json(said: Any) -> bytes:
    """JSON of what stands in many statements, to put into each of them. Raises NotJsonError."""
    return bytes(memoryview(to_json(said)))  # a copy: what orjson gives occupies 4 KiB


class Verdict(Enum):
    """What a consumer's answer means for the statements of a request."""

    STORED = "stored"  # all of them are there, now or since before
    RETRY = "retry"  # try the same again later
    REFUSED = "refused"  # something in it will never be taken: find it by bisection
    CONFLICT = "conflict"  # one of them is there in another form: find it by bisection, the rest is fine
    TOO_LARGE = "too large"  # split it, and send less at once from now on; a single statement is refused
    HALTED = "halted"  # the destination is at fault (credentials, address): keep everything, stop sending


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the consumer's words or ours (at most a few hundred characters, no statement content).

    The core puts the HTTP status before them.
    """

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A consumer's HTTP answer, its body cut to what the core is willing to read (1 MiB).

    ``sent``: body of the request, for standards whose answers name what they are about.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    sent: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """One POST: body and headers. Credentials, address and time limits are the core's."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Standard(ABC):
    """A standard, configured. Subclass it, contribute the class through ``register_standards``.

    Class attributes
        name: as in the operator's file, e.g. the name of its section and of ``standard = …`` in destinations.
        common: the fields that every statement of this standard reads (learner, time, course, …).
        settings_schema: marshmallow schema of the standard's own section in the operator's file.
        starter: where the templates lie that ``learnrelay new-plugin --for`` begins a plugin with: ``package/folder``,
            files named like those of ``learnrelay/cli/starter``. Where there is none, the core's say something plain.
    """

    name: ClassVar[str]
    common: ClassVar[type[Fields]]
    settings_schema: ClassVar[type[marshmallow.Schema]]
    starter: ClassVar[str] = ""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """``settings``: the loaded section, defaults filled in by ``settings_schema``."""
        self.settings = settings

    @abstractmethod
    def composer(self, transformer: Transformer, site: Site) -> Compose:
        """Prepare, once at start-up, what turns a mapping's words into finished statements."""

    def preparer(self, transformer: Transformer, site: Site) -> Prepare | None:
        """Prepare, once at start-up, the part of composing that depends on a mapping's words alone.

        The composer then gets what it gives, in place of the words. That is remembered for all events with the same
        declared values, the mapping is not asked again; so the composer must not change it. None: it gets the words.
        """
        return None

    @abstractmethod
    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        """Put serialised statements (at least one, each a JSON object) into one request, sent at ``now`` (UTC)."""

    @abstractmethod
    def judge(self, answer: Answer) -> Judgement:
        """Say what an answer means. Never raises, whatever the consumer wrote."""

    def probe(self) -> Mapping[str, str]:
        """Headers of a GET to a destination's address that shows whether it is there and takes our credentials."""
        return {}

    def notices(self) -> Sequence[str]:
        """What its settings disclose of learners beyond a pseudonym: one text for each, ``setting: what it shows``."""
        return ()

    def names(self, learner: Learner, site: Site) -> Sequence[str]:
        """How its statements name a learner, whatever its settings are or were: what `forget` looks for.

        These are the pseudonym, and its form in addresses, unless the standard knows others.
        """
        return (learner.pseudonym, site.iri(learner.pseudonym).removeprefix(f"{site.root_url}/"))

    def needs_addresses(self) -> bool:
        """Whether its settings name learners by e-mail addresses, so that one without is skipped."""
        return False

    @abstractmethod
    def schema(self) -> marshmallow.Schema:
        """Schema of a finished statement in the configured version, for the harness and ``--validate``."""


def judge_status(status: int) -> Verdict:
    """The meaning that HTTP itself gives to a status; a standard's protocol starts from it."""
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
    return Verdict.HALTED  # 401, 403, 404, 405, 415, 501, redirects: nothing that another statement would cure


_VARIANT = {f"{digit:x}": f"{0x8 | digit & 0x3:x}" for digit in range(16)}
"""The digit of a UUID whose first two bits say the variant, by the digit that would stand there."""


def content_uuid(namespace: UUID) -> Callable[[bytes], str]:
    """A function from content to UUID text of version 5 (RFC 4122, 4.3): the same content has the same id everywhere.

    `uuid.uuid5` at a fifth of its cost.

    >>> from uuid import NAMESPACE_DNS, uuid5
    >>> content_uuid(NAMESPACE_DNS)(b"example.org") == str(uuid5(NAMESPACE_DNS, "example.org"))
    True
    """
    begun = sha1(namespace.bytes, usedforsecurity=False).copy

    def of(content: bytes) -> str:
        hashed = begun()
        hashed.update(content)
        told = hashed.hexdigest()
        return f"{told[:8]}-{told[8:12]}-5{told[13:16]}-{_VARIANT[told[16]]}{told[17:20]}-{told[20:32]}"

    return of
