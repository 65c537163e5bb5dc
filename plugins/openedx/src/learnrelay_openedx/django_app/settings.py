"""Gives the platform's settings their defaults, and puts the backend among them.

Called in each phase of the settings, also while an image is built, so it reads no file and needs no secret. What is set
after the last phase, such as a Tutor patch, is read by the backend itself, at its first event.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

ENGINE = "learnrelay_openedx.backend.RelayBackend"
NAME = "learnrelay"
"""Name of the backend at top level."""


def plugin_settings(settings: Any) -> None:
    """Sets what is not set, and adds the backend at top level, unless it is nested in another one."""
    defaults = {"LEARNRELAY_CONFIG": os.environ.get("LEARNRELAY_CONFIG"), "LEARNRELAY_ENABLED": True}
    for name, default in defaults.items():
        if not hasattr(settings, name):
            setattr(settings, name, default)
    backends = getattr(settings, "EVENT_TRACKING_BACKENDS", None)
    if not isinstance(backends, dict):
        backends = settings.EVENT_TRACKING_BACKENDS = {}
    if any(place != (NAME,) for place in _places(backends)):
        backends.pop(NAME, None)
    else:
        backends.setdefault(NAME, {"ENGINE": ENGINE})


def _places(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yields the keys that lead to each backend of ours."""
    if isinstance(node, Mapping):
        if node.get("ENGINE") == ENGINE:
            yield path
        for key, inner in node.items():
            yield from _places(inner, (*path, str(key)))
