"""Outboxes on all databases, a consumer, and a clock that tests turn."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from destinations import http_destination, http_sinks
from learnrelay.config.models import Delivery, Destination
from learnrelay.config.secrets import Secret
from learnrelay.delivery.drain import Drainer, NextWake
from learnrelay.delivery.leases import LeaseKeeper
from learnrelay.outbox import Outbox, OutgoingStatement, Status
from learnrelay.sinks import Sink
from learnrelay.standards import Standard
from services import mysql_database, postgres_schema

from .consumer import Consumer


@dataclass
class TurnedClock:
    """Seconds since 1970; stands still until a test turns it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    consumer = Consumer()
    yield consumer
    consumer.stop()


NOT_ON_MYSQL = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
"""Marks tests of whole processes that prove little for their time on one more database."""


@pytest.fixture(params=["sqlite", "postgres", "mysql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secret]:
    """Yields a fresh database: a file, a schema, or a database of a server."""
    if request.param == "sqlite":
        yield Secret(f"sqlite:///{tmp_path}/outbox.db")
        return
    with mysql_database() if request.param == "mysql" else postgres_schema() as url:
        yield Secret(url)


@pytest.fixture
def open_outbox(database_url: Secret) -> Iterator[Callable[..., Outbox]]:
    """Opens the same database, as often as called: ``open_outbox(clock=…, limit=…)``."""
    opened: list[Outbox] = []

    def open_again(clock: Callable[[], float] | None = None, **settings: Any) -> Outbox:
        delivery = replace(Delivery(database=database_url, wait=30.0), **settings)
        opened.append(Outbox.open(delivery, clock) if clock else Outbox.open(delivery))
        return opened[-1]

    yield open_again
    for outbox in opened:
        outbox.close()


def statements(first: int, last: int, *destinations: str) -> list[OutgoingStatement]:
    """Statements with the ids ``s<first>`` to ``s<last>``."""
    return [
        OutgoingStatement("plain", f"s{n}", "video.played", b'{"id":"s%d"}' % n, destinations)
        for n in range(first, last + 1)
    ]


class Drain:
    """Drains on a turned clock: `run` steps the drainer, and skips the waits in between."""

    def __init__(
        self,
        outbox: Outbox,
        clock: TurnedClock,
        destination: Destination,
        standard: Standard | None = None,
        sink: Sink | None = None,
    ) -> None:
        self.outbox = outbox
        self.clock = clock
        self.name = destination.name
        self._keeper = LeaseKeeper(outbox.settings.lease)
        sink = sink or http_sinks(standard)(destination)
        self.drainer = Drainer(outbox, destination, sink, self._keeper, random.Random(7))

    @property
    def status(self) -> Status:
        return self.outbox.status([self.name])[self.name]

    def burst(self) -> NextWake:
        """Steps until nothing is due, and returns when the next step is."""
        while True:
            wake = self.drainer.step()
            if wake.seconds > 0:
                return wake

    def run(self, hours: float = 24.0) -> float:
        """Steps until nothing waits, for at most ``hours``; returns the seconds that it took."""
        started = self.clock.now
        while self.status.waiting:
            wake = self.burst()
            if self.status.waiting:
                assert self.clock.now - started < hours * 3600, self.status
                self.clock.now += wake.seconds
        return self.clock.now - started

    def spend(self, seconds: float) -> None:
        """Steps for ``seconds``, whatever is left then."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += self.burst().seconds

    def close(self) -> None:
        self.drainer.close()
        self._keeper.close()


@pytest.fixture
def make_drain(
    open_outbox: Callable[..., Outbox], clock: TurnedClock, consumer: Consumer
) -> Iterator[Callable[..., Drain]]:
    """Makes drains of the consumer: ``make_drain(batch=…, retry=…, …)``."""
    made: list[Drain] = []

    def make(outbox: Outbox | None = None, **settings: Any) -> Drain:
        destination = http_destination("a", "plain", **{"url": consumer.url, "timeout": 60.0, **settings})
        made.append(Drain(outbox or open_outbox(clock), clock, destination))
        return made[-1]

    yield make
    for drain in made:
        drain.close()
