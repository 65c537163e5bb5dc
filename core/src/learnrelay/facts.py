"""Declares facts: the values that every standard needs of an event, read by a platform's source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import orjson

from .fields import Fields, compile_extractor, required
from .kinds import text
from .providers import UserRef

if TYPE_CHECKING:
    from datetime import datetime


F = TypeVar("F", bound="Facts")


@dataclass(frozen=True, slots=True)
class Who:
    """Names the user of an event.

    owns_session: whether the session of the event is theirs, not that of staff. staff: another user, who acted.
    """

    user: UserRef
    owns_session: bool = True
    staff: UserRef | None = None


class Facts(Fields):
    """Declares the values that every standard needs of an event: when, who, which course, which session.

    A source declares ``moment``, ``time_text`` (the time as the platform wrote it), ``course_id``, ``session`` where
    events have one, and the arguments of `who`; ``who_reads`` names these fields, in the order of the arguments. The
    core adds ``utc``, the moment in UTC as RFC 3339 JSON, and ``frame_key``, the values on which a frame depends.
    """

    name = required("name", kind=text)
    if TYPE_CHECKING:
        moment: datetime
        utc: bytes
        frame_key: tuple[Any, ...]
        time_text: str
        course_id: str | None
    session: str | None = None

    who_reads: ClassVar[tuple[str, ...]]

    @staticmethod
    def who(*values: Any) -> Who | None:
        """Returns the user of an event from the values of ``who_reads``; None for an anonymous event.

        Must depend on them alone: its results are cached. Raises InvalidFieldError for a user who cannot be read.
        """
        raise NotImplementedError


def compile_facts(facts: type[F]) -> Callable[[Mapping[str, Any]], F]:
    """Generates the function that extracts the facts from an event's body, as `compile_extractor` does."""
    key = ", ".join(f"self.{name}" for name in (*facts.who_reads, "course_id", "session"))
    derived = (
        "moment = self.moment",
        "self.utc = dumps(moment if moment.tzinfo is UTC else moment.astimezone(UTC))",
        f"self.frame_key = ({key})",
    )
    given = [Facts.declared["name"]]  # of which the reader makes sure
    return compile_extractor(facts, given=given, derived=derived, dumps=orjson.dumps, UTC=UTC)
