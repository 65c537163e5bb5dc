"""Defines all exceptions of learnrelay in one hierarchy.

Each message names what happened and where, so that an operator can act on it. None holds a value of an event: only
names, paths, kinds and reasons (ADR 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class LearnrelayError(Exception):
    """Is the base of every exception that learnrelay raises on purpose."""


# --- events ---------------------------------------------------------------------------------------------


def forget_frames(error: BaseException) -> None:
    """Drops the tracebacks of an error that is kept, and of what led to it.

    Their frames hold the event, and, in a cycle, the outcome that holds the error: all that would be freed late.
    """
    chain: list[BaseException | None] = [error]
    while chain:
        if (link := chain.pop()) is not None and link.__traceback__ is not None:
            link.__traceback__ = None
            chain += [link.__cause__, link.__context__]


class EventError(LearnrelayError):
    """Reports that one event cannot be processed; others are not affected.

    ``path`` is the source path (or the declared name) concerned, ``reason`` the cause in words.
    ``event_name`` and ``event_id`` are filled in by the pipeline, which knows them.
    """

    def __init__(self, reason: str, *, path: str = "", event_name: str = "", event_id: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.event_name = event_name
        self.event_id = event_id

    def __str__(self) -> str:
        """Shows event name, event id, path and reason, as far as they are known."""
        event = " ".join(part for part in (self.event_name, self.event_id and f"[{self.event_id}]") if part)
        return ": ".join(part for part in (event, self.path, self.reason) if part)

    def as_record(self, standard: str = "", reason: str = "") -> dict[str, str]:
        """Returns the record for ``--errors``, without any value. ``reason`` replaces the error's own."""
        return {
            "event": self.event_name,
            "event_id": self.event_id,
            "standard": standard,
            "error": type(self).__name__,
            "path": self.path,
            "reason": reason or self.reason,
        }


class UnreadableEventError(EventError):
    """Reports input that is no event: not JSON, not an object, no name, no time, too long."""


class MissingFieldError(EventError):
    """Reports that a required field is not in the event (null and empty count as missing)."""


class InvalidFieldError(EventError):
    """Reports that a required field is present, but not of the declared kind."""


class BlankLineError(UnreadableEventError):
    """Reports a line without content. Nothing is lost with it, and nobody can mend it."""

    def __init__(self) -> None:
        super().__init__("blank line")


class GluedEventsError(UnreadableEventError):
    """Reports a line that holds several events, because the line end between them was lost.

    ``lines``: the content of each. Whoever reads lines of a log reads these instead.
    """

    def __init__(self, lines: Sequence[bytes]) -> None:
        super().__init__(f"{'two' if len(lines) == 2 else 'several'} events glued together in one line")
        self.lines = lines


class UnknownCourseError(EventError):
    """Reports an event of a course that ``[courses] provider`` does not know: its statements lack the title."""


class TransformError(EventError):
    """Reports that a plugin's code failed on an event: the exception's type and place, never its text."""


class NotJsonError(TransformError):
    """Reports a value in a statement that JSON cannot represent, such as a Python object."""


class ProviderError(EventError):
    """Reports that a provider failed on an event: its name and the exception's type, never its text."""


class ProviderUnavailableError(ProviderError):
    """Reports that a provider does not answer now: the event is to be processed again later."""


class Unavailable(LearnrelayError):  # noqa: N818  # says what a provider is, not what the author did wrong
    """Tells that a provider cannot answer now, and may later: the event waits, a title is left out.

    Its text reaches no log and no report.
    """


# --- start-up -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """Describes a mistake in a configuration: the file, the dotted key, the reason and the cure."""

    file: str
    key: str
    reason: str

    def __str__(self) -> str:
        """Shows ``file: key: reason``."""
        return ": ".join(part for part in (self.file, self.key, self.reason) if part)


class ConfigurationError(LearnrelayError):
    """Reports all problems of an operator's file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """Shows one problem a line."""
        return "\n".join(str(problem) for problem in self.problems)


class ObjectionsError(LearnrelayError):
    """Reports that the list of learners who objected cannot be read or changed."""


class PluginError(LearnrelayError):
    """Reports that a plugin cannot be used: distribution, entry point, cause and fix."""

    def __init__(self, entry_point: str, distribution: str, cause: str, fix: str) -> None:
        super().__init__(f"plugin {entry_point} of {distribution}: {cause}; {fix}")
        self.entry_point = entry_point
        self.distribution = distribution
        self.cause = cause
        self.fix = fix


# --- delivery -------------------------------------------------------------------------------------------


class DeliveryError(LearnrelayError):
    """Is the base of all errors between the outbox and a consumer."""


class SinkError(DeliveryError):
    """Reports that a sink cannot be used now: a reason without secrets and without values of statements."""


class AuthError(DeliveryError):
    """Reports that an auth scheme cannot give a request its credentials.

    ``reason``: in the scheme's own words, without secrets. ``is_refusal``: trying again will not help, until somebody
    changes something. ``retry_after``: seconds to wait at least.
    """

    def __init__(self, reason: str, *, is_refusal: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_refusal = is_refusal
        self.retry_after = retry_after


class OutboxError(DeliveryError):
    """Reports that the outbox stored none of the statements (disk full, database locked, read-only or gone)."""


class OutboxVersionError(OutboxError):
    """Reports that the outbox has tables of another version, or none, and what to run."""


class OutboxFullError(OutboxError):
    """Reports that the outbox held its configured maximum of deliveries for the whole time allowed."""


class StorageError(LearnrelayError):
    """Reports that a folder or a store cannot be read or written."""


# --- replay ---------------------------------------------------------------------------------------------


class ReplayError(LearnrelayError):
    """Reports that a replay cannot start or continue. Finished chunks stay in the checkpoint."""


# --- comparison -----------------------------------------------------------------------------------------


class ComparisonError(LearnrelayError):
    """Reports that an environment or a configuration cannot be compared."""
