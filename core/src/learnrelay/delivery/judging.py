"""From answers to marks: deliver what can be delivered, and find the statements that cannot, by bisection.

Pure but for ``send``. What is known about a failing request decides whose fault it can be:

* the consumer was not reached, or asks for patience (408, 425, 429): the destination's;
* it answered with a server error, or took the request and never answered: perhaps one poisonous statement's,
  but that is only believed while the consumer is *proven* to store others. Then the batch is halved, and a
  statement that fails alone steps aside and is tried again by itself;
* it refused the content: halved until the culprits stand alone; they are dead letters, the rest is delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..standards import Verdict
from .queue import Claimed, Dead, Later, Mark, Returned, Stored

Rows = tuple[Claimed, ...]

REASON_LIMIT = 300
"""Characters of a consumer's words that are kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request. ``asked``: seconds the consumer asks to wait; ``status`` 0: no answer."""

    verdict: Verdict
    reason: str = ""
    status: int = 0
    asked: float = 0.0
    reached: bool = True

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


def deliver(rows: Rows, size: int, send: Send, aside: Aside, stopping: Callable[[], bool], *, proven: bool) -> Round:
    """Send ``rows`` by ``size``, oldest first, halving where that helps. Every row gets exactly one mark.

    ``proven``: the consumer has just stored something, so a server error is taken as the statements' fault.
    ``aside`` decides about a statement that failed alone: later, or dead after too many attempts.
    """
    marks: list[Mark] = []
    open_parts = [rows[start : start + size] for start in range(0, len(rows), size)][::-1]
    alone: list[tuple[Claimed, Outcome]] = []
    streak, patience = 0, 2 * size.bit_length() + 8  # one culprit's descent, and some neighbours of it
    trouble: Outcome | None = None
    while open_parts and trouble is None and not stopping():
        part = open_parts.pop()
        outcome = send(part)
        match outcome.verdict:
            case Verdict.STORED:
                marks.append(Stored(part))
                proven, streak = True, 0
            case Verdict.REFUSED | Verdict.TOO_LARGE if len(part) == 1:
                marks.append(Dead(part[0], tidy(outcome.reason)))
            case Verdict.REFUSED | Verdict.TOO_LARGE:
                open_parts += _halves(part)
            case Verdict.RETRY if proven and outcome.perhaps_poison and streak < patience:
                streak += 1
                if len(part) == 1:
                    alone.append((part[0], outcome))
                else:
                    open_parts += _halves(part)
            case _:
                trouble = outcome
                marks.append(Returned(part))
    marks += [aside(row, outcome) for row, outcome in alone]
    marks += [Returned(part, tried=False) for part in open_parts]
    return Round(marks, trouble)


def _halves(part: Rows) -> list[Rows]:
    middle = len(part) // 2
    return [part[middle:], part[:middle]]  # a stack: the older half is sent first


def tidy(words: str) -> str:
    """A consumer's words on one line, cut to `REASON_LIMIT`, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= REASON_LIMIT else line[: REASON_LIMIT - 1] + "…"
