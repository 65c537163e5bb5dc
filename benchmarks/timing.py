"""Measuring on a machine that others use too: in turn, several times, and the best counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

Run = Callable[[], object]


def seconds(runs: Mapping[str, Run], rounds: int, clock: Callable[[], float] = time.process_time) -> dict[str, float]:
    """Measures the best time of each run. They take turns, so that what slows the machine slows all of them.

    ``clock`` is CPU time of this process by default; ``time.perf_counter`` where others work for it.
    """
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            started = clock()
            run()
            best[name] = min(best[name], clock() - started)
    return best


def in_turns(
    runs: Mapping[str, Callable[[Any], object]],
    pieces: Sequence[Any],
    rounds: int,
    cpu_clock: Callable[[], float] = time.process_time,
) -> dict[str, dict[str, float]]:
    """Measures the median time of each run over all pieces, by the clock and by CPU time.

    They take turns piece by piece, for work that waits for disks and servers: these are slow by turns.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        sums = {name: [0.0, 0.0] for name in runs}
        for piece in pieces:
            for name, run in runs.items():
                started, before = time.perf_counter(), cpu_clock()
                run(piece)
                sums[name][0] += time.perf_counter() - started
                sums[name][1] += cpu_clock() - before
        for name, (clock, cpu) in sums.items():
            times[name].append((clock, cpu))
    return {
        name: {"clock": median(clock for clock, _ in of_run), "cpu": median(cpu for _, cpu in of_run)}
        for name, of_run in times.items()
    }


def percentile(values: list[float], share: float) -> float:
    """Returns the value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
