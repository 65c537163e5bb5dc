"""Implements the sink ``log``: a line for each statement, to standard output or error, or to a logger of Python's.

The line is what other programs read from the logs of containers: time, level, process, ``[name]``, then the JSON of the
statement up to the end of the line. A collector finds the statements by the name.
"""

from __future__ import annotations

import json
import logging
import os
import re
import select
import stat
import threading
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from .. import forks
from ..config.fields import OneOf, Section, Text, described
from ..errors import SinkError
from ..sinks import Batch, Repeats, Sink, SinkAnswer
from ..standards import Verdict
from .json_lines import as_line

_PLACES = {"stdout": "standard output", "stderr": "standard error", "logger": "Python's logging"}
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class LoggerName(Text):
    """Accepts the name of a logger, without what would end it in a line."""

    _form = re.compile(r"[\w.-]+", re.ASCII)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not self._form.fullmatch(text):
            raise ValidationError('expected a name of letters, digits, "_", "." and "-", such as "acme_tracking"')
        return text


class LogSection(Section):
    """Validates the keys of the sink ``log``."""

    to = OneOf(
        ["stderr", "stdout", "logger"],
        load_default="stderr",
        metadata=described("where the lines go: a stream of the process, or a logger of Python's", '"stdout"'),
    )
    logger = LoggerName(
        load_default=None,
        metadata=described("name in the lines, and of the logger", '"acme_tracking"', default="`STANDARD_tracking`"),
    )


class LogSink(Sink):
    """Writes lines for a collector, which knows statements by their ids."""

    name = "log"
    settings_schema = LogSection
    repeats = Repeats.BY_STATEMENT

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> str:
        """Names the stream, and the logger where it is set."""
        return f"log lines on {_PLACES[settings['to']]}" + (f" ({settings['logger']})" if settings["logger"] else "")

    @property
    def logger(self) -> str:
        """Returns the name that stands in the lines: of the settings, or made of the standard's."""
        return self.settings["logger"] or f"{self.standard.name}_tracking"

    def open(self) -> None:
        """Checks that lines would be written. Raises SinkError."""
        if self.settings["to"] == "logger":
            logger = logging.getLogger(self.logger)
            if not (logger.isEnabledFor(logging.INFO) and logger.hasHandlers()):
                raise SinkError(f"the logger {self.logger} of this process has no handler for INFO")

    def send(self, batch: Batch) -> SinkAnswer:
        """Writes the lines. A line of which the reader took a part is no line: it ends there, and comes again."""
        lines = [as_line(statement.content) for statement in batch.statements]
        if self.settings["to"] == "logger":
            logger = logging.getLogger(self.logger)
            for line in lines:
                logger.info("%s", _escape(line.decode()))
            return SinkAnswer(Verdict.STORED)
        now = f"{batch.now:%Y-%m-%d %H:%M:%S},{batch.now.microsecond // 1000:03}"
        head = f"{now} INFO {os.getpid()} [{self.logger}] learnrelay - ".encode()
        try:
            _STREAMS[self.settings["to"]].write([head + line + b"\n" for line in lines], self.destination.timeout)
        except OSError as error:
            reason = f"{_PLACES[self.settings['to']]}: {error.strerror or type(error).__name__}"
            return SinkAnswer(Verdict.RETRY, reason, reached=False, answered=False)
        return SinkAnswer(Verdict.STORED)


class _Stream:
    """Writes lines to a file descriptor, one thread after another, and ends what was left of a line before."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._renew()
        forks.register(self, _Stream._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._is_between_lines = False  # the process before this one may have been killed within a line

    def write(self, lines: list[bytes], timeout: float) -> None:
        """Writes lines, waiting at most ``timeout`` seconds for the reader to take a part. Raises OSError."""
        if not self._lock.acquire(timeout=timeout):
            raise _stalled(timeout)
        try:
            at_once = _written_at_once(self._descriptor)
            for line in lines:
                rest = line if self._is_between_lines else b"\n" + line
                self._is_between_lines = False
                while rest:
                    if not select.select([], [self._descriptor], [], timeout)[1]:
                        raise _stalled(timeout)
                    rest = rest[os.write(self._descriptor, rest[:at_once]) :]
                self._is_between_lines = True
        finally:
            self._lock.release()


def _written_at_once(descriptor: int) -> int:
    """Returns how many bytes are written in one call: no more than a pipe with room takes without waiting."""
    return 1 << 20 if stat.S_ISREG(os.fstat(descriptor).st_mode) else select.PIPE_BUF


def _stalled(timeout: float) -> TimeoutError:
    return TimeoutError(0, f"nobody reads it for {timeout:g} s")


_STREAMS = {"stdout": _Stream(1), "stderr": _Stream(2)}


def _escape(text: str) -> str:
    """Escapes what a handler with another encoding than UTF-8 could not write, and would drop with the line."""
    return text if text.isascii() else _NOT_ASCII.sub(lambda character: json.dumps(character[0])[1:-1], text)
