"""Emits enrolments, in a course of its own for each number."""

import logging
import time

from eventtracking import tracker

NAME = "edx.course.enrollment.activated"


class FailureCounter(logging.Handler):
    """Counts what event-tracking or the producer of the bus could not hand over: both log it, and go on."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.failures = 0

    def emit(self, record):
        self.failures += 1


COUNTER = FailureCounter()
for logger in ("eventtracking", "edx_event_bus_redis.internal.producer"):
    logging.getLogger(logger).addHandler(COUNTER)


def course_key(number):
    return f"course-v1:Campus+N{number}+2026"


def enrol(number, user_id=7, username="mira"):
    """Emits the event. Returns how long that took in seconds."""
    key = course_key(number)
    context = {"user_id": user_id, "username": username, "course_id": key, "org_id": "Campus", "event_source": "server"}
    started = time.monotonic()
    with tracker.get_tracker().context("enrolment", context):
        tracker.emit(NAME, {"course_id": key, "user_id": user_id, "mode": "audit"})
    return time.monotonic() - started
