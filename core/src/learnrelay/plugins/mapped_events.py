"""Lists the events that the plugins of a registry map, with what their declarations say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .registry import Registry


@dataclass(frozen=True, slots=True)
class MappedEvent:
    """Describes what one family makes of an event. ``constants``: those of the declaration, in words."""

    event: str
    standard: str
    family: str
    constants: dict[str, Any]
    about: str


def list_mapped_events(registry: Registry) -> list[MappedEvent]:
    """Lists the mapped events by name and standard."""
    rows = [
        MappedEvent(
            event,
            transformer.standard,
            transformer.family,
            {name: _in_words(value) for name, value in transformer.constants.items()},
            transformer.about,
        )
        for transformer in registry.transformers
        for event in transformer.events
    ]
    return sorted(rows, key=lambda row: (row.event, row.standard))


def _in_words(constant: Any) -> Any:
    """Formats a constant of a declaration as text: vocabulary by its word, of several all."""
    if isinstance(constant, tuple) and hasattr(constant, "word"):
        return str(constant.word)
    if type(constant) in (list, tuple):
        return " | ".join(str(_in_words(value)) for value in constant)
    return constant if isinstance(constant, (bool, int, float, str)) else str(constant)
