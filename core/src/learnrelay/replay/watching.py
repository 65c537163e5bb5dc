"""Looking on at a replay: a progress bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_LINE_EVERY = 10.0  # seconds
_RATE_OVER = 5.0


class Watcher:
    """Shows how far it is, how fast, how many lines failed, and what is waited for."""

    def __init__(self, console: Console, size: int, done: int) -> None:
        """``size``: bytes of all logs; ``done``: of these from an earlier run."""
        self._console = console
        self._size = max(size, 1)
        self._done = done
        self._begun_at = done
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
        """Begin to show."""
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Show no more."""
        self._progress.stop()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._begun

    def advanced(self, size: int, lines: int, failures: int) -> None:
        """More of the logs has been read."""
        self._done += size
        self.lines += lines
        self._failures += failures

    def waiting(self, destination: str, reason: str, seconds: float) -> None:
        """A destination is waited for, or is well again."""
        known = destination in self._waiting
        if reason:
            self._waiting[destination] = (reason, time.monotonic() + seconds)
        else:
            self._waiting.pop(destination, None)
        if not reason and known:
            self.trouble(f"destination {destination}: well again")
        elif reason and not known:
            self.trouble(f"destination {destination}: {reason}; waiting for it, nothing is lost")

    def trouble(self, words: str) -> None:
        """Say something that stays."""
        self._console.print(words, markup=False, highlight=False, soft_wrap=True)

    def look(self) -> None:
        """Show how it is now."""
        now = time.monotonic()
        if now - self._marks[-1][0] >= 1.0:
            self._marks = [*(mark for mark in self._marks if now - mark[0] <= _RATE_OVER), (now, self.lines)]
        if self._console.is_terminal:
            self._progress.update(self._task, completed=self._done, description=self._words())
        elif now - self._last_line >= _LINE_EVERY:
            self._last_line = now
            share = min(1.0, self._done / self._size)
            fresh = self._done - self._begun_at
            left = (self._size - self._done) / fresh * self.seconds if fresh > 0 else 0.0
            remaining = f", {max(left, 0.0):,.0f} s left" if fresh > 0 else ""
            self.trouble(f"{share:.0%}{remaining}: {self._words()}")

    def _words(self) -> str:
        now = time.monotonic()
        since, then = self._marks[0]
        rate = (self.lines - then) / max(now - since, 0.1)
        words = f"{self.lines:,} lines, {rate:,.0f} a second, {self._failures:,} failed"
        for destination, (reason, until) in self._waiting.items():
            words += f"; {destination} waits {max(0.0, until - now):.0f} s: {reason}"
        return words
