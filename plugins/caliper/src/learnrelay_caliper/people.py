"""Finds the people whom an event names: by the properties that hold agents (Caliper 1.2, appendix), at any depth.

What a learner made (an attempt, a response) stands beside its learner, so its id is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .schema.tables import VERSIONS

_OF_PEOPLE = {"actor"} | {
    name
    for version in VERSIONS.values()
    for row in version.types.values()
    for name, form in row.own.items()
    if "Person" in form or "Agent" in form
}
"""Properties whose value is a person or an agent, or the IRI of such, or several."""


def learner_names(event: Any) -> Iterator[str]:
    """Yields the end of the IRI of each person."""
    if isinstance(event, list):
        for item in event:
            yield from learner_names(item)
    elif isinstance(event, dict):
        if event.get("type") == "Person":
            yield from _keys([event.get("id")])
        for name, value in event.items():
            if name in _OF_PEOPLE:
                yield from _keys(value if isinstance(value, list) else [value])
            if name != "extensions":
                yield from learner_names(value)


def _keys(agents: list[Any]) -> Iterator[str]:
    iris = [agent.get("id") if isinstance(agent, dict) else agent for agent in agents]
    yield from (iri.partition("/user/")[2] for iri in iris if isinstance(iri, str) and "/user/" in iri)
