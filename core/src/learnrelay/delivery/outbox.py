"""The outbox: what `put` has returned for is on the disk, and stays until each destination has it.

One transaction writes a statement's payload once and one delivery for each of its destinations. The store is
bounded: when it is full, `put` waits for room and then raises; nothing is ever dropped in silence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..config.models import Delivery
from ..errors import OutboxFullError
from .database import Database, PassingError
from .dead_letters import DeadLetters
from .forgetting import abandon, forget
from .intake import Consignment, Parcel
from .ledger import total_waiting
from .queue import DEFERRED, Queue
from .tables import migrate

Clock = Callable[[], float]
"""Seconds since 1970, UTC. Injected, so that tests can let hours pass."""

_ROOM_POLL = 0.1  # seconds; room made by another process is seen this late


@dataclass(frozen=True, slots=True)
class Status:
    """One destination's side of the outbox. Counters survive restarts; ``oldest_age`` is in seconds.

    accepted = waiting + delivered + dead + dropped, always. ``leased`` and ``due`` are parts of ``waiting``,
    ``conflicts`` (what the consumer has in another form) is one of ``dead``. ``orphaned``: something waits or lies
    dead for a destination that is not in the file. ``retried`` counts statements that were sent in vain and went back
    to the queue. ``paused`` says why nothing is sent, and is empty when all is well; ``failing_since`` and
    ``retry_at`` (the next try) are seconds since 1970.
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


class Outbox:
    """The durable store between the pipeline and the consumers. Share it between threads."""

    def __init__(self, database: Database, settings: Delivery, clock: Clock = time.time) -> None:
        self.database = database
        self.settings = settings
        self.clock = clock
        self._room = threading.Condition()
        self.trouble = threading.Event()
        """Set when a destination goes down in this process: there may be an alert to raise."""

    @classmethod
    def open(cls, settings: Delivery, clock: Clock = time.time) -> Outbox:
        """Open, create or migrate the store that ``settings.database`` names. Raises OutboxError."""
        database = Database(settings.database, patience=settings.wait)
        database.create()
        migrate(database)
        return cls(database, settings, clock)

    def close(self) -> None:
        """Give the connections back. What is stored stays."""
        self.database.close()

    # --- in ---------------------------------------------------------------------------------------------

    def put(self, parcels: Iterable[Parcel]) -> None:
        """Store all parcels or none, in one committed transaction.

        Raises OutboxFullError when there is no room within ``settings.wait`` seconds, OutboxError when the
        database fails; in both cases nothing of this call is kept.
        """
        batch = [parcel for parcel in parcels if parcel.destinations]
        if not batch:
            return
        deadline = time.monotonic() + self.settings.wait
        while True:
            try:
                if self._put_if_room(batch):
                    return
                passing = None
            except PassingError as error:
                passing = error
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise passing or OutboxFullError(
                    f"outbox {self.database.name}: {self.settings.limit} deliveries wait (delivery.limit), "
                    f"too few left within {self.settings.wait:g} s (delivery.wait)"
                )
            with self._room:
                self._room.wait(min(remaining, _ROOM_POLL))

    def _put_if_room(self, batch: Sequence[Parcel]) -> bool:
        consignment = Consignment.of(batch, self.clock())
        with self.database.transaction() as transaction:
            if total_waiting(transaction, near=self.settings.limit) + consignment.size > self.settings.limit:
                return False
            consignment.write(transaction)
        return True

    # --- out --------------------------------------------------------------------------------------------

    def queue(self, destination: str) -> Queue:
        """One destination's side: claims, marks, pauses."""
        return Queue(self, destination)

    def at_rest(self, queues: Iterable[str]) -> bool:
        """Is nothing due and nothing under way in any of them? Asked in this order."""
        return all(self.queue(name).at_rest() for name in queues)

    def made_room(self) -> None:
        """Wake whoever waits in `put`."""
        with self._room:
            self._room.notify_all()

    # --- dead letters, learners ---------------------------------------------------------------------------

    @property
    def dead_letters(self) -> DeadLetters:
        """What consumers will not take: to look at, to try again, to drop."""
        return DeadLetters(self)

    def forget(self, pseudonym: str) -> int:
        """Remove every statement about a learner that waits or lies dead; says how many."""
        return forget(self, pseudonym)

    def abandon(self, destination: str) -> int:
        """Give up for good what waits or lies dead for a destination; says how many deliveries."""
        return abandon(self, destination)

    # --- look -------------------------------------------------------------------------------------------

    def status(self, destinations: Iterable[str] = ()) -> dict[str, Status]:
        """How each destination stands, by name; those of the file, ``destinations``, even when they had nothing."""
        now = self.clock()
        with self.database.transaction(write=False) as transaction:
            tallies = transaction.execute(
                """SELECT destination, SUM(accepted), SUM(duplicates), SUM(delivered), SUM(retried),
                    SUM(dropped) FROM learnrelay_tally GROUP BY destination"""
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
        found: dict[str, dict[str, object]] = {name: {} for name in destinations}
        for name, accepted, duplicates, delivered, retried, dropped in tallies:
            found.setdefault(name, {}).update(
                accepted=int(accepted),
                duplicates=int(duplicates),
                delivered=int(delivered),
                retried=int(retried),
                dropped=int(dropped),
            )
        for name, waiting, leased, due, _key in queues:
            age = max(0.0, now - oldest[name][0][0]) if oldest[name] else None
            found.setdefault(name, {}).update(waiting=int(waiting), leased=int(leased), due=int(due), oldest_age=age)
        for name, number, conflicts in dead:
            found.setdefault(name, {}).update(dead=int(number), conflicts=int(conflicts))
        for name, condition, reason, since, until in breakers:
            found.setdefault(name, {}).update(
                halted=condition.startswith("halted"), failing_since=since, paused=reason, retry_at=until
            )
        known = {*destinations, DEFERRED}
        for name, values in found.items() if len(known) > 1 else ():
            values["orphaned"] = name not in known and bool(values.get("waiting") or values.get("dead"))
        return {name: Status(name, **values) for name, values in sorted(found.items())}  # type: ignore[arg-type]
