"""Keeps the list of learners who objected: about them nothing is said any more (ADR 15).

A learner is a line of keyed digests, so that the file names nobody: ``DATE KEY-ID DIGEST …``. The key is that of the
identity provider. A list with lines of another key cannot be compared with learners, so nothing runs with it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ..errors import ObjectionsError
from ..logs import ThrottledLogger
from ..providers import CORE_SPACE, IdentityProvider, UserRef

RELOAD_INTERVAL = 1.0
"""Seconds after which a running process notices that the list has changed."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Holds a line of the list: since when (a date), and the digests of what the learner is known by."""

    since: str
    key_id: str
    digests: frozenset[str]

    def __str__(self) -> str:
        """Returns the line."""
        return " ".join((self.since, self.key_id, *sorted(self.digests)))


class Objections:
    """Tells whether a learner objected, and changes the list. Threads may share it."""

    def __init__(self, path: Path, identity: IdentityProvider) -> None:
        """Reads the list. Raises ObjectionsError."""
        self.path = path
        self._identity = identity
        self._key_id = identity.key_id()
        self._log = ThrottledLogger(logging.getLogger("learnrelay.identity"))
        self._version = 0
        self._stamp: tuple[int, ...] = ()
        self._look_at = 0.0
        self.entries: tuple[Objection, ...] = ()
        self._digests: frozenset[str] = frozenset()
        self._load()

    def version(self) -> int:
        """Returns a number that rises when the list has changed; looks at the file once in `RELOAD_INTERVAL` seconds.

        While the file cannot be read, the last list counts, and an error is logged.
        """
        if time.monotonic() >= self._look_at:
            try:
                self._load()
            except ObjectionsError as error:
                self._log(f"{error}; the list as it was before counts until then")
        return self._version

    def includes(self, user: UserRef) -> bool:
        """Tells whether a user is on the list, by id, by name or by what the identity provider knows of them."""
        return bool(self._digests) and not self._digests.isdisjoint(self._digests_of(user))

    def find(self, user: UserRef) -> list[Objection]:
        """Returns the lines of a user."""
        digests = self._digests_of(user)
        return [entry for entry in self.entries if not digests.isdisjoint(entry.digests)]

    def add(self, user: UserRef) -> bool:
        """Adds a user, by all that is given; False when they are on the list already. Raises ObjectionsError."""
        digests = self._digests_of(user)
        if digests <= self._digests:
            return False
        assert self._key_id is not None
        entry = Objection(f"{datetime.now(UTC):%Y-%m-%d}", self._key_id, digests)
        try:
            with self._open_alone() as file:
                content = file.read()
                separator = "\n" if content and not content.endswith(b"\n") else ""
                file.write(f"{separator}{entry}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ObjectionsError(f"{self.path}: {error.strerror}") from None
        self._load()
        return True

    def remove(self, user: UserRef) -> int:
        """Takes a user off the list. Returns the number of lines removed. Raises ObjectionsError.

        Lines that have a digest in common are of one learner, who was added by id, by name and by both, say.
        """
        digests, removed = self._digests_of(user), frozenset[Objection]()
        try:
            with self._open_alone():
                self._load()
                while more := {entry for entry in self.entries if not digests.isdisjoint(entry.digests)} - removed:
                    removed |= more
                    digests = digests.union(*(entry.digests for entry in more))
                if removed:
                    self._write_without(removed)
        except OSError as error:
            cure = "; run the command as the owner of the list" if isinstance(error, PermissionError) else ""
            raise ObjectionsError(f"{self.path}: {error.strerror}{cure}") from None
        self._load()
        return len(removed)

    @contextmanager
    def _open_alone(self) -> Iterator[BinaryIO]:
        """Opens the list, while no other process changes it. Raises OSError."""
        while True:
            with self.path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(file.fileno()), self.path.stat()):  # else it was written anew meanwhile
                    yield file
                    return

    def _write_without(self, removed: Collection[Objection]) -> None:
        """Writes the list anew, for the same owner and with the same mode. Raises OSError."""
        draft = self.path.with_name(f"{self.path.name}.new")
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if _is_comment(line) or parse_objection(line) not in removed]
            about = self.path.stat()
            draft.unlink(missing_ok=True)
            draft.touch(0o600)
            os.chown(draft, about.st_uid, about.st_gid)
            draft.chmod(about.st_mode & 0o777)
            with draft.open("w", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in kept))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)

    def check_permissions(self) -> str:
        """Checks the file's permissions; returns a warning, or an empty text."""
        return "other users of this machine may read it: chmod 600" if self.path.stat().st_mode & 0o077 else ""

    def _load(self) -> None:
        try:
            about = self.path.stat()
            stamp = (about.st_dev, about.st_ino, about.st_mtime_ns, about.st_size)
            if stamp != self._stamp:
                self.entries = read_objections(self.path, self._key_id)
                self._digests = frozenset().union(*(entry.digests for entry in self.entries))
                self._version += 1
                self._stamp = stamp
        except OSError as error:
            raise ObjectionsError(f"{self.path}: {error.strerror}") from None
        finally:
            self._look_at = time.monotonic() + RELOAD_INTERVAL

    def _digests_of(self, user: UserRef) -> frozenset[str]:
        known_by = [f"id {user.user_id}"] if user.user_id else []
        known_by += [f"name {user.username}"] if user.username else []
        for part in (UserRef(user.user_id), UserRef(None, user.username)):
            learner = self._identity.learner_or_retired(part, CORE_SPACE) if part != UserRef() else None
            known_by += [] if learner is None else [f"learner {learner.pseudonym}"]
        return frozenset(self._identity.digest(f"objection: {text}", CORE_SPACE) for text in known_by)


def _is_comment(line: str) -> bool:
    return not line.strip() or line.startswith("#")


def parse_objection(line: str) -> Objection | None:
    """Reads a line of a list; None where a part is missing."""
    since, *rest = line.split()
    return Objection(since, rest[0], frozenset(rest[1:])) if len(rest) > 1 else None


def read_objections(path: Path, key_id: str | None) -> tuple[Objection, ...]:
    """Reads a list of the key ``key_id``. Raises OSError, and ObjectionsError with the line and the cure."""
    if key_id is None:
        raise ObjectionsError("needs a secret under [identity]: without one, the digests change with the table")
    entries = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ObjectionsError(f"{path}: it is not UTF-8 text") from None
    for number, line in enumerate(lines, 1):
        if _is_comment(line):
            continue
        if (entry := parse_objection(line)) is None:
            raise ObjectionsError(f"{path}: line {number}: expected date, key id and digests")
        entries.append(entry)
    _refuse_other_keys(path, entries, key_id)
    return tuple(entries)


def _refuse_other_keys(path: Path, entries: Iterable[Objection], key_id: str) -> None:
    others = [entry for entry in entries if entry.key_id != key_id]
    if others:
        keys = ", ".join(sorted({entry.key_id for entry in others}))
        raise ObjectionsError(
            f"{path}: {len(others):,} learners are on the list under another secret (key id {keys}; that of the "
            f"present secret is {key_id}), and could not be recognised. Set the former secret again, or delete these "
            "lines and add each of the learners again with: learnrelay object"
        )
