"""Replay: lines a second to files and to consumers, peak memory, and how long the command line takes to begin."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from learnrelay.assembly.assemble import assemble

from .pipeline import STANDARDS, only, readable, way
from .sample import LEARNRELAY, configure, environment, make_log, receivers
from .timing import seconds

_WATCHED = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, "
    "stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Measures rates, memory and start-up."""
    lines = 20_000 if quick else 300_000
    log = make_log(directory / f"{lines // 1000}k.log", lines)
    rounds = 1 if quick else 3
    with receivers(3) as ports:
        config = configure(directory, [("xapi", ports[0]), ("caliper", ports[1]), ("xapi", ports[2])])
        rates = _rates(config, log, lines, rounds)
    return {"replay": rates, "memory": _memory(directory, quick), "start": _start(directory, quick)}


def _replay(config: Path, log: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [LEARNRELAY, "replay", "--config", config, "--json", "--again", *arguments, log],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    summary: dict[str, Any] = json.loads(done.stdout)
    assert summary["this_run"]["lines"], "it did nothing"
    return summary


def _rates(config: Path, log: Path, lines: int, rounds: int) -> dict[str, Any]:
    """Measures wall time of the whole command, start included, and CPU time without the start."""
    output = config.parent / "statements"

    def run(*arguments: str) -> Callable[[], None]:
        def go() -> None:
            shutil.rmtree(output, ignore_errors=True)
            _replay(config, log, *arguments)

        return go

    ways = {
        "dry run, xAPI": ("--dry-run", "--standard", "xapi"),
        "files, xAPI": ("--output", str(output), "--standard", "xapi", "--compress", "none"),
        "files, both": ("--output", str(output), "--compress", "none"),
        "files by gzip, both": ("--output", str(output)),
        "one consumer": ("--to", "xapi_0"),
        "three consumers": (),
    }
    runs = {
        f"{name}, {processes} process{'es' if processes > 1 else ''}": run("--processes", str(processes), *arguments)
        for name, arguments in ways.items()
        for processes in (1, 2)
    }
    alone = _alone(config, log)
    small_log = config.parent / "one.log"
    small_log.write_bytes(b"{}\n")
    before = cpu_of_children()
    _replay(config, small_log, "--dry-run", "--processes", "1")
    start = cpu_of_children() - before
    wall = dict.fromkeys(runs, float("inf"))
    cpu = dict.fromkeys(runs, float("inf"))
    pure = dict.fromkeys(alone, float("inf"))
    for _ in range(rounds):
        for name, time_of in seconds(alone, 1).items():
            pure[name] = min(pure[name], time_of)
        for name, go in runs.items():
            before, begun = cpu_of_children(), time.perf_counter()
            go()
            wall[name] = min(wall[name], time.perf_counter() - begun)
            cpu[name] = min(cpu[name], cpu_of_children() - before - start)
    return {
        f"the pipeline alone, {name}": {"cpu_us_per_line": round(best / lines * 1e6, 1)} for name, best in pure.items()
    } | {
        name: {
            "seconds": round(wall[name], 2),
            "lines_per_second": round(lines / wall[name]),
            "cpu_us_per_line": round(cpu[name] / lines * 1e6, 1),
        }
        for name in runs
    }


def _alone(config: Path, log: Path) -> dict[str, Callable[[], None]]:
    """Measures parsing, the four stages and serializing of the same lines, in this process."""
    plan = assemble(config).plan
    lines = list(readable(log.read_bytes().splitlines()))
    return {name: way(only(plan, standards), lines) for name, standards in STANDARDS.items()}


def cpu_of_children() -> float:
    """Returns the CPU seconds of all processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(directory: Path, quick: bool) -> dict[str, Any]:
    """Measures the peak of the largest process, in MiB, by lines of the log."""
    config = configure(directory, [])
    peaks = {}
    for lines in (2_000, 20_000, 60_000) if quick else (20_000, 200_000, 2_000_000):
        log = make_log(directory / f"{lines // 1000}k.log", lines)
        output = directory / "statements"
        shutil.rmtree(output, ignore_errors=True)
        command = [LEARNRELAY, "replay", "-c", str(config), "--again", "--processes", "1", "-o", str(output), str(log)]
        process = subprocess.run(
            [sys.executable, "-c", _WATCHED, *command], env=environment(), stdout=subprocess.PIPE, check=True
        )
        peaks[str(lines)] = round(int(process.stdout) / 1024, 1)
        shutil.rmtree(output)
    return peaks


def _start(directory: Path, quick: bool) -> dict[str, float]:
    config = configure(directory, [("xapi", 1), ("caliper", 1)])
    small_log = directory / "one.log"
    small_log.write_bytes((directory / "20k.log").read_bytes().partition(b"\n")[0] + b"\n")
    commands = {
        "learnrelay --help": [LEARNRELAY, "--help"],
        "learnrelay replay --help": [LEARNRELAY, "replay", "--help"],
        "learnrelay transform, one event": [LEARNRELAY, "transform", "--config", str(config), str(small_log)],
        "python -c pass": [sys.executable, "-c", "pass"],
    }

    def run(command: list[str]) -> Callable[[], None]:
        def go() -> None:
            subprocess.run(command, env=environment(), capture_output=True, check=True)

        return go

    timings = seconds({name: run(command) for name, command in commands.items()}, 3 if quick else 9, time.perf_counter)
    return {name: round(time, 3) for name, time in timings.items()}
