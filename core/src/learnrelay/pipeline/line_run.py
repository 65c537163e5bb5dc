"""Runs the lines of a log through a pipeline, and counts what becomes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..errors import BlankLineError, EventError, GluedEventsError, UnreadableEventError
from ..events import SourceEvent
from ..reading.lines import too_long
from .outcome_counts import BLANK_LINE, OutcomeCounts, in_words
from .run import Outcome, OutcomeState

Read = Callable[[bytes], SourceEvent]
Process = Callable[[SourceEvent], list[Outcome]]
Take = Callable[[Outcome, SourceEvent], None]
"""Takes the statements of an outcome."""
Fail = Callable[[int, str, EventError, str], None]
"""Takes what failed: the number of the line, the standard (empty for all), why, and its reason with its path."""
UnknownCourse = Callable[[SourceEvent], EventError | None]


_SHORTEST = 2
"""Bytes of a line that may hold an event."""


class LineRun:
    """Runs lines one after the other.

    number: that of the last line. events: lines and, where several events are glued together in one, those behind the
    first.
    """

    def __init__(
        self,
        read: Read,
        process: Process,
        unknown_course: UnknownCourse | None,
        tally: OutcomeCounts,
        take: Take,
        fail: Fail,
    ) -> None:
        self.number = self.events = 0
        self._read, self._process, self._unknown_course = read, process, unknown_course
        self._tally = tally
        self._take, self._fail = take, fail

    def fail_line(self, problem: str) -> None:
        """Counts a line that cannot be read."""
        self.number += 1
        self.events += 1
        self._count_unreadable(self.number, EventError(problem))

    def run(self, lines: Iterable[bytes | None]) -> None:
        """Runs lines, without their ends; None is one that is too long."""
        read, process, take, unknown_course = self._read, self._process, self._take, self._unknown_course
        tally, standards = self._tally, self._tally.standards
        transformed, not_mapped = OutcomeState.TRANSFORMED, OutcomeState.NOT_MAPPED
        before = number = self.number
        blank = split = 0
        for number, line in enumerate(lines, before + 1):
            try:
                if line is None:
                    raise UnreadableEventError(too_long())
                if len(line) < _SHORTEST and not line.strip():  # a packed log may hold them by the billion
                    blank += 1
                    continue
                event = read(line)
            except BlankLineError:
                blank += 1
                continue
            except GluedEventsError as error:
                split += 1
                for part in error.lines:
                    self.number = number - 1
                    self.run([part])
                continue
            except EventError as error:
                self._count_unreadable(number, error)
                continue
            is_transformed = False
            for outcome in process(event):
                if outcome.state is transformed:
                    is_transformed = True
                    standards[outcome.standard].count(outcome)
                    take(outcome, event)
                elif outcome.state is not_mapped:
                    tally.count_unmapped(outcome.event)
                else:
                    for counts in [standards[outcome.standard]] if outcome.standard else standards.values():
                        counts.count(outcome)
                    if outcome.error is not None:
                        self._fail(number, outcome.standard, outcome.error, in_words(outcome))
            if unknown_course is not None and is_transformed and (unknown := unknown_course(event)) is not None:
                tally.unknown_courses += 1
                self._fail(number, "", unknown, "")
        for counts in standards.values() if blank else ():
            counts.skipped[BLANK_LINE.reason] += blank
        self.number = number
        self.events += number - before - split

    def _count_unreadable(self, number: int, error: EventError) -> None:
        self._tally.unreadable[error.reason] += 1
        self._fail(number, "", error, "")
