"""Destinations of the sink ``http``, and the function that makes their sinks, for tests without an operator's file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from delivery.consumer import PlainStandard
from learnrelay import Standard
from learnrelay.config import Destination
from learnrelay.core_sinks.http import HttpSink
from learnrelay.sinks import HttpSection, Sink

_KEYS = ("auth", "headers", "verify", "client_cert")


def http_settings(url: str, **settings: Any) -> dict[str, Any]:
    """Returns the settings of the sink ``http``, loaded, with its defaults."""
    return {**HttpSection().load({"url": url}), **settings}


def http_destination(name: str, standard: str, url: str, scope: Any = "all", **settings: Any) -> Destination:
    """Makes a destination; ``settings`` are the core's and those of the sink ``http``."""
    of_sink = {key: settings.pop(key) for key in _KEYS if key in settings}
    return Destination(name, standard, scope, settings=http_settings(url, **of_sink), address=url, **settings)


def http_sinks(standard: Standard | None = None) -> Callable[[Destination], Sink]:
    """Returns a function that makes the sink of a destination."""
    return lambda destination: HttpSink(destination.settings, standard or PlainStandard(), destination)
