"""Defines providers of learners' pseudonyms and of courses' titles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import marshmallow

from .config.secrets import Secret
from .uuids import uuid_text

CORE_SPACE = "(core)/own"
"""Space of the core's own digests: no destination can have its name, and no setting joins it to other spaces."""


@dataclass(frozen=True, slots=True)
class UserRef:
    """Names a user as a source event does: by id, by login name, or both. Never part of an output."""

    user_id: str | None = None
    username: str | None = None

    def __repr__(self) -> str:
        """Shows which of the two is known, without its value."""
        known = [name for name in ("user_id", "username") if getattr(self, name)]
        return f"UserRef({', '.join(known)})"


@dataclass(frozen=True, slots=True)
class Learner:
    """Names a user as outputs do: by a pseudonym (UUID text), and by an e-mail address where the operator gave one."""

    pseudonym: str
    email: str | None = None

    def __repr__(self) -> str:
        """Shows no personal value."""
        return "Learner(…)"


def keyed_uuid(secret: Secret, *parts: str) -> str:
    """Computes a UUID (version 8, custom) from HMAC-SHA256 over the parts, equal on every host with the same key."""
    pieces = []
    for part in parts:
        encoded = part.encode()
        pieces += [len(encoded).to_bytes(4, "big"), encoded]
    return uuid_text(secret.digest(b"".join(pieces)).hex(), "8")


def is_retired(username: str | None, prefix: str) -> bool:
    """Tells whether the platform has retired a user, by the prefix of the user name."""
    return bool(prefix and username and username.startswith(prefix))


class IdentityProvider(ABC):
    """Gives users their names in the outputs. Called at most once per user and space while the cache lasts.

    A space is the name of a standard, or ``standard/destination`` for a destination that has pseudonyms of its own:
    a learner's pseudonyms in two such spaces must not tell that they are one person.

    Its methods raise `learnrelay.Unavailable` when they cannot answer now: the event waits, and is processed later
    (ADR 17).
    """

    name: ClassVar[str]
    settings_schema: ClassVar[type[marshmallow.Schema]]
    retired_prefix: str = ""
    """Prefix of the names of users whom the platform has retired; when empty, start-up sets that of the source."""
    max_age: float | None = None
    """Seconds for which a learner counts before the provider is asked again, as long as the process runs with None.

    With an age, an answer of None does not count at all: a learner who is unknown now may be known a moment later.
    """

    @abstractmethod
    def learner(self, user: UserRef, space: str) -> Learner | None:
        """Returns the learner in a space; None for an unknown or retired user, who gets no statements."""

    def learner_or_retired(self, user: UserRef, space: str) -> Learner | None:
        """Returns the learner, retired or not, so that earlier statements can be found and removed."""
        return self.learner(user, space)

    def possible_learners(self, user: UserRef, space: str) -> Sequence[Learner]:
        """Returns the learner as any settings with the same secret would name them, so that nothing is overlooked."""
        learner = self.learner_or_retired(user, space)
        return [] if learner is None else [learner]

    @abstractmethod
    def digest(self, value: str, space: str) -> str:
        """Returns a UUID text for another linkable value (a session key): not reversible, the same on every host."""

    def key_id(self) -> str | None:
        """Returns an id of the secret, which changes with it and tells nothing of it; None without a secret."""
        return self.digest("key", CORE_SPACE)

    def knows_addresses(self) -> bool:
        """Tells whether any learner may have an e-mail address; called once, at start-up."""
        return True

    def own_spaces(self) -> str | None:
        """Returns None if destinations can have pseudonyms of their own, else what the operator must do for it."""
        return None


class CourseProvider(ABC):
    """Gives courses their titles. A title that cannot be had, for it raises something, is left out."""

    name: ClassVar[str]
    settings_schema: ClassVar[type[marshmallow.Schema]]
    max_age: float | None = None
    """As that of an `IdentityProvider`, for titles and languages."""

    @abstractmethod
    def title(self, course_id: str) -> str | None:
        """Returns the title of a course run, or None."""

    def language(self, course_id: str) -> str | None:
        """Returns the language of the title as a tag (RFC 5646); None for that of the platform."""
        return None

    def knows(self, course_id: str) -> bool:
        """Tells whether the platform has this course. A replay records each event of an unknown course."""
        return True
