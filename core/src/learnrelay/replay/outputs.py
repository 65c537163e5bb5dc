"""Declares the outputs of a replay, and implements the output of a dry run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from ..events import SourceEvent
from ..pipeline.run import Outcome
from ..standards import SerializedStatement
from .checkpoint import ChunkResult

ReportFinished = Callable[[ChunkResult], None]
"""Takes the result of a chunk whose statements are all stored."""


class ChunkOutput(ABC):
    """Takes the statements of one chunk."""

    @abstractmethod
    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        """Takes the statements of an outcome."""

    @abstractmethod
    def close(self, finished: ReportFinished) -> None:
        """Ends the chunk. ``finished`` is called, now or later, when all its statements are stored."""

    @abstractmethod
    def abandon(self) -> None:
        """Discards a chunk that cannot be read to its end. It is not finished, and will be processed again."""


class ReplayOutput(ABC):
    """Takes the statements of a replay, chunk by chunk."""

    @abstractmethod
    def open(self, result: ChunkResult) -> ChunkOutput:
        """Opens the chunk of ``result``, in which its statements are counted."""

    @abstractmethod
    def close(self) -> None:
        """Waits until all chunks are finished, and releases connections and threads."""


class DryRunOutput(ReplayOutput):
    """Counts the statements of a dry run."""

    def __init__(self, to: tuple[str, ...]) -> None:
        self._to = frozenset(to)

    def open(self, result: ChunkResult) -> ChunkOutput:
        """Opens a chunk whose statements are counted."""
        return _DryRunChunk(self._to, result)

    def close(self) -> None:
        """Does nothing: there is nothing to release."""


class _DryRunChunk(ChunkOutput):
    """Counts the statements of one chunk by destination."""

    def __init__(self, to: frozenset[str], result: ChunkResult) -> None:
        self._to = to
        self._result = result

    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        for name, payloads in statements_for(outcome, self._to):
            count_statements(self._result, name, "would be sent", len(payloads))

    def close(self, finished: ReportFinished) -> None:
        finished(self._result)

    def abandon(self) -> None:
        pass


def statements_for(outcome: Outcome, to: frozenset[str]) -> list[tuple[str, Sequence[SerializedStatement]]]:
    """Returns the statements of an outcome for each of the destinations ``to`` that gets any."""
    shared = [(name, outcome.statements) for name in outcome.destinations if name in to]
    return shared + [(name, own) for name, own in outcome.own.items() if name in to]


def count_statements(result: ChunkResult, destination: str, fate: str, number: int = 1) -> None:
    """Adds ``number`` to the count of a destination's statements with this fate."""
    counts = result.delivered.setdefault(destination, {})
    counts[fate] = counts.get(fate, 0) + number
