"""Beside others: what else turns the same lines into statements, where it is there.

``--erb-python`` (or LEARNRELAY_BENCH_ERB) names a Python with edx-event-routing-backends from PyPI installed,
``--ralph`` (or LEARNRELAY_BENCH_RALPH) a ``ralph`` command (PyPI ralph-malph, with its ``cli`` extra; xAPI only).
Both are best put into environments of their own, since their dependencies are not ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson

from learnrelay.assembly.assemble import assemble

from .pipeline import STANDARDS, only, readable, way
from .sample import LEARNRELAY, ROOT, configure, environment, make_log
from .timing import seconds


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Measures events a second of ERB's chain and ours, lines a second of Ralph's and our command, and statements."""
    erb, ralph = os.environ.get("LEARNRELAY_BENCH_ERB"), os.environ.get("LEARNRELAY_BENCH_RALPH")
    if not (erb or ralph):
        return {"others": {}}
    lines = make_log(directory / "20k.log", 20_000).read_bytes().splitlines()[: 4_000 if quick else 20_000]
    lines = list(readable(lines))
    plain = directory / "plain.jsonl"  # without the logger's prefix, and without garbage
    plain.write_bytes(b"".join(line[line.find(b"{") :] + b"\n" for line in lines))
    rates = _erb(erb, directory, plain, lines, 1 if quick else 3) if erb else {}
    return {"others": rates | (_ralph(ralph, directory, plain) if ralph else {})}


def _erb(python: str, directory: Path, plain: Path, lines: list[bytes], rounds: int) -> dict[str, Any]:
    """Measures the lines that ERB maps, in turn, by CPU time, once both are warm."""
    plan = assemble(configure(directory, [])).plan
    rates: dict[str, Any] = {}
    for name in ("xAPI", "Caliper"):
        (standard,) = STANDARDS[name]
        theirs = mine = float("inf")
        for _ in range(rounds):
            process = subprocess.run(
                [python, str(ROOT / "benchmarks" / "erb_chain.py"), standard, str(plain)],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
            )  # fmt: skip
            answer = json.loads(process.stdout.splitlines()[-1])
            kept = [lines[number] for number in answer["lines"]]
            theirs = min(theirs, answer["seconds"])
            run = way(only(plan, STANDARDS[name]), kept)
            run()  # warm, as theirs is
            mine = min(mine, seconds({"": run}, 2)[""])
        rates[f"ERB's chain, {name}"] = {
            "events_per_second": round(len(kept) / theirs),
            "statements": answer["statements"],
        }
        rates[f"our pipeline, {name}"] = {
            "events_per_second": round(len(kept) / mine),
            "times_ERB": round(theirs / mine, 1),
        }
    return rates


def _ralph(ralph: str, directory: Path, plain: Path) -> dict[str, Any]:
    """Measures from a file to a file, start included."""
    config = configure(directory, [])
    commands = {
        "ralph convert": [
            ralph, "convert", "--from", "edx", "--to", "xapi", "--ignore-errors",
            "--uuid-namespace", "ee241f8b-174f-5bdb-bae9-c09de5fe017f", "--platform-url", "https://learn.example.org",
        ],
        "learnrelay transform": [LEARNRELAY, "transform", "--config", str(config), "--standard", "xapi"],
    }  # fmt: skip
    return {name: _run(command, plain) for name, command in commands.items()}


def _run(command: list[str], log: Path) -> dict[str, Any]:
    best, statements = float("inf"), 0
    for _ in range(2):
        with log.open("rb") as lines:
            started = time.perf_counter()
            done = subprocess.run(command, stdin=lines, capture_output=True, env=environment(), check=False)
            best = min(best, time.perf_counter() - started)
        statements = sum(b'"actor"' in line and "id" in orjson.loads(line) for line in done.stdout.splitlines())
    return {"lines_per_second": round(log.read_bytes().count(b"\n") / best), "statements": statements}
