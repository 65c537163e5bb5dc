"""Logs people in by their tokens, and keeps their sessions in memory: they end with the process at the latest."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from learnrelay.config.models import ConsoleToken, Role

COOKIE = "learnrelay_console"
IDLE_LIMIT = 3600.0
"""Seconds without a request after which a session ends."""
_MOST_SESSIONS = 1000
_MOST_MESSAGES = 10


@dataclass(eq=False, slots=True)
class Session:
    """Holds who is logged in until when, and the messages for the next page.

    ``csrf``: what each form of this session has to send back.
    """

    name: str
    role: Role
    ends: float
    seen: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    messages: list[tuple[str, str]] = field(default_factory=list)

    @property
    def may_act(self) -> bool:
        """Tells whether this person may change something."""
        return self.role == "act"

    def tell(self, kind: str, text: str) -> None:
        """Leaves a message for the next page; ``kind``: done, warn or bad."""
        self.messages = [*self.messages, (kind, text)][-_MOST_MESSAGES:]

    def take_messages(self) -> list[tuple[str, str]]:
        """Returns the messages, once."""
        messages, self.messages = self.messages, []
        return messages


class Sessions:
    """Makes, finds and ends sessions. Threads may share it. ``length``: seconds after which one ends in any case."""

    def __init__(self, tokens: Mapping[str, ConsoleToken], length: float, clock: Callable[[], float]) -> None:
        self._tokens = tokens
        self._length = length
        self._clock = clock
        self._lock = threading.Lock()
        self._by_digest: dict[bytes, Session] = {}

    def log_in(self, given: str) -> tuple[str, Session] | None:
        """Returns the cookie and the session of whom a token belongs to. Takes the same time for every wrong one."""
        name = None
        for owner, token in self._tokens.items():
            if hmac.compare_digest(given.strip().encode(), token.secret.reveal().encode()):
                name = owner
        if name is None:
            return None
        now = self._clock()
        cookie = secrets.token_urlsafe(32)
        session = Session(name, self._tokens[name].role, now + self._length, now)
        with self._lock:
            self._by_digest = {key: other for key, other in self._by_digest.items() if self._is_alive(other, now)}
            while len(self._by_digest) >= _MOST_SESSIONS:
                self._by_digest.pop(next(iter(self._by_digest)))  # the oldest
            self._by_digest[_digest(cookie)] = session
        return cookie, session

    def find(self, cookie: str) -> Session | None:
        """Returns the session of a cookie while it lasts."""
        now = self._clock()
        with self._lock:
            session = self._by_digest.get(_digest(cookie))
            if session is None or not self._is_alive(session, now):
                return None
            session.seen = now
            return session

    def end(self, cookie: str) -> None:
        """Ends a session."""
        with self._lock:
            self._by_digest.pop(_digest(cookie), None)

    @staticmethod
    def _is_alive(session: Session, now: float) -> bool:
        return now < session.ends and now < session.seen + IDLE_LIMIT


def _digest(cookie: str) -> bytes:
    """Returns what is kept of a cookie: to compare digests tells nothing of the cookie."""
    return sha256(cookie.encode("utf-8", "surrogatepass")).digest()
