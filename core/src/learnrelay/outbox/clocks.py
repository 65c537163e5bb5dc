"""Protects queues from the clocks of other hosts.

Where there is a server, its clock is the clock of the outbox. On SQLite, the only clock is the host's own, and what
another one has written may lie hours ahead: nobody waits for it longer than a lease or a pause can last.
"""

from __future__ import annotations

import math
import time

from ..errors import OutboxError
from .database import Database
from .store import Store

_MEASURED_FOR = 30.0  # seconds for which a measured difference of the clocks holds
_PAUSE_AFTER_ERROR = 1.0  # seconds until a database that failed is asked for the time again
_MARGIN = 1.0  # seconds by which clocks may differ before it matters
_CHECKS = 6  # looks at times that are far ahead, in the time that they may last
_MAX_INTERVAL = 10.0  # seconds between two of these looks: each reads the whole queue


class ServerClock:
    """Tells the time of a server, in seconds since 1970. Never raises.

    Asks the server twice a minute and counts on in between. While the server was never reached, it is this host's time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ahead = time.time() - time.monotonic()  # the server's time less our monotonic clock
        self._measure_at = -math.inf

    def __call__(self) -> float:
        """Returns the server's time."""
        now = time.monotonic()
        if now >= self._measure_at:
            self._measure_at = now + _PAUSE_AFTER_ERROR  # for other threads too, while this one waits
            self._measure()
            now = time.monotonic()
        return now + self._ahead

    def _measure(self) -> None:
        try:
            with self._database.transaction(write=False) as transaction:
                asked = time.monotonic()
                ((server,),) = transaction.execute(self._database.dialect.read_clock)
                answered = time.monotonic()
        except OutboxError:
            return  # whoever asks for the time fails with the database itself
        self._ahead = server - (asked + answered) / 2
        self._measure_at = answered + _MEASURED_FOR


class ClockGuard:
    """Ends leases, pauses and waits of one queue that another clock has put further ahead than they can last.

    A failure that began in the future begins now. Such a time is not compared with this host's, which may
    be the wrong one: when it has not changed for as long as a lease (or the longest pause) lasts, nobody is behind it.
    ``ceiling``: the longest pause in seconds.
    """

    def __init__(self, store: Store, queue: str, ceiling: float) -> None:
        self._store = store
        self._queue = queue
        self._ceiling = ceiling
        self._seen: dict[tuple[str, str, float], float] = {}  # (kind, what, time) → when it was first seen
        self._check_at = -math.inf

    def check(self) -> None:
        """Looks for such times now and then, and ends those that are over. Raises OutboxError."""
        elapsed = self._store.elapsed()
        if elapsed < self._check_at:
            return
        lease = self._store.settings.lease
        longest = {"lease": lease, "pause": max(self._ceiling, lease), "wait": self._ceiling, "since": lease}
        self._check_at = elapsed + min(_MAX_INTERVAL, *(seconds / _CHECKS for seconds in longest.values()))
        self._seen = {key: self._seen.get(key, elapsed) for key in self._find_far_times(longest)}
        over = [key for key, since in self._seen.items() if elapsed - since >= longest[key[0]]]
        if not over:
            return
        with self._store.database.transaction(durable=False) as transaction:
            for kind, what, until in over:
                transaction.change(_END[kind], queue=self._queue, what=what, until=until, now=self._store.clock())
                del self._seen[kind, what, until]

    def _find_far_times(self, longest: dict[str, float]) -> list[tuple[str, str, float]]:
        now = self._store.clock()
        latest = {kind: now + seconds + _MARGIN for kind, seconds in longest.items()} | {"since": now + _MARGIN}
        with self._store.database.transaction(write=False) as transaction:
            rows = transaction.execute(_FIND, queue=self._queue, **latest)
        return [(kind, what, until) for kind, what, until in rows if until is not None]


_FIND = """SELECT 'pause', '', paused_until FROM learnrelay_breaker
        WHERE destination = :queue AND failures > 0 AND paused_until > :pause
    UNION SELECT 'since', '', since FROM learnrelay_breaker
        WHERE destination = :queue AND failures > 0 AND since > :since
    UNION SELECT 'wait', '', MIN(next_attempt) FROM learnrelay_delivery
        WHERE destination = :queue AND attempts > 0 AND next_attempt > :wait
    UNION SELECT DISTINCT 'lease', lease_owner, lease_until FROM learnrelay_delivery
        WHERE destination = :queue AND lease_owner IS NOT NULL AND lease_until > :lease"""
_END = {
    "pause": """UPDATE learnrelay_breaker SET paused_until = 0
        WHERE destination = :queue AND paused_until = :until AND :what = ''""",
    "since": """UPDATE learnrelay_breaker SET since = :now
        WHERE destination = :queue AND since = :until AND :what = ''""",
    "wait": """UPDATE learnrelay_delivery SET next_attempt = 0
        WHERE destination = :queue AND attempts > 0 AND next_attempt >= :until AND :what = ''""",
    "lease": """UPDATE learnrelay_delivery SET lease_until = 0, lease_owner = NULL
        WHERE destination = :queue AND lease_owner = :what AND lease_until = :until""",
}
