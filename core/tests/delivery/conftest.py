"""Outboxes on both databases, a consumer, and a clock that tests turn."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from learnrelay.config.models import Delivery, Destination
from learnrelay.delivery import Outbox, Parcel, Status
from learnrelay.delivery.drain import Drainer, Rest
from learnrelay.delivery.leases import LeaseKeeper
from learnrelay.secrets import Secret
from learnrelay.standards import Standard

from .consumer import Consumer, PlainStandard

POSTGRES = os.environ.get("LEARNRELAY_TEST_POSTGRES_URL", "")


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


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.skipif(not POSTGRES, reason="no LEARNRELAY_TEST_POSTGRES_URL")),
    ]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secret]:
    """A fresh database: a file, or a schema of its own."""
    if request.param == "sqlite":
        yield Secret(f"sqlite:///{tmp_path}/outbox.db")
        return
    schema = f"learnrelay_{uuid.uuid4().hex}"
    plain = POSTGRES.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield Secret(f"{POSTGRES}?options=-csearch_path%3D{schema}")
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def open_outbox(database_url: Secret) -> Iterator[Callable[..., Outbox]]:
    """Open the same database, as often as wanted: ``open_outbox(clock=…, limit=…)``."""
    opened: list[Outbox] = []

    def open_one(clock: Callable[[], float] | None = None, **settings: Any) -> Outbox:
        delivery = replace(Delivery(database=database_url, wait=30.0), **settings)
        opened.append(Outbox.open(delivery, clock) if clock else Outbox.open(delivery))
        return opened[-1]

    yield open_one
    for outbox in opened:
        outbox.close()


def parcels(first: int, last: int, *destinations: str) -> list[Parcel]:
    """Statements with the ids ``s<first>`` to ``s<last>``."""
    return [Parcel("plain", f"s{n}", "video.played", b'{"id":"s%d"}' % n, destinations) for n in range(first, last + 1)]


class Drain:
    """A drainer on a turned clock: `run` steps it, and lets its rests pass at once."""

    def __init__(
        self, outbox: Outbox, clock: TurnedClock, destination: Destination, standard: Standard | None = None
    ) -> None:
        self.outbox = outbox
        self.clock = clock
        self.name = destination.name
        self._keeper = LeaseKeeper(outbox.settings.lease)
        self.drainer = Drainer(outbox, destination, standard or PlainStandard(), self._keeper, random.Random(7))

    @property
    def status(self) -> Status:
        return self.outbox.status([self.name])[self.name]

    def burst(self) -> Rest:
        """Step until it wants to rest."""
        while True:
            rest = self.drainer.step()
            if rest.seconds > 0:
                return rest

    def run(self, hours: float = 24.0) -> float:
        """Step until nothing waits, for at most so many hours; gives the seconds it took."""
        started = self.clock.now
        while self.status.waiting:
            rest = self.burst()
            if self.status.waiting:
                assert self.clock.now - started < hours * 3600, self.status
                self.clock.now += rest.seconds
        return self.clock.now - started

    def spend(self, seconds: float) -> None:
        """Let time pass, whatever comes of it."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += self.burst().seconds

    def close(self) -> None:
        self.drainer.close()
        self._keeper.close()


@pytest.fixture
def drain(open_outbox: Callable[..., Outbox], clock: TurnedClock, consumer: Consumer) -> Iterator[Callable[..., Drain]]:
    """A drain of the consumer: ``drain(batch=…, retry=…, …)``."""
    made: list[Drain] = []

    def make(outbox: Outbox | None = None, **settings: Any) -> Drain:
        destination = replace(Destination("a", "plain", consumer.url, "all", timeout=60.0), **settings)
        made.append(Drain(outbox or open_outbox(clock), clock, destination))
        return made[-1]

    yield make
    for one in made:
        one.close()
