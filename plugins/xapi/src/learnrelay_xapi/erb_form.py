"""Writes lists, points, lengths and languages as event-routing-backends (ERB) does: ``[xapi] compatible_with = "erb"``.

What a statement says stays the same, corrections of ERB (docs/xapi-corrections.md) and ids included. Only its texts get
ERB's form, so that a table of statements of both groups what is equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from . import vocabulary as v

LANGUAGE = "en"
"""Language that ERB names for titles, whatever their language is."""

LANGUAGE_IN_COURSE = "en-US"
"""The same for titles of problems and questions, and of the course where it is the context."""

_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(\.\d+)?S)?")
_HOURS_OF_A_DAY = 24


def list_text(values: Sequence[Any]) -> str:
    """Writes a list as JSON, with a blank after each comma.

    >>> list_text(["a", "ü"])
    '["a", "ü"]'
    """
    return json.dumps(values, ensure_ascii=False)


def duration_text(duration: str) -> str:
    """Writes a duration (ISO 8601) with two digits for hours, minutes and seconds.

    >>> duration_text("PT3M15S"), duration_text("PT0S"), duration_text("PT25H1.5S"), duration_text("PT1H")
    ('PT03M15S', 'PT00S', 'P1DT01H00M01.5S', 'PT01H00M00S')
    """
    match = _DURATION.fullmatch(duration)
    if match is None:
        return duration
    hours, minutes, seconds = (int(part or 0) for part in match.group(1, 2, 3))
    days, hours = divmod(hours, _HOURS_OF_A_DAY)
    text = f"P{days}DT" if days else "PT"
    if hours:
        text += f"{hours:02d}H"
    if hours or minutes:
        text += f"{minutes:02d}M"
    return f"{text}{seconds:02d}{match[4] or ''}S"


def rename_languages(activity: Mapping[str, Any], language: str, in_course: bool = False) -> dict[str, Any]:
    """Returns an activity whose texts in ``language``, the platform's, carry the language that ERB names.

    ``in_course``: for a course as the context. The title of a course may have a language of its own.
    """
    definition = activity.get("definition")
    if not definition:
        return dict(activity)
    in_course = in_course or definition.get("type") == v.INTERACTION
    is_course = definition.get("type") == v.COURSE
    named = LANGUAGE_IN_COURSE if in_course else LANGUAGE
    texts = {
        key: {named: next(iter(definition[key].values()))}
        for key in ("name", "description")
        if definition.get(key) and (definition[key].keys() == {language} or (is_course and len(definition[key]) == 1))
    }
    return {**activity, "definition": {**definition, **texts}}


def rename_in_context(activities: Mapping[str, Any] | None, language: str) -> dict[str, Any] | None:
    """Does the same for the activities of a context."""
    if activities is None:
        return None
    return {
        key: [rename_languages(activity, language) for activity in listed] if listed else listed
        for key, listed in activities.items()
    }


def rewrite_result(result: Mapping[str, Any] | None, parts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Returns a result in ERB's form; ``parts``: as the mapping gave it, where a response may be a list."""
    if not result or not parts:
        return None
    rewritten = dict(result)
    if "response" in result and isinstance(parts["response"], list):
        rewritten["response"] = list_text(parts["response"])
    if "score" in result:  # whole points are floats there, 3.0
        rewritten["score"] = {key: float(points) for key, points in result["score"].items()}
    if "duration" in result:
        rewritten["duration"] = duration_text(result["duration"])
    return rewritten
