"""Adds to the counters of deliveries, and deletes payloads of no destination, inside a caller's transaction."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from .database import Transaction

SLOTS = 16
"""Rows that share a counter, so that processes on one server do not queue for a single row."""

MARGIN = 10_000
"""Deliveries below the limit from which writers take turns."""

# The counters know all destinations; naming them lets the primary keys answer.
_OF_ANOTHER_DESTINATION = """o.key = learnrelay_statement.key AND o.destination <> :destination
    AND o.destination IN (SELECT destination FROM learnrelay_delivery_counter)"""
_UNSHARED = f"""AND NOT EXISTS (SELECT 1 FROM learnrelay_delivery AS o WHERE {_OF_ANOTHER_DESTINATION})
    AND NOT EXISTS (SELECT 1 FROM learnrelay_dead_letter AS o WHERE {_OF_ANOTHER_DESTINATION})"""  # noqa: S608


def process_slot() -> int:
    """Returns the slot that this process counts in."""
    return os.getpid() % SLOTS


def add_counts(transaction: Transaction, destination: str, **numbers: int) -> None:
    """Adds to a destination's counters, in the transaction that makes the change."""
    changes = {name: number for name, number in numbers.items() if number} or {"accepted": 0}  # to be known at least
    transaction.change_later(_sql_add(*changes), destination=destination, slot=process_slot(), **changes)


@cache
def _sql_add(*names: str) -> str:
    sums = ", ".join(f"{name} = learnrelay_delivery_counter.{name} + excluded.{name}" for name in names)
    return f"""INSERT INTO learnrelay_delivery_counter (destination, slot, {", ".join(names)})
        VALUES (:destination, :slot, {", ".join(f":{name}" for name in names)})
        ON CONFLICT (destination, slot) DO UPDATE SET {sums}"""  # noqa: S608


def count_waiting(transaction: Transaction, near: int) -> int:
    """Counts the deliveries that wait for all destinations together, which ``delivery.limit`` (``near``) bounds.

    SQLite has one writer at a time. On a server, writers take a lock from `MARGIN` below the limit on, until they
    commit: so the limit is exact, unless more than `MARGIN` deliveries are being put at the same moment.
    """
    total = _sum_waiting(transaction)
    if transaction.dialect.one_writer and total > near - MARGIN:
        transaction.execute(transaction.dialect.one_writer)
        total = _sum_waiting(transaction)
    return total


def _sum_waiting(transaction: Transaction) -> int:
    return int(transaction.execute("SELECT COALESCE(SUM(waiting), 0) FROM learnrelay_delivery_counter")[0][0])


def delete_unshared_payloads(transaction: Transaction, keys: str, **parameters: Any) -> None:
    """Deletes the statements of the query ``keys`` that no destination but ``:destination`` waits for.

    Call it before the deliveries are deleted. On a server the statements are locked first: of two workers that
    acknowledge the same statement for two destinations, the second one sees that it is the last.
    """
    if not transaction.dialect.lock:
        transaction.change(f"DELETE FROM learnrelay_statement WHERE key IN ({keys}) {_UNSHARED}", **parameters)  # noqa: S608
        return
    # InnoDB would lock all rows that a DELETE reads, the counters too: what it deletes is read before.
    in_keys = transaction.dialect.in_keys
    for query in (
        keys,
        f"SELECT key FROM learnrelay_statement WHERE key {in_keys} ORDER BY key {transaction.dialect.lock}",  # noqa: S608
        f"SELECT key FROM learnrelay_statement WHERE key {in_keys} {_UNSHARED}",  # noqa: S608
    ):
        parameters["keys"] = [key for (key,) in transaction.execute(query, **parameters)]
        if not parameters["keys"]:
            return
    transaction.change(f"DELETE FROM learnrelay_statement WHERE key {in_keys}", keys=parameters["keys"])  # noqa: S608
