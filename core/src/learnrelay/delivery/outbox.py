"""The outbox: what `put` has returned for is on the disk, and stays until each destination has it.

One transaction writes a statement's payload once and one delivery for each of its destinations. The store is
bounded: when it is full, `put` waits for room and then raises; nothing is ever dropped in silence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..config.models import Delivery
from ..errors import OutboxFullError
from .database import Database
from .ledger import count
from .queue import Queue
from .tables import migrate

Clock = Callable[[], float]
"""Seconds since 1970, UTC. Injected, so that tests can let hours pass."""

_ROOM_POLL = 0.1  # seconds; room made by another process is seen this late


@dataclass(frozen=True, slots=True)
class Parcel:
    """One finished statement, serialised, and who is to get it.

    ``statement_id`` is unique within ``standard``: the same id again, while it waits, is the same statement.
    ``critical`` statements are never dropped by retention.
    """

    standard: str
    statement_id: str
    event_name: str
    payload: bytes
    destinations: tuple[str, ...]
    critical: bool = False
    event_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """One destination's side of the outbox. Counters survive restarts; ``oldest_age`` is in seconds.

    accepted = waiting + delivered + dead + dropped, always. ``leased`` and ``due`` are parts of ``waiting``.
    ``retried`` counts statements that were sent in vain and went back to the queue. ``paused`` says why
    nothing is sent, and is empty when all is well; ``retry_at`` (seconds since 1970) is the next try.
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
    dropped: int = 0
    halted: bool = False
    paused: str = ""
    retry_at: float | None = None


class Outbox:
    """The durable store between the pipeline and the consumers. Share it between threads."""

    def __init__(self, database: Database, settings: Delivery, clock: Clock = time.time) -> None:
        self.database = database
        self.settings = settings
        self.clock = clock
        self._room = threading.Condition()

    @classmethod
    def open(cls, settings: Delivery, clock: Clock = time.time) -> Outbox:
        """Open, create or migrate the store that ``settings.database`` names. Raises OutboxError."""
        database = Database(settings.database, patience=settings.wait)
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
        while not self._put_if_room(batch):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise OutboxFullError(
                    f"outbox {self.database.name}: {self.settings.limit} deliveries wait (delivery.limit), "
                    f"too few left within {self.settings.wait:g} s (delivery.wait)"
                )
            with self._room:
                self._room.wait(min(remaining, _ROOM_POLL))

    def _put_if_room(self, batch: Sequence[Parcel]) -> bool:
        now = self.clock()
        by_destination: dict[str, list[dict[str, object]]] = {}
        rows = []
        for parcel in batch:
            at = parcel.event_time.timestamp() if parcel.event_time else None
            rows.append(
                {
                    "standard": parcel.standard,
                    "statement_id": parcel.statement_id,
                    "event_name": parcel.event_name,
                    "event_time": at,
                    "critical": int(parcel.critical),
                    "taken": now,
                    "payload": parcel.payload,
                }
            )
            for destination in dict.fromkeys(parcel.destinations):
                by_destination.setdefault(destination, []).append(
                    {
                        "destination": destination,
                        "standard": parcel.standard,
                        "statement_id": parcel.statement_id,
                    }
                )
        with self.database.transaction() as transaction:
            ((waiting,),) = transaction.execute("SELECT COALESCE(SUM(waiting), 0) FROM learnrelay_tally")
            if waiting + sum(map(len, by_destination.values())) > self.settings.limit:
                return False
            # The update changes nothing; it locks the row, so that no acknowledgement removes it meanwhile.
            transaction.change_many(
                """INSERT INTO learnrelay_statement
                    (standard, statement_id, event_name, event_time, critical, taken, payload)
                VALUES (:standard, :statement_id, :event_name, :event_time, :critical, :taken, :payload)
                ON CONFLICT (standard, statement_id) DO UPDATE SET standard = excluded.standard""",
                rows,
            )
            for destination, wanted in by_destination.items():
                accepted = transaction.change_many(
                    """INSERT INTO learnrelay_delivery (destination, key)
                    SELECT :destination, s.key FROM learnrelay_statement AS s
                    WHERE s.standard = :standard AND s.statement_id = :statement_id AND NOT EXISTS (
                        SELECT 1 FROM learnrelay_dead_letter AS d
                        WHERE d.destination = :destination AND d.key = s.key)
                    ON CONFLICT (destination, key) DO NOTHING""",
                    wanted,
                )
                count(
                    transaction,
                    destination,
                    accepted=accepted,
                    waiting=accepted,
                    duplicates=len(wanted) - accepted,
                )
        return True

    # --- out --------------------------------------------------------------------------------------------

    def queue(self, destination: str) -> Queue:
        """One destination's side: claims, marks, pauses."""
        return Queue(self, destination)

    def made_room(self) -> None:
        """Wake whoever waits in `put`."""
        with self._room:
            self._room.notify_all()

    # --- look -------------------------------------------------------------------------------------------

    def status(self, destinations: Iterable[str] = ()) -> dict[str, Status]:
        """How each destination stands, by name; ``destinations`` are listed even when they had nothing."""
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
            dead = transaction.execute("SELECT destination, COUNT(*) FROM learnrelay_dead_letter GROUP BY destination")
            breakers = transaction.execute(
                """SELECT destination, condition, reason, paused_until FROM learnrelay_breaker
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
        for name, number in dead:
            found.setdefault(name, {}).update(dead=int(number))
        for name, condition, reason, until in breakers:
            found.setdefault(name, {}).update(halted=condition.startswith("halted"), paused=reason, retry_at=until)
        return {name: Status(name, **values) for name, values in sorted(found.items())}  # type: ignore[arg-type]
