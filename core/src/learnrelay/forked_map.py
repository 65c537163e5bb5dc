"""Applies a function in several processes at once, in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from .errors import LearnrelayError

A = TypeVar("A")
B = TypeVar("B")

_AHEAD = 2
"""Items for each process that are taken before their turn, so that none waits for the others."""

_LOOK_EVERY = 1.0  # seconds between two looks of a child for its parent


class _Child:
    """Holds what a forked process applies: most functions hold others, and cannot be sent to it."""

    function: Callable[[Any], Any]


@contextmanager
def forked_map(function: Callable[[A], B], processes: int) -> Iterator[Callable[[Iterable[A]], Iterator[tuple[A, B]]]]:
    """Gives a function from items to (item, result), in the order of the items; results are made ahead, but not many.

    In this process, where one is wanted or the system cannot fork. Items and results are sent between processes, so
    they are values; the function is what it is at the time of the first item. It raises what the function raises, and
    LearnrelayError where a process is killed.
    """
    if processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield lambda items: ((item, function(item)) for item in items)
        return
    _Child.function = staticmethod(function)
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), _begin_child, (os.getpid(),))

    def apply(items: Iterable[A]) -> Iterator[tuple[A, B]]:
        under_way: deque[tuple[A, Future[B]]] = deque()
        for item in items:
            under_way.append((item, pool.submit(_apply, item)))
            if len(under_way) >= _AHEAD * processes:
                first, future = under_way.popleft()
                yield first, future.result()
        for first, future in under_way:
            yield first, future.result()

    try:
        yield apply
    except BrokenProcessPool:
        raise LearnrelayError("a process was killed; perhaps memory ran out: try again with fewer processes") from None
    finally:
        pool.shutdown(cancel_futures=True)
        del _Child.function


def _begin_child(parent: int) -> None:
    """Leaves the end to the parent: a child does not hear Ctrl-C, and ends when the parent has been killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)


def _apply(item: Any) -> Any:
    return _Child.function(item)
