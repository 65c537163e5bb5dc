"""Keeps the course of the last day: what waited for each destination, and what it had got, every five minutes.

A day has 288 samples of each destination; older ones are deleted, so the table does not grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from .database import retry_deadlocks
from .store import Store

INTERVAL = 300.0
"""Seconds between two samples."""
SAMPLES = 288
"""Samples that are kept: those of a day."""


class HistorySample(NamedTuple):
    """Holds the counters of a destination at a time. ``number``: of the interval, since 1970."""

    number: int
    waiting: int
    delivered: int


def record_history(store: Store) -> None:
    """Takes the sample of this interval, unless a process has done so. Raises OutboxError."""
    number = int(store.clock() // INTERVAL)
    with store.database.transaction(write=False) as transaction:
        if transaction.execute("SELECT 1 FROM learnrelay_history WHERE sampled = :number LIMIT 1", number=number):
            return
        rows = transaction.execute(
            "SELECT destination, SUM(waiting), SUM(delivered) FROM learnrelay_delivery_counter GROUP BY destination"
        )
    if rows:
        _write(store, number, rows)


@retry_deadlocks
def _write(store: Store, number: int, rows: Sequence[tuple[str, int, int]]) -> None:
    with store.database.transaction(durable=False) as transaction:
        transaction.change_many(
            """INSERT INTO learnrelay_history (sampled, destination, waiting, delivered)
            VALUES (:number, :destination, :waiting, :delivered)
            ON CONFLICT (sampled, destination) DO NOTHING""",
            [
                {"number": number, "destination": name, "waiting": int(waiting), "delivered": int(delivered)}
                for name, waiting, delivered in rows
            ],
        )
        # What a clock that was ahead has written goes too.
        transaction.change(
            "DELETE FROM learnrelay_history WHERE sampled <= :oldest OR sampled > :newest",
            oldest=number - SAMPLES,
            newest=number + SAMPLES,
        )


def read_history(store: Store) -> Mapping[str, Sequence[HistorySample]]:
    """Reads the samples of the last day: destination → samples, the oldest first. Raises OutboxError."""
    newest = int(store.clock() // INTERVAL)
    with store.database.transaction(write=False) as transaction:
        rows = transaction.execute(
            """SELECT destination, sampled, waiting, delivered FROM learnrelay_history
            WHERE sampled > :oldest AND sampled <= :newest ORDER BY destination, sampled""",
            oldest=newest - SAMPLES,
            newest=newest,
        )
    history: dict[str, list[HistorySample]] = {}
    for destination, number, waiting, delivered in rows:
        history.setdefault(destination, []).append(HistorySample(int(number), int(waiting), int(delivered)))
    return history


def compute_rates(samples: Sequence[HistorySample]) -> list[tuple[int, float]]:
    """Returns (number, statements a second) for each interval between two neighbouring samples."""
    return [
        (after.number, max(0, after.delivered - before.delivered) / INTERVAL)
        for before, after in pairwise(samples)
        if after.number == before.number + 1
    ]
