"""Keeps logs short and safe: repeated messages at most once a minute, and no control characters from outside."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable
from threading import Lock

from . import forks

# Controls, and marks that change the direction of what follows: a terminal obeys them, and a line break forges a line.
# What nobody sees (joiners, tags), and half characters, which cannot be written at all.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)

INTERVAL = 60.0
"""Seconds between two lines with the same message."""


def escape(text: str) -> str:
    r"""Replaces what a terminal or the reader of a log would obey instead of showing it.

    >>> escape("course\x1b[2J\nERROR")
    'course\\x1b[2J\\x0aERROR'
    """
    return UNPRINTABLE.sub(lambda match: _escape_character(match[0]), text)


def escape_lines(text: str) -> str:
    """Replaces what a terminal would obey in each line of a text whose line breaks are ours."""
    return "\n".join(map(escape, text.split("\n")))


def _escape_character(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class EscapingFormatter(logging.Formatter):
    """Formats a record on one line, whatever its message holds; a traceback follows on lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """Returns the line of the record."""
        record.message = escape(record.message)
        return super().formatMessage(record)


class ThrottledLogger:
    """Logs errors with constant messages, at most one of each per `INTERVAL`. Threads may share it."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lock = Lock()
        self._logged: dict[str, tuple[float, int]] = {}  # message → time of the last line, repetitions since
        forks.register(self, ThrottledLogger._renew)

    def _renew(self) -> None:
        """Replaces the lock."""
        self._lock = Lock()

    def __call__(self, message: str) -> None:
        """Logs a message, or counts it when it was logged less than `INTERVAL` seconds ago."""
        now = self._clock()
        with self._lock:
            logged_at, repetitions = self._logged.get(message, (-math.inf, 0))
            is_due = now - logged_at >= INTERVAL
            self._logged[message] = (now, 0) if is_due else (logged_at, repetitions + 1)
        if is_due:
            self._log.error("%s%s", message, f" ({repetitions:,} more since the last line)" if repetitions else "")
