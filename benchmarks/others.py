"""Beside others: what else turns the same lines into statements, where it is there.

LEARNRELAY_BENCH_RALPH names a ``ralph`` command (PyPI ralph-malph, with its ``cli`` extra); it converts to xAPI only.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson

from .pipeline import readable
from .sample import LEARNRELAY, configure, environment, make_log


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Lines a second from a file to a file, start included, and how many statements came of them."""
    ralph = os.environ.get("LEARNRELAY_BENCH_RALPH")
    if not ralph:
        return {"others": {}}
    lines = make_log(directory / "20k.log", 20_000).read_bytes().splitlines()[: 4_000 if quick else 20_000]
    plain = directory / "plain.jsonl"  # without the logger's prefix, and without garbage
    plain.write_bytes(b"".join(line[line.find(b"{") :] + b"\n" for line in readable(lines)))
    config = configure(directory, [])
    commands = {
        "ralph convert": [
            ralph, "convert", "--from", "edx", "--to", "xapi", "--ignore-errors",
            "--uuid-namespace", "ee241f8b-174f-5bdb-bae9-c09de5fe017f", "--platform-url", "https://learn.example.org",
        ],
        "learnrelay transform": [LEARNRELAY, "transform", "--config", str(config), "--standard", "xapi"],
    }  # fmt: skip
    return {"others": {name: _run(command, plain) for name, command in commands.items()}}


def _run(command: list[str], log: Path) -> dict[str, Any]:
    best, statements = float("inf"), 0
    for _ in range(2):
        with log.open("rb") as lines:
            started = time.perf_counter()
            done = subprocess.run(command, stdin=lines, capture_output=True, env=environment(), check=False)
            best = min(best, time.perf_counter() - started)
        statements = sum(b'"actor"' in line and "id" in orjson.loads(line) for line in done.stdout.splitlines())
    return {"lines_per_second": round(log.read_bytes().count(b"\n") / best), "statements": statements}
