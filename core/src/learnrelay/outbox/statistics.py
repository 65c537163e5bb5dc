"""Counts outcomes of events by reason, and measures durations, in the outbox's database.

Statistics count for all processes and hosts together and outlive each of them. A drain or a worker writes its counts
in the transaction of the change itself. emit() gathers its counts of outcomes in memory and writes them every
`FLUSH_INTERVAL` seconds, and at the end of the process: a killed process loses that much.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from .. import forks
from ..errors import OutboxError
from ..pipeline.outcome_counts import Counted, OutcomeCounts
from ..pipeline.run import Outcome
from .counters import process_slot
from .database import Transaction
from .refusals import write_refusals
from .store import Store
from .time_limits import time_limit

log = logging.getLogger("learnrelay.delivery")

FLUSH_INTERVAL = 5.0
"""Seconds after which emit()'s counts are written."""

LOOK_INTERVAL = 1.0
"""Seconds after which a process that emits notices what has changed around it, such as a new tap."""

_FLUSH_LIMIT = 0.25  # seconds for counts that emit() itself writes

MAX_REASONS = 100
"""Reasons that are counted apart for one outcome of one standard. Reasons are constant texts; this bounds the labels of
the metrics where a plugin puts values into them."""
OTHER_REASONS = "other reasons"
_REASON_LENGTH = 300

LATENCY, REQUEST = "latency", "request"
"""Durations: from the learner's action (the event's time) to the consumer's answer; of one request."""

_FINEST = 0.001
_BUCKETS_PER_DOUBLING = 4
LAST_BUCKET = 32 * _BUCKETS_PER_DOUBLING + 1


_BOUNDS = [_FINEST * 2 ** (bucket / _BUCKETS_PER_DOUBLING) for bucket in range(LAST_BUCKET)]
"""Upper bounds of the buckets, in seconds: 2^(1/4) apart, from 1 ms to 50 days; `LAST_BUCKET` has all longer ones."""


def upper_bound(bucket: int) -> float:
    """Returns the upper bound of a bucket in seconds; the last bucket has none."""
    return math.inf if bucket == LAST_BUCKET else _BOUNDS[bucket]


@dataclass(slots=True)
class Histogram:
    """Counts durations by bucket, with their sum in seconds."""

    buckets: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def quantile(self, part: float) -> float | None:
        """Returns the quantile ``part`` in seconds, at most 9 % off (at least 1 ms), or None without values."""
        rank, seen = part * self.buckets.total(), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                bound = upper_bound(min(bucket, LAST_BUCKET - 1))
                return bound if bucket == 0 else bound / 2 ** (0.5 / _BUCKETS_PER_DOUBLING)
        return None

    def by_doubling(self) -> Iterator[tuple[float, int]]:
        """Yields (upper bound in seconds, number up to it), from 1 ms by powers of two; the last bound is infinite."""
        for bound in [*range(0, LAST_BUCKET, _BUCKETS_PER_DOUBLING), LAST_BUCKET]:
            yield upper_bound(bound), sum(number for bucket, number in self.buckets.items() if bucket <= bound)


class Timings:
    """Collects the durations of one claim until it is settled. Not shared between threads."""

    def __init__(self) -> None:
        self.measured: dict[str, Histogram] = {}

    def add(self, what: str, *durations: float) -> None:
        """Adds durations in seconds; a negative one, of a clock that is behind, counts as 0."""
        if durations and min(durations) < 0:
            durations = tuple(max(0.0, seconds) for seconds in durations)
        histogram = self.measured.setdefault(what, Histogram())
        histogram.buckets.update(map(partial(bisect_left, _BOUNDS), durations))
        histogram.seconds += sum(durations)

    def add_latencies(self, event_times: Iterable[float | None], now: float) -> None:
        """Adds the latencies of events that were answered at ``now``. Times are seconds since 1970, None if unknown."""
        self.add(LATENCY, *[now - event_time for event_time in event_times if event_time is not None])

    def write(self, transaction: Transaction, destination: str) -> None:
        """Adds these durations to those of the database."""
        rows = [
            {"what": what, "bucket": bucket, "number": number, "destination": destination, "slot": process_slot()}
            for what, histogram in sorted(self.measured.items())
            for bucket, number in sorted(histogram.buckets.items())
        ]
        seconds = {what: histogram.seconds for what, histogram in self.measured.items()}
        if rows:  # the sum goes to one of the buckets: only all of them together are read
            transaction.change_many(
                _ADD_TIMING, [row | {"seconds": seconds.pop(str(row["what"]), 0.0)} for row in rows]
            )


_ADD_TIMING = """INSERT INTO learnrelay_timing (destination, what, bucket, slot, number, seconds)
    VALUES (:destination, :what, :bucket, :slot, :number, :seconds)
    ON CONFLICT (destination, what, bucket, slot) DO UPDATE SET
        number = learnrelay_timing.number + excluded.number,
        seconds = learnrelay_timing.seconds + excluded.seconds"""


def read_timings(transaction: Transaction) -> dict[tuple[str, str], Histogram]:
    """Reads the durations since the outbox was made: (destination, what) → histogram."""
    timings: dict[tuple[str, str], Histogram] = {}
    for destination, what, bucket, number, seconds in transaction.execute(
        """SELECT destination, what, bucket, SUM(number), SUM(seconds) FROM learnrelay_timing
        GROUP BY destination, what, bucket"""
    ):
        histogram = timings.setdefault((destination, what), Histogram())
        histogram.buckets[bucket] = int(number)
        histogram.seconds += seconds
    return timings


KnownReasons = dict[tuple[str, str], set[str]]
"""(subject, outcome) → the reasons that are counted apart."""


def write_outcomes(transaction: Transaction, counts: Counter[Counted], known: KnownReasons | None = None) -> None:
    """Adds to the counts of the database; reasons beyond `MAX_REASONS` are counted as `OTHER_REASONS`.

    ``known``: kept by a caller that writes often, and filled here, so that they are read once.
    """
    known = {} if known is None else known
    if not known:
        for subject, outcome, reason in read_outcomes(transaction):
            known.setdefault((subject, outcome), set()).add(reason)
    increments: Counter[Counted] = Counter()
    for (subject, outcome, whole_reason), number in counts.items():
        reason = whole_reason[:_REASON_LENGTH]
        reasons = known.setdefault((subject, outcome), set())
        kept = reason if reason in reasons or len(reasons) < MAX_REASONS else OTHER_REASONS
        reasons.add(kept)
        increments[subject, outcome, kept] += number
    if increments:
        transaction.change_many(
            """INSERT INTO learnrelay_outcome (subject, outcome, reason, slot, number)
            VALUES (:subject, :outcome, :reason, :slot, :number)
            ON CONFLICT (subject, outcome, reason, slot) DO UPDATE SET
                number = learnrelay_outcome.number + excluded.number""",
            [
                {"subject": subject, "outcome": outcome, "reason": reason, "slot": process_slot(), "number": number}
                for (subject, outcome, reason), number in sorted(increments.items())
            ],
        )


def read_outcomes(transaction: Transaction) -> Counter[Counted]:
    """Reads the outcomes of events since the outbox was made, as `OutcomeCounts.counted` gives them."""
    rows = transaction.execute(
        "SELECT subject, outcome, reason, SUM(number) FROM learnrelay_outcome GROUP BY subject, outcome, reason"
    )
    return Counter({(subject, outcome, reason): int(number) for subject, outcome, reason, number in rows})


@dataclass(frozen=True, slots=True)
class Statistics:
    """Holds outcomes and durations since the outbox was made, of all its processes."""

    timings: Mapping[tuple[str, str], Histogram]
    outcomes: Counter[Counted]

    @classmethod
    def read(cls, store: Store) -> Self:
        """Reads them from the database. Raises OutboxError."""
        with store.database.transaction(write=False) as transaction:
            return cls(read_timings(transaction), read_outcomes(transaction))

    def timing(self, destination: str, what: str) -> dict[str, float | int | None]:
        """Returns number, median and 99th percentile in seconds, for ``--json``."""
        histogram = self.timings.get((destination, what), Histogram())
        p50, p99 = (
            None if (seconds := histogram.quantile(part)) is None else round(seconds, 4) for part in (0.5, 0.99)
        )
        return {"count": histogram.buckets.total(), "p50": p50, "p99": p99}

    def events(self, standard: str, destination: str) -> dict[str, int | dict[str, int]]:
        """Returns the outcomes of events from the view of one destination, for ``--json``.

        read = unreadable + transformed + not_mapped + skipped + failed; ``denied`` are part of ``transformed``, and so
        are those with ``not_added``: parts of enrichers that stood in the statement already.
        """

        def by_reason(subject: str, outcome: str) -> dict[str, int]:
            return {
                reason: number
                for (counted_subject, counted_outcome, reason), number in self.outcomes.most_common()
                if (counted_subject, counted_outcome) == (subject, outcome)
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
            "not_added": by_reason(standard, "not added"),
        }


class Recorder:
    """Counts the outcomes of emit() in memory, and writes them every `FLUSH_INTERVAL` seconds.

    A thread of its own writes them; without ``in_background``, the call that counts does when it is time. ``look`` is
    called once in `LOOK_INTERVAL` seconds, while there is something to count; it must not raise.
    """

    def __init__(
        self,
        store: Store,
        standards: Sequence[str],
        *,
        in_background: bool = True,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._standards = list(standards)
        self._look = look
        self._in_background = in_background
        self._renew()
        forks.register(self, Recorder._renew)

    def _renew(self) -> None:
        """Begins without counts, which are the parent's to write, and without a thread."""
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._counts = OutcomeCounts.of(self._standards)
        self._unwritten: Counter[Counted] = Counter()
        self._written_at = self._looked_at = -math.inf
        self.unwritten_refusals: Counter[str] = Counter()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, results: Iterable[list[Outcome]], *, may_write: bool = True) -> None:
        """Counts the outcomes of events; those of an event that is deferred come later.

        Without ``may_write`` a later call writes them, or `close`.
        """

        def add(counts: OutcomeCounts) -> None:
            for outcomes in results:
                if outcomes and outcomes[0].error is not None and not outcomes[0].standard:
                    counts.count_unreadable(outcomes[0].reason)
                elif outcomes:
                    counts.count(outcomes)

        self._count(add, may_write=may_write)

    def count_refusals(self, reason: str, events: int) -> None:
        """Counts events that could not be stored."""
        self._count(lambda _counts: self.unwritten_refusals.update({reason: events}))

    def _count(self, add: Callable[[OutcomeCounts], None], *, may_write: bool = True) -> None:
        with self._lock:
            add(self._counts)
            # A process that is closed or going to be forked may have no later call.
            is_last = self._closed.is_set() or forks.awaits_fork()
            if self._in_background and not is_last:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="learnrelay-statistics", daemon=True)
                    self._thread.start()
                return
        now = time.monotonic()
        if now - self._looked_at >= LOOK_INTERVAL:
            self._looked_at = now
            self._look()
        if is_last or (may_write and now - self._written_at >= FLUSH_INTERVAL):
            with time_limit(_FLUSH_LIMIT):  # emit() may have waited for the database already
                self._try_to_flush()

    def flush(self) -> None:
        """Writes the counts. Raises OutboxError; then they are kept for the next time."""
        with self._writing:
            with self._lock:
                counts, self._counts = self._counts, OutcomeCounts.of(self._standards)
                refused = self.unwritten_refusals.copy()
            self._unwritten += counts.counted()
            if self._unwritten or refused:
                limit = self._store.settings.wait  # whoever closes a relay may have to wait for this
                with self._store.database.transaction(durable=False, limit=limit) as transaction:
                    write_outcomes(transaction, self._unwritten)
                    write_refusals(transaction, refused, self._store.clock())
                self._unwritten = Counter()
                with self._lock:
                    self.unwritten_refusals -= refused

    def _run(self) -> None:
        self._look()
        self._written_at = time.monotonic()
        while not self._closed.wait(LOOK_INTERVAL):
            self._look()
            if time.monotonic() - self._written_at >= FLUSH_INTERVAL:
                self._try_to_flush()
        self._try_to_flush()

    def _try_to_flush(self) -> None:
        self._written_at = time.monotonic()
        try:
            self.flush()
        except OutboxError as error:
            log.debug("counts of events: %s; kept for the next time", error)

    def close(self, timeout: float = 10.0) -> None:
        """Writes the rest, if the database allows it within ``timeout`` seconds, and ends the thread."""
        self._closed.set()
        if self._thread is None:
            self._try_to_flush()
        else:
            self._thread.join(timeout)
