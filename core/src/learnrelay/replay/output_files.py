"""Writes statements into compressed files of JSON lines, one file for each chunk (and day).

A file is written under a temporary name and renamed when it is complete, before its chunk is finished. Its name
contains the log and the chunk, and the same chunk gives the same bytes: a chunk that is processed again after a kill
replaces its own files by equal ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from ..errors import ReplayError
from ..events import SourceEvent
from ..kinds import moment
from ..pipeline.run import Outcome
from ..storage.statement_files import (
    BUFFER_SIZE,
    SUFFIX,
    StatementFile,
    check_storage,
    compressor_factory,
    find_folder,
    open_storage,
)
from .checkpoint import ChunkResult
from .log_files import LogFile
from .outputs import ChunkOutput, ReplayOutput, ReportFinished, count_statements, statements_for
from .spec import FileOutputOptions

_LONGEST_NAME = 150  # bytes of a log's name in the names of its files; the number of the log tells them apart


class FileOutput(ReplayOutput):
    """Writes files below a directory or URL, by destination (where ``to`` names any) or standard."""

    def __init__(self, output: FileOutputOptions, token: str, names: dict[int, str], to: tuple[str, ...]) -> None:
        """Prepares the output. ``names``: file number → name of the log. Raises LearnrelayError."""
        self.output = output
        self.to = frozenset(to)
        self.new_compressor = compressor_factory(output.compression)
        self.storage = open_storage(output.url)
        self._token = token
        self._names = names

    def open(self, result: ChunkResult) -> ChunkOutput:
        """Opens the files of a chunk."""
        log = self._names[result.file].encode()[:_LONGEST_NAME].decode(errors="ignore")
        suffix = SUFFIX[self.output.compression]
        return _FileChunk(self, result, f"{log}.{self._token}-{result.file:04}-{result.number:05}{suffix}")

    def close(self) -> None:
        """Does nothing: each file is closed with its chunk."""


class _FileChunk(ChunkOutput):
    """Writes the files of one chunk."""

    def __init__(self, files: FileOutput, result: ChunkResult, name: str) -> None:
        self._files = files
        self._to = files.to
        self._by_day = files.output.by_day
        self._result = result
        self._name = name
        self._seen: dict[str, set[str]] = {}
        self._open: dict[str, StatementFile] = {}
        self._buffer_size = BUFFER_SIZE

    def take(self, outcome: Outcome, event: SourceEvent) -> None:
        grouped = statements_for(outcome, self._to) if self._to else ((outcome.standard, outcome.statements),)
        for group, statements in grouped:
            folder = f"{group}/{_day(event)}" if self._by_day else group
            file, seen = self._open.get(folder), self._seen.setdefault(group, set())
            for statement in statements:
                if file is None:
                    file = self._begin(folder)
                if statement.id in seen:
                    count_statements(self._result, group, "repeated in the log")
                    continue
                seen.add(statement.id)
                buffer = file.buffer
                buffer += statement.content  # copied at once: a serialiser's bytes occupy more memory than their length
                buffer += b"\n"
                if len(buffer) > self._buffer_size:
                    file.write()

    def _begin(self, folder: str) -> StatementFile:
        path = f"{folder}/{self._name}"
        file = self._open[folder] = StatementFile(self._files.storage, path, self._files.new_compressor())
        self._buffer_size = BUFFER_SIZE // len(self._open)
        return file

    def close(self, finished: ReportFinished) -> None:
        for _, file in sorted(self._open.items()):
            file.finish()
        for group, seen in sorted(self._seen.items()):
            count_statements(self._result, group, "written", len(seen))
        # Frees memory: references to the chunk may live until the garbage collection, in a traceback for example.
        self._forget()
        finished(self._result)

    def abandon(self) -> None:
        for file in self._open.values():
            file.abandon()
        self._forget()

    def _forget(self) -> None:
        self._open.clear()
        self._seen.clear()


def prepare_output(output: FileOutputOptions, logs: Sequence[LogFile]) -> None:
    """Checks that the output can be written, and that no log lies in it. Raises LearnrelayError."""
    compressor_factory(output.compression)
    check_storage(output.url)
    folder = find_folder(output.url)
    for log in logs:
        if folder is not None and folder.resolve() in Path(log.path).resolve().parents:
            raise ReplayError(f"{log.path}: is among the files of {folder}; give the output a place of its own")


def remove_temporary_files(output: FileOutputOptions, token: str) -> None:
    """Removes the incomplete files of a killed run from a directory."""
    open_storage(output.url).remove_temporaries(f"*.{token}-*")


def _day(event: SourceEvent) -> str:
    when = moment(event.body["timestamp"])
    return when.astimezone(UTC).date().isoformat() if when else "undated"
