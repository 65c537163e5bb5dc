"""Processes the units of a replay: reads lines, runs the pipeline, gives the statements to the output.

A worker process exchanges messages with the runner over one connection, and ends when that closes. Its unfinished
chunks are processed again.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import queue
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, BinaryIO

from ..assembly.assemble import Assembly, assemble
from ..errors import EventError, LearnrelayError, ReplayError, StorageError
from ..events import SourceEvent
from ..lookups.courses import unknown_course
from ..pipeline.line_run import LineRun, Process
from ..pipeline.outcome_counts import OutcomeCounts
from ..pipeline.run import Outcome, OutcomeState, Pipeline, unavailable_provider
from ..reading.lines import DamagedLogError, LineReader, first_lines, unpacked
from .checkpoint import ChunkResult, FailureRecords
from .log_files import LogFile, has_head, open_raw
from .outputs import DryRunOutput, ReplayOutput
from .rate_limit import RateLimit
from .selection import NOT_SELECTED
from .spec import HaltedError, ReplaySpec
from .units import Unit

PROVIDER_PATIENCE = 20.0
"""Seconds for which a replay waits for a provider that does not answer, before it ends with an error."""

_PROVIDER_POLL = 1.0  # seconds; the guard of the provider asks it more rarely
_LOOK_UPS = "look-ups"
_REPORT_EVERY = 2**21  # bytes of a log between two reports of progress


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Holds what each worker process gets at its start. ``send_threads``: requests at once, by destination."""

    spec: ReplaySpec
    token: str
    names: dict[int, str]
    limits: dict[str, RateLimit]
    send_threads: dict[str, int]
    verbose: bool


# Kinds of messages from a worker: (kind, values …).
READY, ADVANCED, FINISHED, WAITING, UNREAD, FAILED, HALTED, ENDED = range(8)


def work(settings: WorkerSettings, connection: Connection) -> None:
    """Processes units until the runner has no more, or has ended. Entry point of the process."""
    if not settings.verbose:
        logging.getLogger("learnrelay").setLevel(logging.ERROR)  # each failure has a record
    channel = RunnerChannel(connection)
    units: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, units), daemon=True).start()
    try:
        assembly = assemble(settings.spec.config)
        output = _open_output(settings, assembly, channel)
        worker = ReplayWorker(settings.spec, assembly, output, channel)
        gc.freeze()  # these objects stay: the garbage collector need not visit them
        while True:
            channel.send(READY)
            unit = units.get()
            if unit is None:
                break
            worker.process(unit)
        output.close()
        channel.send(ENDED)
    except HaltedError as error:
        channel.send(HALTED, str(error))
    except (LearnrelayError, OSError) as error:
        channel.send(FAILED, str(error))


class RunnerChannel:
    """Sends messages to the runner, from any thread. Ends the process when the runner has ended."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, kind: int, *values: Any) -> None:
        """Sends one message."""
        with self._lock:
            try:
                self._connection.send((kind, *values))
            except OSError:
                os._exit(1)


def _receive(connection: Connection, units: queue.SimpleQueue[Unit | None]) -> None:
    """Puts the runner's units into the queue. Ends the process when the runner has ended."""
    try:
        while True:
            units.put(connection.recv())
    except (EOFError, OSError):
        os._exit(1)  # the runner has ended


def _open_output(settings: WorkerSettings, assembly: Assembly, channel: RunnerChannel) -> ReplayOutput:
    """Returns the output of the replay. Raises LearnrelayError."""
    spec = settings.spec
    if spec.dry_run:
        return DryRunOutput(spec.to)
    if spec.output is not None:
        from .output_files import FileOutput

        return FileOutput(spec.output, settings.token, settings.names, spec.to)
    from .sending import DestinationOutput  # brings HTTP and the database with it

    def report_waiting(destination: str, reason: str, seconds: float) -> None:
        channel.send(WAITING, f"destination {destination}", reason, seconds)

    return DestinationOutput(
        assembly, spec.to, settings.limits, report_waiting, settings.send_threads, spec.ordered, settings.token
    )


class ReplayWorker:
    """Turns the lines of units into statements for the output, and counts lines, outcomes and failures."""

    def __init__(self, spec: ReplaySpec, assembly: Assembly, output: ReplayOutput, channel: RunnerChannel) -> None:
        self._spec = spec
        pipeline = Pipeline(assembly.plan.narrow(spec.standards, spec.to), only_routed=bool(spec.to))
        self._process = _select_events(spec, _wait_for_provider(pipeline.process, channel))
        self._event_from_line = assembly.source.event_from_line
        self._request_prefix = assembly.source.shape.request_prefix
        self._unknown_course = unknown_course(assembly.courses)
        self._output = output
        self._channel = channel

    def process(self, unit: Unit) -> None:
        """Processes all chunks of a unit. A log that cannot be read is reported, and does not stop the others."""
        try:
            with open_raw(unit.log_file.path) as raw:
                log_file = unit.log_file
                if raw.seek(0, io.SEEK_END) < log_file.size or not has_head(
                    raw, log_file.headed, log_file.head, log_file.key
                ):
                    raise OSError(0, "is not the file any more that it was when the replay began")
                stream = unpacked(raw)
                start = unit.first * self._spec.chunk
                reader = LineReader(stream)
                if start:
                    stream.seek(start - 1)
                    reader = LineReader(stream, start - 1)
                    reader.skip_line(start + self._spec.chunk)
                self._chunks(unit, reader, _ReadingProgress(raw, self._channel))
        except (OSError, DamagedLogError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            self._channel.send(UNREAD, f"{unit.log_file.path}: {reason}")

    def _chunks(self, unit: Unit, reader: LineReader, reading: _ReadingProgress) -> None:
        number = unit.first
        while True:
            end = (number + 1) * self._spec.chunk
            is_done = number in unit.done
            if is_done or not self._spec.takes(unit.log_file, number):
                with suppress(DamagedLogError):  # the shard that this chunk belongs to records the damage
                    for _ in reader.blocks(end):
                        reading.report_sometimes(0, 0)
                if reader.position < end and not is_done:
                    empty = OutcomeCounts.of(list(self._spec.standards)).as_json()
                    self._channel.send(FINISHED, ChunkResult(unit.file, number, at_end=True, tally=empty))
            else:
                self._chunk(ChunkResult(unit.file, number), unit.log_file, reader, end, reading)
            if reader.position < end or not unit.whole:
                return
            number += 1

    def _chunk(
        self, result: ChunkResult, log_file: LogFile, reader: LineReader, end: int, reading: _ReadingProgress
    ) -> None:
        tally = OutcomeCounts.of(list(self._spec.standards), self._request_prefix)
        chunk_output = self._output.open(result)
        failures = FailureRecords()

        def fail(line: int, standard: str, error: EventError, reason: str) -> None:
            failures.add({"line": line, **error.as_record(standard, reason)})

        run = LineRun(self._event_from_line, self._process, self._unknown_course, tally, chunk_output.take, fail)
        is_first = result.number == 0
        try:
            for block in reader.blocks(end):
                run.run(first_lines(block) if is_first and not run.number else block)
                reading.report_sometimes(run.number, failures.number)
        except DamagedLogError as error:
            run.fail_line(str(error))
        except (OSError, ReplayError, StorageError):
            chunk_output.abandon()
            raise
        if not log_file.packed and reader.position < min(end, log_file.size):
            chunk_output.abandon()
            raise OSError(0, "became shorter while it was read")
        reading.report_chunk(run.number, failures.number)
        tally.complete(run.events)
        result.failures = failures.packed()
        result.at_end = reader.position < end or (not log_file.packed and reader.position >= log_file.size)
        result.lines = run.number
        result.tally = tally.as_json()
        chunk_output.close(partial(self._channel.send, FINISHED))


def _wait_for_provider(process: Process, channel: RunnerChannel) -> Process:
    """Returns ``process`` that tries an event again while a provider is unavailable, for at most `PROVIDER_PATIENCE`.

    Then it raises ReplayError: the chunk is not finished, and the next run begins with it.
    """

    def process_patiently(event: SourceEvent) -> list[Outcome]:
        outcomes = process(event)
        if unavailable := unavailable_provider(outcomes):
            until = time.monotonic() + PROVIDER_PATIENCE
            while unavailable:
                if time.monotonic() > until:
                    raise ReplayError(
                        f"{unavailable}, for {PROVIDER_PATIENCE:.0f} s: nothing is lost, the same command goes on with "
                        "the unfinished chunks"
                    )
                channel.send(WAITING, _LOOK_UPS, unavailable, _PROVIDER_POLL)
                time.sleep(_PROVIDER_POLL)
                unavailable = unavailable_provider(outcomes := process(event))
            channel.send(WAITING, _LOOK_UPS, "", 0.0)
        return outcomes

    return process_patiently


_NOT_SELECTED = Outcome("", OutcomeState.SKIPPED, reason=NOT_SELECTED)


def _select_events(spec: ReplaySpec, process: Process) -> Process:
    """Returns ``process`` limited to the selected events."""
    if not spec.selection:
        return process
    is_selected = spec.selection.matcher()
    return lambda event: process(event) if is_selected(event) else [_NOT_SELECTED]


class _ReadingProgress:
    """Reports how much of a log has been read, in stored bytes."""

    def __init__(self, raw: BinaryIO, channel: RunnerChannel) -> None:
        self._raw = raw
        self._channel = channel
        self._position = raw.tell()
        self._lines = self._failures = 0

    def report_sometimes(self, lines: int, failures: int) -> None:
        """Reports progress if enough has been read. ``lines``, ``failures``: of the chunk so far."""
        if self._raw.tell() - self._position >= _REPORT_EVERY:
            self._report(lines, failures)

    def report_chunk(self, lines: int, failures: int) -> None:
        """Reports progress at the end of a chunk."""
        self._report(lines, failures)
        self._lines = self._failures = 0

    def _report(self, lines: int, failures: int) -> None:
        position = self._raw.tell()
        self._channel.send(ADVANCED, position - self._position, lines - self._lines, failures - self._failures)
        self._position, self._lines, self._failures = position, lines, failures
