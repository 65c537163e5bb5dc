"""Figures that the outbox keeps beside its queues: what became of events and why, and how long things took.

They are in the database, so they count for all processes and hosts together and outlive each of them. What a drain
or a worker counts is written in the transaction of what it counts. What emit() sees of events that leave nothing in
the outbox is gathered in memory and written every `FLUSH` seconds: a killed process loses that much of it.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self

from ..errors import OutboxError
from ..pipeline import Outcome
from ..tally import Counted, Tally
from .database import Transaction
from .ledger import SLOTS

if TYPE_CHECKING:
    from .outbox import Outbox
    from .queue import Claimed

log = logging.getLogger("learnrelay.delivery")

FLUSH = 5.0
"""Seconds that emit()'s counts may wait in memory."""

MOST_REASONS = 100
"""Reasons that are told apart for one outcome of one standard. Reasons are constant words; this bounds a plugin's
mistake, and with it the labels of the metrics."""
OTHER = "other reasons"

LATENCY, REQUEST = "latency", "request"
"""What is timed: from the learner's action (the event's time) to the consumer's answer; one request."""

_FINEST = 0.001
_A_DOUBLING = 4
LAST = 32 * _A_DOUBLING + 1


_BOUNDS = [_FINEST * 2 ** (bucket / _A_DOUBLING) for bucket in range(LAST)]
"""Upper bounds of the buckets, in seconds: 2^(1/4) apart, from 1 ms to 50 days; what is longer is in number `LAST`."""


def upper_bound(bucket: int) -> float:
    """Seconds up to which a bucket goes; the last one has no end."""
    return math.inf if bucket == LAST else _BOUNDS[bucket]


@dataclass(slots=True)
class Histogram:
    """How long something took: number by bucket, and the sum in seconds."""

    buckets: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def quantile(self, part: float) -> float | None:
        """Seconds within which ``part`` of all stayed, at most 9 % off (1 ms for less than that); None of nothing."""
        wanted, seen = part * self.buckets.total(), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                bound = upper_bound(min(bucket, LAST - 1))
                return bound if bucket == 0 else bound / 2 ** (0.5 / _A_DOUBLING)
        return None

    def by_doubling(self) -> Iterator[tuple[float, int]]:
        """(upper bound in seconds, number up to there), from 1 ms by powers of two, the last one infinite."""
        for bound in [*range(0, LAST, _A_DOUBLING), LAST]:
            yield upper_bound(bound), sum(number for bucket, number in self.buckets.items() if bucket <= bound)


class Timings:
    """What a drain measures of one claim, until the claim is settled. For one thread."""

    def __init__(self) -> None:
        self.measured: dict[str, Histogram] = {}

    def add(self, what: str, *measured: float) -> None:
        """So many seconds each; a clock that is behind gives 0."""
        if measured and min(measured) < 0:
            measured = tuple(max(0.0, seconds) for seconds in measured)
        histogram = self.measured.setdefault(what, Histogram())
        histogram.buckets.update(map(partial(bisect_left, _BOUNDS), measured))
        histogram.seconds += sum(measured)

    def add_latencies(self, rows: Iterable[Claimed], now: float) -> None:
        """These were answered at ``now`` (seconds since 1970)."""
        self.add(LATENCY, *[now - row.event_time for row in rows if row.event_time is not None])

    def write(self, transaction: Transaction, destination: str) -> None:
        """Add them to the database's."""
        steps = [
            {"what": what, "bucket": bucket, "number": number, "destination": destination, "slot": _slot()}
            for what, histogram in sorted(self.measured.items())
            for bucket, number in sorted(histogram.buckets.items())
        ]
        seconds = {what: histogram.seconds for what, histogram in self.measured.items()}
        if steps:  # the sum goes to one of its buckets: only all of them together are read
            transaction.change_many(
                _ADD_TIMING, [step | {"seconds": seconds.pop(str(step["what"]), 0.0)} for step in steps]
            )


_ADD_TIMING = """INSERT INTO learnrelay_timing (destination, what, bucket, slot, number, seconds)
    VALUES (:destination, :what, :bucket, :slot, :number, :seconds)
    ON CONFLICT (destination, what, bucket, slot) DO UPDATE SET
        number = learnrelay_timing.number + excluded.number,
        seconds = learnrelay_timing.seconds + excluded.seconds"""


def read_timings(transaction: Transaction) -> dict[tuple[str, str], Histogram]:
    """(destination, what) → how long it took, since the outbox was made."""
    found: dict[tuple[str, str], Histogram] = {}
    for destination, what, bucket, number, seconds in transaction.execute(
        """SELECT destination, what, bucket, SUM(number), SUM(seconds) FROM learnrelay_timing
        GROUP BY destination, what, bucket"""
    ):
        histogram = found.setdefault((destination, what), Histogram())
        histogram.buckets[bucket] = int(number)
        histogram.seconds += seconds
    return found


def write_outcomes(transaction: Transaction, counts: Counter[Counted]) -> None:
    """Add to the database's counts; what is one reason too many becomes `OTHER`."""
    known: dict[tuple[str, str], set[str]] = {}
    for subject, outcome, reason in read_outcomes(transaction):
        known.setdefault((subject, outcome), set()).add(reason)
    steps: Counter[Counted] = Counter()
    for (subject, outcome, reason), number in counts.items():
        reasons = known.setdefault((subject, outcome), set())
        kept = reason if reason in reasons or len(reasons) < MOST_REASONS else OTHER
        reasons.add(kept)
        steps[subject, outcome, kept] += number
    if steps:
        transaction.change_many(
            """INSERT INTO learnrelay_outcome (subject, outcome, reason, slot, number)
            VALUES (:subject, :outcome, :reason, :slot, :number)
            ON CONFLICT (subject, outcome, reason, slot) DO UPDATE SET
                number = learnrelay_outcome.number + excluded.number""",
            [
                {"subject": subject, "outcome": outcome, "reason": reason, "slot": _slot(), "number": number}
                for (subject, outcome, reason), number in sorted(steps.items())
            ],
        )


def read_outcomes(transaction: Transaction) -> Counter[Counted]:
    """What became of events (`Tally.counted`), since the outbox was made."""
    rows = transaction.execute(
        "SELECT subject, outcome, reason, SUM(number) FROM learnrelay_outcome GROUP BY subject, outcome, reason"
    )
    return Counter({(subject, outcome, reason): int(number) for subject, outcome, reason, number in rows})


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was counted and timed since the outbox was made, by all its processes."""

    timings: Mapping[tuple[str, str], Histogram]
    outcomes: Counter[Counted]

    @classmethod
    def read(cls, outbox: Outbox) -> Self:
        """As they stand now. Raises OutboxError."""
        with outbox.database.transaction(write=False) as transaction:
            return cls(read_timings(transaction), read_outcomes(transaction))

    def timing(self, destination: str, what: str) -> dict[str, float | int | None]:
        """Number, median and 99th percentile in seconds, for ``--json``."""
        histogram = self.timings.get((destination, what), Histogram())
        p50, p99 = (None if (found := histogram.quantile(part)) is None else round(found, 4) for part in (0.5, 0.99))
        return {"count": histogram.buckets.total(), "p50": p50, "p99": p99}

    def events(self, standard: str, destination: str) -> dict[str, int | dict[str, int]]:
        """What became of events, as one destination sees it, for ``--json``.

        read = unreadable + transformed + not_mapped + skipped + failed; ``denied`` are part of ``transformed``.
        """

        def by_reason(subject: str, outcome: str) -> dict[str, int]:
            return {
                reason: number
                for (whose, what, reason), number in self.outcomes.most_common()
                if (whose, what) == (subject, outcome)
            }

        return {
            "read": self.outcomes["", "read", ""],
            "unreadable": by_reason("", "unreadable"),
            "transformed": self.outcomes[standard, "transformed", ""],
            "statements": self.outcomes[standard, "statements", ""],
            "not_mapped": self.outcomes[standard, "not mapped", ""],
            "skipped": by_reason(standard, "skipped"),
            "failed": by_reason(standard, "failed"),
            "denied": by_reason(destination, "denied"),
        }


def _slot() -> int:
    return os.getpid() % SLOTS


class Recorder:
    """Counts what emit() sees, in memory, and writes it every `FLUSH` seconds from a thread. Share it."""

    def __init__(self, outbox: Outbox, standards: Sequence[str]) -> None:
        self._outbox = outbox
        self._standards = list(standards)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._tally = Tally.of(self._standards)
        self._unwritten: Counter[Counted] = Counter()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, outcomes: list[Outcome]) -> None:
        """Count the outcomes of one event."""
        self._count(lambda tally: tally.count(outcomes))

    def count_unreadable(self, reason: str) -> None:
        """Count what is no event."""
        self._count(lambda tally: tally.count_unreadable(reason))

    def _count(self, step: Callable[[Tally], None]) -> None:
        with self._lock:
            step(self._tally)
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="learnrelay-figures", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what there is. Raises OutboxError; then it is kept for the next time."""
        with self._writing:
            with self._lock:
                tally, self._tally = self._tally, Tally.of(self._standards)
            self._unwritten += tally.counted()
            if self._unwritten:
                with self._outbox.database.transaction(durable=False) as transaction:
                    write_outcomes(transaction, self._unwritten)
                self._unwritten = Counter()

    def _run(self) -> None:
        while not self._closed.wait(FLUSH):
            self._try_to_flush()

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except OutboxError as error:
            log.debug("counts of events: %s; kept for the next time", error)

    def close(self) -> None:
        """Write the rest, if the database lets."""
        self._closed.set()
        self._try_to_flush()
