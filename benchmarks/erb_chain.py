"""The chain that ERB ships (allowlist, transformer, for Caliper the envelope), run by a Python that has it.

``python benchmarks/erb_chain.py xapi LOG`` reads a log without prefixes and prints JSON: the numbers of the lines that
ERB says something of, CPU seconds for those (the better of two runs, from parsing to JSON, once it is warm), and how
many statements they gave.
What ERB asks the LMS for (who is this user, what is this course called) is answered
from memory, so its database costs nothing here; nothing is written to its statement log.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import types
import uuid
from collections.abc import Callable
from importlib import import_module
from typing import Any

ROOT = "https://learn.example.org"


def _start() -> Any:
    """Starts Django with no more than ERB needs."""
    settings = import_module("django.conf").settings
    common = import_module("event_routing_backends.settings.common")
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "event_routing_backends"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        LMS_ROOT_URL=ROOT, FEATURES={}, SECRET_KEY="bench", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        FERNET_KEYS=["bench"], RUNNING_WITH_TEST_SETTINGS=True,
    )  # fmt: skip
    common.plugin_settings(settings)
    settings.CALIPER_EVENTS_ENABLED = settings.XAPI_EVENTS_ENABLED = True
    settings.CALIPER_EVENT_LOGGING_ENABLED = settings.XAPI_EVENT_LOGGING_ENABLED = False
    logging.disable(logging.CRITICAL)
    import_module("django").setup()
    return settings


def _answer_for_the_platform() -> None:
    """Users and courses from memory, in place of what only an LMS can import."""
    helpers: Any = import_module("event_routing_backends.helpers")

    def user(name: object) -> Any:
        return types.SimpleNamespace(username=str(name), email="someone@example.org") if name else None

    def external(of: Any, _: object) -> tuple[Any, bool]:
        pseudonym = uuid.uuid5(uuid.NAMESPACE_URL, of.username)
        return types.SimpleNamespace(external_user_id=pseudonym), True

    def courses(keys: list[Any]) -> list[Any]:
        return [{"id": str(key), "display_name": "A course"} for key in keys]

    helpers.get_user = user
    helpers.get_potentially_retired_user_by_username = user
    helpers.get_course_overviews = courses
    helpers.ExternalIdType = types.SimpleNamespace(XAPI="xapi", CALIPER="caliper", LTI="lti")
    helpers.ExternalId = types.SimpleNamespace(add_new_user_id=external)


def _chain(standard: str, settings: Any) -> Callable[[dict[str, Any]], list[Any]]:
    processors_of = "event_routing_backends.processors"
    exceptions = import_module("eventtracking.processors.exceptions")
    if standard == "xapi":
        allowed = settings.EVENT_TRACKING_BACKENDS_ALLOWED_XAPI_EVENTS
        processors = [import_module(f"{processors_of}.xapi.transformer_processor").XApiProcessor()]
    else:
        allowed = settings.EVENT_TRACKING_BACKENDS_ALLOWED_CALIPER_EVENTS
        envelope = import_module(f"{processors_of}.caliper.envelope_processor").CaliperEnvelopeProcessor
        transformer = import_module(f"{processors_of}.caliper.transformer_processor").CaliperProcessor
        processors = [transformer(), envelope(sensor_id=ROOT)]
    allowlist = import_module("eventtracking.processors.whitelist").NameWhitelistProcessor(whitelist=allowed)

    def run(event: dict[str, Any]) -> list[Any]:
        try:
            events: list[Any] = [allowlist(event)]
        except exceptions.EventEmissionExit:
            return []
        for processor in processors:
            events = processor(events)
        return events

    return run


def main() -> None:
    """Runs the chain once over a log."""
    standard, log = sys.argv[1:]
    settings = _start()
    _answer_for_the_platform()
    chain = _chain(standard, settings)
    with open(log, "rb") as file:  # noqa: PTH123
        lines = file.read().splitlines()
    kept = [number for number, line in enumerate(lines) if _says(chain, line)]
    took = float("inf")
    for _ in range(2):
        started = time.process_time()
        statements = sum(_says(chain, lines[number]) for number in kept)
        took = min(took, time.process_time() - started)
    print(json.dumps({"seconds": took, "statements": statements, "lines": kept}))


def _says(chain: Callable[[dict[str, Any]], list[Any]], line: bytes) -> int:
    """Counts the statements of a line; 0 where it fails or is not mapped."""
    try:
        event = json.loads(line)
        if "data" not in event:  # as its replay does it
            data = event.get("event")
            event["data"] = json.loads(data) if isinstance(data, str) and data[:1] in ("{", "[") else data
        event.setdefault("timestamp", event.get("time"))
        return len([json.dumps(statement) for statement in chain(event)])
    except Exception:
        return 0


if __name__ == "__main__":
    main()
