"""Claims the deliveries of one destination under a lease, and settles them.

A claim belongs to a token and ends by itself after ``delivery.lease`` seconds, so a killed worker blocks
nothing for longer. A settlement names a range of keys of a claim (first and last); if the claim was lost
meanwhile, it changes nothing: the statements are sent again, and the consumer knows their ids.

For a consumer that knows batches instead, each claim is one batch. Its id is written with the claim, before it is sent,
and stays with its deliveries: whoever claims one of them later claims all of them.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import OutboxError
from .counters import add_counts, delete_unshared_payloads
from .database import Transaction, retry_deadlocks
from .store import Store, utc

if TYPE_CHECKING:
    from .statistics import Timings


class ClaimedDelivery(NamedTuple):
    """Holds a delivery under lease, with its statement.

    ``attempts``: how often it failed alone, while others were stored. ``event_time``: seconds since 1970, if known and
    if the event was new when it was emitted.
    """

    key: int
    payload: bytes
    attempts: int
    event_time: float | None = None
    statement_id: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Holds deliveries that no other worker sends until the lease ends, oldest first. ``batch``: its id, or empty."""

    token: str
    rows: tuple[ClaimedDelivery, ...]
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Settles deliveries that the consumer has stored: they leave the queue."""

    rows: tuple[ClaimedDelivery, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """Settles deliveries that go back to the queue at once. ``tried``: they were sent, without success."""

    rows: tuple[ClaimedDelivery, ...]
    tried: bool = True


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Settles a delivery that failed alone: it is due again ``at`` (seconds since 1970), apart from the others."""

    row: ClaimedDelivery
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """Settles a delivery as a dead letter. ``conflict``: the consumer has this id already, with other content."""

    row: ClaimedDelivery
    reason: str
    conflict: bool = False


Settlement = Acknowledged | Released | RetryLater | DeadLettered
"""What becomes of a part of a claim."""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Holds the circuit breaker of a destination. ``failures`` in a row; nothing is sent before ``paused_until``.

    ``proven``: a probe was stored after a failure and no batch since, so a failure is now the batch's fault.
    """

    failures: int = 0
    condition: str = ""
    reason: str = ""
    since: float = 0.0
    paused_until: float = 0.0
    proven: bool = False


HEALTHY = CircuitBreaker()


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """Describes a queue: its breaker, the number of free deliveries, and when the next retry is due.

    ``waiting`` is counted up to a bound; ``next_retry_at``: of the deliveries that failed alone, seconds since 1970.
    """

    breaker: CircuitBreaker
    waiting: int
    next_retry_at: float


DEFERRED = "(deferred)"
"""Name of the queue of events that wait for the pipeline, beside the destinations in ``status`` and in alerts."""

SPOOL = "(spool)"
"""Name of the spool of this machine among the queues, for the engine that takes it in."""

_NEW = 3600.0  # seconds; an older event comes from a log or was kept by a device: its latency says nothing about ours
_PROBE_STEPS = 13  # up to 2^12 places from the oldest
_FREE = "d.destination = :destination AND d.attempts = 0 AND d.lease_until <= :now"
_DUE = "d.destination = :destination AND d.next_attempt <= :now AND d.lease_until <= :now"
# As a range, and in the order of its index: for an equal sign, SQLite would walk through the whole queue.
_OF_BATCH = "d.destination = :destination AND d.batch BETWEEN :batch AND :batch AND d.lease_until <= :now"
_UNLIMITED = 2**31 - 1
_LEASED = "destination = :destination AND lease_owner = :token AND key BETWEEN :first AND :last"


class Queue:
    """Claims, settles and pauses the deliveries of one destination.

    Threads and processes may share the destination, each with a Queue of its own. ``keeps_batches``: a claim is a
    batch, whose deliveries stay together until they are settled.
    """

    def __init__(self, store: Store, destination: str, *, keeps_batches: bool = False) -> None:
        self.destination = destination
        self._keeps_batches = keeps_batches
        self._store = store
        self._database = store.database

    @property
    def lease(self) -> float:
        """Returns the seconds of a lease (``delivery.lease``)."""
        return self._store.settings.lease

    def take_snapshot(self, size: int) -> QueueSnapshot:
        """Reads the state of the queue without a claim; counts at most ``size`` free deliveries."""
        now = self._store.clock()
        with self._database.transaction(write=False) as transaction:
            breaker = self._read_breaker(transaction)
            ((waiting,),) = transaction.execute(
                f"""SELECT COUNT(*) FROM (
                    SELECT 1 FROM learnrelay_delivery AS d WHERE {_FREE} LIMIT :size) AS free""",  # noqa: S608
                destination=self.destination,
                now=now,
                size=size,
            )
            ((next_retry_at,),) = transaction.execute(
                """SELECT MIN(next_attempt) FROM learnrelay_delivery
                WHERE destination = :destination AND attempts > 0 AND lease_until <= :now""",
                destination=self.destination,
                now=now,
            )
        return QueueSnapshot(breaker, waiting, math.inf if next_retry_at is None else next_retry_at)

    def is_idle(self) -> bool:
        """Tells whether nothing is due and nothing is leased, in any process. While paused, nothing is due."""
        now = self._store.clock()
        with self._database.transaction(write=False) as transaction:
            paused = self._read_breaker(transaction).paused_until > now
            return not transaction.execute(
                """SELECT 1 FROM learnrelay_delivery WHERE destination = :destination
                AND (lease_until > :now OR (next_attempt <= :now AND NOT :paused)) LIMIT 1""",
                destination=self.destination,
                now=now,
                paused=paused,
            )

    # --- claims -----------------------------------------------------------------------------------------

    @retry_deadlocks
    def claim(self, size: int) -> Claim:
        """Claims up to ``size`` deliveries that never failed alone, oldest first. The claim may be empty."""
        if self._keeps_batches:
            with self._database.transaction() as transaction:
                return self._claim_sent_batch(transaction) or self._claim_new_batch(transaction, size)
        with self._database.transaction(durable=False) as transaction:
            return self._claim(transaction, _FREE, size=size)

    @retry_deadlocks
    def claim_retry(self) -> Claim:
        """Claims the oldest delivery that failed alone and is due again, with its batch. The claim may be empty."""
        with self._database.transaction(durable=self._keeps_batches) as transaction:
            return self._claim_one(transaction, f"{_DUE} AND d.attempts > 0")

    @retry_deadlocks
    def claim_probe(self) -> Claim:
        """Claims one delivery to probe a failing destination with. The claim is empty while another worker probes.

        The oldest delivery first, then others ever further from it (1, 3, 7, … places), then all of these shifted by
        a place: the oldest statement may be the very one that the consumer fails on.
        """
        with self._database.transaction(durable=self._keeps_batches) as transaction:
            breaker = self._read_breaker(transaction, lock=True)
            now = self._store.clock()
            if not breaker.failures or breaker.paused_until > now:
                return Claim("", ())
            shift, step = divmod(breaker.failures - 1, _PROBE_STEPS)
            place = 2**step - 1 + shift
            ((waiting,),) = transaction.execute(
                f"SELECT COUNT(*) FROM (SELECT 1 FROM learnrelay_delivery AS d WHERE {_DUE} LIMIT :size) AS due",  # noqa: S608
                destination=self.destination,
                now=now,
                size=place + 1,
            )
            if not waiting:
                return Claim("", ())
            transaction.change(
                "UPDATE learnrelay_breaker SET paused_until = :until WHERE destination = :destination",
                until=now + self.lease,
                destination=self.destination,
            )
            return self._claim_one(transaction, _DUE, place % waiting)

    @retry_deadlocks
    def release_probe(self) -> None:
        """Ends the pause that `claim_probe` set: the probe was not sent, another worker may probe at once."""
        with self._database.transaction(durable=False) as transaction:
            transaction.change(
                "UPDATE learnrelay_breaker SET paused_until = :now WHERE destination = :destination AND failures > 0",
                now=self._store.clock(),
                destination=self.destination,
            )

    def _claim_one(self, transaction: Transaction, condition: str, place: int = 0) -> Claim:
        """Claims the delivery at a place of those under a condition, with its batch."""
        if not self._keeps_batches:
            return self._claim(transaction, condition, size=1, place=place)
        rows = transaction.execute(
            f"""SELECT d.key, d.batch FROM learnrelay_delivery AS d WHERE {condition}
            ORDER BY d.key LIMIT 1 OFFSET :place""",  # noqa: S608
            destination=self.destination,
            now=self._store.clock(),
            place=place,
        )
        for key, batch in rows:
            if batch is not None:
                return self._claim_batch(transaction, batch)
            alone = f"{condition} AND d.batch IS NULL AND d.key = {int(key)}"
            return self._claim(transaction, alone, size=1, batch=self._make_batch_id())
        return Claim("", ())

    def _claim_sent_batch(self, transaction: Transaction) -> Claim | None:
        """Claims the oldest batch that is free: it was claimed before, and perhaps sent. None where there is none."""
        rows = transaction.execute(
            f"SELECT d.batch FROM learnrelay_delivery AS d WHERE {_FREE} AND d.batch > '' ORDER BY d.batch LIMIT 1",  # noqa: S608
            destination=self.destination,
            now=self._store.clock(),
        )
        claim = self._claim_batch(transaction, rows[0][0]) if rows else None
        return claim if claim is not None and claim.rows else None

    def _claim_batch(self, transaction: Transaction, batch: str) -> Claim:
        """Claims all deliveries of a batch, or none: another worker that is claiming it is waited for."""
        return self._claim(transaction, _OF_BATCH, batch=batch, order="d.batch, d.key", skip_locked=False)

    def _claim_new_batch(self, transaction: Transaction, size: int) -> Claim:
        return self._claim(transaction, f"{_FREE} AND d.batch IS NULL", size=size, batch=self._make_batch_id())

    def _make_batch_id(self) -> str:
        """Makes the id of a new batch. Ids sort by the time at which they were made."""
        return f"{utc(self._store.clock()):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:16]}"

    @retry_deadlocks
    def split(self, claim: Claim, rows: tuple[ClaimedDelivery, ...]) -> str:
        """Makes a new batch of some deliveries of a claim, before it is sent, and returns its id.

        Raises OutboxError when the claim was lost: then another worker sends the batch as it was.
        """
        batch = self._make_batch_id()
        with self._database.transaction() as transaction:
            changed = transaction.change_many(
                """UPDATE learnrelay_delivery SET batch = :batch
                WHERE destination = :destination AND lease_owner = :token AND key = :key""",
                [
                    {"batch": batch, "destination": self.destination, "token": claim.token, "key": row.key}
                    for row in rows
                ],
            )
            if changed < len(rows):
                raise OutboxError("the lease ended before a batch was split; it is sent again as it was")
        return batch

    def _claim(
        self,
        transaction: Transaction,
        condition: str,
        size: int = _UNLIMITED,
        place: int = 0,
        *,
        batch: str | None = None,
        order: str = "d.key",
        skip_locked: bool = True,
    ) -> Claim:
        """Claims deliveries under a condition. ``batch``: their batch, from now on if it is new."""
        now = self._store.clock()
        # What another worker is claiming at this moment is skipped, or waited for. Only deliveries are locked: their
        # statements are those of other destinations too.
        lock = transaction.dialect.skip_locked if skip_locked else transaction.dialect.lock
        of_batch = {} if batch is None else {"batch": batch}
        rows = transaction.execute(
            f"""SELECT d.key, s.payload, d.attempts,
                CASE WHEN s.taken - s.event_time < {_NEW} THEN s.event_time END, s.statement_id
            FROM (SELECT d.key, d.attempts FROM learnrelay_delivery AS d WHERE {condition}
                ORDER BY {order} LIMIT :size OFFSET :place {lock}) AS d
            JOIN learnrelay_statement AS s ON s.key = d.key ORDER BY d.key""",  # noqa: S608
            destination=self.destination,
            now=now,
            size=size,
            place=place,
            **of_batch,
        )
        if not rows:
            return Claim("", ())
        claim = Claim(uuid.uuid4().hex[:8], tuple(map(ClaimedDelivery._make, rows)), batch or "")
        values = "lease_owner = :token, lease_until = :until" + ("" if batch is None else ", batch = :batch")
        lease = f"UPDATE learnrelay_delivery AS d SET {values} WHERE"  # noqa: S608
        times = {"now": now, "until": now + self.lease, **of_batch}
        key_range = self._key_range(claim.token, claim.rows)
        if self._database.has_server:
            claimed = f"key BETWEEN :first AND :last AND key {transaction.dialect.in_keys}"
            keys = [row.key for row in claim.rows]
            transaction.change(f"{lease} destination = :destination AND {claimed}", keys=keys, **times, **key_range)
        else:
            transaction.change(f"{lease} {condition} AND d.key BETWEEN :first AND :last", **times, **key_range)
        return claim

    @retry_deadlocks
    def renew_lease(self, token: str) -> None:
        """Extends a claim by a whole lease from now."""
        with self._database.transaction(durable=False) as transaction:
            transaction.change(
                """UPDATE learnrelay_delivery SET lease_until = :until
                WHERE destination = :destination AND lease_owner = :token""",
                until=self._store.clock() + self.lease,
                destination=self.destination,
                token=token,
            )

    @retry_deadlocks
    def release_lease(self, token: str) -> None:
        """Frees the deliveries of a claim, as if they had never been claimed."""
        with self._database.transaction(durable=False) as transaction:
            transaction.change(
                """UPDATE learnrelay_delivery SET lease_until = 0, lease_owner = NULL
                WHERE destination = :destination AND lease_owner = :token""",
                destination=self.destination,
                token=token,
            )

    # --- settlements ------------------------------------------------------------------------------------

    @retry_deadlocks
    def settle(self, claim: Claim, settlements: Sequence[Settlement], timings: Timings | None = None) -> None:
        """Writes what became of a claim's deliveries, and how long they took, in one transaction.

        A power cut may undo it, as it may undo a claim: then they are sent again, and the consumer knows their ids.
        """
        stored = retried = dead = 0
        with self._database.transaction(durable=False) as transaction:
            for settlement in settlements:
                match settlement:
                    case Acknowledged(rows):
                        stored += self._acknowledge(transaction, claim.token, rows)
                    case Released(rows, tried):
                        released = self._release(transaction, claim.token, rows)
                        retried += released if tried else 0
                    case RetryLater(row, at, reason):
                        retried += self._release(transaction, claim.token, (row,), failed=1, at=at, reason=reason)
                    case DeadLettered():
                        dead += self._dead_letter(transaction, claim.token, settlement)
            self._count(transaction, waiting=-stored - dead, delivered=stored, retried=retried, died=dead)
            if timings is not None:
                timings.write(transaction, self.destination)
        if stored or dead:
            self._store.made_room()

    def _key_range(self, token: str, rows: tuple[ClaimedDelivery, ...]) -> dict[str, Any]:
        return {
            "destination": self.destination,
            "token": token,
            "first": rows[0].key,
            "last": rows[-1].key,
        }

    def _acknowledge(self, transaction: Transaction, token: str, rows: tuple[ClaimedDelivery, ...]) -> int:
        key_range = self._key_range(token, rows)
        delete_unshared_payloads(transaction, f"SELECT key FROM learnrelay_delivery WHERE {_LEASED}", **key_range)  # noqa: S608
        return transaction.change(f"DELETE FROM learnrelay_delivery WHERE {_LEASED}", **key_range)  # noqa: S608

    def _release(
        self,
        transaction: Transaction,
        token: str,
        rows: tuple[ClaimedDelivery, ...],
        *,
        failed: int = 0,
        at: float = 0.0,
        reason: str = "",
    ) -> int:
        return transaction.change(
            f"""UPDATE learnrelay_delivery SET lease_until = 0, lease_owner = NULL,
                attempts = attempts + :failed, next_attempt = :at, reason = :reason WHERE {_LEASED}""",  # noqa: S608
            failed=failed,
            at=at,
            reason=reason,
            **self._key_range(token, rows),
        )

    def _dead_letter(self, transaction: Transaction, token: str, dead: DeadLettered) -> int:
        key_range = self._key_range(token, (dead.row,))
        transaction.change(
            f"""INSERT INTO learnrelay_dead_letter (destination, key, attempts, since, reason, conflict)
            SELECT destination, key, attempts + 1, :now, :reason, :conflict FROM learnrelay_delivery
            WHERE {_LEASED}""",  # noqa: S608
            now=self._store.clock(),
            reason=dead.reason,
            conflict=int(dead.conflict),
            **key_range,
        )
        return transaction.change(f"DELETE FROM learnrelay_delivery WHERE {_LEASED}", **key_range)  # noqa: S608

    def _count(self, transaction: Transaction, **numbers: int) -> None:
        add_counts(transaction, self.destination, **numbers)

    # --- circuit breaker --------------------------------------------------------------------------------

    def _read_breaker(self, transaction: Transaction, *, lock: bool = False) -> CircuitBreaker:
        suffix = transaction.dialect.lock if lock else ""
        rows = transaction.execute(
            f"""SELECT failures, condition, reason, since, paused_until, proven FROM learnrelay_breaker
            WHERE destination = :destination {suffix}""",  # noqa: S608
            destination=self.destination,
        )
        if not rows:
            return HEALTHY
        failures, condition, reason, since, paused_until, proven = rows[0]
        return CircuitBreaker(failures, condition, reason, since, paused_until, bool(proven))

    @retry_deadlocks
    def trip(self, condition: str, reason: str, wait: Callable[[int], float], *, probe: bool) -> CircuitBreaker | None:
        """Pauses the destination for ``wait(failures in a row)`` seconds.

        Returns the new breaker when this is news: the first failure, or another condition than before. Else None.
        """
        now = self._store.clock()
        with self._database.transaction(durable=False) as transaction:
            before = self._read_breaker(transaction, lock=True)
            if before.paused_until > now and not probe:
                return None  # another worker's request failed at the same time and has paused it already
            failures = before.failures + 1
            is_news = not before.failures or before.condition != condition
            after = CircuitBreaker(failures, condition, reason, now if is_news else before.since, now + wait(failures))
            self._write_breaker(transaction, after)
        if is_news:
            self._store.alert_due.set()
        return after if is_news else None

    @retry_deadlocks
    def resume(self) -> tuple[CircuitBreaker, int]:
        """Ends the pause and all waits: everything is due now, a probe comes first where the destination was failing.

        Returns the breaker as it was, and the number of deliveries that waited for a time of their own.
        """
        with self._database.transaction() as transaction:
            before = self._read_breaker(transaction, lock=True)
            transaction.change(
                "UPDATE learnrelay_breaker SET paused_until = 0 WHERE destination = :destination",
                destination=self.destination,
            )
            waits = transaction.change(
                """UPDATE learnrelay_delivery SET next_attempt = 0
                WHERE destination = :destination AND attempts > 0 AND next_attempt > :now""",
                destination=self.destination,
                now=self._store.clock(),
            )
        return before, waits

    @retry_deadlocks
    def recover(self, *, proven: bool) -> CircuitBreaker | None:
        """Closes the breaker: the destination stores again. Returns the breaker as it was, or None if it was closed."""
        with self._database.transaction(durable=False) as transaction:
            before = self._read_breaker(transaction, lock=True)
            self._write_breaker(transaction, CircuitBreaker(proven=proven))
        return before if before.failures else None

    def _write_breaker(self, transaction: Transaction, breaker: CircuitBreaker) -> None:
        transaction.change(
            """INSERT INTO learnrelay_breaker
                (destination, failures, condition, reason, since, paused_until, proven)
            VALUES (:destination, :failures, :condition, :reason, :since, :paused_until, :proven)
            ON CONFLICT (destination) DO UPDATE SET failures = excluded.failures,
                condition = excluded.condition, reason = excluded.reason, since = excluded.since,
                paused_until = excluded.paused_until, proven = excluded.proven""",
            destination=self.destination,
            **{**asdict(breaker), "proven": int(breaker.proven)},
        )
