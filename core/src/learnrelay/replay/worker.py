"""A process of a replay: takes units of work, runs the pipeline over their lines, hands the statements on.

It talks to the conductor over one connection, and dies with it: whatever it had not finished is done again.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, BinaryIO, Protocol

from ..assembly import Assembly, assemble
from ..errors import EventError, LearnrelayError, UnreadableEventError
from ..events import SourceEvent, event_from_line
from ..lines import DamagedLogError, LineReader, too_long, unpacked, without_bom
from ..pipeline import Outcome, Pipeline, State
from ..plugins.plan import Plan
from ..resolvers.courses import unknown_course
from ..tally import Tally, in_words
from .asked import Asked, HaltedError
from .checkpoint import Done, Failures
from .limits import Limits
from .selection import NOT_SELECTED
from .sources import Source, begins_with, open_raw
from .target import Nowhere, Target

_TOLD_EVERY = 2**21  # bytes of log between two words about progress


@dataclass(frozen=True, slots=True)
class Unit:
    """Work for one process: a chunk of a log that can be read anywhere, or all chunks of one in a row.

    ``file``: the log's number in the checkpoint. ``name``: what its files are called. ``done``: chunks to pass over.
    """

    source: Source
    file: int
    name: str
    first: int
    whole: bool
    done: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Setting:
    """What every process of a replay is told at its start. ``lanes``: requests at once, by destination."""

    asked: Asked
    token: str
    names: dict[int, str]
    limits: dict[str, Limits]
    lanes: dict[str, int]
    verbose: bool


# What a worker says: (word, …).
READY, ADVANCED, FINISHED, WAITING, UNREAD, FAILED, HALTED, ENDED = range(8)


def work(setting: Setting, connection: Connection) -> None:
    """Entry point of the process. Ends when it is told to, or when the conductor is gone."""
    if not setting.verbose:
        logging.getLogger("learnrelay").setLevel(logging.ERROR)  # each failure has its record
    mouth = _Pipe(connection)
    units: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, units), daemon=True).start()
    try:
        assembly = assemble(setting.asked.config)
        target = target_of(setting, assembly, mouth)
        worker = Worker(setting.asked, assembly, target, mouth)
        gc.freeze()  # what is there by now stays: the collector need not look at it again and again
        while True:
            mouth.say(READY)
            unit = units.get()
            if unit is None:
                break
            worker.do(unit)
        target.close()
        mouth.say(ENDED)
    except HaltedError as error:
        mouth.say(HALTED, str(error))
    except (LearnrelayError, OSError) as error:
        mouth.say(FAILED, str(error))


class Mouth(Protocol):
    """What hears what a worker says."""

    def say(self, word: int, *rest: Any) -> None:
        """Say one thing; any thread may."""


class _Pipe:
    """Says things to the conductor, from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def say(self, word: int, *rest: Any) -> None:
        with self._lock:
            try:
                self._connection.send((word, *rest))
            except OSError:
                os._exit(1)  # the conductor is gone


def _listen(connection: Connection, units: queue.SimpleQueue[Unit | None]) -> None:
    try:
        while True:
            units.put(connection.recv())
    except (EOFError, OSError):
        os._exit(1)  # the conductor is gone


def target_of(setting: Setting, assembly: Assembly, mouth: Mouth) -> Target:
    """Where the statements of a replay go. Raises ReplayError, LearnrelayError."""
    asked = setting.asked
    if asked.dry_run:
        return Nowhere(asked.to)
    if asked.output is not None:
        from .segments import Files

        return Files(asked.output, setting.token, setting.names, asked.to)
    from .sending import Destinations  # brings HTTP and the database with it

    tell = partial(mouth.say, WAITING)
    return Destinations(assembly, asked.to, setting.limits, tell, setting.lanes, asked.ordered)


class Worker:
    """Does units: from lines to what the target takes, everything counted."""

    def __init__(self, asked: Asked, assembly: Assembly, target: Target, mouth: Mouth) -> None:
        self._asked = asked
        self._process = _chosen(asked, Pipeline(_only(assembly.plan, asked)).process)
        self._unknown_course = unknown_course(assembly.courses)
        self._target = target
        self._mouth = mouth

    def do(self, unit: Unit) -> None:
        """Do all chunks of a unit. A log that cannot be read is told, and costs only itself."""
        try:
            with open_raw(unit.source.path) as raw:
                if raw.seek(0, io.SEEK_END) < unit.source.size or not begins_with(
                    raw, unit.source.headed, unit.source.head
                ):
                    raise OSError(0, "is not the file any more that it was when the replay began")
                stream = unpacked(raw)
                start = unit.first * self._asked.chunk
                reader = LineReader(stream)
                if start:
                    stream.seek(start - 1)
                    reader = LineReader(stream, start - 1)
                    reader.pass_over(start + self._asked.chunk)
                self._chunks(unit, reader, _Gauge(raw, self._mouth))
        except (OSError, DamagedLogError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            self._mouth.say(UNREAD, f"{unit.source.path}: {reason}")

    def _chunks(self, unit: Unit, reader: LineReader, gauge: _Gauge) -> None:
        number = unit.first
        while True:
            end = (number + 1) * self._asked.chunk
            if number in unit.done:
                for _ in reader.blocks(end):
                    gauge.look(0, 0)
            else:
                self._chunk(Done(unit.file, number), unit.source, reader, end, gauge)
            if reader.position < end or not unit.whole:
                return
            number += 1

    def _chunk(self, done: Done, source: Source, reader: LineReader, end: int, gauge: _Gauge) -> None:
        tally = Tally.of(list(self._asked.standards))
        standards = tally.standards
        intake = self._target.open(done)
        process, unknown_course, take = self._process, self._unknown_course, intake.take
        transformed, not_mapped = State.TRANSFORMED, State.NOT_MAPPED
        line = 0
        failures = Failures()
        try:
            for block in reader.blocks(end):
                for found in block:
                    line += 1
                    content = without_bom(found) if line == 1 and done.number == 0 else found
                    try:
                        if content is None:
                            raise UnreadableEventError(too_long())
                        event = event_from_line(content)
                    except EventError as error:
                        tally.count_unreadable(error.reason)
                        failures.add({"line": line, **error.as_record()})
                        continue
                    said = False
                    for outcome in process(event):
                        if outcome.state is transformed:
                            said = True
                            standards[outcome.standard].count(outcome)
                            take(outcome, event)
                        elif outcome.state is not not_mapped:
                            for of in [standards[outcome.standard]] if outcome.standard else standards.values():
                                of.count(outcome)
                            if outcome.error is not None:
                                record = outcome.error.as_record(outcome.standard, in_words(outcome))
                                failures.add({"line": line, **record})
                    if said and (unknown := unknown_course(event)) is not None:
                        tally.unknown_courses += 1
                        failures.add({"line": line, **unknown.as_record()})
                gauge.look(line, failures.number)
        except DamagedLogError as error:
            line += 1
            unreadable = EventError(str(error))
            tally.count_unreadable(unreadable.reason)
            failures.add({"line": line, **unreadable.as_record()})
        except OSError:
            intake.abandon()
            raise
        if not source.packed and reader.position < min(end, source.size):
            intake.abandon()
            raise OSError(0, "became shorter while it was read")
        gauge.tell(line, failures.number)
        events = line - tally.lines  # so far these are the unreadable ones
        tally.lines = line
        for of in standards.values():
            of.not_mapped = events - of.events  # those without another outcome
        done.failures = failures.packed()
        done.at_end = reader.position < end or (not source.packed and reader.position >= source.size)
        done.lines = line
        done.tally = tally.as_json()
        intake.close(lambda finished: self._mouth.say(FINISHED, finished))


_PASSED_OVER = Outcome("", State.SKIPPED, reason=NOT_SELECTED)
_Process = Callable[[SourceEvent], list[Outcome]]


def _chosen(asked: Asked, process: _Process) -> _Process:
    """The same for the events only that are asked for."""
    if not asked.selection:
        return process
    chosen = asked.selection.chooser()
    return lambda event: process(event) if chosen(event) else [_PASSED_OVER]


def _only(plan: Plan, asked: Asked) -> Plan:
    """The plan without the standards and destinations that this replay is not about."""
    wanted, to = frozenset(asked.standards), frozenset(asked.to)
    steps = {event: tuple(step for step in of if step.standard in wanted) for event, of in plan.steps.items()}
    gates = {name: tuple(gate for gate in of if gate.destination.name in to) for name, of in plan.gates.items()}
    return replace(plan, steps={event: of for event, of in steps.items() if of}, gates=gates)


class _Gauge:
    """Says now and then how much of a log has been read, in bytes as they are stored."""

    def __init__(self, raw: BinaryIO, mouth: Mouth) -> None:
        self._raw = raw
        self._mouth = mouth
        self._position = raw.tell()
        self._lines = self._failures = 0

    def look(self, lines: int, failures: int) -> None:
        """Say it if it is worth a word. Lines and failures are those of the chunk so far."""
        if self._raw.tell() - self._position >= _TOLD_EVERY:
            self._say(lines, failures)

    def tell(self, lines: int, failures: int) -> None:
        """Say it: the chunk has been read."""
        self._say(lines, failures)
        self._lines = self._failures = 0

    def _say(self, lines: int, failures: int) -> None:
        position = self._raw.tell()
        self._mouth.say(ADVANCED, position - self._position, lines - self._lines, failures - self._failures)
        self._position, self._lines, self._failures = position, lines, failures
