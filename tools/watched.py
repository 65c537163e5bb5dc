"""Runs a command that may be silent for long, and prints every few seconds for how long it has been running.

python3 tools/watched.py TITLE COMMAND [ARGUMENT ...]

It needs nothing but Python: `make install` runs it before anything is installed. The exit code is that of the command.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

INTERVAL = 3.0
"""Seconds between two lines."""


def run_watched(title: str, command: Sequence[str]) -> int:
    """Runs a command, and returns its exit code; 128 and the signal, as shells do, where one ended it."""
    is_terminal = sys.stdout.isatty()
    begun = time.monotonic()
    print(f"{title} ...", end="" if is_terminal else "\n", flush=True)
    with subprocess.Popen(command) as process:
        while True:
            try:
                code = process.wait(INTERVAL)
            except subprocess.TimeoutExpired:
                seconds = time.monotonic() - begun
                begin, end = ("\r", "") if is_terminal else ("  ", "\n")
                print(f"{begin}{title} ... {seconds:.0f} s", end=end, flush=True)
            else:
                break
    if is_terminal:
        print()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run_watched(sys.argv[1], sys.argv[2:]))
