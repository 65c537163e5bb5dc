"""Counts the events that emit() could not store, by reason."""

from __future__ import annotations

from collections.abc import Mapping

from .counters import process_slot
from .database import Transaction


def write_refusals(transaction: Transaction, refused: Mapping[str, int], now: float) -> None:
    """Adds to the counts of the database; ``now``, in seconds since 1970, is kept as the time of the latest."""
    if refused:
        transaction.change_many(
            """INSERT INTO learnrelay_refusal (reason, slot, number, latest) VALUES (:reason, :slot, :number, :now)
            ON CONFLICT (reason, slot) DO UPDATE SET
                number = learnrelay_refusal.number + excluded.number, latest = excluded.latest""",
            [
                {"reason": reason, "slot": process_slot(), "number": number, "now": now}
                for reason, number in sorted(refused.items())
            ],
        )


def read_refusals(transaction: Transaction) -> dict[str, tuple[int, float]]:
    """Reads the counts since the outbox was made: reason → number, and the time of the latest."""
    return {
        reason: (int(number), latest)
        for reason, number, latest in transaction.execute(
            "SELECT reason, SUM(number), MAX(latest) FROM learnrelay_refusal GROUP BY reason ORDER BY reason"
        )
    }
