"""The backend behind the event bus, with the platform's own consumer: what is acknowledged is stored."""

from __future__ import annotations

import signal
import sqlite3
import uuid
from collections.abc import Iterator

import pytest
import redis

from services import redis_url

from .bus_patch import CONSUME, bus_patch
from .conftest import PROJECT, CampusSite, wait_until

pytestmark = pytest.mark.slow


class EventBus:
    """A stream of its own on the Redis of the tests."""

    def __init__(self, campus: CampusSite) -> None:
        self._campus = campus
        self._prefix = f"campus-{uuid.uuid4().hex}"
        self.stream = f"{self._prefix}-analytics"
        self.server = redis.Redis.from_url(redis_url())
        campus.patch(bus_patch(redis_url(), self._prefix))

    def emit(self, first: int, last: int) -> None:
        """Emits enrolments from a process of the platform."""
        code = f"from campus_lms.events import enrol\nfor n in range({first}, {last + 1}): enrol(n)"
        done = self._campus.run(code)
        assert done.returncode == 0, done.stderr

    def pending(self) -> int:
        """Counts the events that were given to a consumer and not acknowledged."""
        return int(self.server.xpending(self.stream, "learnrelay")["pending"])


@pytest.fixture
def bus(campus: CampusSite) -> Iterator[EventBus]:
    made = EventBus(campus)
    yield made
    made.server.delete(made.stream)


def consume(campus: CampusSite):  # type: ignore[no-untyped-def]
    return campus.start("python", str(PROJECT / "manage.py"), *CONSUME)


def test_a_consumer_that_is_killed_loses_nothing(bus: EventBus, campus: CampusSite) -> None:
    campus.configure(full="spool")
    bus.emit(1, 200)
    consumer = consume(campus)
    assert wait_until(lambda: len(campus.enrolments()) >= 60), campus.logs()[-3000:]
    consumer.send_signal(signal.SIGKILL)
    consumer.wait()
    consumer = consume(campus)
    assert wait_until(lambda: len(campus.enrolments()) >= 200 and bus.pending() == 0), campus.logs()[-3000:]
    assert campus.enrolments() == list(range(1, 201))


def test_a_consumer_that_cannot_store_ends_before_it_acknowledges(bus: EventBus, campus: CampusSite) -> None:
    checked = campus.manage("learnrelay", "check")
    assert (checked.returncode, 'full = "spool"' in checked.stderr) == (2, True), checked.stderr
    assert "EVENT_BUS_TRACKING_LOGS lacks 1 names that are mapped: edx.course.enrollment.mode_changed" in checked.stderr

    bus.emit(1, 3)
    whole = campus.config.read_text()
    campus.config.write_text("[platform\n")
    assert consume(campus).wait(60) == 75, campus.logs()[-3000:]
    assert "ends without acknowledging" in campus.logs()
    assert (campus.stored(), bus.pending()) == ([], 1)

    campus.config.write_text(whole)
    campus.take_in()  # makes the outbox
    with sqlite3.connect(campus.outbox) as connection:  # somebody holds the database
        connection.execute("BEGIN EXCLUSIVE")
        assert consume(campus).wait(60) == 75, campus.logs()[-3000:]
        assert bus.pending() == 1
        connection.rollback()
    consume(campus)
    assert wait_until(lambda: bus.pending() == 0 and len(campus.enrolments()) == 3), campus.logs()[-3000:]
    assert campus.enrolments() == [1, 2, 3]
