"""Shows the progress of a replay: a bar on a terminal, otherwise a plain line every ten seconds."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_LINE_EVERY = 10.0  # seconds
_RATE_OVER = 5.0


class ProgressDisplay:
    """Shows the finished share, the rate, the failed lines, and what the replay waits for."""

    def __init__(self, console: Console, size: int, done: int) -> None:
        """Prepares the display. ``size``: bytes to read; ``done``: bytes that an earlier run has read."""
        self._console = console
        self._size = max(size, 1)
        self._done = done
        self._done_before = done
        self.lines = 0
        self._failures = 0
        self._begun = self._last_line = time.monotonic()
        self._marks = [(self._begun, 0)]
        self._waiting: dict[str, tuple[str, float]] = {}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("starting", total=self._size, completed=done)

    def __enter__(self) -> Self:
        """Starts the display."""
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends the display."""
        self._progress.stop()

    @property
    def seconds(self) -> float:
        """Returns the seconds since the start."""
        return time.monotonic() - self._begun

    def advance(self, size: int, lines: int, failures: int) -> None:
        """Adds the bytes, lines and failures since the last call."""
        self._done += size
        self.lines += lines
        self._failures += failures

    def show_waiting(self, awaited: str, reason: str, seconds: float) -> None:
        """Shows what the replay waits for, such as ``destination main`` or, without a reason, that it has recovered."""
        known = awaited in self._waiting
        if reason:
            self._waiting[awaited] = (reason, time.monotonic() + seconds)
        else:
            self._waiting.pop(awaited, None)
        if not reason and known:
            self.warn(f"{awaited}: recovered")
        elif reason and not known:
            self.warn(f"{awaited}: {reason}; waiting for it, nothing is lost")

    def warn(self, message: str) -> None:
        """Prints a message above the progress bar."""
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def refresh(self) -> None:
        """Updates the display."""
        now = time.monotonic()
        if now - self._marks[-1][0] >= 1.0:
            self._marks = [*(mark for mark in self._marks if now - mark[0] <= _RATE_OVER), (now, self.lines)]
        if self._console.is_terminal:
            self._progress.update(self._task, completed=self._done, description=self._description())
        elif now - self._last_line >= _LINE_EVERY:
            self._last_line = now
            share = min(1.0, self._done / self._size)
            fresh = self._done - self._done_before
            left = (self._size - self._done) / fresh * self.seconds if fresh > 0 else 0.0
            remaining = f", {max(left, 0.0):,.0f} s left" if fresh > 0 else ""
            self.warn(f"{share:.0%}{remaining}: {self._description()}")

    def _description(self) -> str:
        now = time.monotonic()
        since, lines_then = self._marks[0]
        rate = (self.lines - lines_then) / max(now - since, 0.1)
        description = f"{self.lines:,} lines, {rate:,.0f} a second, {self._failures:,} failed"
        for awaited, (reason, until) in self._waiting.items():
            description += f"; {awaited} waits {max(0.0, until - now):.0f} s: {reason}"
        return description
