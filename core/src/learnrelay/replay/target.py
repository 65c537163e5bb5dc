"""Where statements go: what a worker needs to know about it. And nowhere, for a dry run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from ..events import SourceEvent
from ..pipeline import Outcome
from ..standards import Written
from .checkpoint import Done

Finished = Callable[[Done], None]


class Intake(ABC):
    """Takes what comes of one chunk."""

    @abstractmethod
    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        """Keep the statements of an outcome."""

    @abstractmethod
    def close(self, finished: Finished) -> None:
        """That was all. ``finished`` is called, now or later, when everything is where it should be."""

    @abstractmethod
    def abandon(self) -> None:
        """The chunk cannot be read to its end, and is not finished: what came of it will come again."""


class Target(ABC):
    """Opens an intake for each chunk."""

    @abstractmethod
    def open(self, done: Done) -> Intake:
        """For the chunk that ``done`` is about; what is counted about its statements goes in there."""

    @abstractmethod
    def rest(self) -> None:
        """Wait until all chunks so far are finished."""

    @abstractmethod
    def close(self) -> None:
        """Wait until all chunks are finished, and let go of everything."""


class Nowhere(Target):
    """A dry run: statements are written as JSON, counted and forgotten."""

    def __init__(self, to: tuple[str, ...]) -> None:
        self._to = frozenset(to)

    def open(self, done: Done) -> Intake:
        """One that counts."""
        return _Counting(self._to, done)

    def rest(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to let go of."""


class _Counting(Intake):
    def __init__(self, to: frozenset[str], done: Done) -> None:
        self._to = to
        self._done = done

    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        for name, payloads in for_destinations(outcome, self._to):
            count(self._done, name, "would be sent", len(payloads))

    def close(self, finished: Finished) -> None:
        finished(self._done)

    def abandon(self) -> None:
        pass


def for_destinations(outcome: Outcome, to: frozenset[str]) -> list[tuple[str, Sequence[Written]]]:
    """Which of the destinations ``to`` may have which statements."""
    given = [(name, outcome.statements) for name in outcome.destinations if name in to]
    return given + [(name, own) for name, own in outcome.own.items() if name in to]


def count(done: Done, destination: str, what: str, number: int = 1) -> None:
    """Count statements of a destination."""
    counts = done.delivered.setdefault(destination, {})
    counts[what] = counts.get(what, 0) + number
