"""Converts events to version 1.1: one table maps what it does not know to the nearest that it does.

Version 1.1 has no ``profile``, and no event types for feedback, searches, surveys and the management of resources, so
such an event is a plain ``Event`` with the same action, or the nearest one; there is no ``Rating`` and no ``Comment``,
so they are an ``Annotation``. A property that the nearest type does not have becomes an extension of the entity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from learnrelay import Statement

from .entities import Entity


class Nearest(NamedTuple):
    """Describes a type of 1.1 that stands for one of 1.2, the properties it renames, and those it lacks."""

    type: str
    names: Mapping[str, str] = {}
    extensions: frozenset[str] = frozenset()


NEAREST: Mapping[str, Nearest] = {
    "FeedbackEvent": Nearest("Event"),
    "QuestionnaireEvent": Nearest("Event"),
    "QuestionnaireItemEvent": Nearest("Event"),
    "ResourceManagementEvent": Nearest("Event"),
    "SearchEvent": Nearest("Event"),
    "Comment": Nearest("Annotation", {"commenter": "annotator", "commentedOn": "annotated"}, frozenset({"value"})),
    "LtiLink": Nearest("DigitalResource", extensions=frozenset({"messageType"})),
    "MultiselectResponse": Nearest("Response", extensions=frozenset({"selections"})),
    "Questionnaire": Nearest("DigitalResource", extensions=frozenset({"items"})),
    "QuestionnaireItem": Nearest("DigitalResource", extensions=frozenset({"question", "categories", "weight"})),
    "Rating": Nearest("Annotation", {"rater": "annotator", "rated": "annotated"}, frozenset({"selections"})),
    "Query": Nearest("DigitalResource", extensions=frozenset({"creator", "searchTarget", "searchTerms"})),
    "SearchResponse": Nearest(
        "DigitalResource", extensions=frozenset({"query", "searchTarget", "searchResultsItemCount"})
    ),
}
"""Type of 1.2 → what it is in 1.1; every other type that the families say is in both versions."""

NEAREST_ACTIONS = {
    "Declined": "Skipped",
    "Downloaded": "Retrieved",
    "Launched": "Used",
    "Saved": "Modified",
    "Uploaded": "Created",
}
"""Action of 1.2 → what it is in 1.1; every other action that the families say is in both versions."""


def in_1_1(event: Statement) -> Statement:
    """Converts an event to 1.1; its id stays the same."""
    event = {key: value for key, value in event.items() if key != "profile"}
    if (nearest := NEAREST.get(event["type"])) is not None:
        event["type"] = nearest.type
    event["action"] = NEAREST_ACTIONS.get(event["action"], event["action"])
    for name in ("object", "generated", "target", "referrer"):
        if isinstance(entity := event.get(name), dict):
            event[name] = _in_1_1(entity)
    return event


def _in_1_1(entity: Entity) -> Entity:
    """Converts an entity, and those in it."""
    if type(entity) is not dict:  # a known one, of a type that both versions have
        return entity
    entity = {
        name: _in_1_1(value) if isinstance(value, dict) and "type" in value else value for name, value in entity.items()
    }
    nearest = NEAREST.get(entity["type"])
    return entity if nearest is None else _entity(entity, nearest)


def _entity(entity: Entity, nearest: Nearest) -> Entity:
    extensions: dict[str, Any] = dict(entity.get("extensions", {}))
    extensions |= {key: entity[key] for key in nearest.extensions if key in entity}
    named = {
        nearest.names.get(key, key): value
        for key, value in entity.items()
        if key not in nearest.extensions and key != "extensions"
    }
    return {**named, "type": nearest.type} | ({"extensions": extensions} if extensions else {})
