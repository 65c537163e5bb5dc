"""Stores statements on the disk until each destination has them: the front of this package.

One transaction writes a statement's payload once and one delivery for each of its destinations. The store is
bounded: when it is full, `put` waits for room and then raises; no statement is dropped without an error.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.models import Delivery
from ..errors import OutboxError, OutboxFullError
from .clocks import ServerClock
from .counters import MARGIN, count_waiting
from .database import Database, Transaction, TransientError, retry_deadlocks
from .dead_letters import DeadLetters
from .erasure import abandon_destination
from .intake import InsertBatch, OutgoingStatement
from .looks import read_looks, seconds_unattended
from .migrations import MIGRATIONS, check_version, migrate, read_version
from .queue import DEFERRED, Queue
from .refusals import read_refusals
from .spool import Spool
from .spool_reader import SpoolReader, SpoolStatus
from .store import Clock, Store
from .time_limits import CALL_LIMIT, time_limit

log = logging.getLogger("learnrelay.delivery")

_ROOM_POLL = 0.1  # seconds; room made by another process is seen this late
_COUNT_INTERVAL = 0.1  # seconds
_UNCOUNTED = 500  # deliveries that a process adds in between, at most
GRACE = 0.5
"""Seconds that a try has beyond ``delivery.wait``: what a server says of itself comes before our own limit."""


@dataclass(frozen=True, slots=True)
class Status:
    """Describes one destination's queue. Counters survive restarts; ``oldest_age`` is in seconds.

    accepted = waiting + delivered + dead + conflicts + dropped, always. ``leased`` and ``due`` are parts of
    ``waiting``. ``conflicts`` are kept like dead letters, but the consumer has the statement already, with other
    content. ``orphaned``: deliveries wait or dead letters lie for a destination that is not in the configuration file.
    ``retried`` counts statements that were sent in vain and went back to the queue. ``paused`` says why nothing is
    sent, and is empty when all is well; ``failing_since`` and ``retry_at`` (the next try) are seconds since 1970.
    ``looked_at``: when a worker last looked at the queue, whatever it found. ``unattended``: seconds for which
    statements have been waiting and no worker has looked.
    """

    destination: str
    waiting: int = 0
    due: int = 0
    leased: int = 0
    oldest_age: float | None = None
    accepted: int = 0
    duplicates: int = 0
    delivered: int = 0
    retried: int = 0
    dead: int = 0
    conflicts: int = 0
    dropped: int = 0
    orphaned: bool = False
    halted: bool = False
    failing_since: float | None = None
    paused: str = ""
    retry_at: float | None = None
    looked_at: float | None = None
    unattended: float | None = None


class Outbox(Store):
    """Stores statements durably between the pipeline and the consumers. Threads may share it.

    ``spool``: the files of this machine that take statements when the database cannot, or before it.
    """

    def __init__(
        self, database: Database, settings: Delivery, clock: Clock = time.time, elapsed: Clock = time.monotonic
    ) -> None:
        super().__init__(database, settings, clock, elapsed)
        self.spool = Spool(settings.spool or Path(f"{database.name}.spool"), settings.spool_limit)
        self._allowance = 0
        self._count_at = -math.inf
        self._spool_reader = SpoolReader(self, self.spool)

    @classmethod
    def open(cls, settings: Delivery, clock: Clock | None = None) -> Outbox:
        """Opens, creates or migrates the database that ``settings.database`` names. Raises OutboxError.

        Where statements may be spooled, a database that cannot be reached is an error in the log, and is opened by the
        first call that reaches it. The time is that of the database's server, where there is one; tests give a
        ``clock`` instead.
        """
        outbox = cls._connect(settings, clock)
        try:
            # A file is waited for only while another process makes it, which ends; a server may never answer.
            with time_limit(settings.wait + GRACE if outbox.database.has_server else CALL_LIMIT):
                is_ready = outbox._is_ready()
            if not is_ready:
                migrate(outbox.database)
        except OutboxError as error:
            if not settings.spools:
                raise
            log.error("%s; statements are spooled until it can be opened", error)
            outbox.database.prepare = outbox._make_ready
        return outbox

    def _is_ready(self) -> bool:
        self.database.create()
        return read_version(self.database) == len(MIGRATIONS)

    def _make_ready(self) -> None:
        if not self._is_ready():
            migrate(self.database)

    @classmethod
    def look(cls, settings: Delivery, *, oldest: int = len(MIGRATIONS)) -> Outbox:
        """Opens an outbox of the present version, or from ``oldest`` on; creates and migrates nothing.

        Raises OutboxError.
        """
        outbox = cls._connect(settings)
        check_version(outbox.database, oldest)
        outbox.database.warn_of_permissions()
        return outbox

    @classmethod
    def _connect(cls, settings: Delivery, clock: Clock | None = None) -> Outbox:
        database = Database(settings.database, lock_timeout=settings.wait)
        if clock is not None:
            return cls(database, settings, clock, clock)
        return cls(database, settings, ServerClock(database) if database.has_server else time.time)

    def close(self) -> None:
        """Closes the connections, and the process's part of the spool. What is stored stays."""
        self.spool.close()
        self.database.close()

    # --- in ---------------------------------------------------------------------------------------------

    def put(self, statements: Iterable[OutgoingStatement], *, is_patient: bool = True) -> int:
        """Stores all statements or none, in one committed transaction. Returns the number of new deliveries.

        Raises OutboxFullError when there is no room within ``settings.wait`` seconds, at once when not ``is_patient``;
        OutboxError when the database fails. In both cases nothing of this call is kept, unless the connection broke
        while the database's answer to the commit was under way.
        """
        batch = [statement for statement in statements if statement.destinations]
        if not batch:
            return 0
        deadline, failure, is_first = time.monotonic() + self.settings.wait, None, True
        while True:
            try:
                with time_limit(deadline - time.monotonic() + GRACE):
                    if (accepted := self._put_if_room(batch)) is not None:
                        return accepted
                failure = None
            except TransientError as error:
                failure = error
            remaining = deadline - time.monotonic()
            is_dead_connection = failure is not None and is_first  # of a server that was started again, say
            is_first = False
            if remaining <= 0 or not (is_patient or is_dead_connection):
                raise failure or OutboxFullError(
                    f"outbox {self.database.name}: {self.settings.limit} deliveries wait (delivery.limit)"
                    + (f", too few left within {self.settings.wait:g} s (delivery.wait)" if is_patient else "")
                )
            if is_patient:
                self.wait_for_room(min(remaining, _ROOM_POLL))

    @retry_deadlocks
    def _put_if_room(self, statements: Sequence[OutgoingStatement]) -> int | None:
        """Stores statements, and returns the number of new deliveries; None where there is no room."""
        batch = InsertBatch.of(statements, self.clock())
        with self.database.transaction() as transaction:
            if not self._has_room(transaction, batch.size):
                return None
            return batch.write(transaction)

    def _has_room(self, transaction: Transaction, size: int) -> bool:
        """Tells whether so many deliveries may be added. Far below the limit, they are counted now and then only."""
        if size <= self._allowance and time.monotonic() < self._count_at:
            self._allowance -= size
            return True
        left = self.settings.limit - size - count_waiting(transaction, near=self.settings.limit)
        self._allowance, self._count_at = min(left - MARGIN, _UNCOUNTED), time.monotonic() + _COUNT_INTERVAL
        return left >= 0

    def take_in(self, seconds: float = math.inf) -> Counter[str]:
        """Takes what this machine has spooled into the database. Returns the numbers of statements by queue.

        Stops after about ``seconds``, or when ``delivery.limit`` is reached. Raises OutboxError.
        """
        return self._spool_reader.take_in(seconds)

    # --- out --------------------------------------------------------------------------------------------

    def queue(self, destination: str, *, keeps_batches: bool = False) -> Queue:
        """Returns the queue of one destination. ``keeps_batches``: what is claimed together stays together."""
        return Queue(self, destination, keeps_batches=keeps_batches)

    def is_idle(self, queues: Iterable[str]) -> bool:
        """Tells whether nothing is spooled, and nothing due or leased in any of these queues. Asks in this order."""
        return not self.read_spool_status().segments and all(self.queue(name).is_idle() for name in queues)

    # --- dead letters, destinations ------------------------------------------------------------------------

    @property
    def dead_letters(self) -> DeadLetters:
        """Returns the dead letters, to list, to retry, to drop."""
        return DeadLetters(self)

    def abandon(self, destination: str) -> int:
        """Deletes the deliveries and dead letters of a destination. Returns their number."""
        return abandon_destination(self, destination)

    # --- status -------------------------------------------------------------------------------------------

    def erase_taken_spool(self) -> None:
        """Overwrites what was taken in of this machine's spool. Raises OutboxError."""
        self._spool_reader.erase_taken()

    def read_spool_status(self) -> SpoolStatus:
        """Reads how much of this machine's spool is still to be taken in."""
        return self._spool_reader.read_status()

    def read_refusals(self) -> dict[str, tuple[int, float]]:
        """Reads how many events emit() could not store: reason → number, and the time of the latest."""
        with self.database.transaction(write=False) as transaction:
            return read_refusals(transaction)

    def count_delivered(self) -> dict[str, int]:
        """Counts what each destination has got since the outbox was created."""
        with self.database.transaction(write=False) as transaction:
            rows = transaction.execute(
                "SELECT destination, SUM(delivered) FROM learnrelay_delivery_counter GROUP BY destination"
            )
        return {destination: int(delivered) for destination, delivered in rows}

    def status(self, destinations: Iterable[str] = ()) -> dict[str, Status]:
        """Reads the status of each destination, by name; ``destinations``, those of the file, are always included."""
        now = self.clock()
        with self.database.transaction(write=False) as transaction:
            counters = transaction.execute(
                """SELECT destination, SUM(accepted), SUM(duplicates), SUM(delivered), SUM(retried),
                    SUM(dropped) FROM learnrelay_delivery_counter GROUP BY destination"""
            )
            queues = transaction.execute(
                """SELECT destination, COUNT(*), SUM(CASE WHEN lease_until > :now THEN 1 ELSE 0 END),
                    SUM(CASE WHEN lease_until <= :now AND next_attempt <= :now THEN 1 ELSE 0 END), MIN(key)
                FROM learnrelay_delivery GROUP BY destination""",
                now=now,
            )
            oldest = {
                row[0]: transaction.execute("SELECT taken FROM learnrelay_statement WHERE key = :key", key=row[4])
                for row in queues
            }
            dead = transaction.execute(
                "SELECT destination, COUNT(*), SUM(conflict) FROM learnrelay_dead_letter GROUP BY destination"
            )
            breakers = transaction.execute(
                """SELECT destination, condition, reason, since, paused_until FROM learnrelay_breaker
                WHERE failures > 0"""
            )
            looks = read_looks(transaction)
        values_by_name: dict[str, dict[str, object]] = {name: {} for name in destinations}
        for name, accepted, duplicates, delivered, retried, dropped in counters:
            values_by_name.setdefault(name, {}).update(
                accepted=int(accepted),
                duplicates=int(duplicates),
                delivered=int(delivered),
                retried=int(retried),
                dropped=int(dropped),
            )
        for name, waiting, leased, due, _key in queues:
            age = max(0.0, now - oldest[name][0][0]) if oldest[name] else None
            values_by_name.setdefault(name, {}).update(
                waiting=int(waiting),
                leased=int(leased),
                due=int(due),
                oldest_age=age,
                unattended=seconds_unattended(now, looks.get(name), age, leased=bool(leased)),
            )
        for name, number, conflicts in dead:
            values_by_name.setdefault(name, {}).update(dead=int(number - conflicts), conflicts=int(conflicts))
        for name, condition, reason, since, until in breakers:
            values_by_name.setdefault(name, {}).update(
                halted=condition.startswith("halted"), failing_since=since, paused=reason, retry_at=until
            )
        for name, looked_at in looks.items():
            if name in values_by_name:
                values_by_name[name]["looked_at"] = looked_at
        known = {*destinations, DEFERRED}
        for name, values in values_by_name.items() if len(known) > 1 else ():
            values["orphaned"] = name not in known and any(map(values.get, ("waiting", "dead", "conflicts")))
        return {name: Status(name, **values) for name, values in sorted(values_by_name.items())}  # type: ignore[arg-type]
