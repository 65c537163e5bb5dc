"""Counts the instructions of a line of ``learnrelay transform`` with callgrind: the same figure on a busy machine.

    python -m benchmarks.instructions --base /path/to/older/.venv/bin/python

The start of the command is left out: a log is counted, and its first third alone; the difference is that of the other
lines. Each run is preceded by one that compiles the modules, and hashes are fixed. Needs valgrind, and some minutes for
each standard. With ``--at-most`` it exits with 1 where a line takes so many per cent more than at the base. Another
installation (``--base``) may map fewer events of the log of the examples: ``--log`` takes one of
events that both map.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from .sample import environment, make_log

LINES = 4_500
STANDARDS = ("xapi", "caliper")
_COMMAND = "from learnrelay.cli import main; main()"
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)$", re.MULTILINE)


def main() -> None:
    """Prints the instructions of a line for each standard, and how much more than at the base that is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description="Count instructions.")
    parser.add_argument("--base", metavar="PYTHON", help="interpreter of another installation, to compare with")
    parser.add_argument("--log", type=Path, metavar="FILE", help="log to transform, instead of that of the examples")
    parser.add_argument("--standard", action="append", choices=STANDARDS, help="standard; repeatable")
    parser.add_argument("--at-most", type=float, metavar="PERCENT", help="more than the base that is no failure")
    args = parser.parse_args()
    if args.at_most is not None and args.base is None:
        parser.error("--at-most compares with --base")
    losses = []
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        log = args.log or make_log(directory / "examples.log", LINES)
        for standard in args.standard or STANDARDS:
            now = count_line(directory, log, standard, sys.executable)
            before = count_line(directory, log, standard, args.base) if args.base else None
            more = "" if before is None else f", {now / before - 1:+.1%} of the base's {before:,}"
            print(f"{standard}: {now:,} instructions a line{more}", flush=True)
            if before is not None and args.at_most is not None and now > before * (1 + args.at_most / 100):
                losses.append(standard)
    if losses:
        sys.exit(f"more than {args.at_most:g} % above the base: {', '.join(losses)}")


def count_line(directory: Path, log: Path, standard: str, python: str) -> int:
    """Returns the instructions of a line behind the first third of a log."""
    lines = log.read_bytes().splitlines(keepends=True)
    first = len(lines) // 3
    totals = [_count(directory, b"".join(part), standard, python) for part in (lines[:first], lines)]
    return round((totals[1] - totals[0]) / (len(lines) - first))


def _count(directory: Path, content: bytes, standard: str, python: str) -> int:
    """Returns the instructions of the whole command on a log."""
    log, counts = directory / "part.log", directory / "callgrind.out"
    log.write_bytes(content)
    command = [python, "-c", _COMMAND, "transform", "--standard", standard, "-o", str(directory / "out")]
    fixed = {**environment(), "PYTHONHASHSEED": "0", "LEARNRELAY_SOURCE": "openedx"}
    counted = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", *command]
    for run in (command, counted):  # which end with 1 where a line of the log fails
        with log.open("rb") as lines:  # of standard input, which one process reads
            done = subprocess.run(run, env=fixed, stdin=lines, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
    return max(map(int, _TOTAL.findall(counts.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
