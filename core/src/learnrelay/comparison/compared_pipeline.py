"""Runs the pipeline of an environment in a process of its own, for a comparison."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self

import orjson

from ..errors import ComparisonError
from ..reading.lines import Line
from . import pipeline_script
from .pipeline_script import read_frame, write_frame

_OF_ANOTHER_PYTHON = ("PYTHONPATH", "PYTHONHOME")
"""Variables of the environment that are meant for this Python, and not for that of another environment."""

_BATCH_SIZE = 2**17  # bytes of lines that are sent at once
_PENDING = 3  # batches that are sent before the outcomes of the first are read


@dataclass(frozen=True, slots=True)
class Setup:
    """Names an environment, by its interpreter (None: the present one), and a configuration file.

    ``side``: which side of the comparison it is, in messages.
    """

    side: str
    config: Path
    python: Path | None = None

    def __str__(self) -> str:
        """Shows ``NEW (/opt/relay/bin/python)``, or the side alone."""
        return self.side if self.python is None else f"{self.side} ({self.python})"


class ComparedPipeline:
    """Holds the process of one side of a comparison. Requests are sent by a thread, so that they never block.

    ``release``: of its learnrelay. ``events``: names of mapped events. ``origins``: versions that statements may name.
    """

    def __init__(self, setup: Setup, destination: str = "") -> None:
        """Starts the process; `open` waits until it is ready. Raises ComparisonError."""
        self.setup = setup
        variables = dict(os.environ)
        for name in _OF_ANOTHER_PYTHON if setup.python is not None else ():
            variables.pop(name, None)
        # -P: the script's folder, which holds modules of this release, is not to be searched
        command = [setup.python or sys.executable, "-P", pipeline_script.__file__, setup.config, destination]
        try:
            self._process = subprocess.Popen(  # noqa: S603  # the interpreter that the operator names
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables
            )
        except OSError as error:
            raise ComparisonError(f"{setup.python}: cannot be run: {error.strerror}") from None
        assert self._process.stdout is not None
        self._answers = self._process.stdout
        self._requests: SimpleQueue[bytes | None] = SimpleQueue()
        self._sender = Thread(target=self._send_requests, daemon=True)

    def open(self) -> None:
        """Waits until the pipeline is assembled. Raises ComparisonError."""
        described = self.read_answer()
        self.release: str = described["learnrelay"]
        self.events = frozenset(described["events"])
        self.origins = frozenset(described["origins"])
        self._sender.start()

    def _send_requests(self) -> None:
        assert self._process.stdin is not None
        try:
            while (request := self._requests.get()) is not None:
                write_frame(self._process.stdin, request)
                self._process.stdin.flush()
            self._process.stdin.close()
        except OSError:  # the process has ended: whoever waits for its answers notices
            pass

    def send_lines(self, lines: Sequence[bytes]) -> None:
        """Asks for the outcomes of lines; `read_outcomes` then returns those of each."""
        self._requests.put(b"l" + b"\n".join(lines))

    def read_outcomes(self) -> bytes:
        """Reads the outcomes of the next line, as JSON. Raises ComparisonError."""
        answer = read_frame(self._answers)
        if answer is None or answer[:1] == b"{":
            raise self._failure(answer)
        return answer

    def read_constants(self, event: str, standard: str) -> dict[str, list[str]]:
        """Asks what the mapping of an event itself says: output path → texts. No outcomes may be due."""
        self._requests.put(b"c" + orjson.dumps([event, standard]))
        constants: dict[str, list[str]] = self.read_answer()["constants"]
        return constants

    def read_answer(self) -> dict[str, Any]:
        """Reads an object. Raises ComparisonError where it is an error."""
        answer = read_frame(self._answers)
        described: dict[str, Any] = {} if answer is None else orjson.loads(answer)
        if answer is None or "error" in described:
            raise self._failure(answer)
        return described

    def _failure(self, answer: bytes | None) -> ComparisonError:
        if answer is not None:
            return ComparisonError(f"{self.setup}: {orjson.loads(answer)['error']}")
        return ComparisonError(f"{self.setup}: its process has ended with exit code {self._process.wait()}")

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends the process."""
        self._requests.put(None)
        if kind is not None:
            self._process.kill()
        self._answers.close()
        self._process.wait()


def process_lines(
    pipelines: Sequence[ComparedPipeline], lines: Iterable[Line]
) -> Iterator[tuple[Line, Sequence[bytes]]]:
    """Yields lines with the outcomes that each pipeline makes of them, in bounded memory. Raises ComparisonError."""
    pending: deque[list[Line]] = deque()
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.content) + 1
        if size >= _BATCH_SIZE:
            _send(pipelines, batch, pending)
            batch, size = [], 0
            if len(pending) > _PENDING:
                yield from _receive(pipelines, pending.popleft())
    if batch:
        _send(pipelines, batch, pending)
    while pending:
        yield from _receive(pipelines, pending.popleft())


def _send(pipelines: Sequence[ComparedPipeline], batch: list[Line], pending: deque[list[Line]]) -> None:
    contents = [line.content for line in batch]
    for pipeline in pipelines:
        pipeline.send_lines(contents)
    pending.append(batch)


def _receive(pipelines: Sequence[ComparedPipeline], batch: list[Line]) -> Iterator[tuple[Line, Sequence[bytes]]]:
    for line in batch:
        yield line, [pipeline.read_outcomes() for pipeline in pipelines]
