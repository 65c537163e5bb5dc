"""Conducts a replay: gives units to processes, remembers what they finished, and tells how it goes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from ..errors import ConfigurationError, Problem
from .asked import Asked, ReplayError
from .checkpoint import Checkpoint, Done
from .limits import LANES, Limits
from .segments import clear_passing
from .sources import Source
from .worker import ADVANCED, ENDED, FAILED, FINISHED, HALTED, READY, UNREAD, WAITING, Setting, Unit, work

_LOOK = 0.2  # seconds between two looks at the clock
FALLS = 3
"""How often processes may die in a row, without a chunk finished in between, before the replay gives up."""


class Watch(Protocol):
    """Who looks on. Called in the conductor's thread."""

    def advanced(self, size: int, lines: int, failures: int) -> None:
        """So much more of the logs has been read."""

    def waiting(self, destination: str, reason: str, seconds: float) -> None:
        """A destination is waited for, or (no reason) is well again."""

    def trouble(self, words: str) -> None:
        """Something is wrong that does not end the replay."""

    def look(self) -> None:
        """Time passes."""


class Conductor:
    """Runs one replay over these logs, with as many processes; ``rates`` and ``requests`` limit destinations."""

    def __init__(
        self,
        asked: Asked,
        sources: Sequence[Source],
        checkpoint: Checkpoint,
        processes: int,
        rates: Mapping[str, float] | None = None,
        requests: Mapping[str, int] | None = None,
        verbose: bool = False,
    ) -> None:
        self.asked = asked
        self.checkpoint = checkpoint
        self._processes = processes
        self._rates = rates or {}
        self._requests = requests or {}
        self._verbose = verbose
        self._context = multiprocessing.get_context("spawn")  # nothing of ours leaks into the workers
        self._sources = {checkpoint.file(source): source for source in sources}
        self._names = {number: checkpoint.name(source) for number, source in self._sources.items()}
        self.unread: list[str] = []

    def done_before(self) -> int:
        """Bytes of the logs, as they are stored, that are done already (of packed ones as far as is known)."""
        total = 0
        for source in self._sources.values():
            progress = self.checkpoint.progress(source)
            if progress.complete:
                total += source.size
            elif not self._in_a_row(source):
                total += min(source.size, len(progress.chunks) * self.asked.chunk)
        return total

    def run(self, watch: Watch) -> None:
        """Do all that is not done. Raises ReplayError, ConfigurationError; may be interrupted at any moment."""
        for source in self._sources.values():
            if self.checkpoint.replaced(source):
                watch.trouble(f"{source.path}: is not the log that had this name before; read from its beginning")
            if self.checkpoint.progress(source).shrunk:
                told = "is shorter than what was read of it before; --again reads what there is now"
                self._hear(watch, UNREAD, f"{source.path}: {told}")
        self.conduct(watch)

    def conduct(self, watch: Watch) -> None:
        """Have it done by processes of this machine."""
        try:
            self._conduct(watch)
        finally:
            if self.asked.output is not None and not self.asked.dry_run:
                clear_passing(self.asked.output, self.checkpoint.token)  # of killed ones, or of a disk that is full

    def _conduct(self, watch: Watch) -> None:
        falls = 0
        while True:
            units = sum(1 for _ in self.units())
            if not units:
                return
            crew = _Crew(self, min(self._processes, units))
            try:
                finished, whole = self._round(crew, watch)
            finally:
                crew.dismiss()
            if whole:
                return
            falls = 0 if finished else falls + 1
            if falls == FALLS:
                raise ReplayError("processes of the replay end without a word, again and again (out of memory?)")
            watch.trouble("a process of the replay was ended from outside; going on without what it had begun")

    def _round(self, crew: _Crew, watch: Watch) -> tuple[int, bool]:
        """Go on until all is done, or a process dies: then all begin again, with what is not finished yet."""
        units = self.units()
        finished = 0
        while crew.members:
            for member in wait([*crew.members], _LOOK):
                assert isinstance(member, Connection)
                try:
                    word, *rest = member.recv()
                    if word == READY:
                        member.send(next(units, None))
                        continue
                except (EOFError, OSError):
                    return finished, False
                if word == ENDED:
                    crew.leaves(member)
                else:
                    finished += word == FINISHED
                    self._hear(watch, word, *rest)
            watch.look()
        return finished, True

    def _hear(self, watch: Watch, word: int, *rest: Any) -> None:
        """What a worker says about its work. Raises ReplayError, ConfigurationError where that is the end."""
        if word == ADVANCED:
            watch.advanced(*rest)
        elif word == FINISHED:
            done: Done = rest[0]
            self.checkpoint.finish(self._sources[done.file], done)
        elif word == WAITING:
            watch.waiting(*rest)
        elif word == UNREAD:
            if rest[0] not in self.unread:
                self.unread.append(rest[0])
                watch.trouble(rest[0])
        elif word == HALTED:
            raise ConfigurationError([Problem(str(self.asked.config), "", rest[0])])
        else:
            assert word == FAILED
            raise ReplayError(rest[0])

    def setting(self) -> Setting:
        """What each process is told."""
        limits = {
            name: Limits(self._context, self._rates.get(name), self._requests.get(name)) for name in self.asked.to
        }
        lanes = {
            name: 1 if self.asked.ordered else min(LANES, self._requests.get(name, LANES)) for name in self.asked.to
        }
        return Setting(self.asked, self.checkpoint.token, self._names, limits, lanes, self._verbose)

    def start(self, setting: Setting) -> tuple[Any, Connection]:
        """Start a process."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(setting, theirs), daemon=True)
        resource_tracker.ensure_running()  # if it were begun below, it would end the hold
        with _signals_held():
            process.start()
        theirs.close()
        return process, ours

    def _in_a_row(self, source: Source) -> bool:
        return source.packed or self.asked.ordered

    def units(self) -> Iterator[Unit]:
        """What is not done yet."""
        for number, source in self._sources.items():
            progress = self.checkpoint.progress(source)
            if progress.complete or progress.shrunk or not source.size:
                continue
            if self._in_a_row(source):
                yield Unit(source, number, self._names[number], 0, True, progress.chunks)
                continue
            for chunk in range(-(-source.size // self.asked.chunk)):
                if chunk not in progress.chunks:
                    yield Unit(source, number, self._names[number], chunk, False)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait, so that no process is left half begun; those that begin here never hear Ctrl-C."""
    came: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, lambda number, _: came.append(number)) for number in signals]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # which a new process inherits
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)
        for one in came:
            signal.raise_signal(one)


class _Crew:
    """The processes of a round, by their connections."""

    def __init__(self, conductor: Conductor, size: int) -> None:
        self._setting = setting = conductor.setting()  # held: its locks live as long as it does
        self._processes = []
        self.members: list[Connection] = []
        for _ in range(size):
            process, connection = conductor.start(setting)
            self._processes.append(process)
            self.members.append(connection)

    def leaves(self, member: Connection) -> None:
        """One has done its work."""
        self.members.remove(member)
        member.close()

    def dismiss(self) -> None:
        """End them all, wherever they are: nothing that matters is lost."""
        for member in self.members:
            member.close()
        for process in self._processes:
            process.join(0 if self.members else 5.0)
            process.kill()
            process.join()
