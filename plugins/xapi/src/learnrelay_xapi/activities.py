"""Activities as statements name them."""

from __future__ import annotations

from typing import Any

from learnrelay import Platform

from . import vocabulary as v
from .parts import ObjectParts


def titled_course(platform: Platform, course_id: str, mode: str | None = None) -> ObjectParts:
    """Describes the course as the object of a statement, with its title and the learner's enrolment mode."""
    return {
        "id": platform.course_iri(course_id),
        "definition": {
            "name": text(platform.course_title(course_id), platform),
            "extensions": {v.TYPE: mode},
        },
    }


def course_parent(platform: Platform, course_id: str) -> dict[str, Any]:
    """Describes the course as the context of what happens in it."""
    definition: dict[str, Any] = {"type": v.COURSE}
    if title := platform.course_title(course_id):
        definition["name"] = text(title, platform)
    return {"id": platform.course_iri(course_id), "objectType": "Activity", "definition": definition}


def text(value: str | None, platform: Platform) -> dict[str, str] | None:
    """Makes a language map of what authors or learners of the platform wrote, or None."""
    return None if value is None else {platform.language: value}
