"""What a replay could not get delivered by itself goes into the outbox: to be tried again, or as a dead letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .intake import Taken, from_new, remove_unwanted, take
from .ledger import count
from .outbox import Outbox


@dataclass(frozen=True, slots=True)
class Remnant:
    """One statement that was tried ``attempts`` times in vain; ``dead``: it is given up, else it is tried again."""

    standard: str
    statement_id: str
    event_name: str
    payload: bytes
    attempts: int
    reason: str
    dead: bool
    conflict: bool = False
    event_time: datetime | None = None
    critical: bool = False


def hand_over(outbox: Outbox, destination: str, remnants: Sequence[Remnant]) -> None:
    """Store all of them or none. What is there already, waiting or dead, stays as it is. Raises OutboxError.

    The limit of the outbox does not count here: these are few, and there is nowhere else for them to wait.
    """
    now = outbox.clock()
    with outbox.database.transaction() as transaction:
        new = from_new(transaction)
        for remnant in remnants:
            taken = Taken.of(
                remnant.standard, remnant.statement_id, remnant.event_name, remnant.event_time, remnant.payload, now,
                critical=remnant.critical,
            )  # fmt: skip
            take(transaction, [taken])
            values = {
                "destination": destination,
                "attempts": remnant.attempts,
                "now": now,
                "reason": remnant.reason,
                **taken.identity,
            }
            if remnant.dead:
                accepted = transaction.change(
                    f"""INSERT INTO learnrelay_dead_letter (destination, key, attempts, since, reason, conflict)
                    SELECT :destination, s.key, :attempts, :now, :reason, :conflict {new}""",
                    conflict=int(remnant.conflict),
                    **values,
                )
            else:
                accepted = transaction.change(
                    f"""INSERT INTO learnrelay_delivery (destination, key, attempts, next_attempt, reason)
                    SELECT :destination, s.key, :attempts, :now, :reason {new}""",
                    **values,
                )
            if not accepted:  # either table has it from before: it is counted already
                remove_unwanted(transaction, [taken])
            count(
                transaction,
                destination,
                accepted=accepted,
                **{"died" if remnant.dead else "waiting": accepted},
            )
