"""Reads lines from standard input."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Mapping
from typing import Any

from ..config.fields import Section
from ..inputs import Input, InputBatch, Position
from .line_splitter import LineSplitter

_BLOCK = 2**17


class StandardInputSettings(Section):
    """Validates the section of an input ``stdin``, which has no keys of its own."""


class StandardInput(Input):
    """Reads lines from standard input, until it ends.

    Nobody can read them again: the lines that a killed process had read and not stored are lost.
    """

    name = "stdin"
    settings_schema = StandardInputSettings
    has_end = True

    def __init__(self, settings: Mapping[str, Any], key: bytes) -> None:
        super().__init__(settings, key)
        self._lines = LineSplitter()
        self._is_over = False

    def open(self, position: Position | None) -> None:
        """Does nothing: what was read before cannot be read again."""

    def read(self, timeout: float) -> InputBatch | None:
        """Returns the lines that are there. Raises EOFError behind the last one."""
        deadline = time.monotonic() + timeout
        while not self._is_over:
            if not select.select([sys.stdin], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            content = os.read(sys.stdin.fileno(), _BLOCK)
            self._is_over = not content
            lines, offsets = self._lines.add(content) if content else self._lines.finish()
            if lines:
                return InputBatch(lines, offsets)
        raise EOFError
