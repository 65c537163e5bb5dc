"""Takes statements that were sent from a log in vain into the outbox: to be tried again, or as dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .counters import add_counts
from .database import Transaction, retry_deadlocks
from .intake import StatementRow, delete_unreferenced, insert_statements, sql_new_deliveries
from .store import Store


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Holds a statement that was sent ``attempts`` times in vain; ``dead``: it becomes a dead letter, else it waits.

    ``batch``: the id under which it was sent, for a consumer that knows batches.
    """

    standard: str
    statement_id: str
    event_name: str
    payload: bytes
    attempts: int
    reason: str
    dead: bool
    conflict: bool = False
    event_time: datetime | None = None
    batch: str | None = None
    critical: bool = False


@retry_deadlocks
def spill_to_outbox(store: Store, destination: str, statements: Sequence[Undelivered]) -> None:
    """Stores all statements or none. Raises OutboxError."""
    with store.database.transaction() as transaction:
        write_undelivered(transaction, destination, statements, store.clock())


def write_undelivered(
    transaction: Transaction, destination: str, statements: Sequence[Undelivered], now: float
) -> None:
    """Writes statements in the caller's transaction. Those that already wait or are dead letters stay as they are.

    The limit of the outbox does not apply: these are few, and there is nowhere else for them to wait.
    """
    new = sql_new_deliveries(transaction)
    for statement in statements:
        row = StatementRow.of(
            statement.standard, statement.statement_id, statement.event_name, statement.event_time,
            statement.payload, now, critical=statement.critical,
        )  # fmt: skip
        insert_statements(transaction, [row])
        values = {
            "destination": destination,
            "attempts": statement.attempts,
            "now": now,
            "reason": statement.reason,
            **row.identity,
        }
        if statement.dead:
            accepted = transaction.change(
                f"""INSERT INTO learnrelay_dead_letter (destination, key, attempts, since, reason, conflict)
                SELECT :destination, s.key, :attempts, :now, :reason, :conflict {new}""",
                conflict=int(statement.conflict),
                **values,
            )
        else:
            accepted = transaction.change(
                f"""INSERT INTO learnrelay_delivery (destination, key, attempts, next_attempt, reason, batch)
                SELECT :destination, s.key, :attempts, :now, :reason, :batch {new}""",
                batch=statement.batch,
                **values,
            )
        if not accepted:  # either table has it from before: it is counted already
            delete_unreferenced(transaction, [row])
        add_counts(
            transaction,
            destination,
            accepted=accepted,
            **{"died" if statement.dead else "waiting": accepted},
        )
