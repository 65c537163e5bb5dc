"""Traces mappings in several processes at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

Task = tuple[str, int, bool]
"""Event, place of the standard among its mappings, and whether with pseudonyms of one destination."""

Trace = Callable[[str, int, bool], Any]


class _Child:
    """Holds what a forked process traces with: plans hold functions, which cannot be sent to it."""

    trace: Trace


@contextmanager
def trace_all(trace: Trace, tasks: Sequence[Task], processes: int) -> Iterator[Iterator[Any]]:
    """Gives the results in the order of the tasks; from this process, where there is one or the system cannot fork."""
    if min(processes, len(tasks)) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield (trace(*task) for task in tasks)
        return
    _Child.trace = staticmethod(trace)
    pool = ProcessPoolExecutor(min(processes, len(tasks)), multiprocessing.get_context("fork"))
    try:
        yield pool.map(_trace, tasks)
    finally:
        pool.shutdown(cancel_futures=True)
        del _Child.trace


def _trace(task: Task) -> Any:
    return _Child.trace(*task)
