"""Reads Caliper events so that their meaning can be compared: instants, and places in a video to the millisecond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from learnrelay_caliper.schema.tables import EVENT, VERSIONS

from .statement_forms import FormedValue, list_members, read_duration, read_instant

EVENT_TYPES = {name for vocabulary in VERSIONS.values() for name in vocabulary.events}
ACTIONS = {action for vocabulary in VERSIONS.values() for row in vocabulary.events.values() for action in row.actions}
_PROPERTIES = {*EVENT, "profile"}.union(
    *(row.own for vocabulary in VERSIONS.values() for row in vocabulary.types.values())
)
_EXTENSIONS = {
    "assignable", "assignee", "attempts", "correct", "count", "current_tab", "isPartOf", "mode", "newSpeed", "newTime",
    "oldSpeed", "panel", "passed", "score", "scoreGiven", "success", "tab_count", "target", "transformerVersion",
    "weightedMaxScore", "weightedScoreGiven",
}  # fmt: skip
"""Keys of extensions that ERB or we use; all others are compared together."""


def form_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Copies an event with `FormedValue` where form and meaning differ."""
    formed = {key: _form_member(key, value) for key, value in list_members(event, _is_known)}
    if (instant := read_instant(event.get("eventTime"))) is not None:
        formed["eventTime"] = FormedValue(event["eventTime"], instant)
    return formed


def _is_known(key: str) -> bool:
    return key in _PROPERTIES or key in _EXTENSIONS


def _form_member(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _form_member(inner, of_inner) for inner, of_inner in list_members(value, _is_known)}
    if isinstance(value, list):
        return [_form_member(key, item) for item in value]
    if key in ("currentTime", "duration") and isinstance(value, str) and (seconds := read_duration(value)) is not None:
        return FormedValue(value, round(seconds, 3))
    return value
