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
            "name": course_name(platform, course_id),
            "extensions": {v.TYPE: mode},
        },
    }


def course_parent(platform: Platform, course_id: str) -> dict[str, Any]:
    """Describes the course as the context of what happens in it."""
    definition: dict[str, Any] = {"type": v.COURSE}
    if name := course_name(platform, course_id):
        definition["name"] = name
    return {"id": platform.course_iri(course_id), "objectType": "Activity", "definition": definition}


def course_name(platform: Platform, course_id: str) -> dict[str, str] | None:
    """Makes a language map of the title of a course, or None."""
    title = platform.course_title(course_id)
    return {platform.course_language(course_id): title} if title else None


def text(value: str | None, platform: Platform) -> dict[str, str] | None:
    """Makes a language map of what authors or learners of the platform wrote, or None."""
    return None if value is None else {platform.language: value}
