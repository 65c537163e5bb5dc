"""Keeps the course of the last day: what waited for each destination, what it had got and how late, every five minutes.

A day has 288 samples of each destination; older ones are deleted, so the table does not grow.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from .database import retry_deadlocks
from .statistics import LATENCY, Histogram, read_timings
from .store import Store

INTERVAL = 300.0
"""Seconds between two samples."""
SAMPLES = 288
"""Samples that are kept: those of a day."""


class HistorySample(NamedTuple):
    """Holds the counters of a destination at a time. ``number``: of the interval, since 1970.

    ``latency``: bucket of a `Histogram` → how many statements since the outbox was made; None in samples of releases
    that kept none.
    """

    number: int
    waiting: int
    delivered: int
    latency: Mapping[int, int] | None = None


def record_history(store: Store) -> None:
    """Takes the sample of this interval, unless a process has done so. Raises OutboxError."""
    number = int(store.clock() // INTERVAL)
    with store.database.transaction(write=False) as transaction:
        if transaction.execute("SELECT 1 FROM learnrelay_history WHERE sampled = :number LIMIT 1", number=number):
            return
        rows = transaction.execute(
            "SELECT destination, SUM(waiting), SUM(delivered) FROM learnrelay_delivery_counter GROUP BY destination"
        )
        timings = read_timings(transaction)
    samples = {
        str(name): HistorySample(
            number, int(waiting), int(delivered), timings.get((name, LATENCY), Histogram()).buckets
        )
        for name, waiting, delivered in rows
    }
    if samples:
        _write(store, number, samples)


@retry_deadlocks
def _write(store: Store, number: int, samples: Mapping[str, HistorySample]) -> None:
    with store.database.transaction(durable=False) as transaction:
        transaction.change_many(
            """INSERT INTO learnrelay_history (sampled, destination, waiting, delivered, latency)
            VALUES (:number, :destination, :waiting, :delivered, :latency)
            ON CONFLICT (sampled, destination) DO NOTHING""",
            [
                {**sample._asdict(), "destination": name, "latency": json.dumps(dict(sample.latency or {}))}
                for name, sample in samples.items()
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
            """SELECT destination, sampled, waiting, delivered, latency FROM learnrelay_history
            WHERE sampled > :oldest AND sampled <= :newest ORDER BY destination, sampled""",
            oldest=newest - SAMPLES,
            newest=newest,
        )
    history: dict[str, list[HistorySample]] = {}
    for destination, number, waiting, delivered, latency in rows:
        buckets = None if latency is None else {int(bucket): count for bucket, count in json.loads(latency).items()}
        sample = HistorySample(int(number), int(waiting), int(delivered), buckets)
        history.setdefault(destination, []).append(sample)
    return history


def compute_rates(samples: Sequence[HistorySample]) -> list[tuple[int, float]]:
    """Returns (number, statements a second) for each interval between two neighbouring samples."""
    return [
        (after.number, max(0, after.delivered - before.delivered) / INTERVAL)
        for before, after in pairwise(samples)
        if after.number == before.number + 1
    ]


def compute_latencies(samples: Sequence[HistorySample], part: float) -> list[tuple[int, float]]:
    """Returns (number, quantile ``part`` in seconds) for each interval in which something was delivered."""
    latencies = []
    for before, after in pairwise(samples):
        if after.number == before.number + 1 and before.latency is not None and after.latency is not None:
            within = Histogram(Counter(after.latency) - Counter(before.latency))
            if (seconds := within.quantile(part)) is not None:
                latencies.append((after.number, seconds))
    return latencies
