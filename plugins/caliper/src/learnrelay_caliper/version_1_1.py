"""What version 1.1 does not know, as the nearest that it does: one table.

Version 1.1 has no ``profile``, and no event types for feedback and for the management of resources, so such an event
is a plain ``Event`` with the same action; there is no ``Rating``, so a vote is an ``Annotation``. A property that the
nearest type does not have becomes an extension of the entity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from learnrelay import Statement

from .entities import Entity


class Nearest(NamedTuple):
    """A type of 1.1 that stands for one of 1.2, the properties it names otherwise, and those it does not have."""

    type: str
    names: Mapping[str, str] = {}
    extensions: frozenset[str] = frozenset()


NEAREST: Mapping[str, Nearest] = {
    "FeedbackEvent": Nearest("Event"),
    "ResourceManagementEvent": Nearest("Event"),
    "Rating": Nearest("Annotation", {"rater": "annotator", "rated": "annotated"}, frozenset({"selections"})),
}
"""Type of 1.2 → what it is in 1.1; every other type that the families say is in both versions."""


def in_1_1(event: Statement) -> Statement:
    """The event as 1.1 can say it; its id stays the same."""
    event = {key: value for key, value in event.items() if key != "profile"}
    if (nearest := NEAREST.get(event["type"])) is not None:
        event["type"] = nearest.type
    generated = event.get("generated")
    if isinstance(generated, dict) and generated["type"] in NEAREST:
        event["generated"] = _entity(generated, NEAREST[generated["type"]])
    return event


def _entity(entity: Entity, nearest: Nearest) -> Entity:
    extensions: dict[str, Any] = dict(entity.get("extensions", {}))
    extensions |= {key: entity[key] for key in nearest.extensions if key in entity}
    named = {
        nearest.names.get(key, key): value
        for key, value in entity.items()
        if key not in nearest.extensions and key != "extensions"
    }
    return {**named, "type": nearest.type} | ({"extensions": extensions} if extensions else {})
