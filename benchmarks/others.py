"""Beside others: what else turns the same log into statements, where it is installed.

LEARNRELAY_BENCH_ERB names a Python with openedx-event-routing-backends, LEARNRELAY_BENCH_RALPH a ``ralph`` command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Lines a second of each."""
    return {"others": {}}
