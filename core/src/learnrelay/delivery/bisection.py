"""Sends a claim and settles it: delivers what can be delivered, and finds the statements that cannot, by bisection.

Pure but for ``send``. The answer to a failing request decides whose fault it can be:

* the consumer was not reached, or asks for patience: the destination's;
* it answered with a server error, or took the request and never answered: perhaps the fault of one statement, but that
  is only assumed while the consumer is *proven* to store others. Then the batch is halved, and a statement that fails
  alone is retried alone later;
* it refused the content, or has it in another form: the batch is halved until the culprits stand alone; they become
  dead letters, the rest is delivered;
* it took the request, and named fewer statements than were sent: the others are sent once more together, then alone;
* the request was too large: smaller requests are sent, now and from now on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..outbox.queue import Acknowledged, ClaimedDelivery, DeadLettered, Released, RetryLater, Settlement
from ..standards import Verdict
from .batch_size import BatchSize

Deliveries = tuple[ClaimedDelivery, ...]

REASON_LIMIT = 300
"""Characters of a consumer's text that are kept."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """Holds the result of one batch: a `learnrelay.sinks.SinkAnswer` in keys of deliveries.

    ``unnamed``: keys of statements that a STORED is not about. ``refused``: key → the consumer's text, for single
    statements.
    """

    verdict: Verdict
    reason: str = ""
    status: int = 0
    retry_after: float = 0.0
    reached: bool = True
    answered: bool = True
    consumer_text: str = ""
    unnamed: frozenset[int] = frozenset()
    refused: Mapping[int, str] = field(default_factory=dict)

    @property
    def full_reason(self) -> str:
        """Joins our reason and the consumer's text, on one line."""
        return self.join_reason(self.consumer_text)

    def is_about(self, row: ClaimedDelivery) -> bool:
        """Tells whether a STORED is about a statement."""
        return row.key not in self.unnamed and row.key not in self.refused

    def join_reason(self, text: str) -> str:
        """Joins our reason and a text of the consumer, on one line. Logs repeat what is before the colon."""
        return tidy(f"{self.reason or self.verdict.value}: {text}" if text else self.reason or self.verdict.value)


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """Holds the settlements of a claim, and the failure that ended its delivery early, if there was one."""

    settlements: list[Settlement]
    failure: SendResult | None


SendBatch = Callable[[Deliveries], SendResult]
RetryAlone = Callable[[ClaimedDelivery, SendResult], RetryLater | DeadLettered]


def deliver(
    rows: Deliveries,
    batch_size: BatchSize,
    send: SendBatch,
    retry_alone: RetryAlone,
    is_stopping: Callable[[], bool],
    *,
    proven: bool,
    keep_together: bool = False,
) -> DeliveryResult:
    """Sends ``rows`` in batches, oldest first, and halves them where that helps. Every row gets exactly one settlement.

    ``proven``: the consumer has just stored something, so a server error is taken as the statements' fault.
    ``retry_alone`` decides about a statement that failed alone: later, or dead after too many attempts.
    ``keep_together``: the consumer knows ``rows`` as a batch, perhaps from before, and they are only sent apart after
    an answer that it has stored none of them; where it is unclear, all of them fail together and are tried again so.
    """
    settlements: list[Settlement] = []
    stored: list[int] = []  # places in ``rows``
    unnamed: list[int] = []
    failed_alone: list[tuple[ClaimedDelivery, SendResult]] = []
    streak = 0
    max_streak = 2 * batch_size.size.bit_length() + 8  # the descent to one culprit, and some neighbours of it
    failure: SendResult | None = None
    ranges = [(0, len(rows))]  # a stack, the oldest on top
    while ranges and failure is None and not is_stopping():
        start, stop = ranges.pop()
        if stop - start > batch_size.size and not keep_together:
            ranges.append((start + batch_size.size, stop))
            stop = start + batch_size.size
        number, middle = stop - start, (start + stop) // 2
        result = send(rows[start:stop])
        match result.verdict:
            case Verdict.STORED:
                batch_size.record_stored(number)
                proven, streak = True, 0
                places = list(range(start, stop))
                if result.refused:
                    settlements += _bury_refused(rows[start:stop], result)
                if not (result.unnamed or result.refused):
                    stored += places
                elif number == 1 and result.unnamed:
                    failed_alone.append((rows[start], result))
                else:
                    stored += [place for place in places if result.is_about(rows[place])]
                    unnamed += [place for place in places if rows[place].key in result.unnamed]
            case Verdict.TOO_LARGE:
                batch_size.record_too_large(number)
                if number == 1:
                    settlements.append(DeadLettered(rows[start], result.full_reason))
                elif keep_together:
                    ranges += [(middle, stop), (start, middle)]
                else:
                    ranges.append((start, stop))
            case Verdict.REFUSED | Verdict.CONFLICT if result.refused:
                settlements += _bury_refused(rows[start:stop], result)
                rest = [place for place in range(start, stop) if rows[place].key not in result.refused]
                ranges += reversed(list(_find_runs(rest)))
            case Verdict.REFUSED | Verdict.CONFLICT if number == 1:
                conflict = result.verdict is Verdict.CONFLICT
                settlements.append(DeadLettered(rows[start], result.full_reason, conflict=conflict))
            case Verdict.REFUSED | Verdict.CONFLICT:
                ranges += [(middle, stop), (start, middle)]
            case Verdict.RETRY if proven and result.reached and streak < max_streak:
                streak += 1
                if number == 1 or keep_together:
                    failed_alone += [(row, result) for row in rows[start:stop]]
                else:
                    ranges += [(middle, stop), (start, middle)]
            case _:
                failure = result
                settlements.append(Released(rows[start:stop]))
    while unnamed and failure is None and not is_stopping():  # perhaps it names only what is new to it
        places, unnamed = unnamed[: batch_size.size], unnamed[batch_size.size :]
        result = send(tuple(rows[place] for place in places))
        match result.verdict:
            case Verdict.STORED:
                settlements += _bury_refused(tuple(rows[place] for place in places), result)
                stored += [place for place in places if result.is_about(rows[place])]
                failed_alone += [(rows[place], result) for place in places if rows[place].key in result.unnamed]
            case Verdict.HALTED:
                failure, unnamed = result, places + unnamed
            case Verdict.RETRY if not result.reached:
                failure, unnamed = result, places + unnamed
            case _:  # a request for each of them shows what is wrong
                failed_alone += [(rows[place], result) for place in places]
    settlements += [Acknowledged(rows[start:stop]) for start, stop in _find_runs(stored)]
    settlements += [Released(rows[start:stop]) for start, stop in _find_runs(unnamed)]
    settlements += [retry_alone(row, result) for row, result in failed_alone]
    settlements += [Released(rows[start:stop], tried=False) for start, stop in ranges]
    return DeliveryResult(settlements, failure)


def _bury_refused(rows: Deliveries, result: SendResult) -> Iterator[DeadLettered]:
    """Yields dead letters for the statements that an answer refuses one by one."""
    conflict = result.verdict is Verdict.CONFLICT
    for row in rows:
        if (text := result.refused.get(row.key)) is not None:
            yield DeadLettered(row, result.join_reason(text), conflict=conflict)


def _find_runs(places: list[int]) -> Iterator[tuple[int, int]]:
    """Yields the runs without a gap of places, as (first, last + 1): a settlement names the first and the last key."""
    start = stop = -1
    for place in sorted(places):
        if place != stop:
            if start >= 0:
                yield start, stop
            start = place
        stop = place + 1
    if start >= 0:
        yield start, stop


def tidy(text: str) -> str:
    """Returns a consumer's text on one line, cut to `REASON_LIMIT` characters, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= REASON_LIMIT else line[: REASON_LIMIT - 1] + "…"
