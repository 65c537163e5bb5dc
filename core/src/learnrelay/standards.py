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
from typing import TYPE_CHECKING, Any, ClassVar

import marshmallow

if TYPE_CHECKING:
    from .families import Skip, Transformer, Words
    from .fields import Fields
    from .site import Site

Statement = dict[str, Any]
"""One finished statement: JSON types only; its key ``id`` is a text that is equal in live and replay."""

Compose = Callable[[Any, "Words"], "Sequence[Statement] | Skip"]
"""(common fields, what the mapping said) → finished statements, or a skip with its reason."""


class Verdict(Enum):
    """What a consumer's answer means for the statements of a request."""

    STORED = "stored"  # all of them are there, now or since before
    RETRY = "retry"  # try the same again later
    REFUSED = "refused"  # something in it will never be taken: find it by bisection
    TOO_LARGE = "too large"  # split it; a single statement is refused
    HALTED = "halted"  # the destination is at fault (credentials, address): keep everything, stop sending


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the consumer's words or ours (at most a few hundred characters, no statement content)."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A consumer's HTTP answer, its body cut to what the core is willing to read."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


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
    """

    name: ClassVar[str]
    common: ClassVar[type[Fields]]
    settings_schema: ClassVar[type[marshmallow.Schema]]

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """``settings``: the loaded section, defaults filled in by ``settings_schema``."""
        self.settings = settings

    @abstractmethod
    def composer(self, transformer: Transformer, site: Site) -> Compose:
        """Prepare, once at start-up, what turns a mapping's words into finished statements."""

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
    if status in (400, 409, 422):
        return Verdict.REFUSED
    return Verdict.HALTED  # 401, 403, 404, 405, 415, 501, redirects: nothing that another statement would cure
