"""What is shown of a replay that goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from learnrelay.replay import progress
from learnrelay.replay.progress import ProgressDisplay


@pytest.mark.parametrize("terminal", [False, True])
def test_share_rate_failures_and_time_left(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=terminal, width=200)
    with ProgressDisplay(console, size=1_000_000, done=200_000) as watcher:
        for _ in range(51):  # ten seconds and a bit
            watcher.advance(8_000, 200, 1)
            now += 0.2
            watcher.refresh()
        watcher.show_waiting("destination main", "HTTP 503", 7.0)
        watcher.refresh()
    words = shown.getvalue()
    assert "destination main: HTTP 503; waiting for it, nothing is lost" in words
    if terminal:
        assert "10,200 lines, 1,000 a second, 51 failed; destination main waits 7 s: HTTP 503" in words
    else:
        assert "60%, 10 s left: 10,000 lines, 1,000 a second, 50 failed" in words
