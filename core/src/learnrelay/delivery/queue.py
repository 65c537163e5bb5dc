"""One destination's queue in the outbox: claim a batch under a lease, then say what became of it.

A claim belongs to a token and ends by itself after ``delivery.lease`` seconds, so a killed worker blocks
nothing for longer. Marks name stretches of a claim (first and last key); a mark of a claim that was lost
meanwhile changes nothing, the statement is sent again and the consumer knows its id.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .ledger import count, forget_payloads

if TYPE_CHECKING:
    from .database import Transaction
    from .figures import Timings
    from .outbox import Outbox


class Claimed(NamedTuple):
    """One statement under lease. ``attempts``: how often it failed by itself, while others were stored.

    ``event_time``: seconds since 1970, where it is known.
    """

    key: int
    payload: bytes
    attempts: int
    event_time: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Statements that nobody else sends until the lease ends, oldest first."""

    token: str
    rows: tuple[Claimed, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """These are at the consumer: acknowledged, gone from the queue."""

    rows: tuple[Claimed, ...]


@dataclass(frozen=True, slots=True)
class Returned:
    """Nothing is known about these: back to the queue, at once."""

    rows: tuple[Claimed, ...]
    tried: bool = True


@dataclass(frozen=True, slots=True)
class Later:
    """One that failed by itself: out of the others' way until ``at`` (seconds since 1970)."""

    row: Claimed
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """One that is given up, with the consumer's words. ``conflict``: it has this id already, with other content."""

    row: Claimed
    reason: str
    conflict: bool = False


Mark = Stored | Returned | Later | Dead


@dataclass(frozen=True, slots=True)
class Breaker:
    """How the destination is. ``failures`` in a row; nothing is sent before ``paused_until``.

    ``proven``: a probe was stored after a failure and no batch since; what fails now is the batch's fault.
    """

    failures: int = 0
    condition: str = ""
    reason: str = ""
    since: float = 0.0
    paused_until: float = 0.0
    proven: bool = False


HEALTHY = Breaker()


@dataclass(frozen=True, slots=True)
class Glance:
    """What there is to do: free statements (counted up to what was asked), and when (seconds since 1970)
    the next of those that failed by themselves is due.
    """

    breaker: Breaker
    waiting: int
    suspect_at: float


DEFERRED = "(deferred)"
"""The queue of events that wait for the pipeline. It stands beside the destinations in ``status`` and in alerts."""

_PROBES_AROUND = 13  # up to 2^12 places from the oldest
_FREE = "d.destination = :destination AND d.attempts = 0 AND d.lease_until <= :now"
_DUE = "d.destination = :destination AND d.next_attempt <= :now AND d.lease_until <= :now"
_MINE = "destination = :destination AND lease_owner = :token AND key BETWEEN :first AND :last"


class Queue:
    """One destination's deliveries. Threads and processes may share the destination, each with a Queue."""

    def __init__(self, outbox: Outbox, destination: str) -> None:
        self.destination = destination
        self._outbox = outbox
        self._database = outbox.database

    @property
    def lease(self) -> float:
        """Seconds."""
        return self._outbox.settings.lease

    def glance(self, size: int) -> Glance:
        """Look without claiming; counts at most ``size``."""
        now = self._outbox.clock()
        with self._database.transaction(write=False) as transaction:
            breaker = self._breaker(transaction)
            ((waiting,),) = transaction.execute(
                f"""SELECT COUNT(*) FROM (
                    SELECT 1 FROM learnrelay_delivery AS d WHERE {_FREE} LIMIT :size) AS free""",  # noqa: S608
                destination=self.destination,
                now=now,
                size=size,
            )
            ((suspect_at,),) = transaction.execute(
                """SELECT MIN(next_attempt) FROM learnrelay_delivery
                WHERE destination = :destination AND attempts > 0 AND lease_until <= :now""",
                destination=self.destination,
                now=now,
            )
        return Glance(breaker, waiting, math.inf if suspect_at is None else suspect_at)

    def at_rest(self) -> bool:
        """Is nothing due and nothing under way, here or elsewhere? While paused, nothing is due."""
        now = self._outbox.clock()
        with self._database.transaction(write=False) as transaction:
            paused = self._breaker(transaction).paused_until > now
            return not transaction.execute(
                """SELECT 1 FROM learnrelay_delivery WHERE destination = :destination
                AND (lease_until > :now OR (next_attempt <= :now AND NOT :paused)) LIMIT 1""",
                destination=self.destination,
                now=now,
                paused=paused,
            )

    # --- claims -----------------------------------------------------------------------------------------

    def claim(self, size: int) -> Claim:
        """Up to ``size`` statements that never failed by themselves, oldest first. May be empty."""
        with self._database.transaction(durable=False) as transaction:
            return self._claim(transaction, _FREE, size=size)

    def claim_suspect(self) -> Claim:
        """The oldest statement that failed by itself and is due again. May be empty."""
        with self._database.transaction(durable=False) as transaction:
            return self._claim(transaction, f"{_DUE} AND d.attempts > 0", size=1)

    def claim_probe(self) -> Claim:
        """One statement to try a failing destination with; empty when another worker is at it.

        The oldest first, then ever further from it (1, 3, 7, … places), and around again one place on: what is
        oldest may be just what the consumer stumbles over.
        """
        with self._database.transaction(durable=False) as transaction:
            breaker = self._breaker(transaction, lock=True)
            now = self._outbox.clock()
            if not breaker.failures or breaker.paused_until > now:
                return Claim("", ())
            around, step = divmod(breaker.failures - 1, _PROBES_AROUND)
            place = 2**step - 1 + around
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
            return self._claim(transaction, _DUE, size=1, place=place % waiting)

    def return_probe(self) -> None:
        """A probe that was claimed is not sent: somebody else may probe at once."""
        with self._database.transaction(durable=False) as transaction:
            transaction.change(
                "UPDATE learnrelay_breaker SET paused_until = :now WHERE destination = :destination AND failures > 0",
                now=self._outbox.clock(),
                destination=self.destination,
            )

    def _claim(self, transaction: Transaction, free: str, size: int, place: int = 0) -> Claim:
        now = self._outbox.clock()
        # SQLite's transaction is alone; PostgreSQL skips what another worker is claiming at this moment.
        skip = "FOR UPDATE OF d SKIP LOCKED" if self._database.postgres else ""
        rows = transaction.execute(
            f"""SELECT d.key, s.payload, d.attempts, s.event_time
            FROM learnrelay_delivery AS d JOIN learnrelay_statement AS s ON s.key = d.key
            WHERE {free} ORDER BY d.key LIMIT :size OFFSET :place {skip}""",  # noqa: S608
            destination=self.destination,
            now=now,
            size=size,
            place=place,
        )
        if not rows:
            return Claim("", ())
        claim = Claim(uuid.uuid4().hex[:8], tuple(map(Claimed._make, rows)))
        lease = "UPDATE learnrelay_delivery AS d SET lease_owner = :token, lease_until = :until WHERE"
        times = {"now": now, "until": now + self.lease}
        which = self._stretch(claim.token, claim.rows)
        if self._database.postgres:
            these = "key BETWEEN :first AND :last AND key = ANY(CAST(:keys AS BIGINT[]))"
            keys = [row.key for row in claim.rows]
            transaction.change(f"{lease} destination = :destination AND {these}", keys=keys, **times, **which)
        else:
            transaction.change(f"{lease} {free} AND d.key BETWEEN :first AND :last", **times, **which)
        return claim

    def renew(self, token: str) -> None:
        """Extend a claim by a whole lease from now."""
        with self._database.transaction(durable=False) as transaction:
            transaction.change(
                """UPDATE learnrelay_delivery SET lease_until = :until
                WHERE destination = :destination AND lease_owner = :token""",
                until=self._outbox.clock() + self.lease,
                destination=self.destination,
                token=token,
            )

    def release(self, token: str) -> None:
        """Return a whole claim, as if it had never been."""
        with self._database.transaction(durable=False) as transaction:
            transaction.change(
                """UPDATE learnrelay_delivery SET lease_until = 0, lease_owner = NULL
                WHERE destination = :destination AND lease_owner = :token""",
                destination=self.destination,
                token=token,
            )

    # --- marks ------------------------------------------------------------------------------------------

    def settle(self, claim: Claim, marks: Iterable[Mark], timings: Timings | None = None) -> None:
        """Say what became of a claim's statements, and how long it took, in one transaction.

        A power cut may undo it, as it may undo a claim: then they are sent again, and the consumer knows their ids.
        """
        stored = retried = dead = 0
        with self._database.transaction(durable=False) as transaction:
            for mark in marks:
                match mark:
                    case Stored(rows):
                        stored += self._acknowledge(transaction, claim.token, rows)
                    case Returned(rows, tried):
                        returned = self._release(transaction, claim.token, rows)
                        retried += returned if tried else 0
                    case Later(row, at, reason):
                        retried += self._release(transaction, claim.token, (row,), failed=1, at=at, reason=reason)
                    case Dead():
                        dead += self._bury(transaction, claim.token, mark)
            self._count(transaction, waiting=-stored - dead, delivered=stored, retried=retried, died=dead)
            if timings is not None:
                timings.write(transaction, self.destination)
        if stored or dead:
            self._outbox.made_room()

    def _stretch(self, token: str, rows: tuple[Claimed, ...]) -> dict[str, Any]:
        return {
            "destination": self.destination,
            "token": token,
            "first": rows[0].key,
            "last": rows[-1].key,
        }

    def _acknowledge(self, transaction: Transaction, token: str, rows: tuple[Claimed, ...]) -> int:
        stretch = self._stretch(token, rows)
        forget_payloads(transaction, f"SELECT key FROM learnrelay_delivery WHERE {_MINE}", **stretch)  # noqa: S608
        return transaction.change(f"DELETE FROM learnrelay_delivery WHERE {_MINE}", **stretch)  # noqa: S608

    def _release(
        self,
        transaction: Transaction,
        token: str,
        rows: tuple[Claimed, ...],
        *,
        failed: int = 0,
        at: float = 0.0,
        reason: str = "",
    ) -> int:
        return transaction.change(
            f"""UPDATE learnrelay_delivery SET lease_until = 0, lease_owner = NULL,
                attempts = attempts + :failed, next_attempt = :at, reason = :reason WHERE {_MINE}""",  # noqa: S608
            failed=failed,
            at=at,
            reason=reason,
            **self._stretch(token, rows),
        )

    def _bury(self, transaction: Transaction, token: str, dead: Dead) -> int:
        stretch = self._stretch(token, (dead.row,))
        transaction.change(
            f"""INSERT INTO learnrelay_dead_letter (destination, key, attempts, since, reason, conflict)
            SELECT destination, key, attempts + 1, :now, :reason, :conflict FROM learnrelay_delivery
            WHERE {_MINE}""",  # noqa: S608
            now=self._outbox.clock(),
            reason=dead.reason,
            conflict=int(dead.conflict),
            **stretch,
        )
        return transaction.change(f"DELETE FROM learnrelay_delivery WHERE {_MINE}", **stretch)  # noqa: S608

    def _count(self, transaction: Transaction, **steps: int) -> None:
        count(transaction, self.destination, **steps)

    # --- breaker ----------------------------------------------------------------------------------------

    def _breaker(self, transaction: Transaction, *, lock: bool = False) -> Breaker:
        suffix = " FOR UPDATE" if lock and self._database.postgres else ""
        rows = transaction.execute(
            f"""SELECT failures, condition, reason, since, paused_until, proven FROM learnrelay_breaker
            WHERE destination = :destination{suffix}""",  # noqa: S608
            destination=self.destination,
        )
        if not rows:
            return HEALTHY
        failures, condition, reason, since, paused_until, proven = rows[0]
        return Breaker(failures, condition, reason, since, paused_until, bool(proven))

    def trip(self, condition: str, reason: str, wait: Callable[[int], float], *, probe: bool) -> Breaker | None:
        """Pause the destination for ``wait(failures in a row)`` seconds.

        Gives the breaker as it now is when this is news: the first failure, or another condition than before.
        """
        now = self._outbox.clock()
        with self._database.transaction(durable=False) as transaction:
            before = self._breaker(transaction, lock=True)
            if before.paused_until > now and not probe:
                return None  # another worker's request failed at the same time and said so first
            failures = before.failures + 1
            news = not before.failures or before.condition != condition
            after = Breaker(failures, condition, reason, now if news else before.since, now + wait(failures))
            self._write(transaction, after)
        if news:
            self._outbox.trouble.set()
        return after if news else None

    def recover(self, *, proven: bool) -> Breaker | None:
        """The destination stores again. Gives the breaker as it was if it was tripped."""
        with self._database.transaction(durable=False) as transaction:
            before = self._breaker(transaction, lock=True)
            self._write(transaction, Breaker(proven=proven))
        return before if before.failures else None

    def _write(self, transaction: Transaction, breaker: Breaker) -> None:
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
