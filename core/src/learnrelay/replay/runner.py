"""Runs a replay: gives units to worker processes, stores finished chunks in the checkpoint, reports progress."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, Problem, ReplayError
from .checkpoint import Checkpoint, ChunkResult, LogProgress, ReplayTotals, failure_records
from .log_files import LogFile
from .output_files import remove_temporary_files
from .rate_limit import SEND_THREADS, RateLimit
from .spec import ReplaySpec
from .units import Unit
from .worker import ADVANCED, ENDED, FAILED, FINISHED, HALTED, READY, UNREAD, WAITING, WorkerSettings, work

if TYPE_CHECKING:
    from .progress import ProgressDisplay

_REFRESH = 0.2  # seconds between two updates of the display
MAX_CRASHES = 3
"""Crashes of worker processes in a row, without a finished chunk in between, after which the replay gives up."""


class ReplayRunner:
    """Runs a replay, or one shard of it, with ``processes`` worker processes."""

    def __init__(
        self,
        spec: ReplaySpec,
        log_files: Sequence[LogFile],
        checkpoint: Checkpoint,
        processes: int,
        verbose: bool = False,
    ) -> None:
        self.spec = spec
        self.checkpoint = checkpoint
        self._processes = processes
        self._verbose = verbose
        self._context = multiprocessing.get_context("spawn")  # workers inherit nothing of this process
        self._log_files = checkpoint.files(log_files)
        self._names = {number: checkpoint.name(log_file) for number, log_file in self._log_files.items()}
        self.unread: list[str] = []

    def bytes_total(self) -> int:
        """Returns the number of stored bytes to read."""
        return sum(self._bytes(log_file) for log_file in self._log_files.values())

    def bytes_done(self) -> int:
        """Returns how many of these bytes are finished. A packed log counts when all of it is finished."""
        total = 0
        for log_file in self._log_files.values():
            progress = self.checkpoint.progress(log_file)
            if self._is_complete(log_file, progress):
                total += self._bytes(log_file)
            elif not self._is_read_whole(log_file):
                total += min(self._bytes(log_file), len(progress.chunks) * self.spec.chunk)
        return total

    def totals(self) -> ReplayTotals:
        """Returns the sum of all finished chunks."""
        return ReplayTotals.of([self.checkpoint], list(self._log_files.values()), self.spec.standards)

    def failures(self) -> Iterator[dict[str, Any]]:
        """Yields a record for each failure in the finished chunks."""
        return failure_records([self.checkpoint], list(self._log_files.values()))

    def run(self, display: ProgressDisplay) -> None:
        """Processes all unfinished chunks. May be interrupted at any moment.

        Raises ReplayError, ConfigurationError.
        """
        for log_file in self._log_files.values():
            if self.checkpoint.is_replaced(log_file):
                display.warn(f"{log_file.path}: is not the log that had this name before; read from its beginning")
            if self.checkpoint.progress(log_file).shrunk:
                reason = "is shorter than what was read of it before; --again reads what there is now"
                self._handle(display, UNREAD, f"{log_file.path}: {reason}")
        try:
            self._run_pools(display)
        finally:
            if self.spec.output is not None and not self.spec.dry_run:
                # left by killed processes, or by a full disk
                remove_temporary_files(self.spec.output, self.checkpoint.token)

    def _run_pools(self, display: ProgressDisplay) -> None:
        crashes = 0
        while True:
            units = sum(1 for _ in self.units())
            if not units:
                return
            pool = _WorkerPool(self, min(self._processes, units))
            try:
                finished, complete = self._serve(pool, display)
            finally:
                pool.close()
            if complete:
                return
            crashes = 0 if finished else crashes + 1
            if crashes == MAX_CRASHES:
                raise ReplayError("worker processes of the replay crash again and again (out of memory?)")
            display.warn("a worker process of the replay was killed; continuing with its unfinished chunks")

    def _serve(self, pool: _WorkerPool, display: ProgressDisplay) -> tuple[int, bool]:
        """Gives units to the pool until all are finished, or until a process crashes: then a new pool continues.

        Returns the number of finished chunks, and whether no process crashed.
        """
        units = self.units()
        finished = 0
        while pool.connections:
            for connection in wait([*pool.connections], _REFRESH):
                assert isinstance(connection, Connection)
                try:
                    kind, *values = connection.recv()
                    if kind == READY:
                        connection.send(next(units, None))
                        continue
                except (EOFError, OSError):
                    return finished, False
                if kind == ENDED:
                    pool.remove(connection)
                else:
                    finished += kind == FINISHED
                    self._handle(display, kind, *values)
            display.refresh()
        return finished, True

    def _handle(self, display: ProgressDisplay, kind: int, *values: Any) -> None:
        """Handles a worker's message. Raises ReplayError, ConfigurationError where it ends the replay."""
        if kind == ADVANCED:
            display.advance(*values)
        elif kind == FINISHED:
            result: ChunkResult = values[0]
            self.checkpoint.finish(self._log_files[result.file], result)
        elif kind == WAITING:
            display.show_waiting(*values)
        elif kind == UNREAD:
            if values[0] not in self.unread:
                self.unread.append(values[0])
                display.warn(values[0])
        elif kind == HALTED:
            raise ConfigurationError([Problem(str(self.spec.config), "", values[0])])
        else:
            assert kind == FAILED
            raise ReplayError(values[0])

    def worker_settings(self) -> WorkerSettings:
        """Returns the settings that each worker process gets when it starts."""
        limits = {
            name: RateLimit(self._context, self.spec.rates.get(name), self.spec.requests.get(name))
            for name in self.spec.to
        }
        send_threads = {
            name: 1 if self.spec.ordered else min(SEND_THREADS, self.spec.requests.get(name, SEND_THREADS))
            for name in self.spec.to
        }
        return WorkerSettings(self.spec, self.checkpoint.token, self._names, limits, send_threads, self._verbose)

    def start_worker(self, settings: WorkerSettings) -> tuple[Any, Connection]:
        """Starts a worker process."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(settings, theirs), daemon=True)
        resource_tracker.ensure_running()  # started below, it would end the delay of the signals
        with _signals_delayed():
            process.start()
        theirs.close()
        return process, ours

    def units(self) -> Iterator[Unit]:
        """Yields the units that are not finished."""
        for number, log_file in self._log_files.items():
            progress = self.checkpoint.progress(log_file)
            if progress.shrunk or self._is_complete(log_file, progress):
                continue
            if self._is_read_whole(log_file):
                yield Unit(log_file, number, self._names[number], 0, True, progress.chunks)
                continue
            for chunk in self._chunks(log_file):
                if chunk not in progress.chunks:
                    yield Unit(log_file, number, self._names[number], chunk, False)

    def _is_read_whole(self, log_file: LogFile) -> bool:
        """Tells whether a log can only be read from its beginning, by one process."""
        return log_file.packed or self.spec.ordered

    def _chunks(self, log_file: LogFile) -> Iterator[int]:
        """Yields the numbers of a plain log's chunks that belong to this shard."""
        number = -(-log_file.size // self.spec.chunk)
        return (chunk for chunk in range(number) if self.spec.takes(log_file, chunk))

    def _bytes(self, log_file: LogFile) -> int:
        if log_file.packed:
            return log_file.size if not self.spec.ordered or self.spec.takes(log_file, 0) else 0
        size = self.spec.chunk
        return sum(min(size, log_file.size - chunk * size) for chunk in self._chunks(log_file))

    def _is_complete(self, log_file: LogFile, progress: LogProgress) -> bool:
        if not self._bytes(log_file):
            return True
        if not log_file.packed:
            return all(chunk in progress.chunks for chunk in self._chunks(log_file))
        return progress.ended and all(
            chunk in progress.chunks for chunk in range(max(progress.chunks)) if self.spec.takes(log_file, chunk)
        )


@contextmanager
def _signals_delayed() -> Iterator[None]:
    """Delays Ctrl-C and SIGTERM until a process has started; processes that start here ignore Ctrl-C."""
    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, lambda number, _: received.append(number)) for number in signals]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # which a new process inherits
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)
        for signal_number in received:
            signal.raise_signal(signal_number)


class _WorkerPool:
    """Holds worker processes and their connections. A pool is not repaired: after a crash a new one replaces it."""

    def __init__(self, runner: ReplayRunner, size: int) -> None:
        self._settings = settings = runner.worker_settings()  # kept: its locks live as long as it does
        self._processes = []
        self.connections: list[Connection] = []
        for _ in range(size):
            process, connection = runner.start_worker(settings)
            self._processes.append(process)
            self.connections.append(connection)

    def remove(self, connection: Connection) -> None:
        """Removes a process that has finished its work."""
        self.connections.remove(connection)
        connection.close()

    def close(self) -> None:
        """Kills the processes that still work. Their unfinished chunks are processed again."""
        for connection in self.connections:
            connection.close()
        for process in self._processes:
            process.join(0 if self.connections else 5.0)
            process.kill()
            process.join()
