"""Holds the requests whose events are to be stored, between the server's thread and the one that stores."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from learnrelay import InputBatch

from .bodies import NumberedEvent

_MOST_EVENTS = 1000
"""Events that are stored together, unless a single request has more."""


@dataclass(eq=False, slots=True)
class PendingRequest:
    """Holds the events of a request until they are stored.

    ``stored``: resolved in the server's loop. ``number``: of the request, from 1. ``batch``, ``first``: where its
    events are.
    """

    events: Sequence[NumberedEvent]
    trust: Literal["platform", "client"]
    size: int
    stored: asyncio.Future[bool]
    number: int = 0
    batch: InputBatch | None = field(default=None, repr=False)
    first: int = 0

    def refused(self) -> list[tuple[int, str]]:
        """Lists (number, reason) of the events that could not be read."""
        assert self.batch is not None
        refused = self.batch.refused
        return [
            (event.number, refused[place]) for place, event in enumerate(self.events, self.first) if place in refused
        ]

    def resolve(self, *, is_stored: bool) -> None:
        """Answers the request, from any thread."""

        def set_result() -> None:
            if not self.stored.done():
                self.stored.set_result(is_stored)

        self.stored.get_loop().call_soon_threadsafe(set_result)


class RequestQueue:
    """Holds requests of at most ``limit`` bytes together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: deque[PendingRequest] = deque()
        self._taken: deque[PendingRequest] = deque()
        self._size = 0
        self._number = 0

    def put(self, request: PendingRequest) -> bool:
        """Adds a request; False when there is no room."""
        with self._changed:
            if self._size and self._size + request.size > self._limit:
                return False
            self._size += request.size
            self._waiting.append(request)
            self._changed.notify()
        return True

    def withdraw(self, request: PendingRequest) -> None:
        """Removes a request that nobody waits for any more, unless it was taken."""
        with self._changed:
            if request in self._waiting:
                self._waiting.remove(request)
                self._size -= request.size

    def take(self, timeout: float) -> list[PendingRequest]:
        """Returns the next requests whose events are of one trust; none after ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout)
            requests: list[PendingRequest] = []
            events = 0
            while self._waiting and self._waiting[0].trust == (requests or self._waiting)[0].trust:
                events += len(self._waiting[0].events)
                if requests and events > _MOST_EVENTS:
                    break
                request = self._waiting.popleft()
                self._number += 1
                request.number = self._number
                requests.append(request)
            self._taken += requests
        return requests

    def settle(self, number: int) -> None:
        """Answers the requests up to this number: they are stored."""
        while self._taken and self._taken[0].number <= number:
            self._finish(self._taken.popleft(), is_stored=True)

    def abandon(self) -> None:
        """Answers all requests that are not stored."""
        with self._changed:
            requests = [*self._taken, *self._waiting]
            self._taken.clear()
            self._waiting.clear()
        for request in requests:
            self._finish(request, is_stored=False)

    def _finish(self, request: PendingRequest, *, is_stored: bool) -> None:
        with self._changed:
            self._size -= request.size
        request.resolve(is_stored=is_stored)
