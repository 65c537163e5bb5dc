"""What each part of the outbox does inside its transaction: move counters, remove payloads of nobody."""

from __future__ import annotations

import os
from typing import Any

from .database import Transaction

SLOTS = 16
"""Rows that share a counter, so that processes on one PostgreSQL do not queue for one."""

_MARGIN = 10_000
_COUNTERS = ("accepted", "duplicates", "waiting", "delivered", "retried", "died", "dropped")
_NO_STEPS = dict.fromkeys(_COUNTERS, 0)
_TALLY = f"""INSERT INTO learnrelay_tally (destination, slot, {", ".join(_COUNTERS)})
    VALUES (:destination, :slot, {", ".join(f":{name}" for name in _COUNTERS)})
    ON CONFLICT (destination, slot) DO UPDATE SET
    {", ".join(f"{name} = learnrelay_tally.{name} + excluded.{name}" for name in _COUNTERS)}"""  # noqa: S608

# The tally knows all destinations; naming them lets the primary keys answer.
_OF_ANOTHER = """o.key = learnrelay_statement.key AND o.destination <> :destination
    AND o.destination IN (SELECT destination FROM learnrelay_tally)"""


def count(transaction: Transaction, destination: str, **steps: int) -> None:
    """Move a destination's counters, in the transaction of what they count."""
    transaction.change(_TALLY, destination=destination, slot=os.getpid() % SLOTS, **(_NO_STEPS | steps))


def total_waiting(transaction: Transaction, near: int) -> int:
    """Deliveries that wait, all destinations together: what ``delivery.limit`` (``near``) bounds.

    SQLite's writers come one at a time. PostgreSQL's do so from `_MARGIN` below the limit on, until they commit: so it
    is kept exactly, unless more than `_MARGIN` deliveries are being put at the same moment.
    """
    total = _total(transaction)
    if transaction.postgres and total > near - _MARGIN:
        transaction.execute("SELECT 1 FROM (SELECT pg_advisory_xact_lock(5071977)) AS one_writer_at_a_time")
        total = _total(transaction)
    return total


def _total(transaction: Transaction) -> int:
    return int(transaction.execute("SELECT COALESCE(SUM(waiting), 0) FROM learnrelay_tally")[0][0])


def forget_payloads(transaction: Transaction, keys: str, **parameters: Any) -> None:
    """Remove the statements of the query ``keys`` that only ``:destination`` still waits for.

    Call it before the deliveries go. PostgreSQL locks the statements first: of two workers that acknowledge
    the same statement for two destinations, the second one sees that it is the last.
    """
    if transaction.postgres:
        transaction.execute(
            f"SELECT key FROM learnrelay_statement WHERE key IN ({keys}) ORDER BY key FOR UPDATE",  # noqa: S608
            **parameters,
        )
    transaction.change(
        f"""DELETE FROM learnrelay_statement WHERE key IN ({keys})
        AND NOT EXISTS (SELECT 1 FROM learnrelay_delivery AS o WHERE {_OF_ANOTHER})
        AND NOT EXISTS (SELECT 1 FROM learnrelay_dead_letter AS o WHERE {_OF_ANOTHER})""",  # noqa: S608
        **parameters,
    )
