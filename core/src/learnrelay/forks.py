"""Keeps forks apart from the work of threads, and renews in a child what does not survive a fork.

A forked child has one thread, and a copy of each lock and connection of its parent. A lock that another thread held
stays held for ever. So a fork waits for the work that is under way (`no_fork`), and such work waits for a fork. What
holds locks, threads or connections registers how it is prepared for a fork, and renewed in the child.

uwsgi forks in C: what must happen before a fork is not called at all, what must happen in the child only with
``py-call-osafterfork``. In its master, nothing is started and no connection is kept (`awaits_fork`); in the child,
`notice_fork` renews what was not renewed.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE = 1.0  # seconds that a fork waits for the work of other threads


class _State:
    """Holds what is valid in one process. ``entered``: how often each thread, by its identifier, is in `no_fork`."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.changed = threading.Condition(threading.RLock())
        self.entered: dict[int, int] = {}
        self.forking_thread = 0


_state = _State()
_registered: list[tuple[weakref.ref[Any], Callable[[Any], None], Callable[[Any], None]]] = []


def register(instance: T, renew: Callable[[T], None], prepare: Callable[[T], None] = lambda _instance: None) -> None:
    """Has an object prepared before each fork and renewed after it, in the order of registration, while it lives.

    ``prepare`` is called while no work is under way, and closes idle connections. ``renew`` is called in the child, and
    replaces locks, threads and connections; it closes none, because the parent still uses them.
    """
    _registered[:] = [entry for entry in _registered if entry[0]() is not None]
    _registered.append((weakref.ref(instance), renew, prepare))


@contextmanager
def no_fork() -> Iterator[None]:
    """Makes a fork in another thread wait until the block ends, for at most a second."""
    notice_fork()
    state, thread = _state, threading.get_ident()
    with state.changed:
        state.changed.wait_for(lambda: state.forking_thread in (0, thread) or thread in state.entered)
        state.entered[thread] = state.entered.get(thread, 0) + 1
    try:
        yield
    finally:
        with state.changed:
            state.entered[thread] -= 1
            if not state.entered[thread]:
                del state.entered[thread]
                state.changed.notify_all()


def awaits_fork() -> bool:
    """Tells whether this process is a uwsgi master, or is loading the application before it becomes a worker."""
    uwsgi = sys.modules.get("uwsgi")  # exists in processes of uwsgi only
    return uwsgi is not None and uwsgi.worker_id() == 0 and uwsgi.masterpid() in (0, os.getpid())


def notice_fork() -> None:
    """Renews everything in a child whose parent forked in C, without Python's handlers. Cheap."""
    if os.getpid() != _state.process:
        with _state.changed:
            if os.getpid() != _state.process:
                _renew()


def _prepare() -> None:
    _state.changed.acquire()
    thread = _state.forking_thread = threading.get_ident()
    if not _state.changed.wait_for(lambda: _state.entered.keys() <= {thread}, _PATIENCE):
        log.warning("fork: work of another thread did not end within %g s", _PATIENCE)
    for reference, _, prepare in _registered:
        if (instance := reference()) is not None:
            prepare(instance)


def _release() -> None:
    _state.forking_thread = 0
    _state.changed.notify_all()
    _state.changed.release()


def _renew() -> None:
    global _state  # noqa: PLW0603  # one for each process
    _state = _State()
    for reference, renew, _ in _registered:
        if (instance := reference()) is not None:
            renew(instance)


os.register_at_fork(before=_prepare, after_in_parent=_release, after_in_child=_renew)
