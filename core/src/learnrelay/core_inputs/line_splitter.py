"""Splits content that comes piece by piece into lines, with bounded memory."""

from __future__ import annotations

from itertools import accumulate

from ..errors import UnreadableEventError
from ..inputs import InputEvent
from ..reading.lines import LONGEST_LINE, too_long, without_bom

Lines = tuple[list[InputEvent], list[int]]
"""Lines without their ends, and for each the offset behind it."""


class LineSplitter:
    """Splits content into lines. ``offset``: in the content, of the first byte that no returned line holds."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        self._held = b""  # the beginning of a line, or what of it was not dropped
        self._dropped = 0  # bytes of a line that is too long

    @property
    def end(self) -> int:
        """Returns the offset behind everything that was added."""
        return self.offset + self._dropped + len(self._held)

    def add(self, content: bytes) -> Lines:
        """Returns the lines that end in ``content``."""
        held = self._held + content
        cut = held.rfind(b"\n") + 1
        self._held = held[cut:]
        events: list[InputEvent] = []
        ends: list[int] = []
        if cut:
            lines = held[: cut - 1].split(b"\n")
            if self._dropped or self.offset == 0 or cut > LONGEST_LINE:
                for line in lines:
                    events.append(self._event(line))
                    self.offset += 1
                    ends.append(self.offset)
            else:
                events += lines
                ends = list(accumulate((len(line) + 1 for line in lines), initial=self.offset))[1:]
                self.offset = ends[-1]
        if len(self._held) > LONGEST_LINE:
            self._dropped += len(self._held)
            self._held = b""
        return events, ends

    def finish(self) -> Lines:
        """Returns a last line without a line end, if there is one."""
        if self.end == self.offset:
            return [], []
        held, self._held = self._held, b""
        return [self._event(held)], [self.offset]

    def unfinished_line(self) -> bytes:
        """Returns what was added of a line that has not ended; empty for one that is too long."""
        return b"" if self._dropped else self._held

    def _event(self, line: bytes) -> InputEvent:
        size = self._dropped + len(line)
        is_first = self.offset == 0
        self._dropped = 0
        self.offset += size
        if size > LONGEST_LINE:
            return UnreadableEventError(too_long())
        return (without_bom(line) or b"") if is_first else line
