"""Measuring on a machine that others use too: in turn, several times, and the best counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

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


def percentile(values: list[float], share: float) -> float:
    """Returns the value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
