"""Emits events as a site of Open edX does: event-tracking, its signal, and a published producer, for Redis or Kafka.

A program for tests: ``django_producer.py REDIS_URL TOPIC PREFIX``, or ``django_producer.py SERVERS TOPIC PREFIX
REGISTRY_URL`` for Kafka. Reads a number of events a line from standard input, emits so many, each numbered on from
the one before, and writes how many it has emitted in all.
"""

from __future__ import annotations

import sys

import django
from django.conf import settings

NAME = "edx.course.enrollment.activated"
COURSE = "course-v1:Harbour+SAIL101+2026"


def configure(url: str, topic: str, prefix: str, registry: str = "") -> None:
    """Sets what a site sets to send tracking events to the bus."""
    bus = {"EVENT_BUS_PRODUCER": "edx_event_bus_redis.create_producer", "EVENT_BUS_REDIS_CONNECTION_URL": url}
    if registry:
        bus = {
            "EVENT_BUS_PRODUCER": "edx_event_bus_kafka.create_producer",
            "EVENT_BUS_KAFKA_BOOTSTRAP_SERVERS": url,
            "EVENT_BUS_KAFKA_SCHEMA_REGISTRY_URL": registry,
        }
    event_type = "org.openedx.analytics.tracking.event.emitted.v1"
    settings.configure(
        INSTALLED_APPS=["openedx_events", "eventtracking.django.apps.EventTrackingConfig"],
        EVENT_TRACKING_ENABLED=True,
        EVENT_TRACKING_BACKENDS={
            "event_bus": {
                "ENGINE": "eventtracking.backends.event_bus.EventBusRoutingBackend",
                "OPTIONS": {"backends": {}},
            }
        },
        SEND_TRACKING_EVENT_EMITTED_SIGNAL=True,
        EVENT_BUS_TRACKING_LOGS=[NAME],
        EVENT_BUS_PRODUCER_CONFIG={event_type: {topic: {"event_key_field": "tracking_log.name", "enabled": True}}},
        EVENT_BUS_TOPIC_PREFIX=prefix,
        **bus,
        SERVICE_VARIANT="lms",
        USE_TZ=True,
        LOGGING={"version": 1, "root": {"handlers": []}},
    )
    django.setup()


def main() -> None:
    """Emits as many events as it is asked for."""
    configure(*sys.argv[1:])
    from eventtracking import tracker
    from openedx_events.event_bus import get_producer

    emitted = 0
    for line in sys.stdin:
        for _ in range(int(line)):
            with tracker.get_tracker().context("request", {"course_id": COURSE, "org_id": "Harbour", "user_id": 7}):
                tracker.emit(NAME, {"course_id": COURSE, "user_id": 7, "mode": "audit", "number": emitted})
            emitted += 1
        if flush := getattr(get_producer(), "prepare_for_shutdown", None):
            flush()  # what Kafka's client still holds is sent; that of Redis holds nothing
        print(emitted, flush=True)


if __name__ == "__main__":
    main()
