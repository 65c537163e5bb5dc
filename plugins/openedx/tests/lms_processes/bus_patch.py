"""The settings of a platform that sends tracking events to its event bus on Redis."""

from __future__ import annotations

TOPIC = "analytics"
EXTRA = '{"consumer_name": "first", "check_backlog": true}'
CONSUME = ("consume_events", "-t", TOPIC, "-g", "learnrelay", "--extra", EXTRA)
"""Arguments of ``manage.py`` that run the platform's own consumer."""

_PATCH = """
learnrelay = EVENT_TRACKING_BACKENDS.pop("learnrelay")
EVENT_TRACKING_BACKENDS["bus"] = {{
    "ENGINE": "eventtracking.backends.event_bus.EventBusRoutingBackend",
    "OPTIONS": {{"backends": {backends}}},
}}
SEND_TRACKING_EVENT_EMITTED_SIGNAL = True
EVENT_BUS_TRACKING_LOGS = ["edx.course.enrollment.activated", "edx.course.enrollment.deactivated"]
EVENT_BUS_PRODUCER = "edx_event_bus_redis.create_producer"
EVENT_BUS_CONSUMER = "edx_event_bus_redis.RedisEventConsumer"
EVENT_BUS_TOPIC_PREFIX = {prefix!r}
EVENT_BUS_REDIS_CONNECTION_URL = {url!r}
EVENT_BUS_PRODUCER_CONFIG = {{
    "org.openedx.analytics.tracking.event.emitted.v1":
        {{"analytics": {{"event_key_field": "tracking_log.name", "enabled": True}}}},
}}
"""


def bus_patch(url: str, prefix: str, *, is_nested: bool = True) -> str:
    """Returns the settings. ``is_nested``: the consumer of the platform passes events to our backend."""
    return _PATCH.format(url=url, prefix=prefix, backends='{"learnrelay": learnrelay}' if is_nested else "{}")
