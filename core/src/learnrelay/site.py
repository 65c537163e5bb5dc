"""What is known about the platform beyond the event: its address, who its learners are, what its courses are called.

A mapping gets a `Site` as its second argument. Its look-ups are small interfaces with caches; providers stand
behind them (``keyed`` and ``table`` in `learnrelay.resolvers`, others from plugins).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

import marshmallow

_NOT_IN_AN_ASCII_PATH = re.compile(r'[\x00-\x20"#%<>?\[\\\]^`{|}\x7f]')  # the same, quicker
_NO_CHARACTERS = "".join(f"\\U{plane:04x}fffe-\\U{plane:04x}ffff" for plane in range(1, 14))
_NOT_IN_A_PATH = re.compile(
    r'[\x00-\x20"#%<>?\[\\\]^`{|}\x7f-\xa0\ud800-\uf8ff\ufdd0-\ufdef\ufff0-\uffff\U000e0000-\U0010ffff'
    + _NO_CHARACTERS
    + "]"
)

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class UserRef:
    """How a source event names a user: by id, by login name, or both. Never in an output."""

    user_id: str | None = None
    username: str | None = None

    def __repr__(self) -> str:
        """Which of the two is known, not what it is."""
        known = [name for name in ("user_id", "username") if getattr(self, name)]
        return f"UserRef({', '.join(known)})"


@dataclass(frozen=True, slots=True)
class Learner:
    """Who a user is in the outputs: a pseudonym (UUID text), and an address where the operator gave one."""

    pseudonym: str
    email: str | None = None

    def __repr__(self) -> str:
        """Nothing personal."""
        return "Learner(…)"


class IdentityProvider(ABC):
    """Knows who a user is in the outputs. Called at most once per user and space while the cache lasts.

    A space is the name of a standard, or ``standard/destination`` for a destination that has pseudonyms of its own:
    a learner's pseudonyms in two such spaces must not tell that they are one person.
    """

    name: ClassVar[str]
    settings_schema: ClassVar[type[marshmallow.Schema]]

    @abstractmethod
    def learner(self, user: UserRef, space: str) -> Learner | None:
        """The learner in a space; None for a user who is unknown or retired, of whom nothing is said then."""

    def formerly(self, user: UserRef, space: str) -> Learner | None:
        """The same for who is retired by now: what was said before is to be found again, and removed."""
        return self.learner(user, space)

    @abstractmethod
    def digest(self, value: str, space: str) -> str:
        """A UUID text for another linkable value (a session key): not reversible, the same on every host."""

    def knows_addresses(self) -> bool:
        """Whether any learner may have an e-mail address; asked once, at start-up."""
        return True

    def own_spaces(self) -> str | None:
        """None if destinations can have pseudonyms of their own, else what the operator must do for it."""
        return None


class CourseProvider(ABC):
    """Knows what a course is called."""

    name: ClassVar[str]
    settings_schema: ClassVar[type[marshmallow.Schema]]

    @abstractmethod
    def title(self, course_id: str) -> str | None:
        """The title of a course run, None where it is not known."""

    def knows(self, course_id: str) -> bool:
        """Is it a course of the platform, as far as is known here? A replay records each event of one that is not."""
        return True


REMEMBERED = 5_000
"""Answers that a cache holds, about 2 MB: more learners than are at work within some minutes, fewer than years have."""


def cached(look_up: Callable[[K], V]) -> Callable[[K], V]:
    """Remember answers, the oldest leaving first. Several threads may share it (at worst one asks twice)."""
    known: dict[K, V] = {}

    def answer(key: K) -> V:
        try:
            return known[key]
        except KeyError:
            value = look_up(key)
            make_room(known, REMEMBERED)
            known[key] = value
            return value

    return answer


def make_room(known: dict[Any, Any], most: int) -> None:
    """Let the oldest go, where a cache holds so many."""
    if len(known) >= most:
        with suppress(KeyError, RuntimeError):  # another thread was quicker
            del known[next(iter(known))]


@dataclass(frozen=True, eq=False)  # equal to itself only, so it is a cheap key
class Site:
    """The platform as the mappings of one pseudonym space see it. ``root_url`` has no slash at the end.

    ``own``: the space of one destination; e-mail addresses would join it to the others and are left out.
    """

    root_url: str
    identity: IdentityProvider = field(repr=False)
    courses: CourseProvider = field(repr=False)
    space: str = ""
    own: bool = False

    def __post_init__(self) -> None:
        """Put caches before the look-ups."""
        look_ups: Mapping[str, Any] = {
            "_iri": cached(self._address),
            "learner": cached(self._learner),
            "digest": cached(lambda value: self.identity.digest(value, self.space)),
            "course_title": cached(self.courses.title),
        }
        for name, look_up in look_ups.items():
            object.__setattr__(self, name, look_up)

    _iri: Callable[[tuple[str, ...]], str] = field(init=False, repr=False)
    learner: Callable[[UserRef], Learner | None] = field(init=False, repr=False)
    digest: Callable[[str], str] = field(init=False, repr=False)
    course_title: Callable[[str], str | None] = field(init=False, repr=False)

    def _learner(self, user: UserRef) -> Learner | None:
        return self._shown(self.identity.learner(user, self.space))

    def formerly(self, user: UserRef) -> Learner | None:
        """Who a user was in the outputs, though retired by now."""
        return self._shown(self.identity.formerly(user, self.space))

    def _shown(self, found: Learner | None) -> Learner | None:
        return Learner(found.pseudonym) if found is not None and self.own else found

    def unjoined(self, key: str) -> str:
        """The key of something that a learner made (an attempt, a contribution to the forum), for this space.

        Where a destination has a space of its own the key is digested: by the key itself it could be joined.
        """
        return self.digest(key) if self.own else key

    def iri(self, *parts: str) -> str:
        """An address under the platform's root: the parts joined by ``/``.

        What may not stand in the path of an IRI (RFC 3987, 2.2) is percent-encoded; other scripts stay as they are.
        """
        return self._iri(parts)

    def _address(self, parts: tuple[str, ...]) -> str:
        joined = "/".join(parts)
        if (_NOT_IN_AN_ASCII_PATH if joined.isascii() else _NOT_IN_A_PATH).search(joined):
            joined = _NOT_IN_A_PATH.sub(lambda found: quote(found[0], safe=""), joined)
        return f"{self.root_url}/{joined}"
