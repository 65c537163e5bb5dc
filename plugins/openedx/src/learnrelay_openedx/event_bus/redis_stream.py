"""Asks a Redis for the entries of a stream so that no call waits without a bound, and no error holds a secret."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from learnrelay.config.secrets import Secret

from .entry_ids import BEGIN, EntryId, read_id, write_id

CONNECT_LIMIT = 5.0  # seconds
ANSWER_LIMIT = 10.0  # seconds without a byte of an answer after which a connection is given up

_MOST_PENDING = 1000  # that are acknowledged at once
_CODE = re.compile("[A-Z]{2,20}")
_REASONS = {
    "WRONGTYPE": "has no stream of this name, but another value: are topic and topic_prefix those of the platform?",
    "MISCONF": "cannot save its data, and refuses changes",
    "NOGROUP": "no longer has the group, or the stream",
}
"""First word of an error for which the client has no class → what it means."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """Tells about a stream at one moment.

    ``added``: entries that it ever got. ``length``: those that it holds. ``last``: the place of the last one that it
    ever got. ``acknowledged``: where our group stands; None when there is no group. ``pending``: entries that consumers
    of our group have taken and not acknowledged; ours takes none.
    """

    added: int = 0
    length: int = 0
    last: EntryId = BEGIN
    acknowledged: EntryId | None = None
    pending: int = 0

    @property
    def removed(self) -> int:
        """Returns how many entries are gone, by trimming above all."""
        return self.added - self.length


class RedisStream:
    """Reads one stream, and keeps a group on it. All methods raise ConnectionError (an OSError) with a reason."""

    def __init__(self, address: str | Secret, password: Secret | None, ca_file: str | None, name: str, group: str):
        self.name = name
        self._group = group
        url = address.reveal() if isinstance(address, Secret) else address
        self._redis = redis.Redis.from_url(
            url,
            **({} if password is None else {"password": password.reveal()}),
            **({"ssl_ca_certs": ca_file} if ca_file is not None else {}),
            protocol=2,
            socket_connect_timeout=CONNECT_LIMIT,
            socket_timeout=ANSWER_LIMIT,
            retry=Retry(NoBackoff(), 0),  # the core tries again
        )

    def close(self) -> None:
        """Disconnects."""
        self._redis.close()

    def look(self) -> StreamState:
        """Returns how the stream is."""
        with _in_our_words(), self._redis.pipeline(transaction=False) as commands:
            commands.xinfo_stream(self.name)
            commands.xinfo_groups(self.name)
            about, groups = commands.execute(raise_on_error=False)
            if isinstance(about, redis.ResponseError) and "no such key" in str(about):
                return StreamState()
            for answer in (about, groups):
                if isinstance(answer, Exception):
                    raise answer
        if "entries-added" not in about:
            raise ConnectionError(0, "Redis is older than 7.0, and does not tell what was trimmed")
        ours: Mapping[str, Any] = next((group for group in groups if group["name"] == self._group.encode()), {})
        return StreamState(
            about["entries-added"],
            about["length"],
            read_id(about["last-generated-id"].decode()),
            read_id(ours["last-delivered-id"].decode()) if ours else None,
            ours["pending"] if ours else 0,
        )

    def make_group(self) -> None:
        """Makes the group at the beginning of the stream, and an empty stream where there is none."""
        with _in_our_words():
            self._redis.xgroup_create(self.name, self._group, id="0", mkstream=True)

    def read_after(self, place: EntryId, most: int, timeout: float) -> Sequence[tuple[EntryId, Mapping[bytes, bytes]]]:
        """Returns the next entries, oldest first; none when there are none after ``timeout`` seconds."""
        block = int(timeout * 1000) or None  # 0 would wait for ever
        with _in_our_words():
            streams: Any = self._redis.xread({self.name: write_id(place)}, count=most, block=block)
        return [(read_id(entry_id.decode()), fields) for _, entries in streams for entry_id, fields in entries]

    def has_entry(self, place: EntryId) -> bool:
        """Tells whether the stream holds this entry."""
        with _in_our_words():
            return bool(self._redis.xrange(self.name, write_id(place), write_id(place)))

    def acknowledge(self, place: EntryId, entries: int, *, has_pending: bool) -> None:
        """Sets the group behind ``place``. ``entries``: that the stream got up to there, so that Redis shows a lag."""
        with _in_our_words():
            self._redis.xgroup_setid(self.name, self._group, write_id(place), entries)
            if has_pending:
                pending: Any = self._redis.xpending_range(self.name, self._group, "-", write_id(place), _MOST_PENDING)
                if taken := [entry["message_id"] for entry in pending]:
                    self._redis.xack(self.name, self._group, *taken)

    def eviction_policy(self) -> str:
        """Names how Redis makes room at its limit of memory; empty without a limit, or where the user may not ask."""
        with _in_our_words():
            try:
                memory: Any = self._redis.info("memory")
            except redis.exceptions.NoPermissionError:
                return ""
        return memory.get("maxmemory_policy", "") if memory.get("maxmemory") else ""


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Turns errors of Redis into OSErrors whose reason holds no secret and nothing that was read."""
    try:
        yield
    except redis.RedisError as error:
        raise ConnectionError(0, f"Redis {_describe(error)}") from None


def _describe(error: redis.RedisError) -> str:
    match error:
        case redis.exceptions.NoPermissionError():
            return "refuses a command: give the user the rights that docs/event-bus.md lists (ACL)"
        case redis.AuthenticationError() | redis.exceptions.AuthenticationWrongNumberOfArgsError():
            return "refuses the credentials"
        case redis.TimeoutError():
            return "does not answer in time"
        case redis.ReadOnlyError():
            return "is a replica: the input needs the primary, to acknowledge"
        case redis.OutOfMemoryError():
            return "has no memory left, and refuses changes"
        case redis.exceptions.MovedError():
            return "is a cluster: name the node that holds the stream"
        case redis.exceptions.BusyLoadingError():
            return "is still reading its data"
        case redis.ResponseError():
            code = str(error).partition(" ")[0]
            return _REASONS.get(code, f"reports the error {code if _CODE.fullmatch(code) else 'ERR'}")
        case _ if isinstance(error.__context__, ssl.SSLError):
            return "does not answer with TLS, or with a certificate that ca_file does not cover"
        case _:
            return "does not answer"
