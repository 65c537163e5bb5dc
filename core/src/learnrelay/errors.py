"""All exceptions of learnrelay, one hierarchy.

Each message says what happened where, in words an operator can act on. None carries a value out of an
event: names, paths, kinds and reasons only (ADR 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class LearnrelayError(Exception):
    """Base of every exception that learnrelay raises on purpose."""


# --- events ---------------------------------------------------------------------------------------------


class EventError(LearnrelayError):
    """One event cannot go on; its neighbours do.

    ``path`` is the source path (or the declared name) it is about, ``reason`` says why in words.
    ``event_name`` and ``event_id`` are filled in by the pipeline, which knows them.
    """

    def __init__(self, reason: str, *, path: str = "", event_name: str = "", event_id: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.event_name = event_name
        self.event_id = event_id

    def __str__(self) -> str:
        """Event name, event id, path and reason, as far as they are known."""
        event = " ".join(part for part in (self.event_name, self.event_id and f"[{self.event_id}]") if part)
        return ": ".join(part for part in (event, self.path, self.reason) if part)

    def as_record(self, standard: str = "", reason: str = "") -> dict[str, str]:
        """For ``--errors``: what and where, never a value. ``reason``: in other words than its own."""
        return {
            "event": self.event_name,
            "event_id": self.event_id,
            "standard": standard,
            "error": type(self).__name__,
            "path": self.path,
            "reason": reason or self.reason,
        }


class UnreadableEventError(EventError):
    """The input is not an event: not JSON, not an object, no name, no time, too long."""


class MissingFieldError(EventError):
    """A field that a transformer requires is not in the event (null and empty count as missing)."""


class InvalidFieldError(EventError):
    """A required field is there, but is not of the declared kind."""


class UnknownCourseError(EventError):
    """An event of a course that ``[courses] provider`` does not know: its statements go without the title."""


class TransformError(EventError):
    """The code of a plugin failed on an event. Holds the exception's type and place, never its text."""


class NotJsonError(TransformError):
    """A statement says what JSON has no words for, such as an object of Python's."""


# --- start-up -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration: which file, which dotted key, what is wrong and how to mend it."""

    file: str
    key: str
    reason: str

    def __str__(self) -> str:
        """``file: key: reason``."""
        return ": ".join(part for part in (self.file, self.key, self.reason) if part)


class ConfigurationError(LearnrelayError):
    """The operator's file is not sound. Lists every problem, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """One problem a line."""
        return "\n".join(str(problem) for problem in self.problems)


class PluginError(LearnrelayError):
    """A plugin cannot be used: names distribution, entry point, cause and fix."""

    def __init__(self, entry_point: str, distribution: str, cause: str, fix: str) -> None:
        super().__init__(f"plugin {entry_point} of {distribution}: {cause}; {fix}")
        self.entry_point = entry_point
        self.distribution = distribution
        self.cause = cause
        self.fix = fix


# --- delivery -------------------------------------------------------------------------------------------


class DeliveryError(LearnrelayError):
    """Base of what can go wrong between the outbox and a consumer."""


class OutboxError(DeliveryError):
    """The outbox did not take the statements (disk full, database locked, read-only or gone): none is kept."""


class OutboxFullError(OutboxError):
    """The outbox holds as many waiting deliveries as configured, and none left within the time allowed."""
