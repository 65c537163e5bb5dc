"""From answers to marks: deliver what can be delivered, and find the statements that cannot, by bisection.

Pure but for ``send``. What is known about a failing request decides whose fault it can be:

* the consumer was not reached, or asks for patience (408, 425, 429): the destination's;
* it answered with a server error, or took the request and never answered: perhaps one poisonous statement's,
  but that is only believed while the consumer is *proven* to store others. Then the batch is halved, and a
  statement that fails alone steps aside and is tried again by itself;
* it refused the content, or has it in another form: halved until the culprits stand alone; they are dead letters,
  the rest is delivered;
* it was too much at once: less, now and from now on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..standards import Verdict
from .queue import Claimed, Dead, Later, Mark, Returned, Stored
from .sizing import BatchSize

Rows = tuple[Claimed, ...]

REASON_LIMIT = 300
"""Characters of a consumer's words that are kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request. ``asked``: seconds the consumer asks to wait; ``status`` 0: no answer.

    ``reason`` is in our own words, for logs, status and alerts. ``words`` are the consumer's, which may repeat a
    statement: they are for the dead letter alone.
    """

    verdict: Verdict
    reason: str = ""
    status: int = 0
    asked: float = 0.0
    reached: bool = True
    words: str = ""

    @property
    def in_full(self) -> str:
        """Our words, then the consumer's, on one line."""
        return tidy(f"{self.reason}: {self.words}" if self.words else self.reason)

    @property
    def perhaps_poison(self) -> bool:
        """Can this RETRY be the fault of a statement?"""
        return self.reached and self.status not in (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Round:
    """What became of a claim, and the outcome that ended it early, if one did."""

    marks: list[Mark]
    trouble: Outcome | None


Send = Callable[[Rows], Outcome]
Aside = Callable[[Claimed, Outcome], Later | Dead]


def deliver(
    rows: Rows, sizes: BatchSize, send: Send, aside: Aside, stopping: Callable[[], bool], *, proven: bool
) -> Round:
    """Send ``rows`` by ``sizes``, oldest first, halving where that helps. Every row gets exactly one mark.

    ``proven``: the consumer has just stored something, so a server error is taken as the statements' fault.
    ``aside`` decides about a statement that failed alone: later, or dead after too many attempts.
    """
    marks: list[Mark] = []
    stored: list[tuple[int, int]] = []
    alone: list[tuple[Claimed, Outcome]] = []
    streak, patience = 0, 2 * sizes.size.bit_length() + 8  # one culprit's descent, and some neighbours of it
    trouble: Outcome | None = None
    ahead = [(0, len(rows))]  # a stack of stretches, the oldest on top
    while ahead and trouble is None and not stopping():
        start, stop = ahead.pop()
        if stop - start > sizes.size:
            ahead.append((start + sizes.size, stop))
            stop = start + sizes.size
        number, middle = stop - start, (start + stop) // 2
        outcome = send(rows[start:stop])
        match outcome.verdict:
            case Verdict.STORED:
                sizes.stored(number)
                proven, streak = True, 0
                if stored and stored[-1][1] == start:
                    start = stored.pop()[0]
                stored.append((start, stop))
            case Verdict.TOO_LARGE:
                sizes.too_large(number)
                if number == 1:
                    marks.append(Dead(rows[start], outcome.in_full))
                else:
                    ahead.append((start, stop))
            case Verdict.REFUSED | Verdict.CONFLICT if number == 1:
                conflict = outcome.verdict is Verdict.CONFLICT
                marks.append(Dead(rows[start], outcome.in_full, conflict=conflict))
            case Verdict.REFUSED | Verdict.CONFLICT:
                ahead += [(middle, stop), (start, middle)]
            case Verdict.RETRY if proven and outcome.perhaps_poison and streak < patience:
                streak += 1
                if number == 1:
                    alone.append((rows[start], outcome))
                else:
                    ahead += [(middle, stop), (start, middle)]
            case _:
                trouble = outcome
                marks.append(Returned(rows[start:stop]))
    marks += [Stored(rows[start:stop]) for start, stop in stored]
    marks += [aside(row, outcome) for row, outcome in alone]
    marks += [Returned(rows[start:stop], tried=False) for start, stop in ahead]
    return Round(marks, trouble)


def tidy(words: str) -> str:
    """A consumer's words on one line, cut to `REASON_LIMIT`, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= REASON_LIMIT else line[: REASON_LIMIT - 1] + "…"
